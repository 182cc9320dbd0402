"""One palette for block kinds in every picture: matplotlib, SVG, HTML and notebooks.

Kinds are colored by family. The colors are those of M. Okabe and K. Ito, which are told apart with any color vision,
darkened where they would be too faint on white. There are more families than such colors, so a picture with room for
it writes :func:`symbol` too: color is never the only sign.
"""

from __future__ import annotations

from dataclasses import dataclass

from adjoint.errors import PlotError
from adjoint.plot.choices import is_one_of


@dataclass(frozen=True, slots=True)
class Family:
    """Block kinds that look alike.

    Attributes
    ----------
    name : str
    light, dark : str
        Color on a light and on a dark ground, as ``#rrggbb``.
    kinds : tuple of str
    says : str
        What the kinds have in common, for legends that have room.
    """

    name: str
    light: str
    dark: str
    kinds: tuple[str, ...]
    says: str


FAMILIES = (
    Family("identity", "#8A8F98", "#9AA0AA", ("identity", "scalar"), "a multiple of the identity"),
    Family(
        "elementwise",
        "#0072B2",
        "#3D9BD8",
        ("diagonal", "mask", "guarded", "conjugate", "real part"),
        "one number per entry",
    ),
    Family("gather", "#E69F00", "#F0B43C", ("gather", "stacked", "inside", "outside"), "entries that move"),
    Family("reduce", "#009E73", "#2CC79B", ("reduce", "cumulative"), "sums over axes"),
    Family("contraction", "#D55E00", "#F07E2E", ("contraction", "convolution"), "a product with an array"),
    Family("sparse", "#CC79A7", "#DD93BD", ("sparse", "sparse matrix", "monomials"), "listed entries"),
    Family("normalize", "#44AA99", "#66CCBB", ("normalization", "softmax"), "a diagonal, and rank one for each group"),
    Family("dense", "#30343B", "#D8DCE3", ("dense", "function"), "every entry, or not known"),
    Family("transform", "#A89400", "#F0E442", ("fourier", "cosine"), "a fast transform"),
    Family("nested", "#56B4E9", "#7CCBF5", ("nested",), "a system inside"),
    Family(
        "solve",
        "#7B3FA0",
        "#B385D6",
        ("solve", "sparse solve", "sylvester", "recurrence", "recursion"),
        "an inverse: an implicit constraint",
    ),
    Family("composite", "#8B6B4A", "#B8956F", ("product", "sum", "adjoint", "mixed"), "several kinds in one"),
)
OTHER = Family("other", "#5B6B5B", "#9DB39D", (), "a kind of your own")

_OF_KIND = {kind: family for family in FAMILIES for kind in family.kinds}
_SYMBOLS = {
    "identity": "I",
    "scalar": "cI",
    "diagonal": "diag",
    "guarded": "diag",
    "gather": "gath",
    "reduce": "sum",
    "cumulative": "cum",
    "contraction": "cont",
    "convolution": "conv",
    "sparse matrix": "sprs",
    "sparse": "sprs",
    "monomials": "sprs",
    "sparse solve": "solv",
    "nested": "nest",
    "normalization": "norm",
    "softmax": "soft",
    "stacked": "stck",
    "inside": "in",
    "outside": "out",
    "real part": "re",
    "conjugate": "conj",
    "mixed": "…",
    "sum": "+",
    "product": "∘",
    "adjoint": "adj",
}


@dataclass(frozen=True, slots=True)
class Theme:
    """Everything colored that is not a block.

    Attributes
    ----------
    name : {"light", "dark"}
    ground, ink, faint, band : str
        Background; text; grids and frames; every other level's band.
    accent : str
        The seed, the selected node, what is being solved.
    fill_in : str
        Entries that an elimination creates.
    non_finite : str
        NaN and infinity.
    colormap : str
        Of matplotlib, for magnitudes.
    """

    name: str
    ground: str
    ink: str
    faint: str
    band: str
    accent: str
    fill_in: str
    non_finite: str
    colormap: str

    def color(self, kind: str) -> str:
        """The color of a block kind on this ground."""
        family = family_of(kind)
        return family.light if self.name == "light" else family.dark


LIGHT = Theme("light", "#FFFFFF", "#1F2328", "#D0D4DA", "#F3F5F7", "#C2185B", "#F4A6B8", "#FF00FF", "viridis")
DARK = Theme("dark", "#14171C", "#E6E9EE", "#3A404A", "#1C2027", "#FF6FA8", "#8C3B52", "#FF40FF", "viridis")
THEMES = {"light": LIGHT, "dark": DARK}


def family_of(kind: str) -> Family:
    """The family of a block kind; :data:`OTHER` for kinds that an extension made."""
    return _OF_KIND.get(kind, OTHER)


def symbol(kind: str) -> str:
    """A block kind in at most four letters."""
    return _SYMBOLS.get(kind, kind[:4])


def theme_named(name: str) -> Theme:
    """``"light"`` or ``"dark"``."""
    if not is_one_of(name, THEMES):
        raise PlotError(f"theme must be 'light' or 'dark', not {name!r}")
    return THEMES[name]


def luminance(color: tuple[float, ...]) -> float:
    """How bright a color (red, green, blue from 0 to 1) looks, from 0 to 1."""
    red, green, blue = color[:3]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

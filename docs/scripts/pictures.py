"""The first picture of README.md: a DenseNet block as blocks, as nonzeros and as a graph, drawn by the library.

Run: python docs/scripts/pictures.py
writes docs/images/densenet-light.svg and docs/images/densenet-dark.svg.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import pyplot

import adjoint
from adjoint import gallery
from adjoint.plot.colors import THEMES
from adjoint.plot.graphs.drawing import graph
from adjoint.plot.matrix import spy

FOLDER = Path(__file__).parents[1] / "images"
LAYERS = 4
STYLE = {"svg.hashsalt": "adjoint", "svg.fonttype": "path"}


def svg(paint: Callable[[], Any]) -> bytes:
    """The figure that ``paint`` returns (or whose axes it returns), as an SVG that is the same at every run."""
    with matplotlib.rc_context(STYLE):
        drawn = paint()
        figure = getattr(drawn, "figure", None) or drawn
        buffer = io.BytesIO()
        figure.savefig(
            buffer,
            format="svg",
            metadata={"Date": None, "Creator": None},
            facecolor=figure.get_facecolor(),
        )
        pyplot.close(figure)
    text = re.sub(r"\b\d+\.\d{3,}\b", _shorter, buffer.getvalue().decode())
    return "".join(line.rstrip() + "\n" for line in text.splitlines()).encode()


def _shorter(number: re.Match[str]) -> str:
    """Hundredths of a point are enough for a place on the page; factors below 1 keep their digits."""
    return number[0] if number[0].startswith("0.") else f"{float(number[0]):.2f}"


def contents(picture: bytes) -> tuple[Counter[str], Counter[str]]:
    """What is in such a picture, wherever it stands: its texts, and how many shapes have which color."""
    text = picture.decode()
    words = Counter(word for word in re.findall(r"<!-- (.*?) -->", text))
    colors = Counter(color.lower() for color in re.findall(r"fill: (#[0-9a-fA-F]{6})", text))
    return words, colors


def densenet(theme: str) -> Any:
    """The block with a few layers: its blocks, all its nonzeros, and its graph."""
    example = gallery.get("densenet")
    x, weights = example.arguments()
    system = adjoint.trace(example.function, x, weights[:LAYERS]).compile()
    figure = pyplot.figure(figsize=(11, 8), layout="constrained", facecolor=THEMES[theme].ground)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
    axes = figure.subplot_mosaic([["blocks", "entries"], ["graph", "graph"]], height_ratios=(5, 3))
    spy(system, ax=axes["blocks"], theme=theme)
    spy(system, ax=axes["entries"], view="entries", theme=theme)
    graph(system, ax=axes["graph"], theme=theme, partials=False, values=False, shapes=False, multipliers=False)
    return figure


PICTURES = {f"densenet-{theme}.svg": lambda theme=theme: densenet(theme) for theme in THEMES}


def main() -> None:
    """Write all of them."""
    matplotlib.use("Agg")
    FOLDER.mkdir(exist_ok=True)
    for name, paint in PICTURES.items():
        picture = svg(paint)
        (FOLDER / name).write_bytes(picture)
        print(f"docs/images/{name}: {len(picture) / 1000:.0f} kB")


if __name__ == "__main__":
    main()

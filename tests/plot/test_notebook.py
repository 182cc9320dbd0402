"""What a notebook gets: well-formed, escaped, self-contained, the same at every run; and never an exception."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import adjoint
from adjoint.plot.colors import DARK, FAMILIES, LIGHT
from adjoint.plot.notebook import rendering as notebook
from adjoint.plot.notebook import solution_html, system_html, trace_html
from adjoint.plot.notebook.svg import svg
from adjoint.plot.picture import ROWS, picture
from tests.systems_catalogue import NAMES, system_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<img src=x onerror=alert(1)> & \"q\" 'q' 名前 λ"


def parsed(html: str) -> ElementTree.Element:
    """HTML that is XML too; anything not escaped or not closed is an error."""
    return ElementTree.fromstring(html)


def cells(tree: ElementTree.Element) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]


@pytest.mark.parametrize("name", NAMES)
def test_everything_has_html(name):
    system = system_of(name)
    solution = system.solve() if name in ("product", "network") else None
    for shown in (system, system.trace, solution):
        if shown is None:
            continue
        html = shown._repr_html_()
        assert html is not None
        tree = parsed(html)
        assert tree.get("class") == "adjoint"
        assert html == shown._repr_html_()
        assert not re.search(r"<script|<link|@import|url\(", html)


def test_a_square_per_block_in_the_color_of_its_kind():
    system = system_of("network")
    drawn = picture(system)
    tree = ElementTree.fromstring(svg(drawn))
    titles = [(rect, rect.find(f"{SVG}title")) for rect in tree.iter(f"{SVG}rect")]
    titled = [(rect, title.text) for rect, title in titles if title is not None]
    assert len(titled) == len(drawn) + len(drawn.rows)
    off_diagonal = [(rect, title) for rect, title in titled if "→" in title]
    places = set()
    for rect, title in off_diagonal:
        assert any(kind in title for kind in drawn.kind_names)
        places.add((float(rect.get("y")), float(rect.get("x"))))
    assert len(places) == len(drawn.rows)
    assert all(x > y for y, x in places)
    contraction = next(rect for rect, title in off_diagonal if "contraction" in title)
    assert contraction.get("fill") == "var(--adjoint-contraction)"
    labels = [text.text for text in tree.iter(f"{SVG}text")]
    assert labels[:2] == ["z_1 parameters[0][0]", "z_2 parameters[0][1]"]
    circles = list(tree.iter(f"{SVG}circle"))
    assert len(circles) == 1


def test_an_implicit_diagonal_is_not_faint():
    tree = ElementTree.fromstring(svg(picture(system_of("linear solves"))))
    solves = [rect for rect in tree.iter(f"{SVG}rect") if rect.get("fill") == "var(--adjoint-solve)"]
    assert len(solves) == 2
    assert all(rect.get("fill-opacity") is None for rect in solves)


def test_many_rows_are_folded():
    html = system_html(system_of("wide random program"))
    tree = parsed(html)
    height = len([rect for rect in tree.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None])
    assert 0 < height <= ROWS + ROWS * (ROWS - 1) // 2
    assert "blocks inside" in html
    assert len(html) < 400_000


def test_the_table_of_kinds():
    system = system_of("network")
    rows = cells(parsed(system_html(system)))
    assert rows[0] == ["kind", "blocks", "nonzeros", "flops"]
    assert sum(int(row[1]) for row in rows[1:]) == len(system.structure.children)
    assert sum(int(row[2].replace(",", "")) for row in rows[1:]) == system.structure.nonzeros.sum()


def test_both_grounds_and_what_the_notebook_says():
    html = system_html(system_of("product"))
    dark = html[html.index("prefers-color-scheme:dark") :]
    for family in FAMILIES:
        assert f"--adjoint-{family.name}:{family.light};" in html
        assert f"--adjoint-{family.name}:{family.dark};" in dark
    assert f"--adjoint-ink:{LIGHT.ink}" in html
    assert f"--adjoint-ink:{DARK.ink}" in dark
    assert 'data-jp-theme-light="false"' in html
    style = html[html.index("<style>") + 7 : html.index("</style>")]
    selectors = re.findall(r"(?:^|[}{])\s*([^{}@]+)\{", style)
    assert selectors
    assert all(".adjoint" in part for selector in selectors for part in selector.split(","))


def test_names_are_escaped_and_cut():
    def f(x):
        return adjoint.name(adjoint.name(x * 2, HOSTILE) * x, "long " * 100)

    system = adjoint.trace(f, np.ones(2)).compile()
    for html in (system_html(system), trace_html(system.trace), solution_html(system.solve(np.ones(2)), "λ")):
        tree = parsed(html)
        assert "<img" not in html
        assert not any("long " * 30 in cell for row in cells(tree) for cell in row)
        assert any("<img src=x" in text for text in tree.itertext())
    assert "名前" in trace_html(system.trace)


def test_a_table_of_nodes_leaves_out_the_middle():
    rows = cells(parsed(trace_html(system_of("chain of 2000").trace)))
    assert len(rows) == 1 + notebook.NODES + 1
    assert rows[1 + notebook.NODES // 2][1] == "1,941 more"
    assert rows[-1][0] == "z_2001"
    rows = cells(parsed(trace_html(system_of("discrete nodes").trace)))
    assert len(rows) == 1 + len(system_of("discrete nodes"))
    assert rows[2][3] == "no multiplier"


def test_a_small_trace_is_drawn_as_a_graph_where_that_works(monkeypatch):
    trace = system_of("product").trace

    class Graphs:
        @staticmethod
        def to_svg(trace):
            return "<svg>the graph</svg>"

    monkeypatch.setattr(notebook.importlib, "import_module", lambda name: Graphs)
    assert "the graph" in trace_html(trace)
    assert "the graph" not in trace_html(system_of("chain of 2000").trace)
    monkeypatch.setattr(Graphs, "to_svg", staticmethod(lambda trace: 1 / 0))
    assert "svg" not in trace_html(trace).split("</style>")[1]


def test_a_solution_by_name_shape_and_norm():
    system = adjoint.trace(lambda w, x: np.sum(w @ x), np.ones((30, 40)), np.ones(40)).compile()
    html = solution_html(system.solve(), "λ")
    rows = cells(parsed(html))
    assert rows[0] == ["λ", "name", "operation", "shape", "norm", "values"]
    assert rows[1][:5] == ["λ1", "w", "input", "float64[30, 40]", "34.64"]
    assert rows[1][5] == "[1., 1., 1., ..., 1., 1., 1.]"
    batch = system.solve(np.ones(3))
    assert "[3] right-hand sides" in solution_html(batch, "λ")
    tangents = system.solve_tangent(np.ones((30, 40)), np.ones(40))
    assert "tangents of 4 constraints" in tangents._repr_html_()


def test_what_is_not_finite_is_told():
    with np.errstate(all="ignore"):
        system = adjoint.trace(lambda x: np.sqrt(x), 0.0).compile()
        rows = cells(parsed(solution_html(system.solve(), "λ")))
    assert rows[1][4:] == ["inf", "[inf]"]


def test_html_of_what_cannot_be_drawn():
    for system in (system_of("only empty arrays"), adjoint.trace(lambda k: k + 1, np.arange(3)).compile()):
        assert "constraint system" in parsed(system_html(system)).find("p").find("b").text
    seen = []

    def outer(x):
        system = adjoint.trace(lambda y: y * x, x).compile()
        before = len(x._trace)
        seen.append((system._repr_html_(), system.trace._repr_html_()))
        assert len(x._trace) == before
        return np.sum(x * x)

    adjoint.grad(outer)(np.ones(3))
    for html in seen[0]:
        assert html is None or parsed(html) is not None


def test_html_falls_back_and_does_not_raise(monkeypatch):
    def broken(*arguments):
        raise RuntimeError("a block that cannot be built")

    system = system_of("product")
    for name in ("system_html", "trace_html", "solution_html"):
        monkeypatch.setattr(f"adjoint.plot.notebook.{name}", broken)
    assert system._repr_html_() is None
    assert system.trace._repr_html_() is None
    assert system.solve()._repr_html_() is None
    assert system.solve_tangent(1.0, 1.0, 1.0)._repr_html_() is None


def test_to_html_is_asked_of_the_page(monkeypatch, tmp_path):
    asked = []

    class Page:
        @staticmethod
        def to_html(system, path, **options):
            asked.append((system, path, options))
            return path

    monkeypatch.setattr("adjoint.system.system.importlib.import_module", lambda name: asked.append(name) or Page)
    system = system_of("product")
    assert system.to_html(tmp_path / "a.html", title="A") == tmp_path / "a.html"
    assert asked == ["adjoint.plot.page", (system, tmp_path / "a.html", {"title": "A"})]

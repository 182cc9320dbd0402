"""SVG that parses, that says everything, and that needs nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

import adjoint
from adjoint.errors import PlotError
from adjoint.plot.colors import DARK, LIGHT
from adjoint.plot.graphs import to_svg
from adjoint.plot.graphs.labels import diagram
from adjoint.plot.graphs.model import Options
from tests.plot.graphs import programs

NAMESPACE = "{http://www.w3.org/2000/svg}"


def textbook_trace():
    return adjoint.trace(programs.textbook().product_of_sum, -2.0, 5.0, -4.0)


def parts(root, kind: str):
    return [g for g in root.iter(f"{NAMESPACE}g") if (g.get("class") or "").split()[:1] == [kind]]


@pytest.mark.parametrize("direction", ["right", "down"])
@pytest.mark.parametrize("name", programs.TRACES)
def test_it_parses_and_has_all_boxes_arrows_and_titles(name, direction):
    trace = programs.TRACES[name]()
    root = ElementTree.fromstring(to_svg(trace, direction=direction))
    drawn = diagram(trace, Options(), "to_svg")
    boxes, arrows = parts(root, "box"), parts(root, "arrow")
    assert [box.find(f"{NAMESPACE}title").text for box in boxes] == [box.tooltip for box in drawn.boxes]
    assert [arrow.find(f"{NAMESPACE}title").text for arrow in arrows] == [arrow.tooltip for arrow in drawn.arrows]
    assert all(arrow.find(f"{NAMESPACE}path").get("d").startswith("M") for arrow in arrows)
    for box, told in zip(boxes, drawn.boxes, strict=True):
        written = [text.text for text in box.iter(f"{NAMESPACE}text")]
        assert written[: len(told.lines)] == [line for _, line in told.lines]
        assert {told.value, told.multiplier} - {""} <= set(written)


def test_it_is_accessible():
    root = ElementTree.fromstring(to_svg(textbook_trace()))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "computational graph of product_of_sum: 5 nodes, 4 edges"


def test_themes():
    automatic, light, dark = (to_svg(textbook_trace(), theme=theme) for theme in ("auto", "light", "dark"))
    assert "prefers-color-scheme: dark" in automatic
    assert LIGHT.accent in automatic
    assert DARK.accent in automatic
    assert LIGHT.accent in light
    assert DARK.accent not in light
    assert DARK.accent in dark
    assert LIGHT.accent not in dark
    with pytest.raises(PlotError, match="theme must be"):
        to_svg(textbook_trace(), theme="blue")


def test_the_style_sheet_stays_at_home():
    style = re.search(r"<style>(.*?)</style>", to_svg(textbook_trace()), re.DOTALL)[1]
    selectors = re.findall(r"([^{}]+)\{(?!\s*\.)", style)
    assert selectors
    assert all(s.strip().startswith((".adjoint-graph", "@media")) for s in selectors)


def test_every_class_has_its_rule():
    text = to_svg(programs.recurrent(3))
    used = {name for found in re.findall(r'class="([^"]*)"', text) for name in found.split()}
    for name in used:
        if name.startswith(("f-", "s-", "t-")):
            assert f".adjoint-graph .{name} {{" in text
    variables = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert all(f"{name}:" in text for name in variables)


def test_it_refers_to_nothing_outside():
    text = to_svg(programs.recurrent(5))
    assert not re.search(r"href|url\(|@import|<script", text)


def test_dots_have_titles_too():
    trace = programs.many_operands()
    root = ElementTree.fromstring(to_svg(trace, fold=False))
    assert len(list(root.iter(f"{NAMESPACE}circle"))) == len(trace)
    assert len(list(root.iter(f"{NAMESPACE}title"))) == len(trace)


def test_matplotlib_is_not_loaded():
    code = (
        "import sys, adjoint\n"
        "from adjoint.plot.graphs import to_dot, to_svg\n"
        "trace = adjoint.trace(lambda x: x * 2, 1.0)\n"
        "to_svg(trace), to_dot(trace)\n"
        "assert 'matplotlib' not in sys.modules and 'networkx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

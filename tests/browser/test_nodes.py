"""Hovering, clicking, the graph and the search show what they should."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from adjoint.plot.colors import THEMES
from tests.browser.opened import Opened, differ, rgb
from tests.browser.systems import SYSTEMS

pytestmark = pytest.mark.browser

Open = Callable[..., Opened]


def test_hover_shows_a_card(opened: Open) -> None:
    page = opened("textbook")
    assert page.page.locator("#card").is_hidden()
    before = page.canvas()
    page.hover(3, 4)
    words = page.text("#card")
    assert "diagonal block" in words
    assert re.search(r"row\s+z4 add\s+column\s+z5 multiply\s+shape\s+1 × 1\s+entry\s+0.3", words)
    assert differ(before, page.canvas()) > 0
    page.hover(5, 5)
    words = page.text("#card")
    assert "z6 sin" in words
    assert "systems.py" in words
    assert "return np.sin((x + y) * z) / x" in words
    system = SYSTEMS["textbook"]()
    assert f"{float(system.value(5)):.7g}" in words
    assert f"{float(system.solve()[6]):.7g}" in words
    page.hover(6, 0)
    assert page.text("#card") == "0: z1 does not read z7"
    page.page.mouse.move(5, 5)
    page.settle()
    assert page.page.locator("#card").is_hidden()


def test_hover_inside_a_block_shows_its_entry(opened: Open) -> None:
    page = opened("net")
    system = SYSTEMS["net"]()
    page.click("#scalars")
    column = system.structure.names.index("matmul")
    row = system.trace.predecessors(column + 1)[1] - 1
    page.ask("adjoint.view.zoom(9)")
    page.ask(
        "([r, c]) => { const { start, center } = adjoint.view; center(start[c] + 9.3, start[r] + 9.3); }", [row, column]
    )
    page.settle()
    x, y = page.ask(
        "() => { const b = document.getElementById('stage').getBoundingClientRect(); const v = adjoint.view;"
        "return [b.left + v.left + v.width / 2, b.top + v.top + v.height / 2]; }"
    )
    page.page.mouse.move(x, y)
    page.settle()
    found = re.search(r"\[(\d+), (\d+)\]\s+(\S+)", page.text("#card"))
    assert found is not None
    i, j = int(found[1]), int(found[2])
    assert (i, j) == (9, 9)
    entry = system.block(column + 1, row + 1).to_dense().T[i, j]
    assert entry != 0
    assert float(found[3].replace("−", "-")) == pytest.approx(entry, rel=1e-6)


def test_click_lights_up_a_node(opened: Open) -> None:
    page = opened("dense block")
    before = page.canvas()
    page.tap(18, 18)
    after = page.canvas()
    assert differ(before, after) > 0.05
    assert page.ask("adjoint.state.selected") == 18
    assert page.page.url.endswith("#z=19")
    assert "z19 layer" in page.text("#details")
    assert "for w in ws" not in page.text("#details")
    assert "xs.append(layer(w, *xs))" in page.text("#details")
    assert "z₁₉ layer" in page.text("#live")
    reads = page.page.locator("#details h3:text('Reads') + ul button")
    assert reads.count() == 7
    # blocks of its row and column keep their color, others fade
    bright, faint = rgb(THEMES["light"].color("nested")), page.place(14, 22)
    pixels = page.picture()
    for row, column in ((18, 20), (13, 18)):
        x, y = page.place(row, column)
        assert np.abs(pixels[round(y), round(x)] - bright).max() <= 3
    assert np.abs(pixels[round(faint[1]), round(faint[0])] - bright).max() > 60
    reads.first.click()
    page.settle()
    assert page.ask("adjoint.state.selected") == 5
    assert page.page.locator("nav.trail button").count() == 2
    page.page.locator("nav.trail button").first.click()
    page.settle()
    assert page.ask("adjoint.state.selected") == 18
    page.press("Escape")
    assert page.ask("adjoint.state.selected") == -1
    assert "#" not in page.page.url


def test_the_graph_is_clickable(opened: Open) -> None:
    page = opened("textbook")
    nodes = page.page.locator("#graph .node")
    assert nodes.count() == 7
    page.page.locator("#graph .node[data-row='4']").click()
    page.settle()
    assert page.ask("adjoint.state.selected") == 4
    near = page.page.locator("#graph .node.near")
    assert sorted(near.nth(k).get_attribute("data-row") for k in range(near.count())) == ["2", "3", "5"]
    page.click("#around")
    assert nodes.count() == 4
    page.page.locator("#graph .node[data-row='5']").click()
    page.settle()
    assert page.ask("adjoint.state.selected") == 5
    assert nodes.count() == 3
    page.click("#whole")
    assert nodes.count() == 7


def test_large_systems_have_a_neighborhood_to_walk(opened: Open) -> None:
    page = opened("large", hash="#z=25001")
    assert page.ask("adjoint.state.selected") == 25000
    assert "Around z25001" in page.text("#graph-title")
    page.page.locator("#graph .node[data-row='24999']").click()
    page.settle()
    assert "Around z25000" in page.text("#graph-title")


def test_search(opened: Open) -> None:
    page = opened("net")
    page.press("/")
    page.page.keyboard.type("hid")
    assert page.page.locator("#found [role=option]").count() == 1
    page.press("Enter")
    hidden = SYSTEMS["net"]().trace.find("hidden")
    assert f"z{hidden} tanh" in page.text("#details")
    for words, shown in (("z_7", "z7"), ("12", "z12"), ("EXP", "exp"), ("nothing of the kind", "No node")):
        page.page.fill("#search", words)
        assert shown in page.text("#found")
    page.page.fill("#search", "matmul")
    count = page.page.locator("#found [role=option]").count()
    assert count == 2
    page.press("ArrowDown")
    page.press("Enter")
    assert "z9 matmul" in page.text("#details")


def test_search_in_a_large_system_zooms_to_the_node(opened: Open) -> None:
    page = opened("large")
    assert page.ask("adjoint.matrix.isPixels")
    page.press("/")
    page.page.keyboard.type("33333")
    page.press("Enter")
    assert page.ask("adjoint.state.selected") == 33332
    assert not page.ask("adjoint.matrix.isPixels")
    x, y = page.place(33332, 33332)
    page.page.mouse.move(x, y)
    page.settle()
    assert "z33333" in page.text("#card")

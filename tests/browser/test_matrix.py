"""The picture of the matrix: colors, zoom down to entries, orders of the rows."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from adjoint.plot.colors import THEMES
from adjoint.plot.picture import picture
from tests.browser.opened import Opened, differ, rgb
from tests.browser.systems import SYSTEMS

pytestmark = pytest.mark.browser

Open = Callable[..., Opened]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["textbook", "net", "dense block"])
def test_every_cell_has_the_color_of_its_block(opened: Open, name: str, theme: str) -> None:
    page = opened(name, color_scheme=theme)
    drawn = picture(SYSTEMS[name]())
    look = THEMES[theme]
    rows = len(drawn)
    expected = np.empty((rows, rows, 3))
    for r, level in enumerate(drawn.levels.tolist()):
        expected[r] = rgb(look.band if level % 2 else look.ground)
    for r, c, kind in zip(drawn.rows, drawn.columns, drawn.kinds, strict=True):
        expected[r, c] = rgb(look.color(drawn.kind_names[kind]))
    gray, ground = rgb(look.color("identity")), rgb(look.ground)
    expected[np.arange(rows), np.arange(rows)] = np.round(0.42 * gray + 0.58 * ground)
    left, top, scale = page.ask(
        "[adjoint.placeOf(0, 0), adjoint.view.scale / 2].flat().slice(0, 2).concat(adjoint.view.scale)"
    )
    pixels = page.picture()
    corner = 0.2 * scale - scale / 2  # a fifth of a cell from its corner: no letters there
    at = np.arange(rows) * scale + corner
    found = pixels[np.round(top + at).astype(int)[:, None], np.round(left + at).astype(int)[None, :]]
    np.testing.assert_allclose(found, expected, atol=3)


def test_many_blocks_are_pixels(opened: Open) -> None:
    page = opened("large")
    assert page.ask("adjoint.matrix.isPixels")
    rows = [5_000, 20_000, 30_000, 45_000]
    ground = rgb(THEMES["light"].ground)

    def darkness() -> list[float]:
        """How far the pixels of some rows are from the ground, on the diagonal."""
        pixels = page.picture()
        places = [page.place(row, row) for row in rows]
        for x, y in places:
            assert (pixels[round(y) + 30, round(x)] == ground).all()  # below the diagonal there is nothing
        return [float(np.abs(pixels[int(y) - 1 : int(y) + 2, int(x)] - ground).max()) for x, y in places]

    assert min(darkness()) > 60
    page.ask("adjoint.state.play.go(25_000)")
    page.settle()
    not_known, known = darkness()[:2], darkness()[2:]
    assert max(not_known) + 20 < min(known)


def test_zoom_and_pan(opened: Open) -> None:
    page = opened("net")
    whole = page.canvas()
    scale = page.ask("adjoint.view.scale")
    x, y = page.place(10, 12)
    page.page.mouse.move(x, y)
    page.page.mouse.wheel(0, -600)
    page.settle()
    assert page.ask("adjoint.view.scale") > 1.2 * scale
    assert page.place(10, 12) == pytest.approx((x, y), abs=2)  # what is under the pointer stays there
    zoomed = page.canvas()
    assert differ(whole, zoomed) > 0.03
    page.page.mouse.down()
    page.page.mouse.move(x - 60, y - 40, steps=4)
    page.page.mouse.up()
    page.settle()
    moved = page.place(10, 12)
    assert moved == pytest.approx((x - 60, y - 40), abs=7)
    assert page.ask("adjoint.state.selected") == -1  # a drag is no click
    for selector in ("#zoom-in", "#zoom-in", "#zoom-in"):
        page.click(selector)
    assert page.page.locator("#minimap").is_visible()
    page.click("#fit")
    page.page.mouse.move(5, 5)
    page.settle()
    assert page.page.locator("#minimap").is_hidden()
    assert differ(whole, page.canvas()) < 0.001


def test_two_fingers_zoom(opened: Open) -> None:
    page = opened("net", width=375, height=720, has_touch=True, is_mobile=True)
    box = page.page.locator("#stage").bounding_box()
    x, y = box["x"] + 190, box["y"] + 150
    session = page.page.context.new_cdp_session(page.page)
    scale = page.ask("adjoint.view.scale")
    touch = lambda kind, spread: session.send(
        "Input.dispatchTouchEvent",
        {
            "type": kind,
            "touchPoints": [{"x": x - spread, "y": y, "id": 1}, {"x": x + spread, "y": y, "id": 2}] if spread else [],
        },
    )
    touch("touchStart", 20)
    for spread in (30, 45, 60, 80):
        touch("touchMove", spread)
    touch("touchEnd", 0)
    page.settle()
    assert page.ask("adjoint.view.scale") > 2 * scale


def test_down_to_single_entries(opened: Open) -> None:
    page = opened("dense block")
    page.ask("adjoint.view.zoom(14); adjoint.view.center(18.5, 13.5)")
    page.settle()
    x, y = page.place(13, 18)
    page.page.mouse.move(x + 2, y + 2)
    page.settle()
    assert "nested block" in page.text("#card")
    assert "[2, 2]" in page.text("#card")
    page.page.mouse.move(x + 0.4 * page.ask("adjoint.view.scale"), y + 2)
    page.settle()
    found = re.search(r"\[2, 3\]\s+(\S+)", page.text("#card"))
    assert found is not None
    block = SYSTEMS["dense block"]().block(19, 14)
    assert block is not None
    assert float(found[1].replace("−", "-")) == pytest.approx(block.to_dense().T[2, 3], rel=1e-6)
    colors = {tuple(color) for color in page.canvas()[::3, ::3].reshape(-1, 3)}
    assert len(colors) > 30  # entries are shaded by their magnitudes


def test_rows_by_scalars(opened: Open) -> None:
    page = opened("net")
    equal = page.canvas()
    page.click("#scalars")
    system = SYSTEMS["net"]()
    assert page.ask("adjoint.view.total") == system.shape[0]
    assert differ(equal, page.canvas()) > 0.05
    scale = page.ask("adjoint.view.scale")
    extents = page.ask("Array.from(adjoint.view.span, x => x * adjoint.view.scale)")
    np.testing.assert_allclose(extents, np.diff(system.offsets) * scale)
    page.click("#equal")
    page.page.mouse.move(5, 5)
    page.settle()
    assert differ(equal, page.canvas()) < 0.001


def test_rows_in_other_orders(opened: Open) -> None:
    page = opened("loop", reduced_motion="no-preference")
    program = page.canvas()
    page.choose("#arrangement", "levels")
    levels = page.ask("Array.from(adjoint.view.sequence, r => adjoint.model.level[r])")
    assert levels == sorted(levels)
    assert differ(program, page.canvas()) > 0.01
    page.choose("#arrangement", "eliminate-reverse")
    order = page.ask("Array.from(adjoint.view.sequence)")
    assert sorted(order) == list(range(len(order)))
    assert order != sorted(order)
    page.choose("#arrangement", "program")
    assert differ(program, page.canvas()) < 0.001


def test_rows_move_unless_motion_is_not_wanted(opened: Open) -> None:
    for wish, moves in (("no-preference", True), ("reduce", False)):
        page = opened("net", reduced_motion=wish)
        assert (
            page.ask("""() => {
            const select = document.getElementById("arrangement");
            select.value = "levels";
            select.dispatchEvent(new Event("change"));
            return adjoint.view.isMoving;
        }""")
            is moves
        )
        page.settle()

"""Themes, the keyboard, and phones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adjoint.plot.colors import THEMES
from tests.browser.opened import Opened, differ, rgb

pytestmark = pytest.mark.browser

Open = Callable[..., Opened]

FOCUSED = """() => {
    const e = document.activeElement;
    const name = e.getAttribute("aria-label") || e.innerText || e.title || e.labels?.[0]?.innerText;
    const isMarked = getComputedStyle(e).outlineStyle !== "none" || e.matches(".node");
    return [e.id || e.dataset.row || e.tagName, name || e.getAttribute("aria-labelledby"), isMarked];
}"""

TOO_SMALL = """() => [...document.querySelectorAll("button, select, input")].filter((e) => e.offsetParent)
    .map((e) => [e.id || e.innerText, e.getBoundingClientRect()]).filter(([, b]) => b.height < 40 || b.width < 40)
    .map(([name, b]) => `${name}: ${b.width} × ${b.height}`)"""

# the equation may be longer than the screen: it scrolls
OUTSIDE = """() => [...document.querySelectorAll("header *, main > * > *, footer *:not(#equation *), #card")]
    .filter((e) => e.offsetParent).map((e) => [e.id || e.className || e.tagName, e.getBoundingClientRect()])
    .filter(([, b]) => b.width && (b.left < -1 || b.right > 376))
    .map(([name, b]) => `${name}: ${b.left} … ${b.right}`)"""


def test_theme_and_preference(opened: Open) -> None:
    page = opened("net", color_scheme="light")
    light = page.picture()
    assert (light[5, 700] == rgb(THEMES["light"].ground)).all()
    page.click("#theme")
    page.page.mouse.move(5, 5)
    page.page.wait_for_timeout(200)  # buttons change color slowly
    dark = page.picture()
    assert (dark[5, 700] == rgb(THEMES["dark"].ground)).all()
    assert differ(light, dark) > 0.8
    preferred = opened("net", color_scheme="dark")
    assert differ(dark, preferred.picture()) < 0.01
    preferred.page.emulate_media(color_scheme="light")
    preferred.page.wait_for_timeout(200)
    preferred.settle()
    assert differ(light, preferred.picture()) < 0.01


def test_keyboard(opened: Open) -> None:
    page = opened("net")
    page.page.focus("#stage")
    page.press("+")
    assert page.ask("adjoint.view.scale > adjoint.view.fitScale() * 1.5")
    x = page.ask("adjoint.view.x")
    page.press("ArrowRight")
    assert page.ask("adjoint.view.x") > x
    page.press("0")
    assert page.ask("adjoint.view.isFitted()")
    page.tap(6, 6)
    page.press("ArrowDown")
    page.press("ArrowDown")
    assert page.ask("adjoint.state.selected") == 8
    page.press("ArrowUp")
    assert page.ask("adjoint.state.selected") == 7
    page.ask("adjoint.state.play.rate = 3")
    page.press(" ")
    assert page.ask("adjoint.state.play.isPlaying")
    page.page.wait_for_function("adjoint.state.play.step >= 1")
    page.press("ArrowRight")  # under way: a step, and no longer playing
    assert not page.ask("adjoint.state.play.isPlaying")
    step = page.ask("adjoint.state.play.step")
    page.press("ArrowLeft")
    assert page.ask("adjoint.state.play.step") == step - 1
    theme = page.ask("adjoint.colors.name")
    page.press("t")
    assert page.ask("adjoint.colors.name") != theme
    page.press("o")
    assert page.ask("document.getElementById('arrangement').value") == "levels"
    page.press("?")
    assert page.page.locator("#help-dialog").is_visible()
    assert "What is shown" in page.text("#help-dialog")
    page.press("Escape")
    assert page.page.locator("#help-dialog").is_hidden()


def test_everything_can_be_reached_by_tab_and_has_a_name(opened: Open) -> None:
    page = opened("textbook")
    reached = []
    for _ in range(60):
        page.page.keyboard.press("Tab")
        found = page.ask(FOCUSED)
        reached.append(found[0])
        if found[0] != "BODY":
            assert found[1], f"{found[0]} has no name"
            assert found[2], f"focus on {found[0]} cannot be seen"
    wanted = (
        "search theme help arrangement equal scalars zoom-in zoom-out fit stage graph strategy rewind back play forward"
    )
    assert {*wanted.split(), "end", "step", "speed"} <= set(reached)
    page.page.focus("#graph .node[data-row='3']")
    page.press("Enter")
    assert page.ask("adjoint.state.selected") == 3


@pytest.mark.parametrize("name", ["textbook", "net", "large", "hard"])
def test_phone(opened: Open, name: str) -> None:
    page = opened(name, width=375, height=720, has_touch=True, is_mobile=True)
    rows = page.ask("adjoint.model.rows")
    x, y = page.place(rows - 1, rows - 1)
    page.page.touchscreen.tap(x - 2, y - 2)
    page.settle()
    assert page.ask("adjoint.state.selected") >= 0
    assert page.page.locator("#card").is_visible()
    assert page.ask("document.documentElement.scrollWidth") <= 375
    assert page.ask(TOO_SMALL) == []
    assert page.ask(OUTSIDE) == []
    panels = page.ask("['matrix-panel', 'graph-panel', 'details'].map((id) => document.getElementById(id).offsetTop)")
    assert panels == sorted(panels)

"""The page loads in a real Chromium, whatever is in it, and is quick."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from adjoint.plot.colors import THEMES
from adjoint.plot.picture import picture
from tests.browser.opened import Opened, rgb
from tests.browser.systems import SYSTEMS

pytestmark = pytest.mark.browser

Open = Callable[..., Opened]

FRAMES_PER_SECOND = """async (what) => {
    const { view, state: { play } } = adjoint;
    view.fit();
    if (what === "eliminate") play.choose(play.strategies.find(({ id }) => id === "eliminate-forward"));
    if (what !== "move") { play.go(0); play.rate = 10000; play.start(); }
    const begin = performance.now(), first = adjoint.frames;
    await new Promise((done) => {
        const tick = (now) => {
            const t = (now - begin) / 2000;
            if (t >= 1) return done();
            if (what === "move") {
                view.zoom(Math.sin(9 * t) > 0 ? 1.05 : 1 / 1.05, 200, 200);
                view.pan(5 * Math.cos(20 * t), 5 * Math.sin(20 * t));
            }
            requestAnimationFrame(tick);
        };
        requestAnimationFrame(tick);
    });
    play.pause();
    return ((adjoint.frames - first) / (performance.now() - begin)) * 1000;
}"""


@pytest.mark.parametrize("name", SYSTEMS)
def test_it_loads(opened: Open, name: str) -> None:
    page = opened(name)
    assert page.text("#title") == name
    system = SYSTEMS[name]()
    drawn = picture(system)
    words = page.text("#summary")
    assert words.startswith(f"{len(drawn):,} nodes")
    assert f"{len(drawn.rows):,} blocks" in words
    assert f"{system.structure.matrix_nonzeros:,} nonzeros of A" in words
    assert page.ask("document.documentElement.scrollWidth <= innerWidth")


def test_a_browser_without_decompression_is_told(chromium: object, written: Callable[..., object]) -> None:
    context = chromium.new_context()  # type: ignore[attr-defined]  # a playwright browser
    page = context.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(written("textbook").as_uri())  # type: ignore[attr-defined]  # a path
    assert "too old" in page.inner_text("#failure")
    assert page.locator("main").is_hidden()
    context.close()


def test_names_are_text_and_bad_numbers_have_their_color(opened: Open) -> None:
    page = opened("hard")
    assert page.page.locator("b:text-is('bold')").count() == 0
    page.press("/")
    page.page.keyboard.type("</script>")
    assert "</script><b>bold</b>" in page.text("#found")
    page.press("Enter")
    assert "</script><b>bold</b>" in page.text("#details")
    page.press("Escape")
    non_finite = rgb(THEMES["light"].non_finite)
    assert (np.abs(page.canvas() - non_finite).max(axis=2) <= 3).sum() > 50
    solve = SYSTEMS["hard"]().structure.implicit[0]
    row = page.ask("node => adjoint.model.node.indexOf(node)", solve + 1)
    page.hover(row, row)
    assert "implicit" in page.text("#card")


def test_fifty_thousand_nodes(opened: Open) -> None:
    page = opened("large")
    assert page.path.stat().st_size < 2e6
    ready = page.ask("adjoint.readyAt")
    rates = {}
    for what in ("move", "play", "eliminate"):
        rates[what] = page.ask(FRAMES_PER_SECOND, what)
    print(f"50,000 nodes: ready after {ready / 1000:.2f} s; frames per second: {rates}")
    assert min(rates.values()) > 5

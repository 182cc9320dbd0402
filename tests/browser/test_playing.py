"""The solve, step by step."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from adjoint.plot.colors import THEMES
from tests.browser.opened import Opened, differ, rgb
from tests.browser.systems import SYSTEMS

pytestmark = pytest.mark.browser

Open = Callable[..., Opened]


def test_back_substitution_step_by_step(opened: Open) -> None:
    page = opened("textbook")
    system = SYSTEMS["textbook"]()
    solved = system.solve()
    page.click("#rewind")
    assert "Solve A λ = −s" in page.text("#equation")
    assert "0 / 7" in page.text("#counts")
    blank = page.canvas()
    seen = [blank]
    for node in range(7, 0, -1):
        page.click("#forward")
        words = page.text("#equation")
        assert words.replace("\n", "").startswith(f"λ{node} = "), words
        assert f"{float(solved[node]):.7g}".replace("-", "−") in words
        if node == 4:
            assert "= 0.3 · 0.6216 = " in words
        seen.append(page.canvas())
    assert all(differ(a, b) > 0.001 for a, b in pairwise(seen))
    assert page.text("#counts").split("\n")[:2] == ["multipliers known", "7"]
    page.click("#back")
    assert page.ask("adjoint.state.play.step") == 6
    page.press("ArrowLeft")
    assert page.ask("adjoint.state.play.step") == 5
    assert page.text("#equation").startswith("λ3 = J5,3T λ5")


def test_play_runs_pauses_and_ends(opened: Open) -> None:
    page = opened("net")
    end = page.ask("adjoint.state.play.strategy.steps")
    assert page.page.get_attribute("#play", "aria-label") == "Play"
    page.ask("adjoint.state.play.rate = 4")
    page.click("#play")
    assert page.page.get_attribute("#play", "aria-label") == "Pause"
    page.page.wait_for_function("adjoint.state.play.step >= 1")
    page.click("#play")
    step = page.ask("adjoint.state.play.step")
    assert 1 <= step < end
    page.ask("adjoint.state.play.rate = 60")
    page.click("#play")
    page.page.wait_for_function("!adjoint.state.play.isPlaying")
    page.settle()
    assert page.ask("adjoint.state.play.step") == end
    assert "Solved" in page.text("#equation")


def test_levels_and_tangents(opened: Open) -> None:
    page = opened("textbook")
    page.choose("#strategy", "levels")
    page.click("#rewind")
    for _ in range(5):
        page.click("#forward")
    assert "Level 0: 3 multipliers at once" in page.text("#equation")
    page.choose("#strategy", "forward")
    page.click("#rewind")
    assert "Aᵀ ż = −ẋ" in page.text("#equation")
    for _ in range(5):
        page.click("#forward")
    words = page.text("#equation")
    tangent = float(SYSTEMS["textbook"]().solve_tangent(1.0, 1.0, 1.0)[5])
    assert words.startswith("ż5 = J5,3 ż3 + J5,4 ż4")
    assert words.endswith(f"{tangent:.7g}")


@pytest.mark.parametrize("order", ["forward", "reverse", "markowitz"])
def test_elimination_fills_in(opened: Open, order: str) -> None:
    page = opened("dense block")
    page.choose("#strategy", f"eliminate-{order}")
    start = page.canvas()
    fill_in = rgb(THEMES["light"].fill_in)
    assert not (np.abs(page.canvas() - fill_in).max(axis=2) <= 2).any()
    page.ask("adjoint.state.play.go(6)")
    page.settle()
    assert "6 / 12" in page.text("#counts")
    created = page.ask("adjoint.state.play.fillCount()")
    assert created > 0
    assert f"{created} / " in page.text("#counts")
    later = page.canvas()
    assert (np.abs(later - fill_in).max(axis=2) <= 2).any()
    assert differ(start, later) > 0.02
    assert "eliminating" in page.text("#equation")
    # what is eliminated is faint, what is left is not
    gone, left = page.ask("[adjoint.state.play.strategy.sequence[0], adjoint.state.play.strategy.sequence.at(-1)]")
    bright = rgb(THEMES["light"].color("nested"))
    colors = []
    for row in (gone, left):
        column = page.ask("r => { const m = adjoint.model; return m.inColumn[m.columnStart[r]]; }", row)
        x, y = page.place(page.ask("b => adjoint.model.row[b]", column), row)
        colors.append(page.picture()[round(y), round(x)])
    assert np.abs(colors[0] - bright).max() > 60
    assert np.abs(colors[1] - bright).max() <= 3

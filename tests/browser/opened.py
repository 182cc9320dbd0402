"""A page in the browser, with what tests ask of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np


class Opened:
    """One page; whatever goes wrong in it is collected."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page = page
        self.path = path
        self.problems: list[str] = []
        page.on("console", lambda message: self.problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url[:200]}"))
        page.on("request", self._requested)

    def _requested(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.problems.append(f"the page asks for {request.url}")

    def load(self, hash: str = "") -> None:
        self.page.goto(self.path.as_uri() + hash)
        self.page.wait_for_function("window.adjoint?.isReady")
        self.settle()

    def close(self) -> None:
        self.page.context.close()

    def settle(self) -> None:
        """Wait until what was asked for has been drawn, moving rows included."""
        self.page.wait_for_function("!adjoint.view.isMoving")
        self.page.evaluate(
            "new Promise((done) => { let n = 3; const f = () => (n-- ? requestAnimationFrame(f) : done()); f(); })"
        )

    def ask(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def text(self, selector: str) -> str:
        found: str = self.page.inner_text(selector)
        return found

    def click(self, selector: str) -> None:
        self.page.click(selector)
        self.settle()

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.settle()

    def choose(self, selector: str, value: str) -> None:
        self.page.select_option(selector, value)
        self.settle()

    def place(self, row: int, column: int) -> tuple[float, float]:
        """The middle of a block on the page (rows from 0)."""
        x, y = self.ask("([r, c]) => adjoint.placeOf(r, c)", [row, column])
        return x, y

    def hover(self, row: int, column: int) -> None:
        self.page.mouse.move(*self.place(row, column))
        self.settle()

    def tap(self, row: int, column: int) -> None:
        self.page.mouse.click(*self.place(row, column))
        self.settle()

    def canvas(self) -> np.ndarray:
        """The pixels of the matrix, (height, width, 3), those of the page."""
        box = self.page.locator("#matrix").bounding_box()
        return self.picture(box)

    def picture(self, box: Any = None) -> np.ndarray:
        """The pixels of the page, or of a part of it."""
        from PIL import Image  # comes with matplotlib

        data = self.page.screenshot(clip=box) if box else self.page.screenshot()
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def rgb(color: str) -> np.ndarray:
    """``#rrggbb`` as three numbers."""
    return np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)])


def differ(a: np.ndarray, b: np.ndarray) -> float:
    """The share of pixels that differ visibly."""
    return float((np.abs(a - b).max(axis=2) > 12).mean())

"""A real headless Chromium for the tests of pages; skipped, with the reason, where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adjoint.plot.page import to_html
from tests.browser.chromium import REMEDY, executable
from tests.browser.opened import Opened
from tests.browser.systems import SYSTEMS

OPTIONS = (
    "--no-sandbox",  # containers seldom allow one; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason=f"playwright is not installed: {REMEDY}")
    with api.sync_playwright() as playwright:
        found = executable(playwright)
        if found is None:
            pytest.skip(f"no Chromium was found: {REMEDY}")
        browser = playwright.chromium.launch(executable_path=found, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The page of a system by name, written once."""
    folder = tmp_path_factory.mktemp("pages")

    def write(name: str) -> Path:
        path: Path = folder / f"{name}.html"
        return path if path.exists() else to_html(SYSTEMS[name](), path, title=name)

    return write


@pytest.fixture
def opened(chromium: Any, written: Callable[[str], Path]) -> Iterator[Callable[..., Opened]]:
    """Open a page; at the end of the test nothing may have gone wrong in any of them."""
    pages: list[Opened] = []

    def open_(name: str, *, width: int = 1400, height: int = 900, hash: str = "", **options: Any) -> Opened:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        page = Opened(context.new_page(), written(name))
        pages.append(page)
        page.load(hash)
        return page

    yield open_
    for page in pages:
        problems = page.problems
        page.close()
        assert not problems

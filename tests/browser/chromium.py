"""Finding a Chromium. ``python -m tests.browser.chromium`` says which one, and exits with 1 if there is none."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REMEDY = (
    'pip install "adjoint[browser]" && python -m playwright install chromium, '
    "or name one: ADJOINT_CHROMIUM=/path/to/chromium"
)


def executable(playwright: Any) -> str | None:
    """The one that a variable names, playwright's own, or one on the path."""
    named = os.environ.get("ADJOINT_CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise FileNotFoundError(f"ADJOINT_CHROMIUM={named} is no file")
        return named
    own = playwright.chromium.executable_path
    if own and Path(own).is_file():
        return str(own)
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def main() -> int:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print(f"playwright is not installed: {REMEDY}")
        return 1
    with sync_playwright() as playwright:
        found = executable(playwright)
    print(found or f"no Chromium was found: {REMEDY}")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())

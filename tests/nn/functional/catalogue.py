"""The catalogue of the functionals: every operation, under every way of calling it.

The cases stand in the files ``cases_*.py`` of this folder, each with a list ``CASES``; a new file joins by being there.
A case says how the arguments are drawn, and nothing about derivatives: see :mod:`tests.primitives.case`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.primitives.case import Case

FILES = sorted(path.stem for path in Path(__file__).parent.glob("cases_*.py"))
CASES: list[Case] = [case for file in FILES for case in import_module(f"tests.nn.functional.{file}").CASES]

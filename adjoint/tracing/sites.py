"""Where in the user's code an operation came from: the first frame outside adjoint, NumPy and SciPy.

Recording keeps the code object and the instruction offset, which cost nothing to read; the line number
is looked up only when somebody asks.
"""

from __future__ import annotations

import linecache
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType

import numpy as np
import scipy

_LIBRARIES = tuple(
    str(Path(str(file)).resolve().parent) + "/" for file in (Path(__file__).parent, np.__file__, scipy.__file__)
)
_EXAMPLES = str(Path(__file__).resolve().parents[1] / "gallery") + "/"
"""Programs of the library that are a user's: their lines are what a picture shows."""


class _Internal(dict[str, bool]):
    """Whether a file belongs to a library rather than to the user; each file is judged once."""

    def __missing__(self, filename: str) -> bool:
        self[filename] = filename.startswith(_LIBRARIES) and not filename.startswith(_EXAMPLES)
        return self[filename]


_internal = _Internal()


def caller(depth: int = 1) -> tuple[CodeType, int]:
    """The code object and instruction offset of the user's frame that is being executed.

    ``depth`` frames from here are known to be adjoint's own.
    """
    frame: FrameType = sys._getframe(depth)
    while _internal[frame.f_code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def user_depth(frame: FrameType) -> int:
    """How many frames above ``frame`` the user's code begins, for ``warnings.warn(stacklevel=…)``."""
    depth = 0
    current: FrameType | None = frame
    while current is not None and _internal[current.f_code.co_filename]:
        current = current.f_back
        depth += 1
    return depth


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the user's code.

    Attributes
    ----------
    file : str
    line : int
    function : str
    """

    file: str
    line: int
    function: str

    @property
    def source(self) -> str:
        """The text of the line, stripped; empty where it is not at hand."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}, in {self.function}"
        return f"{where}: {self.source}" if self.source else where


def resolve(code: CodeType, lasti: int) -> Site:
    """The place that a recorded ``(code, offset)`` stands for."""
    position = next(islice(code.co_positions(), lasti // 2, None), None)
    line = position[0] if position and position[0] is not None else code.co_firstlineno
    return Site(code.co_filename, line, code.co_qualname)


def here() -> Site:
    """The user's line that is being executed, for error messages."""
    return resolve(*caller())

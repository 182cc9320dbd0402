"""docs/coverage.md, written from the rule table.

``python -m tests.docs.coverage_page`` (from the repository's root) writes it anew; a test says when that is due.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import re
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import adjoint
import adjoint.scipy
from adjoint.tracing import FUNCTIONS, UFUNC_METHODS, Tracer
from tests.docs.vocabulary import NAMESPACES, Answer, Entry, answer, entries, public

PAGE = Path(__file__).resolve().parents[2] / "docs" / "coverage.md"

INTRODUCTION = """\
# Coverage

What is answered for every public function of `numpy`, `numpy.linalg` and `numpy.fft`, and for every ufunc of
`scipy.special`, when it is called on a traced value. The page is written from the rule table with {versions}.
The tests fail while it is out of date, while a function has no answer, or while an answer is not true.

| answer | what it means |
|---|---|
| differentiated | first and second derivatives, in both modes; with respect to the arguments that are named |
| zero | piecewise constant, or a question: the call works, and its derivative is zero |
| not differentiable | there is no derivative, or the function takes no arrays: see the reason |
| no rule yet | there is a derivative, but no rule: `MissingRuleError`. [A rule takes a line](extend.md#an-operation) |

A derivative that does not exist or is not known raises with the reason given here; nothing is zero silently. So does
an argument that a rule does not cover (`UnsupportedArgumentError`).
"""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def prose(text: str) -> str:
    """A paragraph in lines of the usual length."""
    return textwrap.fill(" ".join(text.split()), 118, break_long_words=False, break_on_hyphens=False)


def listed(names: Iterable[str]) -> str:
    """``a``, ``b``, ``c``."""
    return ", ".join(f"`{name}`" for name in names)


def text() -> str:
    """The page."""
    found = {name: entries(space) for name, space in NAMESPACES.items()} | {"numpy.ndarray": attributes()}
    parts = [INTRODUCTION.format(versions=installed()), "## Summary", _summary(found)]
    for name, rows in found.items():
        parts += [f"## {name}", _HEADS.get(name, ""), _functions(rows)]
    parts += ["## Methods of ufuncs", ufunc_methods()]
    parts += ["## adjoint.scipy", _WRAPPERS, table(("module", "functions"), wrappers())]
    parts += ["## Views", prose(f"{_VIEWS} {listed(sorted(views() & views(traced=False)))}.")]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def installed() -> str:
    """``NumPy 2.4 and SciPy 1.17``."""
    numpy, scipy_ = (".".join(package.__version__.split(".")[:2]) for package in (np, scipy))
    return f"NumPy {numpy} and SciPy {scipy_}"


_HEADS = {
    "numpy.ndarray": "Methods and attributes. Operators, indexing and iteration work as well; other names raise.",
    "scipy.special": "The ufuncs. Of the other functions, those of [adjoint.scipy](#adjointscipy) are covered.",
}


def _summary(found: dict[str, list[Entry]]) -> str:
    rows = []
    for name, all_of_it in found.items():
        counts = Counter(entry.answer for entry in all_of_it)
        rows.append([f"`{name}`", *(str(counts[kind]) for kind in Answer), str(len(all_of_it))])
    return table(["", *Answer, "all"], rows)


def _functions(rows: list[Entry]) -> str:
    cells = [(f"`{row.name}`", str(row.answer), row.note) for row in rows]
    return table(("function", "answer", "arguments, or why"), cells)


# --- arrays -----------------------------------------------------------------------------------------

_ATTRIBUTES: dict[str, tuple[Answer, str]] = {
    name: (kind, note)
    for kind, note, names in (
        (Answer.DIFFERENTIATED, "", "T mT conj conjugate flat flatten view"),
        (Answer.DIFFERENTIATED, "in place", "fill partition put sort"),
        (Answer.ZERO, "", "dtype flags itemsize nbytes ndim shape size strides"),
        (Answer.NOT_DIFFERENTIABLE, "of real numbers: LostDerivativeError", "item tolist"),
        (Answer.NOT_DIFFERENTIABLE, "bytes and files have no derivative", "dump dumps tobytes tofile"),
        (
            Answer.NOT_DIFFERENTIABLE,
            "it is about memory",
            "base byteswap ctypes data device getfield setfield setflags",
        ),
        (Answer.NOT_DIFFERENTIABLE, "it is about memory", "to_device"),
        (Answer.NOT_DIFFERENTIABLE, "it has gone in NumPy 2", "itemset newbyteorder ptp tostring"),
        (Answer.NOT_DIFFERENTIABLE, "the shape would change in place; `np.resize` gives a new array", "resize"),
    )
    for name in names.split()
}


def attributes() -> list[Entry]:
    """The public methods and attributes of arrays: what is declared here, or what the function of that name does."""
    found = []
    for name in sorted(name for name in dir(np.ndarray) if not name.startswith("_")):
        if name in _ATTRIBUTES:
            found.append(Entry(name, *_ATTRIBUTES[name]))
        elif hasattr(Tracer, name):
            found.append(Entry(name, answer(getattr(np, name, None))[0]))
        else:
            found.append(Entry(name, None))
    return found


def ufunc_methods() -> str:
    """A sentence on ``reduce`` and its kin."""
    every = sorted(method for ufunc, method in UFUNC_METHODS if ufunc is None)
    return prose(
        f"For every ufunc of two arguments that is differentiated: {listed(f'ufunc.{method}' for method in every)}. "
        "A call takes `out=`, `where=` (with `out=`), `dtype=` and `casting=`."
    )


# --- SciPy ------------------------------------------------------------------------------------------

_WRAPPERS = prose(
    """SciPy's functions that NumPy's protocols do not reach, under SciPy's own names: `from adjoint.scipy.linalg
    import expm` in place of `from scipy.linalg import expm`. On plain arrays they are SciPy's own."""
)


def wrappers() -> list[tuple[str, str]]:
    """The modules of ``adjoint.scipy``, with the functions that they do not just hand on."""
    rows = []
    for module in pkgutil.walk_packages(adjoint.scipy.__path__, "adjoint.scipy."):
        with contextlib.suppress(ModuleNotFoundError):  # adjoint.scipy.linalg.systems is a part of adjoint.scipy.linalg
            theirs = importlib.import_module(module.name.removeprefix("adjoint."))
            rows.append((f"`{module.name}`", listed(_own(importlib.import_module(module.name), theirs))))
    return sorted(rows)


def _own(ours: Any, theirs: Any) -> list[str]:
    names = getattr(ours, "__all__", None) or [
        name for name in vars(ours) if name in theirs.__all__ and vars(ours)[name] is not getattr(theirs, name)
    ]
    return sorted(name for name in names if callable(getattr(ours, name)))


# --- views ------------------------------------------------------------------------------------------

_VIEWS = """What is written into a view reaches the array that it was taken from, as in NumPy. Views are given by basic
indexing, by iteration, by the methods of the same names, and by these functions, where NumPy gives one:"""

_CALLS: tuple[tuple[Any, ...], ...] = ((), (0,), (1,), (3,), (0, 1), ((9,),), ((0, 1), (1, 0)))
"""Arguments after the array, for some of which each function works that can give a view."""

_BASES = [
    *(np.arange(float(np.prod(shape))).reshape(shape) for shape in ((), (3,), (1, 3), (3, 3), (3, 3, 3))),
    np.zeros((3, 3), complex),
]


def views(*, traced: bool = True) -> set[str]:
    """The functions of NumPy whose result, if it is written into, changes the array that it was made of."""
    names = [(name, f) for name, f in public(np) if f in FUNCTIONS and answer(f)[0] is Answer.DIFFERENTIATED]
    found = set()

    def program(x: Any) -> Any:
        for name, function in names:
            if any(_writes_through(function, x.copy(), call) for call in _CALLS):
                found.add(name)
        return x

    with warnings.catch_warnings(action="ignore"):
        for base in _BASES:
            if traced:
                adjoint.trace(program, base)
            else:
                program(base)
    return found


def _writes_through(function: Any, x: Any, call: tuple[Any, ...]) -> bool:
    before = x.copy()
    try:
        y = function(x, *call)
        y = y[0] if isinstance(y, (list, tuple)) else y
        if y is x:  # there was nothing to do
            return False
        y[...] = -1.0
    except Exception:  # these arguments are not for this function, or the view is read-only
        return False
    return bool((x != before).any())


def answers_of(page: str) -> dict[str, dict[str, str]]:
    """What a page says: namespace → name → answer."""
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in page.splitlines():
        if line.startswith("## "):
            section = line[3:]
        row = re.match(r"\| `(\w+)` \| ([a-z ]+?) \|", line)
        if row and section in {*NAMESPACES, "numpy.ndarray"}:
            found.setdefault(section, {})[row[1]] = row[2]
    return found


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")

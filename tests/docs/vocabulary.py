"""What adjoint answers for each public function of NumPy, read from the rule table.

There are four answers. What the table cannot tell is declared here: which formulas have a result that is piecewise
constant, and which functions work although NumPy does not dispatch them. ``test_coverage_page.py`` compares both
with what the functions do.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType
from typing import Any

import numpy as np
import scipy
import scipy.special

import adjoint.primitives.special  # noqa: F401  # whose rules would load once they are in use
from adjoint.primitives.undifferentiable import named
from adjoint.tracing import FUNCTIONS, LIKE, NO_RULE_YET, NOT_DIFFERENTIABLE, UFUNC_METHODS, UFUNCS, ZERO
from adjoint.tracing.primitive import NoRule, NotDifferentiable

NAMESPACES: dict[str, ModuleType] = {
    "numpy": np,
    "numpy.linalg": np.linalg,
    "numpy.fft": np.fft,
    "scipy.special": scipy.special,
}


class Answer(StrEnum):
    """What a derivative is."""

    DIFFERENTIATED = "differentiated"
    ZERO = "zero"
    NOT_DIFFERENTIABLE = "not differentiable"
    NO_RULE = "no rule yet"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the page: a function, the answer, and which arguments or why."""

    name: str
    answer: Answer | None
    note: str = ""


PIECEWISE_CONSTANT = """
    allclose array_equal array_equiv can_cast common_type iscomplexobj isrealobj min_scalar_type ndim result_type shape
    size may_share_memory shares_memory array2string array_repr array_str einsum_path argwhere flatnonzero nonzero
    lexsort packbits unpackbits ravel_multi_index unravel_index diag_indices_from tril_indices_from
    triu_indices_from empty_like ones_like zeros_like fix around round linalg.matrix_rank"""
"""Functions whose rule is a formula, and does not tell: the result is a number of things, a type, text, a constant."""

OTHERWISE: dict[str, tuple[Answer, str]] = {
    "iterable": (Answer.ZERO, "asks for an iterator only"),
    "isscalar": (Answer.ZERO, "false of any traced value"),
    "isfortran": (Answer.ZERO, "asks for `flags` only"),
    "trapz": (Answer.DIFFERENTIATED, "calls `trapezoid`"),
    "row_stack": (Answer.DIFFERENTIATED, "calls `vstack`"),
    "kaiser": (Answer.DIFFERENTIATED, "`beta`: calls `i0`"),
    "fft.fftfreq": (Answer.DIFFERENTIATED, "`d`: plain arithmetic"),
    "fft.rfftfreq": (Answer.DIFFERENTIATED, "`d`: plain arithmetic"),
    "fromfunction": (Answer.DIFFERENTIATED, "what your function closes over"),
    "frompyfunc": (Answer.DIFFERENTIATED, "the ufunc that it makes: calls your function entry by entry"),
}
"""Functions that NumPy does not dispatch, and that work by what they call."""

COPIES_WITH_LIKE = "array asarray asanyarray ascontiguousarray full"


def public(space: ModuleType) -> Iterator[tuple[str, Any]]:
    """The public functions of a namespace: what it exports and can be called, but for classes; of SciPy the ufuncs."""
    for name in sorted(name for name in space.__all__ if not name.startswith("_")):
        function = getattr(space, name)
        wanted = isinstance(function, np.ufunc) if space is scipy.special else callable(function)
        if wanted and not isinstance(function, type):
            yield name, function


def entries(space: ModuleType) -> list[Entry]:
    """What is answered for each public function of a namespace; ``None`` where nothing is."""
    return [Entry(name, *answer(function)) for name, function in public(space)]


def answer(function: Any) -> tuple[Answer | None, str]:
    """The answer for one function, and for which arguments, or why."""
    if function in NOT_DIFFERENTIABLE:
        return Answer.NOT_DIFFERENTIABLE, NOT_DIFFERENTIABLE[function]
    if function in NO_RULE_YET:
        return Answer.NO_RULE, NO_RULE_YET[function]
    if function in _DECLARED:
        return _DECLARED[function]
    handler = UFUNC_METHODS.get((function, "__call__"), FUNCTIONS.get(function))
    primitive = UFUNCS.get(function) or getattr(handler, "primitive", None)
    if handler is None and primitive is None:
        return None, ""
    partials = primitive.partials if primitive is not None else getattr(handler, "partials", ())
    if primitive is not None and primitive.discrete:
        return Answer.ZERO, ""
    if partials and all(partial is ZERO for partial in partials):
        return Answer.ZERO, ""
    return Answer.DIFFERENTIATED, _by_argument(function, partials) if partials else _arrays(function)


def _declared() -> dict[Any, tuple[Answer, str]]:
    found: dict[Any, tuple[Answer, str]] = {}
    for function in LIKE:
        found[function] = Answer.ZERO, "with `like=x`: constants, to write traced values into"
    for function in named(COPIES_WITH_LIKE):
        found[function] = Answer.DIFFERENTIATED, "with `like=x`"
    for function in named(PIECEWISE_CONSTANT):
        found[function] = Answer.ZERO, ""
    for name, what in OTHERWISE.items():
        found.update(dict.fromkeys(named(name), what))
    return found


_DECLARED = _declared()

# --- which arguments --------------------------------------------------------------------------------


def _by_argument(function: Any, partials: tuple[Any, ...]) -> str:
    """The arguments that are differentiated, and the others by what their partials say."""
    names = _parameters(function, len(partials))
    groups: dict[str, list[str]] = {}
    for name, partial in zip(names, partials, strict=True):
        if isinstance(partial, NotDifferentiable):
            group = f"not differentiable in {{}}: {partial.reason}"
        elif isinstance(partial, NoRule):
            group = f"no rule for {{}}: {partial.reason}"
        else:
            group = "zero in {}" if partial is ZERO else "{}"
        groups.setdefault(group, []).append(f"`{name}`")
    return "; ".join(group.format(", ".join(groups[group])) for group in sorted(groups, key=lambda g: g != "{}"))


def _parameters(function: Any, count: int) -> list[str]:
    """The names of the operands: the first ones of the signature."""
    if not isinstance(function, np.ufunc):
        names = list(_signature(function))[:count]
    else:
        head = "\n".join((function.__doc__ or "").splitlines()[:6])  # SciPy's own signature may follow a generated one
        found = re.findall(r"^ *\w+\((.*?)(?:\)|\[)", head, re.MULTILINE)
        names = [name for name in re.findall(r"\w+", found[-1]) if name != "out"][:count] if found else []
    if len(names) < count:
        names = ["x"] if count == 1 else [f"x{k + 1}" for k in range(count)]
    return names


def _signature(function: Any) -> dict[str, inspect.Parameter]:
    """The parameters of a function; none of a compiled one before NumPy 2.4, which did not know them."""
    try:
        return dict(inspect.signature(function).parameters)
    except ValueError:
        return {}


class _Probe:
    """Tells whether NumPy asks it to do the work."""

    asked = False

    def __array_function__(self, *call: Any) -> None:
        self.asked = True


NO_NUMBERS = {
    *("condition", "condlist", "dtype", "ind", "indices", "indices_or_sections"),
    *("like", "mask", "obj", "out", "reps", "where"),
}
"""Arguments that NumPy looks at, but that are nothing to differentiate by."""


def _arrays(function: Any) -> str:
    """For a formula, the arguments in which NumPy sees a traced array."""
    if isinstance(function, np.ufunc):
        names = _parameters(function, function.nin)
    else:
        names = [name for name in _signature(function) if name not in NO_NUMBERS and _dispatches(function, name)]
    return ", ".join(f"`{name}`" for name in names)


def _dispatches(function: Callable[..., Any], name: str) -> bool:
    """Whether a function hands on the call if this argument, or an entry of it, is no plain array."""
    ways: list[tuple[Callable[[Any], Any], bool]] = [(lambda x: x, False), (lambda x: [x], False), (lambda x: x, True)]
    for wrap, all_of_them in ways:
        probe = _Probe()
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for p in _signature(function).values():
            needed = p.kind is not p.VAR_KEYWORD and (all_of_them or p.default is p.empty)
            if p.name != name and not needed:
                continue
            value = wrap(probe if p.name == name else 0)
            if p.kind is p.KEYWORD_ONLY or not needed:
                kwargs[p.name] = value
            else:
                args.append(value)
        with warnings.catch_warnings(action="ignore"), contextlib.suppress(Exception):
            function(*args, **kwargs)  # what it makes of such arguments does not matter
        if probe.asked:
            return True
    return False

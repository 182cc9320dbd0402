"""The catalogue as HIPS autograd computes it: the same cases, with the function of the same name from its NumPy.

A case gets its subject as an argument, so autograd's goes in where NumPy's did. Operators and methods need no
substitute: autograd's boxes have them. What autograd cannot take is found by trying, once, when this module is
imported. Importing it where autograd is not installed skips the test module that does.

autograd's gradient of a real ``f`` at a complex ``z`` is ``∂f/∂Re − i ∂f/∂Im``, the conjugate of the library's: its
products with a seed are conjugated here, the seed and the result.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.primitives.case import Attribute, Case
from tests.primitives.cases_complex import COMPLEX_CASES, ComplexCase
from tests.primitives.catalogue import CASES
from tests.primitives.references import leaves

REASON = "the second opinion needs autograd: pip install -e '.[bench]'"

autograd = pytest.importorskip("autograd", reason=REASON)
anp = pytest.importorskip("autograd.numpy", reason=REASON)
special = pytest.importorskip("autograd.scipy.special", reason=REASON)

INDEPENDENT = "Output seems independent of input"
"""autograd's warning that no operation which it follows leads from the arguments to the result."""

Function = Callable[..., Any]
Arrays = Sequence[np.ndarray]


def counterpart(subject: Any) -> Any:
    """autograd's function of that name, the subject itself if it is an operator or a method, or None."""
    module = getattr(subject, "__module__", None)
    if isinstance(subject, Attribute) or module in ("_operator", "builtins"):
        return subject
    namespaces = {"numpy": anp, "numpy.linalg": anp.linalg, "numpy.fft": anp.fft, None: special}
    return getattr(namespaces.get(module), subject.__name__, None)


def in_autograd(case: Case | ComplexCase) -> tuple[Function, Arrays]:
    """The case as a function of one tuple, with a flat result, and its point: the same numbers as the case's own."""
    plain = case.case if isinstance(case, ComplexCase) else case
    other = counterpart(plain.subject)
    swapped = replace(plain, call=lambda subject, *operands: plain.call(other, *operands))
    f, x = (replace(case, case=swapped) if isinstance(case, ComplexCase) else swapped).point()

    def joined(operands: Any) -> Any:
        y = f(*(operands[k] for k in range(len(x))))
        if isinstance(y, autograd.builtins.SequenceBox):
            y = [y[k] for k in range(len(y))]
        return anp.concatenate([np.zeros(0), *(anp.ravel(part) for part in leaves(y))])

    return joined, x


def flat(parts: Any) -> np.ndarray:
    """All entries as one vector, complex if one of them is."""
    return np.concatenate([np.zeros(0), *(np.ravel(np.asarray(part)) for part in leaves(parts))])


def product(f: Function, x: Arrays) -> tuple[np.ndarray, Callable[[np.ndarray], list[np.ndarray]]]:
    """The flat value, and the product with a flat seed in the library's convention."""
    pull_back, y = autograd.make_vjp(f)(tuple(x))
    if y.dtype.kind not in "fc":
        raise TypeError(f"a result of kind {y.dtype.kind}: autograd did not follow the program")

    def conjugated(seed: np.ndarray) -> list[np.ndarray]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as of a complex seed for a real argument
            found = [np.conj(part) for part in pull_back(np.conj(np.asarray(seed, y.dtype)))]
        if any(np.shape(part) != a.shape or part.dtype.kind not in "fc" for part, a in zip(found, x, strict=True)):
            raise TypeError("a derivative that has not the shape of the argument")
        return found

    return y, conjugated


def jacobian(f: Function, x: Arrays) -> np.ndarray:
    """``(outputs, inputs)``, row by row."""
    y, pull_back = product(f, x)
    rows = [flat(pull_back(row)) for row in np.eye(y.size)]
    return np.stack(rows) if rows else np.zeros((0, flat(x).size))


def hvp(f: Function, x: Arrays, weights: np.ndarray, v: Arrays) -> np.ndarray:
    """The Hessian of the weighted sum of the outputs, times a direction: reverse over reverse."""
    gradient = autograd.grad(lambda operands: anp.sum(weights * f(operands)))

    def slope(operands: Any) -> Any:
        parts = gradient(operands)
        return sum(anp.sum(parts[k] * v[k]) for k in range(len(x)))

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", INDEPENDENT)  # said of a linear function's slope, and so it is
        return flat(list(autograd.grad(slope)(tuple(x))))


def takes(case: Case | ComplexCase) -> bool:
    """Whether autograd computes NumPy's value and has a derivative, right or wrong."""
    if counterpart(case.case.subject if isinstance(case, ComplexCase) else case.subject) is None:
        return False
    f, x = in_autograd(case)
    try:
        y, pull_back = product(f, x)
        pull_back(np.ones(y.size))
    except Exception:  # autograd says in a dozen ways what it lacks
        return False
    expected = flat(case.point()[0](*x))
    return y.shape == expected.shape and np.allclose(y, expected, rtol=1e-12, atol=1e-12)


with warnings.catch_warnings(), np.errstate(all="ignore"):
    warnings.simplefilter("ignore")
    warnings.filterwarnings("error", INDEPENDENT)  # there is no opinion on it
    TAKEN: list[Case] = [case for case in CASES if takes(case)]
    TAKEN_COMPLEX: list[ComplexCase] = [case for case in COMPLEX_CASES if takes(case)]

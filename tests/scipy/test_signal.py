"""Convolutions and filters of scipy.signal: values are SciPy's, derivatives those of differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.signal

import adjoint
from adjoint.errors import UnsupportedArgumentError
from adjoint.scipy import signal
from tests.primitives.case import Case, Fixed, any_real, case
from tests.scipy.laws import laws_of

Shape = tuple[int, ...]
MODES = ("full", "same", "valid")


def stable(*shape: int) -> Any:
    """Coefficients of a filter that forgets: the first is near one, the others are small."""
    return lambda rng: np.concatenate([rng.uniform(1.0, 1.5, 1), rng.uniform(-0.3, 0.3, shape[0] - 1)])


def _convolutions() -> list[Case]:
    pairs: list[tuple[Shape, Shape]] = [((4,), (2,)), ((2,), (3,)), ((3, 4), (2, 2)), ((2, 2), (3, 3))]
    cases = [
        case(f, f"{method}_{mode}_{left}_{right}", any_real(*left), any_real(*right), mode=mode, method=method)
        for f in (signal.convolve, signal.correlate)
        for method in ("direct", "fft")
        for mode in MODES
        for left, right in pairs
    ]
    for f in (signal.convolve, signal.correlate):
        cases += [
            case(f, "auto", any_real(4), any_real(2)),
            case(f, "three_axes", any_real(2, 2, 2), any_real(1, 2, 2), method="direct"),
            case(f, "scalars", any_real(), any_real()),
            case(f, "constant_left", Fixed(any_real(2, 3)), any_real(2, 2)),
            case(f, "list", any_real(3), call=lambda f, a: f(a, [1.0, 2.0])),
        ]
    f = signal.fftconvolve
    return [
        *cases,
        *(case(f, f"rows_{mode}", any_real(2, 4), any_real(2, 3), mode=mode, axes=1) for mode in MODES),
        *(case(f, f"broadcast_{mode}", any_real(2, 4), any_real(1, 3), mode=mode, axes=-1) for mode in MODES),
        case(f, "all_broadcast", any_real(2, 1), any_real(1, 3)),
        case(f, "axes", any_real(2, 3, 2), any_real(2, 3, 2), mode="same", axes=[0, 2]),
        case(signal.oaconvolve, "overlap", any_real(5), any_real(2)),
    ]


def _filters() -> list[Case]:
    f = signal.lfilter
    state = lambda f, b, a, x, z: list(f(b, a, x, zi=z))
    return [
        case(f, "all", any_real(3), stable(3), any_real(6)),
        case(f, "longer_numerator", any_real(4), stable(2), any_real(5)),
        case(f, "longer_denominator", any_real(1), stable(4), any_real(5)),
        case(f, "moving_average", any_real(3), stable(1), any_real(5)),
        case(f, "short_signal", any_real(3), stable(4), any_real(2)),
        case(f, "rows", any_real(2), stable(3), any_real(2, 4)),
        case(f, "axis", any_real(2), stable(3), any_real(4, 2), axis=0),
        case(f, "middle_axis", any_real(2), stable(2), any_real(2, 3, 2), axis=-2),
        case(f, "constant_filter", any_real(5), call=lambda f, x: f([1.0, 0.5], [1.0, -0.4, 0.2], x)),
        case(f, "only_denominator", stable(3), call=lambda f, a: f([1.0], a, np.arange(5.0))),
        case(f, "only_numerator", any_real(2), call=lambda f, b: f(b, [2.0, 1.0], np.arange(4.0))),
        case(f, "scalars", any_real(), any_real(4), call=lambda f, b, x: f(b, 2.0, x)),
        case(f, "state", any_real(3), stable(3), any_real(5), any_real(2), call=state),
        case(f, "state_longer_than_signal", any_real(2), stable(4), any_real(2), any_real(3), call=state),
        case(f, "state_of_moving_average", any_real(3), stable(1), any_real(5), any_real(2), call=state),
    ]


def _smoothings() -> list[Case]:
    detrend, savgol = signal.detrend, signal.savgol_filter
    return [
        case(detrend, "linear", any_real(6)),
        case(detrend, "constant", any_real(2, 4), type="constant"),
        case(detrend, "axis", any_real(5, 2), axis=0),
        case(detrend, "pieces", any_real(2, 7), bp=[3]),
        case(savgol, "interp", any_real(8), window_length=5, polyorder=2),
        case(savgol, "exact", any_real(5), window_length=5, polyorder=2),
        case(savgol, "derivative", any_real(2, 7), window_length=5, polyorder=2, deriv=1, delta=2.0),
        case(savgol, "axis", any_real(6, 2), window_length=3, polyorder=1, axis=0),
        *(
            case(savgol, mode, any_real(6), window_length=5, polyorder=2, mode=mode, cval=1.5)
            for mode in ("mirror", "constant", "nearest", "wrap")
        ),
    ]


CASES = [*_convolutions(), *_filters(), *_smoothings()]


@laws_of(CASES)
def test_laws(one: Case, law: Any) -> None:
    law(one)


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_values_are_scipys(one: Case) -> None:
    """The function on traced values against the one of the same name in SciPy itself."""
    theirs = getattr(scipy.signal, one.subject.__name__)
    f, x = one.point()
    g, _ = replace(one, call=lambda _, *xs: one.call(theirs, *xs)).point()
    found, expected = adjoint.trace(f, *x).compile().output, g(*x)
    for a, b in zip(*(y if isinstance(y, list) else [y] for y in (found, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_complex_signals() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(n) + 1j * rng.standard_normal(n) for n in (4, 3))
    for f in (signal.convolve, signal.correlate):
        for method in ("direct", "fft"):
            energy = lambda a, b, f=f, method=method: np.sum(np.abs(f(a, b, method=method)) ** 2)
            for x, g in zip((a, b), adjoint.grad(energy, (0, 1))(a, b), strict=True):
                for k in range(x.size):
                    for axis in (1.0, 1j):
                        step = np.zeros(x.size, complex)
                        step[k] = 1e-6 * axis
                        pair = ((a + step, b), (a - step, b)) if x is a else ((a, b + step), (a, b - step))
                        slope = (energy(*pair[0]) - energy(*pair[1])) / 2e-6
                        assert (np.conj(axis) * g[k]).real == pytest.approx(slope, rel=1e-6)


def test_an_implicit_filter_in_every_solver_that_takes_it() -> None:
    def energy(a: Any, x: Any) -> Any:
        return np.sum(signal.lfilter([1.0, 0.5], a, x) ** 2)

    a, x = np.array([1.2, -0.4, 0.1]), np.array([1.0, 2.0, -1.0, 0.5, 0.0])
    expected = adjoint.grad(energy, (0, 1))(a, x)
    for solver in ("dense", "sparse_triangular"):
        for one, other in zip(adjoint.grad(energy, (0, 1), solver=solver)(a, x), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_what_is_refused() -> None:
    x = np.arange(6.0)
    with pytest.raises(UnsupportedArgumentError, match="odd window_length"):
        adjoint.grad(lambda x: np.sum(signal.savgol_filter(x, 4, 2)))(x)
    with pytest.raises(ValueError, match="acceptable mode flags"):
        adjoint.grad(lambda x: np.sum(signal.convolve(x, x, "some")))(x)
    with pytest.raises(ValueError, match="one must be at least as large as the other in every dimension"):
        adjoint.grad(lambda x: np.sum(signal.convolve(np.outer(x, x), np.ones((2, 9)), "valid")))(x)
    with pytest.raises(ValueError, match="Parameter a is not a non-empty 1d array"):
        adjoint.grad(lambda x: np.sum(signal.lfilter([1.0], np.ones((2, 2)), x)))(x)

"""Arrays so large that a record lets go of what the blocks do not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as ss

import adjoint
from adjoint.scipy import fft, signal, special
from adjoint.scipy.sparse import linalg

N = 1024
BAND = ss.diags_array([np.full(N - 1, -1.0), np.full(N, 3.0), np.full(N - 1, -0.5)], offsets=[-1, 0, 1]).tocsr()
TAPS = np.array([0.5, 0.3, -0.2])
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "fft": lambda x: np.abs(np.fft.fft(x, norm="ortho")),
    "rfft and irfft": lambda x: np.fft.irfft(np.fft.rfft(x) * 2.0, N + 1),
    "fft2": lambda x: np.abs(np.fft.fft2(x.reshape(32, 32), norm="ortho")),
    "dct": lambda x: fft.dct(x, norm="ortho"),
    "dst": lambda x: fft.idst(x, 3),
    "diff": lambda x: np.diff(x, 2),
    "gradient": lambda x: np.gradient(x, 0.1, edge_order=2),
    "unwrap": lambda x: np.unwrap(x),
    "interp": lambda x: np.interp(x, np.linspace(-4, 4, 9), np.linspace(-4, 4, 9) ** 2),
    "convolve": lambda x: np.convolve(x, TAPS, "same"),
    "convolve two": lambda x: np.convolve(x, x[:3]),
    "sinc": lambda x: np.sinc(x),
    "vander": lambda x: np.vander(x, 3),
    "polyval": lambda x: np.polyval(TAPS, x),
    "cross": lambda x: np.cross(x[:1023].reshape(341, 3), TAPS),
    "softmax": lambda x: special.softmax(x) * x,
    "log_softmax": lambda x: special.log_softmax(x.reshape(32, 32), axis=1),
    "logsumexp": lambda x: special.logsumexp(x.reshape(2, 512), axis=1),
    "polygamma": lambda x: special.polygamma(1, 2 + x * x),
    "fftconvolve": lambda x: signal.fftconvolve(x, TAPS),
    "lfilter": lambda x: signal.lfilter([1.0, 0.5], [1.0, -0.4, 0.1], x),
    "savgol": lambda x: signal.savgol_filter(x, 5, 2),
    "sparse product": lambda x: BAND @ x,
    "sparse solve": lambda x: linalg.spsolve(BAND, x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient_and_curvature_of_large_arrays(name: str) -> None:
    f = FUNCTIONS[name]
    rng = np.random.default_rng(0)
    x, v = rng.standard_normal(N), rng.standard_normal(N)
    energy = lambda x: np.sum(np.tanh(f(x)) ** 2)
    slope = (energy(x + 1e-6 * v) - energy(x - 1e-6 * v)) / 2e-6
    assert adjoint.grad(energy)(x) @ v == pytest.approx(slope, rel=1e-6, abs=1e-6)
    assert adjoint.jvp(energy, (x,), (v,))[1] == pytest.approx(slope, rel=1e-6, abs=1e-6)
    bend = v @ (adjoint.grad(energy)(x + 1e-6 * v) - adjoint.grad(energy)(x - 1e-6 * v)) / 2e-6
    assert v @ adjoint.hvp(energy, (x,), (v,))[0] == pytest.approx(bend, rel=1e-5, abs=1e-5)

"""Programs around Fourier transforms: theorems that hold exactly, and objectives that look at spectra."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import NotAcceptedError
from adjoint.testing import check_block, check_gradient

rng = np.random.default_rng(0)


def random(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape)


@pytest.mark.parametrize("n", [4, 5, 8])
def test_power_spectrum(n: int) -> None:
    """Parseval: the energy of the spectrum is ``n`` times that of the signal, so the gradient is ``2 n x``."""
    x = random(n)
    energy = lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2)
    np.testing.assert_allclose(adjoint.grad(energy)(x), 2 * n * x)
    np.testing.assert_allclose(adjoint.hessian(energy)(x), 2 * n * np.eye(n), atol=1e-9)


@pytest.mark.parametrize("n", [6, 7])
def test_half_a_spectrum_has_all_of_the_energy(n: int) -> None:
    x, weights = random(n), np.full(n // 2 + 1, 2.0)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    energy = lambda x: np.sum(weights * np.abs(np.fft.rfft(x, norm="ortho")) ** 2)
    np.testing.assert_allclose(adjoint.grad(energy)(x), 2 * x)


@pytest.mark.parametrize("n", [6, 7])
def test_spectral_derivative_of_a_wave(n: int) -> None:
    """The derivative of an interpolating trigonometric polynomial; its transpose is its negative."""
    slope = lambda x: np.fft.irfft(2j * np.pi * np.fft.rfftfreq(n, 1 / n) * np.fft.rfft(x), n)
    t = 2 * np.pi * np.arange(n) / n
    np.testing.assert_allclose(slope(np.sin(2 * t)) / (2 * np.pi), 2 * np.cos(2 * t), atol=1e-12)
    matrix = adjoint.jacobian(slope)(random(n))
    np.testing.assert_allclose(matrix, -matrix.T, atol=1e-12)
    np.testing.assert_allclose(matrix @ np.cos(t) / (2 * np.pi), -np.sin(t), atol=1e-12)


def test_convolution_theorem() -> None:
    """The product of spectra is a convolution: same values, gradients and second derivatives."""
    a, b = random(4), random(3)

    def by_spectra(a: Any, b: Any) -> Any:
        return np.fft.irfft(np.fft.rfft(a, 6) * np.fft.rfft(b, 6), 6)

    for f in (by_spectra, np.convolve):
        energy = lambda a, b, f=f: np.sum(np.sin(f(a, b)))
        assert check_gradient(energy, a, b) > 1.9
    expected = adjoint.hessian(lambda a, b: np.sum(np.sin(np.convolve(a, b))), (0, 1))(a, b)
    found = adjoint.hessian(lambda a, b: np.sum(np.sin(by_spectra(a, b))), (0, 1))(a, b)
    for row, other in zip(found, expected, strict=True):
        for one, two in zip(row, other, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-12)


def test_heat_equation_backwards() -> None:
    """A whole spectral solver: the adjoint of a symmetric evolution is the evolution itself."""
    n, start = 16, random(16)
    decay = np.exp(-0.01 * np.fft.fftfreq(n, 1 / n) ** 2)

    def evolve(u: Any) -> Any:
        for _ in range(3):
            u = np.fft.ifft(decay * np.fft.fft(u)).real
        return u

    w = random(n)
    np.testing.assert_allclose(adjoint.grad(lambda u: w @ evolve(u))(start), evolve(w), atol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 5, 6])
@pytest.mark.parametrize("given", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
def test_adjoint_of_irfft_is_exact(n: int, given: int, norm: Any) -> None:
    """``Re⟨J v, w⟩ = Re⟨v, Jᴴ w⟩``, cropped and padded; imaginary parts that are ignored get no multiplier."""
    v, w = random(given) + 1j * random(given), random(n)
    y, pull = adjoint.vjp(lambda z: np.fft.irfft(z, n, norm=norm), v)
    (back,) = pull(w)
    direction = random(given) + 1j * random(given)
    assert np.vdot(back, direction).real == pytest.approx(np.fft.irfft(direction, n, norm=norm) @ w, abs=1e-13)
    np.testing.assert_array_equal(y, np.fft.irfft(v, n, norm=norm))
    assert back[0].imag == pytest.approx(0, abs=1e-14)
    if n % 2 == 0 and given > n // 2:
        assert back[n // 2].imag == pytest.approx(0, abs=1e-14)
    np.testing.assert_array_equal(back[n // 2 + 1 :], 0)


@pytest.mark.parametrize("transform", [np.fft.rfft, np.fft.ihfft, np.fft.fft])
@pytest.mark.parametrize("n", [3, 4, 7])
def test_multipliers_of_real_signals_are_real(transform: Any, n: int) -> None:
    x = random(5)
    y, pull = adjoint.vjp(lambda x: transform(x, n), x)
    w = random(y.size) + 1j * random(y.size)
    (back,) = pull(w)
    direction = random(5)
    assert back.dtype == np.float64
    assert back @ direction == pytest.approx(np.vdot(transform(direction, n), w).real)


def test_single_precision_stays_single() -> None:
    x = random(6).astype(np.float32)
    value, gradient = adjoint.value_and_grad(lambda x: np.sum(np.abs(np.fft.rfft(x)) ** 2))(x)
    assert (value.dtype, gradient.dtype) == (np.float32, np.float32)
    y, tangent = adjoint.jvp(np.fft.fft, (x,), (x,))
    assert (y.dtype, tangent.dtype) == (np.complex64, np.complex64)


def test_blocks_and_their_matrices() -> None:
    """A complex-linear transform has the DFT matrix; one that takes the real part has none."""
    z = random(4) + 1j * random(4)
    block = adjoint.trace(np.fft.fft, z).compile().block(2, 1)
    assert repr(block) == "<fourier block (4,) → (4,), 16 nonzeros>"
    np.testing.assert_allclose(block.to_dense(), np.fft.fft(np.eye(4)), atol=1e-15)
    back = adjoint.trace(np.fft.irfft, z[:3]).compile().block(2, 1)
    check_block(back, complex=True)
    with pytest.raises(NotAcceptedError, match="linear over the real numbers only"):
        back.to_sparse()


def test_a_long_transform_never_becomes_a_matrix() -> None:
    x = random(2**16)
    energy = lambda x: np.sum(np.abs(np.fft.fft(np.fft.ifft(x), norm="ortho")) ** 2)
    np.testing.assert_allclose(adjoint.grad(energy)(x), 2 * x / x.size, atol=1e-15)


@pytest.mark.filterwarnings("ignore:`axes` should not be:DeprecationWarning")
def test_arguments_that_numpy_refuses() -> None:
    x = random(3, 4)
    np.testing.assert_allclose(
        adjoint.trace(lambda x: np.fft.fftn(x, s=(2,)), x).compile().output, np.fft.fftn(x, s=(2,))
    )
    with pytest.raises(ValueError, match="Shape and axes have different lengths"):
        adjoint.grad(lambda x: np.abs(np.fft.fftn(x, s=(2,), axes=(0, 1))).sum())(x)
    with pytest.raises(ValueError, match="Invalid norm value"):
        adjoint.grad(lambda x: np.abs(np.fft.hfft(x, norm="sideways")).sum())(x)
    with pytest.raises(ValueError, match="Invalid number of FFT data points"):
        adjoint.grad(lambda x: np.abs(np.fft.fft(x, 0)).sum())(x)
    with pytest.raises(IndexError, match="out of"):
        adjoint.grad(lambda x: np.abs(np.fft.fft(x, axis=2)).sum())(x)
    with pytest.raises(TypeError, match="ufunc"):
        adjoint.grad(lambda x: np.abs(np.fft.rfft(x * 1j)).sum())(x)


def test_shape_and_axes_warn_as_numpy_does() -> None:
    with pytest.warns(DeprecationWarning, match="`axes` should not be `None` if `s` is not `None`"):
        adjoint.trace(lambda x: np.fft.fftn(x, s=(2, 2)), random(3, 4))

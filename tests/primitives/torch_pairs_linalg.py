"""PyTorch's name → NumPy's or SciPy's function: linear algebra, Fourier transforms, complex numbers.

Where a result has a free sign, phase or order, the programs below return what does not depend on it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint.scipy.linalg as scipy_linalg
from tests.primitives.case import Draw, any_real, positive
from tests.primitives.torch_peer import Pair, pair, plane, torch

square, vector = any_real(3, 3), any_real(3)
SHAPES = {"tall": any_real(4, 2), "wide": any_real(2, 4), "square": square, "stack": any_real(2, 3, 2)}


def regular(n: int, *batch: int) -> Draw:
    """Matrices with distinct eigenvalues, singular values and diagonal entries, all far from 0."""
    return lambda rng: rng.uniform(-0.5, 0.5, (*batch, n, n)) + np.diag(np.arange(2.0, 2 * n + 2, 2))


def regular_plane(n: int, *batch: int) -> Draw:
    return lambda rng: regular(n, *batch)(rng) + 1j * rng.uniform(-0.5, 0.5, (*batch, n, n))


def both(name: str, variation: str, program: Callable[..., Any], *operands: Draw) -> Pair:
    """``program(f, *operands)`` with the function of either package."""
    found = operator.attrgetter(name)(torch)
    ours = operator.attrgetter(name)(np)
    return pair(
        name, lambda *x: program(ours, *x), *operands, theirs=lambda *x: program(found, *x), variation=variation
    )


def called(f: Any, *x: Any) -> Any:
    return f(*x)


def with_options(*more: Any, **options: Any) -> Callable[..., Any]:
    return lambda f, *x: f(*x, *more, **options)


def hermitian(a: Any) -> Any:
    return (a + a.mT.conj()) / 2


def of_hermitian(f: Any, a: Any, **options: Any) -> Any:
    """The packages spread the derivative of a Hermitian argument differently over its triangles."""
    return f(hermitian(a), **options)


def projector(f: Any, a: Any) -> Any:
    """The projection onto the last two eigenvectors."""
    v = f(hermitian(a))[1][:, 1:]
    return v @ v.mT.conj()


def polar_factor(f: Any, a: Any) -> Any:
    u, _, vh = f(a, full_matrices=False)
    return u @ vh


def parts_of_product(f: Any, a: Any) -> Any:
    """Column k of Q times row k of R, whatever their signs."""
    q, r = f(a)
    return q.mT[..., :, :, None] * r[..., :, None, :]


def sums_of_powers(w: Any) -> Any:
    return [w.sum(), (w * w).sum(), (w * w * w).sum()]


def real_sums_of_powers(w: Any) -> Any:
    """For real matrices, whose eigenvalues PyTorch always returns as complex numbers."""
    return [part.real for part in sums_of_powers(w)]


NORMS: list[Pair] = [
    *(both("linalg.matrix_norm", f"{o}", with_options(ord=o), any_real(4, 2)) for o in ("fro", "nuc", 1, -1, 2, -2)),
    *(both("linalg.vector_norm", f"{o}", with_options(ord=o), vector) for o in (1, 2, 3, 0.5, np.inf, -np.inf)),
    *(both("linalg.norm", f"{o}", with_options(ord=o), square) for o in (None, "nuc", 2, -np.inf)),
    *(both("linalg.cond", f"{p}", with_options(p), regular(3)) for p in (None, -2)),
]

LINALG: list[Pair] = [
    *(both(f"linalg.{f}", "matrix", called, regular(3)) for f in ("det", "inv", "pinv", "svdvals")),
    *(both(f"linalg.{f}", "stack", called, regular(2, 3)) for f in ("det", "inv")),
    *(both(f"linalg.{f}", name, called, draw) for f in ("pinv", "svdvals") for name, draw in SHAPES.items()),
    *(both("linalg.svd", name, polar_factor, draw) for name, draw in SHAPES.items() if name != "square"),
    *(both("linalg.qr", name, parts_of_product, draw) for name, draw in SHAPES.items() if name != "wide"),
    both("linalg.slogdet", "logarithm", lambda f, a: f(a)[1], regular(3, 2)),
    pair("linalg.matrix_exp", scipy_linalg.expm, square),
    *(both("linalg.matrix_power", f"{n}", with_options(n), regular(3)) for n in (-2, 0, 1, 3)),
    both("linalg.cholesky", "lower", of_hermitian, regular(3)),
    both("linalg.cholesky", "upper", lambda f, a: of_hermitian(f, a, upper=True), regular(3)),
    both("linalg.cholesky", "stack", of_hermitian, regular(2, 2)),
    both("linalg.eigvalsh", "matrix", of_hermitian, square),
    both("linalg.eigh", "projector", projector, regular(3)),
    both("linalg.eigvals", "powers", lambda f, a: real_sums_of_powers(f(a)), regular(3)),
    both("linalg.eig", "powers", lambda f, a: real_sums_of_powers(f(a)[0]), regular(3)),
    both("linalg.solve", "matrix", called, regular(3), any_real(3, 2)),
    both("linalg.solve", "vector", called, regular(3), vector),
    both("linalg.solve", "broadcast", called, regular(2, 3), any_real(2, 1)),
    both("linalg.lstsq", "tall", lambda f, a, b: f(a, b)[0], any_real(4, 2), any_real(4, 2)),
    both("linalg.lstsq", "square", lambda f, a, b: f(a, b)[0], regular(3), any_real(3, 1)),
    pair(
        "linalg.solve_triangular",
        lambda a, b: scipy_linalg.solve_triangular(a, b, lower=True),
        regular(3),
        any_real(3, 2),
        theirs=lambda a, b: torch.linalg.solve_triangular(a, b, upper=False),
    ),
    both("linalg.multi_dot", "three", lambda f, *x: f(x), any_real(2, 3), any_real(3, 4), any_real(4, 2)),
    both("linalg.tensorinv", "cube", lambda f, a: f(a.reshape(2, 2, 4), 2), regular(4)),
    both("linalg.tensorsolve", "cube", lambda f, a, b: f(a.reshape(2, 2, 4), b), regular(4), any_real(2, 2)),
    both("linalg.cross", "rows", called, any_real(2, 3), any_real(2, 3)),
    both("linalg.vecdot", "rows", called, any_real(2, 3), any_real(2, 3)),
    both("linalg.diagonal", "stack", with_options(offset=1), any_real(2, 3, 4)),
    *NORMS,
    both("matmul", "broadcast", called, any_real(2, 1, 2, 3), any_real(4, 3, 2)),
    both("matmul", "vector", called, vector, any_real(2, 3, 4)),
    both("tensordot", "axes", with_options(([2, 0], [0, 1])), any_real(2, 3, 4), any_real(4, 2, 5)),
    both("einsum", "three", lambda f, *x: f("ij,kj,k->i", *x), any_real(2, 3), square, vector),
    both("einsum", "diagonal", lambda f, a: f("ijj->i", a), any_real(2, 3, 3)),
    *(both(name, "vectors", called, vector, any_real(4)) for name in ("outer", "kron")),
    both("kron", "matrices", called, any_real(2, 3), any_real(2, 2)),
    both("inner", "matrices", called, any_real(2, 3), any_real(4, 3)),
    both("trace", "matrix", called, square),
]


def transforms(suffix: str, draws: tuple[Callable[..., Draw], Callable[..., Draw]]) -> list[Pair]:
    """The Fourier transforms, of signals of the given kind and of spectra."""
    signal, spectrum = draws
    one, several = ("fft", "ifft", "rfft", "ihfft"), ("fft2", "ifft2", "fftn", "ifftn", "rfft2", "rfftn")
    if suffix == "complex":
        one, several = ("fft", "ifft", "irfft", "hfft"), ("fft2", "ifftn", "irfft2", "irfftn")
    return [
        *(
            both(f"fft.{f}", f"{suffix}_{n}_{norm}", with_options(n, norm=norm), signal(2, 4))
            for f in one
            for n, norm in ((None, "backward"), (3, "ortho"), (6, "forward"))
        ),
        *(both(f"fft.{f}", f"{suffix}_axis", with_options(None, 0), signal(3, 2)) for f in one),
        *(both(f"fft.{f}", f"{suffix}_default", called, signal(3, 4)) for f in several),
        *(both(f"fft.{f}", f"{suffix}_sizes", with_options((4, 3), (0, 1)), signal(3, 4)) for f in several),
        *(both(f"fft.{f}", f"{suffix}_moved", called, spectrum(5)) for f in ("fftshift", "ifftshift")),
    ]


FOURIER: list[Pair] = [*transforms("real", (any_real, any_real)), *transforms("complex", (plane, plane))]

OF_COMPLEX = (
    *("abs", "angle", "conj", "real", "imag", "exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
    *(
        "arctan",
        "arcsinh",
        "reciprocal",
        "square",
        "log10",
        "log2",
        "log1p",
        "expm1",
        "negative",
        "sum",
        "mean",
        "prod",
    ),
)

COMPLEX: list[Pair] = [
    *(both(f, "complex", called, plane(2, 3)) for f in OF_COMPLEX),
    *(both(f, "complex", with_options(0), plane(3, 2)) for f in ("cumsum", "cumprod")),
    pair("sgn", np.sign, plane(2, 3)),
    pair("polar", lambda r, t: r * np.exp(1j * t), positive(3), any_real(3)),
    pair("complex", lambda a, b: a + 1j * b, any_real(3), any_real(3)),
    *(both(f, "complex", called, plane(2, 3), plane(3)) for f in ("add", "subtract", "multiply", "true_divide")),
    *(both(f, "complex_and_real", called, plane(2, 3), any_real(3)) for f in ("multiply", "true_divide")),
    both("pow", "complex", called, plane(3), plane(3)),
    both("vdot", "complex", called, plane(3), plane(3)),
    both("matmul", "complex", called, plane(2, 3), plane(3, 2)),
    both("matmul", "complex_and_real", lambda f, a, b: f(a, b + 0j), plane(2, 3), any_real(3, 2)),
    both("einsum", "complex", lambda f, *x: f("ij,ij->j", *x), plane(2, 3), plane(2, 3)),
    *(both(f"linalg.{f}", "complex", called, regular_plane(3)) for f in ("det", "inv", "pinv", "svdvals", "norm")),
    both("linalg.pinv", "complex_tall", called, plane(3, 2)),
    both("linalg.slogdet", "complex", called, regular_plane(2)),
    both("linalg.solve", "complex", called, regular_plane(2, 2), plane(2, 1)),
    both("linalg.lstsq", "complex", lambda f, a, b: f(a, b)[0], plane(3, 2), plane(3, 1)),
    both("linalg.cholesky", "complex", of_hermitian, regular_plane(3)),
    both("linalg.eigvalsh", "complex", of_hermitian, regular_plane(3)),
    both("linalg.eigh", "complex", projector, regular_plane(3)),
    both("linalg.eigvals", "complex", lambda f, a: sums_of_powers(f(a)), regular_plane(3)),
    both("linalg.svd", "complex", polar_factor, plane(3, 2)),
    both("linalg.qr", "complex", parts_of_product, plane(3, 2)),
    both("linalg.matrix_power", "complex", with_options(3), regular_plane(2)),
    pair("linalg.matrix_exp", scipy_linalg.expm, plane(2, 2), variation="complex"),
    both("linalg.vector_norm", "complex_3", with_options(ord=3), plane(3)),
    both("where", "complex", lambda f, z: f(z.real > 0, z * z, z.conj()), plane(6)),
    both("fft.ifft", "of_product", lambda f, a, b: f(a * b).real, plane(4), plane(4)),
]

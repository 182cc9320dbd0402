"""Realistic programs that work in place: against differences, closed forms, and another package."""

from __future__ import annotations

import importlib.util
from types import FunctionType

import numpy as np
import pytest

import adjoint
from tests.primitives.references import leaves
from tests.tracing.agreement import agree, collect

X = np.array([0.7, -0.4, 1.3, 0.9, -0.8, 0.35])


def heat_equation(x):
    u = x * 1
    for _ in range(5):
        u[1:-1] += 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
        u[0] = u[1]
    return u


def heat_equation_in_a_plane(x):
    u = np.outer(x, np.cos(x))
    lap = np.zeros_like(u)
    for _ in range(3):
        lap[1:-1, 1:-1] = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        u += 0.1 * lap
        u[[0, -1], :] = 0.0
        u[:, [0, -1]] = u[:, [1, -2]]
    return u


def wave_equation(x):
    old, now, new = x * 1, x * 1, np.empty_like(x)
    for _ in range(4):
        new[0] = new[-1] = 0.0
        new[1:-1] = 2 * now[1:-1] - old[1:-1] + 0.3 * (now[2:] - 2 * now[1:-1] + now[:-2])
        old, now, new = now, new, old
    return old, now


def gauss_seidel(x):
    n = x.shape[0]
    A = np.outer(x, x) / 4 + 3 * np.eye(n)
    b, y = np.cos(x), np.zeros_like(x)
    for _ in range(3):
        for i in range(n):
            y[i] = (b[i] - A[i, :i] @ y[:i] - A[i, i + 1 :] @ y[i + 1 :]) / A[i, i]
    return y


def factors_in_place(x):
    """L and U in the place of A, row by row."""
    n = x.shape[0]
    A = np.outer(x, np.sin(x)) + 3 * np.eye(n)
    for k in range(n):
        A[k + 1 :, k] /= A[k, k]
        A[k + 1 :, k + 1 :] -= np.outer(A[k + 1 :, k], A[k, k + 1 :])
    return A


def factors_entry_by_entry(x):
    n = 4
    A = np.outer(x[:n], np.sin(x[:n])) + 3 * np.eye(n)
    for k in range(n):
        for i in range(k + 1, n):
            A[i, k] = A[i, k] / A[k, k]
            for j in range(k + 1, n):
                A[i, j] -= A[i, k] * A[k, j]
    return A


def elimination_with_exchanges(x):
    """Partial pivoting: rows change places by the usual idiom, and the pivots are looked at."""
    n = 4
    A, b = np.outer(x[:n], np.sin(x[1 : n + 1])) + np.diag(x[:n]), x[2 : n + 2] * 1
    for k in range(n):
        p = k + int(np.argmax(np.abs(A[k:, k])))
        A[[k, p]] = A[[p, k]]
        b[[k, p]] = b[[p, k]]
        for i in range(k + 1, n):
            factor = A[i, k] / A[k, k]
            A[i, k:] -= factor * A[k, k:]
            b[i] -= factor * b[k]
    y = np.zeros_like(b)
    for i in reversed(range(n)):
        y[i] = (b[i] - A[i, i + 1 :] @ y[i + 1 :]) / A[i, i]
    return y


def forward_substitution(x):
    n = x.shape[0]
    L = np.tril(np.outer(np.cos(x), x)) + 2 * np.eye(n)
    y = np.empty_like(x)
    for i in range(n):
        y[i] = (x[i] - np.sum(L[i, :i] * y[:i])) / L[i, i]
    return y


def cholesky(x):
    n = 4
    A = np.outer(x[:n], x[:n]) + 3 * np.eye(n)
    L = np.zeros_like(A)
    for i in range(n):
        for j in range(i + 1):
            s = A[i, j] - L[i, :j] @ L[j, :j]
            L[i, j] = np.sqrt(s) if i == j else s / L[j, j]
    return L


def gram_schmidt(x):
    Q = np.outer(x, [1.0, 0.5, -0.2]) + np.eye(x.shape[0])[:, :3] + np.sin(np.outer(x, [0.3, 2.0, 1.0]))
    for k in range(3):
        for j in range(k):
            Q[:, k] -= (Q[:, j] @ Q[:, k]) * Q[:, j]
        Q[:, k] /= np.sqrt(Q[:, k] @ Q[:, k])
    return Q


def thomas_algorithm(x):
    n = x.shape[0]
    upper, diagonal, right = np.sin(x), 3 + np.cos(x), x * 1
    for i in range(1, n):
        factor = 0.5 / diagonal[i - 1]
        diagonal[i] -= factor * upper[i - 1]
        right[i] -= factor * right[i - 1]
    y = np.zeros_like(x)
    y[-1] = right[-1] / diagonal[-1]
    for i in range(n - 2, -1, -1):
        y[i] = (right[i] - upper[i] * y[i + 1]) / diagonal[i]
    return y


def runge_kutta(x):
    steps, h = 3, 0.1
    f = lambda y: np.sin(y) * x[:2] - y[::-1]
    ys = np.zeros((steps + 1, 2), like=x)
    k = np.zeros((4, 2), like=x)
    ys[0] = x[2:4]
    for n in range(steps):
        k[0] = f(ys[n])
        k[1] = f(ys[n] + h / 2 * k[0])
        k[2] = f(ys[n] + h / 2 * k[1])
        k[3] = f(ys[n] + h * k[2])
        ys[n + 1] = ys[n] + h / 6 * (k[0] + 2 * k[1] + 2 * k[2] + k[3])
    return ys


def verlet(x):
    position, velocity = x[:3] * 1, x[3:] * 1
    path = np.empty((5, 3), like=x)
    force = -np.sin(position)
    for n in range(5):
        velocity += 0.05 * force
        position += 0.1 * velocity
        np.negative(np.sin(position), out=force)
        velocity += 0.05 * force
        path[n] = position
    return path, velocity


def running_products(x):
    y = np.ones_like(x)
    y[0] = x[0]
    for k in range(1, x.shape[0]):
        y[k] = y[k - 1] * x[k]
    np.multiply.accumulate(x, out=x)
    return y, x


def edit_distance(x):
    """A table of dynamic programming, with a softened minimum."""
    n = x.shape[0]
    D = np.zeros((n, n), like=x)
    for i in range(1, n):
        D[i, 0], D[0, i] = D[i - 1, 0] + 1, D[0, i - 1] + 1
    for i in range(1, n):
        for j in range(1, n):
            cost = (x[i] - 0.5 * x[n - 1 - j]) ** 2
            D[i, j] = -np.logaddexp(-D[i - 1, j] - 1, np.logaddexp(-D[i, j - 1] - 1, -D[i - 1, j - 1] - cost))
    return D


def longest_path(x):
    best = np.zeros_like(x)
    for i in range(1, x.shape[0]):
        best[i] = max(best[i - 1] + 0.1, best[max(0, i - 2)] + x[i])
    return best


def scatter_of_particles(x):
    """Cloud in cell: each particle adds to the two nodes beside it."""
    grid = np.zeros(5, like=x)
    left = np.floor(x).astype(int)
    share = x - left
    np.add.at(grid, left + 2, 1 - share)
    np.add.at(grid, left + 3, share**2)
    return grid


def fast_fourier_transform(x):
    """Decimation in time, in place, on the real and imaginary parts."""
    re = np.concatenate([x, x[:2]])[[0, 4, 2, 6, 1, 5, 3, 7]]
    im = np.zeros_like(re)
    half = 1
    while half < 8:
        angle = -np.pi * np.arange(half) / half
        for start in range(0, 8, 2 * half):
            a, b = slice(start, start + half), slice(start + half, start + 2 * half)
            t_re = np.cos(angle) * re[b] - np.sin(angle) * im[b]
            t_im = np.cos(angle) * im[b] + np.sin(angle) * re[b]
            re[b], im[b] = re[a] - t_re, im[a] - t_im
            re[a] += t_re
            im[a] += t_im
        half *= 2
    return re, im


def horner_scheme(x):
    y = np.zeros_like(x)
    for c in x[::-1]:
        y *= 0.3 * x
        y += c
    return y


def momentum_descent(x):
    """An optimizer that updates its state in place, differentiated with respect to its start."""
    w, v = x * 1, np.zeros_like(x)
    for _ in range(4):
        gradient = adjoint.grad(lambda w: np.sum(np.cos(w) * x) + np.sum(w**4) / 8)(w)
        v *= 0.9
        v -= 0.1 * gradient
        w += v
    return w


PROGRAMS = collect(globals())


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_values_and_derivatives(f):
    agree(f, X)


def test_the_transform_is_numpys():
    re, im = fast_fourier_transform(X)
    np.testing.assert_allclose(re + 1j * im, np.fft.fft(np.concatenate([X, X[:2]])))


def test_the_factors_are_factors():
    A = np.outer(X, np.sin(X)) + 3 * np.eye(6)
    made = adjoint.trace(factors_in_place, X).compile().output
    np.testing.assert_allclose((np.tril(made, -1) + np.eye(6)) @ np.triu(made), A)


def right_side(x):
    """What the programs above solve, by one call of a library."""
    n = x.shape[0]
    return {
        forward_substitution: np.linalg.solve(np.tril(np.outer(np.cos(x), x)) + 2 * np.eye(n), x),
        thomas_algorithm: np.linalg.solve(
            np.diag(3 + np.cos(x)) + 0.5 * np.eye(n, k=-1) + np.sin(x)[:, None] * np.eye(n, k=1), x
        ),
        elimination_with_exchanges: np.linalg.solve(np.outer(x[:4], np.sin(x[1:5])) + np.diag(x[:4]), x[2:6]),
        cholesky: np.linalg.cholesky(np.outer(x[:4], x[:4]) + 3 * np.eye(4)),
    }


@pytest.mark.parametrize("f", right_side(X), ids=lambda f: f.__name__)
def test_loops_agree_with_one_call(f):
    np.testing.assert_allclose(f(X), right_side(X)[f], rtol=1e-12)
    for mode in ("forward", "reverse"):
        found = adjoint.jacobian(f, mode=mode)(X)
        expected = adjoint.jacobian(lambda x: right_side(x)[f], mode=mode)(X)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


if importlib.util.find_spec("torch"):
    # PyTorch runs these as they stand; most of the others it refuses, since they overwrite what its tape has saved

    @pytest.mark.parametrize(
        "f",
        [heat_equation, heat_equation_in_a_plane, wave_equation, longest_path],
        ids=lambda f: f.__name__,
    )
    def test_gradients_of_another_package(f):
        import torch

        in_torch = FunctionType(f.__code__, {**globals(), "np": torch})
        x = torch.tensor(X, requires_grad=True)
        outputs = leaves(in_torch(x * 1))
        sum((k + 1) * torch.sin(y).sum() for k, y in enumerate(outputs)).backward()
        found = adjoint.grad(lambda x: sum((k + 1) * np.sum(np.sin(y)) for k, y in enumerate(leaves(f(x)))))(X)
        np.testing.assert_allclose(found, x.grad.numpy(), rtol=1e-12, atol=1e-13)

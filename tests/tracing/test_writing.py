"""Writing into traced arrays means what it means in NumPy: items, slices, masks, augmented assignment, aliases."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import adjoint
from tests.tracing.agreement import X, agree, collect, square

# --- numbers and slices ----------------------------------------------------------------------------------


def one_entry(x):
    y = np.zeros_like(x)
    y[0] = x[1] ** 2
    y[-1] = x[0] * x[1]
    y[1] = 3.0
    return y


def slices(x):
    y = x * 2
    y[1:3] = x[:2] ** 2
    y[::-2] = [x[0], 5.0]
    y[2:0:-1] *= x[0]
    y[3:3] = 7.0
    return y


def whole_arrays(x):
    y, z, w = (np.empty_like(x) for _ in range(3))
    y[:] = x
    z[...] = y * x
    w[()] = z
    y[:] = 2.0
    return y, z, w


def several_axes(x):
    m = square(x)
    m[0] = x
    m[:, 1] = 2 * x
    m[2, 3] = x[0] ** 2
    m[1:3, ::2] += x[0]
    m[..., -1] *= x
    m[3, ...] = 1.0
    m[None, 0] -= x
    return m


def values_broadcast(x):
    m = square(x)
    m[0] = x[0]
    m[1] = x[None]
    m[2:] = x
    m[2:, :1] = x[:2, None]
    m[3, 1:] = x[None, None, :1]
    return m


def values_in_lists(x):
    m = square(x)
    m[0] = [x[0], 2.0, x[1], 4.0]
    m[1] = (x[0], x[1] * x[2], 3.0, 1.0)
    m[2:] = [[x[0]], [x[1]]]
    m[3, :2] = np.array([x[3], x[2]])
    return m


def values_of_other_dtypes(x):
    y = x * 1
    y[0] = 2
    y[1] = np.float32(0.5)
    y[2] = True
    y[3:] = np.array([7], dtype=np.int8)
    return y * x


def scalar_reads_are_values(x):
    m = square(x)
    s = m[1, 2]
    m[1, 2] = 7 * x[0]
    t = m[1, 2]
    t += s
    t *= 2
    return m, s, t


def zero_dimensional_arrays_are_arrays(x):
    m = square(x)
    z = m[1, 2, ...]
    z[...] = x[3]
    z += x[1]
    z *= 2
    total = np.zeros((), like=x)
    alias = total
    alias += x[0] * x[1]
    alias[()] *= 3
    return m, z, total


def filled_from_the_neighbor(x):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, 4):
        y[i] = 0.5 * y[i - 1] ** 2 + np.sin(x[i])
    return y


def filled_twice(x):
    y = np.zeros_like(x)
    for i in range(4):
        y[i] = x[i]
    early = y * y
    for i in range(1, 4):
        y[i] = y[i - 1] * y[i]
    return early, y


# --- index arrays and masks ------------------------------------------------------------------------------


def integers_and_repeats(x):
    y = x * 1
    y[[0, 1, 0]] = x[:3] ** 2
    y[np.array([-1, 2])] += x[0]
    y[[3, 3]] *= 2  # once: the last write stays
    y[[]] = 5.0
    return y


def integers_on_several_axes(x):
    m = square(x)
    m[[0, 1], [1, 2]] = x[:2]
    m[[0, 0, 1]] = np.outer(x[:3], x)
    m[:, [1, 1]] = square(x)[:, :2]
    m[[[0], [1]], [2, 3]] *= x[:2]
    m[3, [1, 2]] = 5.0
    m[2:, [0, 3]] += 1
    m[np.ix_([0, 2], [1, 3])] -= x[1]
    m[np.diag_indices(4)] = x**2
    m[np.tril_indices(4, -1)] *= x[0]
    return m


def computed_positions(x):
    y, m = x * 1, square(x)
    y[np.argmax(x)] = x[0] ** 2
    y[np.argsort(x)] += x
    y[int(np.argmin(x)) :] *= 2
    m[np.unravel_index(np.argmax(m), m.shape)] = x[0]
    m[np.nonzero(m > 2)] *= x[1]
    return y, m


def masks(x):
    y, m = x * 1, square(x)
    y[np.array([True, False, True, False])] = x[:2] ** 2
    y[y > 0.8] = 0.5 * x[0]
    y[x < 0] *= x[1]
    m[m > 1.5] = x[0] * x[1]
    m[np.eye(4, dtype=bool)] = x
    m[x > 0] *= 2
    m[:, x < 1] += x[0]
    m[0, np.arange(4) > 1] = x[:2]
    m[np.tri(4) > 0] -= 1
    return y, m


def masks_are_arrays_themselves(x):
    kept = np.zeros_like(x, dtype=bool)
    kept[0] = True
    kept[x > 1] = True
    kept |= x < 0
    counts = np.zeros_like(x, dtype=int)
    counts[1] = 2
    counts += 1
    counts[kept] = 5
    counts[1:] *= counts[:-1]
    return x[kept] * 3, x * counts


def masks_read_before_they_change(x):
    y = x * 1
    mask = (x > 0) & (x < 1)
    y[mask] = x[mask] ** 2
    part = y[mask]
    part[0] = 100.0
    mask[0] = False
    y[~mask] += 1
    y[mask] += y[mask]
    return y, part


# --- augmented assignment and aliases ----------------------------------------------------------------------


def augmented(x):
    y = x * 1
    y += x
    y -= 0.5
    y *= x
    y /= 2 + x * x
    y **= 2
    z = x * 1
    z //= 0.6
    w = x * 1
    w %= 0.6
    return y, z, w


def augmented_matrices(x):
    m = square(x) / 10
    n = m
    n @= m
    n += x[:, None]
    m -= np.ones(4)
    return m, n


def augmented_by_itself(x):
    y, z, w, m = x * 1, x * 1, x * 1, square(x)
    y += y
    y *= y
    z += z[::-1]
    w[:] = w
    w[1:] = w[1:]
    m += m.T
    m -= m[0]
    return y, z, w, m


def aliases(x):
    y = x * 1
    h = y
    h += 1
    h[0] = x[1]
    y *= h
    fresh = y + 0
    fresh[1] = 9.0
    return y, h, fresh


def the_argument(x):
    x[0] = x[1] * x[2]
    x += 1
    x[1:] *= x[:-1]
    return x


def arguments_of_functions(x):
    def scale(a, by):
        a *= by
        return a

    y = x * 1
    z = scale(y, 2)
    scale(z[1:], x[0])
    return y, z


def swaps(x):
    y, m = x * 1, square(x)
    y[0], y[1] = y[1].copy(), y[0].copy()
    y[2], y[3] = y[3], y[2]
    y[[0, 3]] = y[[3, 0]]
    m[0], m[1] = m[1].copy(), m[0].copy()
    m[2], m[3] = m[3], m[2]  # rows are views: NumPy copies the fourth row twice
    m[:, [0, 2]] = m[:, [2, 0]]
    return y, m


def overlaps(x):
    a, b, c, d = x * 1, x * 1, x * 1, x * 1
    a[1:] = a[:-1]
    b[1:] += b[:-1]
    c[:-1] -= c[1:] * c[0]
    d[:] = d[::-1]
    return a, b, c, d


def copies_are_apart(x):
    y = x * 1
    made = [y.copy(), np.copy(y), copy.copy(y), copy.deepcopy(y), +y, y.astype(float), y[[0, 1, 2, 3]], y[y > -9]]
    made += [np.where(x > -9, y, 0), np.concatenate([y]), np.sort(y), np.roll(y, 1), np.repeat(y, 1), y.flatten()]
    y[:] = 0.0
    for k, z in enumerate(made):
        z[k % 4] = k * x[0]
    return (y, *made)


def new_arrays(x):
    made = [np.ones_like(x), np.full_like(x, 3.0), np.zeros_like(x, shape=(2, 4)), np.empty_like(x, dtype=float)]
    for y in made:
        y[...] = 2.0
        y[..., 1] = x[0]
        y *= x
    return tuple(made)


def new_arrays_like(x):
    made = [
        np.zeros((2, 4), like=x),
        np.ones(4, like=x),
        np.empty(4, like=x),
        np.eye(4, like=x),
        np.identity(4, like=x),
        np.arange(4.0, like=x),
        np.tri(4, like=x),
        np.full(4, 2.5, like=x),
        np.full((2, 4), x[0], like=x),
        np.array([1.0, 2.0, 3.0, 4.0], like=x),
        np.asarray([[x[0], 1.0, 2.0, x[1]]], like=x),
    ]
    made[2][:] = 1.0
    for y in made:
        y[..., 0] = x[1]
        y *= x
    return tuple(made)


# --- complex arrays ----------------------------------------------------------------------------------------


def complex_entries(x):
    z = np.zeros_like(x, dtype=complex)
    z[:] = x
    z[1:] += 1j * x[:-1]
    z[[0, 2]] = x[:2] * 1j
    z *= 1 + 2j
    z[3] = x[0]
    return z


def complex_masks(x):
    z = x + 1j * x**2
    z[z.real > 0.5] *= 2j
    z[abs(z) < 1] = x[0]
    return z, np.abs(z)


def complex_parts(x):
    z = x + 1j * x[::-1]
    z.real[0] = x[1]
    z.imag[1:3] *= x[0]
    z.real += 1
    z.imag *= -2
    z.real = z.imag + x
    z.imag = 0.5
    return z


PROGRAMS = collect(globals())
COMPLEX = [f for f in PROGRAMS if f.__name__.startswith("complex")]


@pytest.mark.parametrize("f", [f for f in PROGRAMS if f not in COMPLEX], ids=lambda f: f.__name__)
def test_as_in_numpy(f):
    agree(f)


@pytest.mark.parametrize("f", COMPLEX, ids=lambda f: f.__name__)
def test_complex_as_in_numpy(f):
    agree(f, real=False)


def test_an_array_keeps_its_dtype():
    def f(x):
        y = x.astype(np.float32)
        y += np.array([1.0, 2.0, 3.0, 4.0])
        y[0] = np.float64(0.5)
        y *= np.float64(2.5)
        z = np.zeros_like(y)
        z[:] = y.astype(float)
        np.add(x, x, out=y)
        w = np.arange(4) * np.ones_like(x, dtype=int)
        w += np.int8(2)
        w[0] = True
        return y, z, w

    for found, expected in zip(adjoint.trace(f, X).compile().output, f(X), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    rows = adjoint.jacobian(lambda x: f(x)[:2])(X)
    np.testing.assert_allclose(rows[0], 2 * np.eye(4))
    np.testing.assert_allclose(rows[1], 2.5 * np.diag([0.0, 1.0, 1.0, 1.0]))

"""``out=``, ``where=``, ``dtype=``, in-place functions and methods, ``ufunc.at``: NumPy's meaning on traced arrays."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from tests.tracing.agreement import X, agree, collect, square

# --- out= ----------------------------------------------------------------------------------------------------


def ufuncs(x):
    y = np.empty_like(x)
    r = np.add(x, 2 * x, out=y)
    assert r is y
    r[0] = x[1]
    np.multiply(y, x, y)
    np.sin(y, out=y)
    np.exp(x, y[::-1])
    np.negative(y, out=(y,))
    return y, r


def ufuncs_into_parts(x):
    m, y = square(x), x * 1
    np.add(m[0], x, out=m[:, 1])
    np.multiply(x, x[:, None], out=m.T)
    np.add(y[:-1], y[1:], out=y[1:])
    np.square(y[::2], out=y[1::2])
    np.tanh(x[0], out=m[2])  # the result broadcasts
    return m, y


def ufuncs_with_two_results(x):
    a, b, c, d = (np.empty_like(x) for _ in range(4))
    whole, part = np.modf(3 * x, out=(a, b))
    np.divmod(x + 3, 0.77, c, d)
    quotient, rest = np.divmod(x + 2, 0.63, out=(None, d[:]))
    assert whole is a
    return a, b, c, d, part * x, quotient, rest * x


def chosen_entries(x):
    y, z, m = x * 2, np.zeros_like(x), square(x)
    np.sin(x, out=y, where=x > 0)
    np.divide(1.0, x, out=z, where=[True, False, True, False])
    np.multiply(x, x[:, None], out=m, where=(x > 0.8)[:, None])
    np.add(y, 1, out=y, where=False)
    np.add(y[1:3], 1, out=y[1:3], where=True)
    return y, z, m


def reductions(x):
    m = square(x)
    out = [np.empty_like(x) for _ in range(9)]
    np.sum(m, axis=0, out=out[0])
    np.mean(m, 1, None, out[1])
    np.max(m, 0, out[2])
    np.prod(m, axis=1, out=out[3])
    np.std(m, 0, out=out[4])
    np.var(m, 1, None, out[5])
    np.cumsum(x, 0, None, out[6])
    np.cumprod(x, out=out[7])
    np.median(m, 0, out[8])
    total = np.zeros((), like=x)
    np.sum(x, out=total)
    kept = np.zeros((4, 1), like=x)
    np.min(m, axis=1, keepdims=True, out=kept)
    return (*out, total, kept)


def methods(x):
    m = square(x)
    out = [np.empty_like(x) for _ in range(9)]
    m.sum(axis=0, out=out[0])
    m.mean(1, None, out[1])
    m.max(0, out[2])
    m.prod(axis=1, out=out[3])
    m.std(0, out=out[4])
    x.cumsum(out=out[5])
    x.clip(-0.2, 1.0, out[6])
    m.dot(x, out[7])
    x.take([3, 0, 0, 1], 0, out[8])
    x.clip(0.0, 1.0, out=x)
    total = np.zeros((), like=x)
    x.sum(out=total)
    return (*out, total, x)


def ufunc_methods(x):
    m = square(x)
    out = [np.empty_like(x) for _ in range(3)]
    np.add.reduce(m, axis=1, out=out[0])
    np.add.accumulate(x, out=out[1])
    np.maximum.reduce(m, 0, None, out[2])
    outer, parts = np.empty_like(m), np.zeros(2, like=x)
    np.multiply.outer(x, x, out=outer)
    np.add.reduceat(x, [0, 3], out=parts)
    np.add.accumulate(x, out=x)
    return (*out, outer, parts, x)


def products(x):
    m = square(x)
    a, b, c, d, e, f = np.empty_like(x), np.empty_like(x), np.empty_like(m), np.empty_like(m), np.empty_like(x), m * 1
    np.dot(m, x, a)
    np.dot(x, m, out=b)
    np.matmul(m, m, out=c)
    np.outer(x, x, d)
    np.einsum("ij,j->i", m, x, out=e)
    np.matmul(f, f, out=f)
    np.matmul(e, x, out=f[1])  # a number, which broadcasts
    return a, b, c, d, e, f


def joined_and_chosen(x):
    long, wide, short, y = np.zeros(8, like=x), np.zeros((2, 4), like=x), np.zeros(2, like=x), np.empty_like(x)
    np.concatenate([x, 2 * x], out=long)
    np.concatenate([x[:2], long[:6]], 0, long)
    np.stack([x, x**2], out=wide)
    np.stack([x, 3 * x], 0, wide[::-1])
    np.take(x, [0, 2], out=short)
    np.take(short, [1, 0], None, short)
    np.compress([True, False, True, False], x, out=wide[0, :2])
    np.clip(x, -0.2, 1.0, y)
    np.choose([0, 1, 1, 0], [x, y], y)
    return long, wide, short, y


def a_complex_out(x):
    wide = np.zeros_like(x, dtype=complex)
    np.multiply(x, 3.0, out=wide)
    np.add(wide, 1j * x, out=wide)
    np.exp(1j * x[:2], out=wide[1:3])
    return wide, wide.real


def other_dtypes(x):
    return (
        np.add(x, 1, dtype=float),
        np.multiply(x, x, casting="same_kind"),
        np.exp(x, subok=True),
        np.sin(x, order="K"),
    )


# --- functions that edit their argument ------------------------------------------------------------------------


def what_was_written_stays_as_it_is(x):
    """The source has memory of its own: filling the target further, entry by entry, does not reach it."""
    writes = [
        lambda y, z: np.copyto(y, z),
        lambda y, z: np.positive(z, out=y),
        lambda y, z: np.add(z, 0, out=y),
        lambda y, z: np.clip(z, -9, 9, out=y),
        lambda y, z: y.__setitem__(slice(None), z),
        lambda y, z: y.__setitem__(Ellipsis, z[:]),
        lambda y, z: y.__setitem__([0, 1, 2, 3], z),
        lambda y, z: np.put(y, [0, 1, 2, 3], z),
        lambda y, z: np.concatenate([z], out=y),
        lambda y, z: np.take(z, [0, 1, 2, 3], out=y),
        lambda y, z: np.reshape(z, (2, 2)).sum(axis=(), out=y.reshape(2, 2)),
        lambda y, z: z.sort() or np.copyto(y, z),
    ]
    results = []
    for write in writes:
        y, z = np.zeros_like(x), 2 * x
        y[0] = x[1]
        write(y, z)
        early = z * z
        for k in range(4):
            y[k] += k
        results += [y, z * z - early + z]
    return tuple(results)


def copyto(x):
    y, m = np.zeros_like(x), square(x)
    np.copyto(y, x)
    np.copyto(y, 2 * x, where=x > 0)
    np.copyto(y[:2], x[0])
    np.copyto(m, x)
    np.copyto(m, 0.5, where=square(x) > 1)
    np.copyto(m[:, 0], m[0])
    return y, m


def put(x):
    y, m = x * 1, square(x)
    np.put(y, [0, 2, 0], x[1:])
    np.put(y, [3, -2], [7.0])
    np.put(y, [5], x[0], mode="wrap")
    np.put(m, [0, 7, 15], x[:3])
    np.put(m.T, [1], x[0])
    np.put(m[:, 2], [0, 1], x[2:])
    y.put([1], x[3])
    return y, m


def masked(x):
    y, z, m = x * 1, x * 1, square(x)
    np.place(y, x > 0.8, x[:1])
    np.place(m[3], x > 0, x[:2])
    np.putmask(z, x < 0, x * 3)
    np.putmask(m[2], x > 0.8, x[::-1])
    return y, z, m


def along_an_axis(x):
    m, n = square(x), square(x)
    np.put_along_axis(m, np.array([[0], [1], [2], [0]]), x[:, None], 1)
    np.put_along_axis(n, np.argmax(n, axis=0)[None], 0.5, axis=0)
    return m, n


def fill_diagonal(x):
    m, n, tall = square(x), square(x), np.outer(np.arange(6.0), x[:2])
    np.fill_diagonal(m, x[0])
    np.fill_diagonal(n, x**2)
    np.fill_diagonal(n[1:, 1:], x[:3])
    np.fill_diagonal(tall, x[:2], wrap=True)
    return m, n, tall


def fill_and_flat(x):
    y, m = x * 1, square(x)
    y.fill(x[0])
    m[1:3].fill(x[1])
    m.flat[3] = x[0]
    m.flat[[0, 7]] = x[1:3]
    m.T.flat[:2] = x[:2]
    n = square(x)
    n.flat = x
    return y, m, n, sum(m.flat)


def sorted_in_place(x):
    y, m = x * 1, square(x)
    y.sort()
    m.sort(axis=0)
    m[2].sort()
    return y, m


# --- ufunc.at --------------------------------------------------------------------------------------------------


def repeated_positions(x):
    y = x * 1
    np.add.at(y, [0, 0, 1], x[:3])
    np.subtract.at(y, [1, 1], x[0])
    np.multiply.at(y, [2, 2, 3], x[:3])
    np.maximum.at(y, [3, 3], x[:2])
    np.divide.at(y, [3, 0], 2.0)
    np.power.at(y, [1, 1], 2)
    np.add.at(y, [], 1.0)
    return y


def one_operand(x):
    y = x * 1
    np.negative.at(y, [0, 3, 0])
    np.exp.at(y, [1, 1])
    np.sin.at(y, slice(2, 4))
    return y


def several_axes(x):
    m = square(x)
    np.add.at(m, ([0, 0, 1], [1, 1, 2]), x[:3])
    np.add.at(m, [0, 0], x)
    np.add.at(m, (slice(None), [0, 0]), 1.0)
    np.multiply.at(m, ([0, 0],), x[:2, None])
    np.add.at(m, np.eye(4, dtype=bool), x)
    np.add.at(m, x > 0.8, x)
    np.subtract.at(m.T, ([0], [1]), x[3])
    np.add.at(m[1:], 0, x)
    return m


def positions_of_the_data(x):
    histogram = np.zeros(4, like=x)
    np.add.at(histogram, (2 * np.abs(x)).astype(int), x**2)
    return histogram


# --- Python functions -------------------------------------------------------------------------------------------


def python_ufuncs(x):
    product = np.frompyfunc(lambda a, b: a * b + 1 if a > 0 else a - b, 2, 1)
    both = np.frompyfunc(lambda a: (np.sin(a), a * a), 1, 2)
    return product(x, x[:, None]) + np.zeros(4), *(v + np.zeros(4) for v in both(x))


def vectorized(x):
    branch = np.vectorize(lambda a, b: a * b if a > 0 else a - b)
    rows = np.vectorize(lambda v: np.sum(v**2), signature="(n)->()")
    return branch(x, x[::-1]), rows(square(x)), np.apply_along_axis(lambda v: v * v.sum(), 1, square(x))


PROGRAMS = [f for f in collect(globals()) if f not in (python_ufuncs, a_complex_out)]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_as_in_numpy(f):
    agree(f)


def test_a_wider_out():
    agree(a_complex_out, real=False)


def test_python_ufuncs():
    agree(lambda x: tuple(v.astype(float) if isinstance(v, np.ndarray) else v for v in python_ufuncs(x)))


def test_a_narrower_out():
    def f(x):
        y = np.zeros_like(x, dtype=np.float32)
        np.multiply(x, 2.0, out=y)
        return y

    assert adjoint.trace(f, X).compile().output.dtype == np.float32
    np.testing.assert_array_equal(adjoint.jacobian(f)(X), 2 * np.eye(4))


def test_undefined_entries_are_refused():
    """``where=`` without ``out=`` leaves what was in memory."""
    with pytest.raises(adjoint.errors.UnsupportedArgumentError, match=r"sin\(where=\.\.\.\) without out= leaves"):
        adjoint.grad(lambda x: np.sin(x, where=x > 0).sum())(X)


def test_entries_that_are_left_out_are_not_computed():
    """NumPy does not warn of them, and their derivative is that of what was in ``out``."""

    def f(x):
        y, z = 3 * x, np.zeros_like(x)
        np.log(x, out=y, where=x > 0)
        np.divide(1.0, x, out=z, where=x != 0)
        np.sqrt(x, out=z, where=x > 0.8)
        return y * z

    x = np.array([0.7, -0.4, 0.0, 0.9])
    with np.errstate(all="raise"):
        found = adjoint.jacobian(f)(x)
    expected = [
        (1 - np.log(0.7)) / 0.7**2,
        0.0,
        0.0,
        np.sqrt(0.9) / 0.9 + np.log(0.9) / (2 * np.sqrt(0.9)),
    ]
    np.testing.assert_allclose(found, np.diag(expected), atol=1e-14)

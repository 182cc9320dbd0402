"""Views: what NumPy lets share memory sees each other's writes on traced arrays too, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from tests.tracing.agreement import X, agree, collect, square

# --- what is a view, what is a copy, and what is read-only: NumPy itself tells -----------------------------

TAKEN = {
    # indexing
    "m[1:]": lambda m: m[1:],
    "m[::-1, ::2]": lambda m: m[::-1, ::2],
    "m[2]": lambda m: m[2],
    "m[np.int64(2)]": lambda m: m[np.int64(2)],
    "m[np.int64(1):]": lambda m: m[np.int64(1) :],
    "m[...]": lambda m: m[...],
    "m[()]": lambda m: m[()],
    "m[1, 2, ...]": lambda m: m[1, 2, ...],
    "m[:, None, 1:, None]": lambda m: m[:, None, 1:, None],
    "m[[0, 1]]": lambda m: m[[0, 1]],
    "m[:, [0, 1]]": lambda m: m[:, [0, 1]],
    "m[m > 1]": lambda m: m[m > 1],
    "list": lambda m: list(m),
    # shapes
    "reshape": lambda m: m.reshape(2, 8),
    "reshape F": lambda m: m.reshape((2, 8), order="F"),
    "reshape A": lambda m: np.reshape(m.T, 16, order="A"),
    "reshape copy": lambda m: np.reshape(m, 16, copy=True),
    "reshape of a transpose": lambda m: m.T.reshape(16),
    "reshape of columns": lambda m: m[:, :2].reshape(8),
    "reshape of rows": lambda m: m[1:3].reshape(8),
    "reshape of a column": lambda m: m[:, 1].reshape(2, 2),
    "reshape of steps": lambda m: m[::2].reshape(2, 2, 2),
    "ravel": lambda m: m.ravel(),
    "ravel of a transpose": lambda m: m.T.ravel(),
    "ravel F of a transpose": lambda m: np.ravel(m.T, order="F"),
    "ravel K of a transpose": lambda m: m.T.ravel(order="K"),
    "ravel A of a transpose": lambda m: m.T.ravel(order="A"),
    "ravel K of a copy": lambda m: m.T.copy().ravel("K"),
    "flatten": lambda m: m.flatten(),
    "expand_dims": lambda m: np.expand_dims(m, (0, 2)),
    "squeeze": lambda m: m[None].squeeze(),
    "squeeze axis": lambda m: np.squeeze(m[:, None], axis=1),
    "atleast_1d": lambda m: np.atleast_1d(m),
    "atleast_2d": lambda m: np.atleast_2d(m[0]),
    "atleast_3d": lambda m: np.atleast_3d(m),
    # axes
    "T": lambda m: m.T,
    "T of a vector": lambda m: m[0].T,
    "mT": lambda m: m.mT,
    "transpose": lambda m: m.reshape(2, 2, 4).transpose(2, 0, 1),
    "permute_dims": lambda m: np.permute_dims(m, (1, 0)) if hasattr(np, "permute_dims") else m.T,
    "matrix_transpose": lambda m: np.matrix_transpose(m),
    "swapaxes": lambda m: m.swapaxes(0, 1),
    "moveaxis": lambda m: np.moveaxis(m, 0, -1),
    "rollaxis": lambda m: np.rollaxis(m, 1),
    "flip": lambda m: np.flip(m),
    "fliplr": lambda m: np.fliplr(m),
    "flipud": lambda m: np.flipud(m),
    "rot90": lambda m: np.rot90(m),
    "rot180": lambda m: np.rot90(m, 2),
    # several parts
    "split": lambda m: np.split(m, [1, 3]),
    "array_split": lambda m: np.array_split(m, 3, axis=1),
    "vsplit": lambda m: np.vsplit(m, 2),
    "hsplit": lambda m: np.hsplit(m, 2),
    "dsplit": lambda m: np.dsplit(m[None], 2),
    "unstack": lambda m: np.unstack(m, axis=1) if hasattr(np, "unstack") else list(m.T),
    # read-only views
    "diagonal": lambda m: np.diagonal(m),
    "diagonal method": lambda m: m.diagonal(1),
    "diag": lambda m: np.diag(m),
    "broadcast_to": lambda m: np.broadcast_to(m, (2, 4, 4)),
    "sliding_window_view": lambda m: np.lib.stride_tricks.sliding_window_view(m, 2, axis=0),
    # sums of products of one operand
    "einsum ij": lambda m: np.einsum("ij", m),
    "einsum ij->ji": lambda m: np.einsum("ij->ji", m),
    "einsum ii->i": lambda m: np.einsum("ii->i", m),
    # the array itself, where there is nothing to do
    "real": lambda m: np.real(m),
    "real attribute": lambda m: m.real,
    "conj": lambda m: m.conj(),
    "conjugate": lambda m: np.conjugate(m),
    "astype": lambda m: m.astype(float),
    "astype without copy": lambda m: m.astype(float, copy=False),
    "real_if_close": lambda m: np.real_if_close(m),
    "nan_to_num": lambda m: np.nan_to_num(m),
    "nan_to_num without copy": lambda m: np.nan_to_num(m, copy=False),
    "positive": lambda m: +m,
    "diff 0": lambda m: np.diff(m, n=0),
    "trim_zeros": lambda m: np.trim_zeros(m[0]),
    "flip none": lambda m: np.flip(m, ()),
    "sum over none": lambda m: np.sum(m, axis=()),
    # copies that look like views
    "roll": lambda m: np.roll(m, 0),
    "repeat": lambda m: np.repeat(m, 1, 0),
    "tile": lambda m: np.tile(m, 1),
    "pad": lambda m: np.pad(m, 0),
    "resize": lambda m: np.resize(m, (4, 4)),
    "delete": lambda m: np.delete(m, [], 0),
    "concatenate": lambda m: np.concatenate([m]),
    "block": lambda m: np.block(m),
    "take": lambda m: m.take([0, 1], axis=0),
    "triu": lambda m: np.triu(m, -9),
    "where": lambda m: np.where(True, m, 0.0),
    "clip": lambda m: np.clip(m, None, 1e9),
    "copy": lambda m: m.copy(),
    "np.copy": lambda m: np.copy(m),
}


def listed(v):
    return list(v) if isinstance(v, (list, tuple)) else [v]


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_sees_later_writes_as_in_numpy(name):
    def f(x):
        m = square(x)
        taken = listed(TAKEN[name](m))
        first = [v * 1 for v in taken]
        m[1, 1] = x[0]
        m[2] *= x[1]
        m[:, 3] += 1
        return (*first, *(v * 1 for v in taken))

    agree(f, second=False)


def writable(name):
    return all(v.flags.writeable for v in listed(TAKEN[name](square(X))))


@pytest.mark.parametrize("name", [name for name in TAKEN if writable(name)])
def test_what_is_written_into_it_reaches_the_same_arrays_as_in_numpy(name):
    def f(x):
        m = square(x)
        row, column = m[1], m.T[2]
        taken = listed(TAKEN[name](m))
        for k, v in enumerate(taken):
            v[...] = v * x[0]
            v += k
            if v.ndim:
                v[..., :1] = x[1]
        m[3, 3] *= 2
        return (m, row, column, *taken)

    agree(f, second=False)


@pytest.mark.parametrize("name", [name for name in TAKEN if not writable(name)])
@pytest.mark.parametrize(
    "write",
    [
        lambda v: v.__setitem__(0, 1.0),
        lambda v: v.__setitem__([0], 1.0),
        lambda v: v.__iadd__(1.0),
        lambda v: v[:1].__setitem__(0, 1.0),
        lambda v: v.T.__imul__(2.0),
        lambda v: np.copyto(v, 0.0),
        lambda v: np.negative(v, out=v),
        lambda v: np.put(v, [0], 1.0),
    ],
)
def test_read_only_views_stay_as_they_are(name, write):
    def f(x):
        m = square(x)
        v = TAKEN[name](m)
        with pytest.raises(ValueError, match="read-only"):
            write(v)
        m[1, 1] = x[0]
        return m, v * 1

    agree(f, second=False)


# --- views of views -----------------------------------------------------------------------------------------


def views_of_views(x):
    y = np.zeros_like(x)
    u = y[1:]
    w = u[1:]
    w[0] = x[0] ** 2
    u[0] = x[1]
    y[3] = x[2] * x[3]
    w *= u[:2]
    return y, u, w


def long_chains(x):
    m = np.multiply.outer(np.arange(6.0), x).reshape(2, 3, 4)
    a = m.transpose(2, 0, 1)[1:4]
    b = a.reshape(3, 2, 3)[:, ::-1]
    b[0, 0] = x[:3]
    b[1] += 1
    c = b[2].T
    c[0, 0] = x[0]
    m[0, 0] *= x
    a -= 1
    return m, a, b, c


def two_views_that_overlap(x):
    y = x * 1
    a, b = y[:3], y[1:]
    a += b
    b *= a
    a[:] = b[::-1]
    b -= y[:3]
    return y, a, b


def halves_are_swapped(x):
    y = x * 1
    a, b = np.split(y, 2)
    a[:], b[:] = b.copy(), a.copy()
    return y, a, b


def rows_and_columns(x):
    m = square(x)
    rows, columns = list(m), [m[:, k] for k in range(4)]
    rows[0][1] = x[0]
    columns[1][2] = x[1]
    rows[2] += rows[0]
    columns[3] *= columns[1]
    return (m, *rows, *columns)


def iteration(x):
    m = square(x)
    for k, row in enumerate(m):
        row += k * x
        row[k] = x[0]
    for row in m[::-1]:
        row *= row
    for column in m.T:
        column -= column[0] / 2
    for _, (a, b) in zip(range(2), m.reshape(4, 2, 2), strict=False):
        a[:] = b
    return m


def nonzero_steps(x):
    y = x * 1
    r = y[::-1]
    r[:2] = x[:2] ** 2
    r[::2] += 1
    r[3:0:-1] *= x[0]
    return y, r


def read_before_between_and_after(x):
    y = x * 1
    v = y[1:3]
    a = v * 2
    y[2] = x[0] * 5
    b = v * 2
    v[0] = x[1] ** 2
    c, d = v * 2, y * v[0]
    y *= 2
    return a, b, c, d, v, y


def a_view_outlives_its_name(x):
    y = x * 1
    v = y[1:]
    y = y * 2  # a new array; v stays with the old one
    v += 1
    w = (x * 3)[1:]  # the base has no name at all
    w[0] = x[0]
    return y, v, w


def views_in_containers_and_objects(x):
    class State:
        def __init__(self, x):
            self.whole = x * 1
            self.tail = self.whole[2:]

    state = State(x)
    state.whole += 1
    state.tail *= 2
    state.tail[0] = state.whole[0]
    parts = {"head": state.whole[:2], "list": [state.whole[1:3]]}
    parts["list"][0] -= parts["head"]
    return state.whole, state.tail, parts["head"], parts["list"][0]


def generators_and_closures(x):
    y = x * 1
    total = np.zeros_like(x)

    def add(value, into=total):
        into += value
        return into

    def running():
        for k in range(3):
            y[k + 1] += y[k] * k
            yield y[k : k + 2]

    for pair in running():
        add(y)
        pair[0] *= 2
    return total, y


def complex_parts_of_views(x):
    z = x + 1j * x**2
    r = np.real(z[::-1])
    r[0] = x[0] * 2
    i = z.imag[1:]
    i[:2] *= r[:2]
    z *= 1j
    z[2:].real[0] = 5.0
    return z, r, i


# --- the memory layout decides what reshape and ravel give; a write never changes it ------------------------


def a_write_keeps_c_order(x):
    m, t = square(x), square(x).T * 1
    np.add(t, t, out=m)
    r = m.ravel()
    r[1] = x[0]
    np.copyto(m, t)
    s = m.reshape(2, 8)
    s[0] *= x[1]
    m += t
    m.ravel()[2] = 3.0
    return m, r, s


def a_write_keeps_fortran_order(x):
    m = square(x).T * 1
    e = np.expand_dims(m, 0)
    e[0, 1] = x
    r = m.T.ravel()
    r[3] = x[0]
    m.ravel()[0] = 100.0  # a copy
    q = m.ravel(order="F")
    q[5] = x[1]
    return m, e, r, q


def a_written_view_is_still_strided(x):
    m = square(x)
    v = m[:, :3]
    v[0] = 1.0
    r = v.ravel()  # a copy
    r[:] = 0.0
    y = x * 1
    back = y[::-1]
    back += x
    s = back.reshape(2, 2)  # a view: one stride serves both axes
    s[0] = x[:2]
    back.ravel()[0] = 100.0  # a copy
    t = m.T
    t += x
    t.ravel()[1] = 50.0  # a copy
    return m, v, r, y, back, s, t


def new_arrays_in_numpys_order(x):
    m = square(x).T * 1
    made = [np.zeros_like(m), np.copy(m), m.copy(), m.astype(float), np.take(square(x), [0, 2], axis=1), m + 1]
    made += [square(x)[:, [0, 2, 1]], np.sort(square(x), axis=0), np.cumsum(m, axis=1), np.stack([x, x], axis=1)]
    made += [np.full_like(m, x[0]), *np.meshgrid(x, x), np.concatenate([m, m], axis=1), square(x) @ m]
    for y in made:
        y.ravel()[1] = x[1]
        y.T.reshape(-1)[2] = 3.0
    return tuple(made)


PROGRAMS = collect(globals())
PROGRAMS = [f for f in PROGRAMS if f.__name__ != "complex_parts_of_views"]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_as_in_numpy(f):
    agree(f)


def test_complex_parts_of_views():
    agree(complex_parts_of_views, real=False)


def test_broadcast_arrays_share_memory_with_what_they_were_made_from():
    def f(x):
        a, b = np.broadcast_arrays(x[:, None], x)
        x[0] = x[1] ** 2
        return a * b

    agree(f)


def test_views_of_an_array_that_nobody_writes_cost_nothing():
    """No record but the view's own."""
    assert len(adjoint.trace(lambda x: x.reshape(2, 2)[0].T[1:], X)) == 4


def flat_pieces(x):
    """What ``flat`` gives is a copy; what is written into it reaches the array."""
    a = np.outer(x, x)
    d = a.flat[::5]
    d += 1
    old = a.flat[:]
    a[0, 0] = 9.0
    a.flat[1:3] = x[:2]
    entries = a.flat
    return a, d, old, next(entries) + next(entries)


def test_flat_gives_copies():
    agree(flat_pieces)

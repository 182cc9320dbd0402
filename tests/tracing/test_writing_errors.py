"""What NumPy refuses to write is refused alike, and leaves the array as it was; what would lose a derivative raises."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import adjoint
from adjoint.errors import EscapedTracerError, LostDerivativeError
from tests.tracing.agreement import X, same_values
from tests.tracing.programs import at_line

REFUSED = {
    # shapes
    "a longer value": lambda x, y: y.__setitem__(slice(0, 2), np.ones(3)),
    "a longer traced value": lambda x, y: y.__setitem__(slice(0, 2), x[:3]),
    "a matrix": lambda x, y: y.__setitem__(slice(None), np.ones((2, 4))),
    "an array into an entry": lambda x, y: y.__setitem__(0, np.ones(2)),
    "a traced array into an entry": lambda x, y: y.__setitem__(0, x[:2]),
    "a list into an entry": lambda x, y: y.__setitem__(0, [1.0, x[0]]),
    "a column into entries": lambda x, y: y.__setitem__(slice(0, 2), [[1.0], [x[0]]]),
    "augmented by another shape": lambda x, y: y.__iadd__(np.ones(2)),
    "augmented by a column": lambda x, y: y.__imul__(x[:, None]),
    "matmul that drops an axis": lambda x, y: y.__imatmul__(x),
    "too many values for positions": lambda x, y: y.__setitem__([0, 1], np.ones(3)),
    "too many values for a mask": lambda x, y: y.__setitem__(x > 0.8, x[:3]),
    "fill by an array": lambda x, y: y.fill(x),
    "out too small": lambda x, y: np.sin(x, out=y[:1]),
    "out of fewer axes": lambda x, y: np.add(x, x[:, None], out=y),
    "out of a sum too large": lambda x, y: np.sum(x, out=y),
    "out of a sum with an axis too many": lambda x, y: np.sum(x, out=y[:1]),
    "out of a mean": lambda x, y: np.mean(x[None], axis=0, out=y[:1]),
    "out of std": lambda x, y: np.std(x, out=y),
    "out of reduce": lambda x, y: np.add.reduce(x, out=y),
    "out of accumulate": lambda x, y: np.add.accumulate(x, out=y[:2]),
    "out of outer": lambda x, y: np.multiply.outer(x, x, out=y),
    "out of cumsum": lambda x, y: np.cumsum(x, out=y[:2]),
    "out of dot": lambda x, y: np.dot(x, x, out=y),
    "out of einsum": lambda x, y: np.einsum("i,i->i", x, x, out=y[:2]),
    "out of take": lambda x, y: np.take(x, [0, 1], out=y),
    "out of concatenate": lambda x, y: np.concatenate([x, x], out=y),
    "out of stack": lambda x, y: np.stack([x, x], out=y),
    "one out for two results": lambda x, y: np.divmod(x, 2.0, out=(y,)),
    "two outs for one result": lambda x, y: np.add(x, 1, out=(y, y)),
    "out given twice": lambda x, y: np.add(x, 1, y, out=y),
    "where of another shape": lambda x, y: np.sin(x, out=y, where=np.array([True, False])),
    "copyto of another shape": lambda x, y: np.copyto(y, x[:2]),
    "copyto where of another shape": lambda x, y: np.copyto(y, x, where=np.array([True, False])),
    "putmask of another shape": lambda x, y: np.putmask(y, np.array([True, False]), 1.0),
    "place without values": lambda x, y: np.place(y, np.array([True, False, True, False]), []),
    "add.at of another shape": lambda x, y: np.add.at(y, [0, 1], np.ones(3)),
    "fill_diagonal of a vector": lambda x, y: np.fill_diagonal(y, 1.0),
    # positions
    "position out of bounds": lambda x, y: y.__setitem__(7, 1.0),
    "positions out of bounds": lambda x, y: y.__setitem__([0, 9], x[0]),
    "too many positions": lambda x, y: y.__setitem__((0, 0), 1.0),
    "a float as position": lambda x, y: y.__setitem__(1.0, 1.0),
    "floats as positions": lambda x, y: y.__setitem__([0.5], 1.0),
    "text as position": lambda x, y: y.__setitem__("a", 1.0),
    "two ellipses": lambda x, y: y.__setitem__((Ellipsis, Ellipsis), 1.0),
    "a step of zero": lambda x, y: y.__setitem__(slice(0, 2, 0), 1.0),
    "a shorter mask": lambda x, y: y.__setitem__(np.array([True, False]), 1.0),
    "put out of bounds": lambda x, y: np.put(y, [7], 1.0),
    "add.at out of bounds": lambda x, y: np.add.at(y, [9], 1.0),
    "deleting": lambda x, y: y.__delitem__(0),
    # dtypes
    "a complex number": lambda x, y: y.__setitem__(0, 1j),
    "augmented by complex numbers": lambda x, y: y.__iadd__(1j * np.ones(4)),
    "copyto of complex numbers": lambda x, y: np.copyto(y, 1j * np.ones(4)),
    "text": lambda x, y: y.__setitem__(0, "text"),
    "None into entries": lambda x, y: y.__iadd__(None),
    "augmented by text": lambda x, y: y.__iadd__("text"),
    "bits of floats": lambda x, y: y.__iand__(1),
    "floats into out of integers": lambda x, y: np.add(x, 1, out=y.astype(int)),
    "unsafe out": lambda x, y: np.sin(x, out=y.astype(np.float32), casting="safe"),
    "unsafe dtype": lambda x, y: np.sin(x, dtype=np.float32, casting="safe"),
    "integer dtype": lambda x, y: np.add(x, 1, dtype=int),
    "integers augmented by floats": lambda x, y: y.astype(int).__iadd__(x),
    "integers divided": lambda x, y: y.astype(int).__itruediv__(2),
    "an unknown keyword": lambda x, y: np.sin(x, out=y, wherever=True),
    "a number as out": lambda x, y: np.sin(x, out=3.0),
    "a list as out": lambda x, y: np.sin(x, out=[y]),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("written_before", [False, True])
def test_refused_as_in_numpy(name, written_before):
    def f(x):
        y = np.zeros_like(x) if written_before else x * 1
        if written_before:  # by single entries: the road that writes in place
            for k in range(4):
                y[k] = x[k]
        with pytest.raises((ValueError, IndexError, TypeError, AttributeError)):
            REFUSED[name](x, y)
        y[1] = 2 * x[0]
        return y

    same_values(f, X)


# --- derivatives that would be lost ------------------------------------------------------------------------------


def floats_into_integers(x):
    k = np.zeros_like(x, dtype=int)
    k[0] = x[0]


def floats_into_integers_by_positions(x):
    k = np.zeros_like(x, dtype=int)
    k[[0, 1]] = x[:2]


def floats_into_a_mask(x):
    k = x > 0
    k[1:] = x[1:]


def complex_into_real(x):
    y = x * 1
    y[0] = 1j * x[0]


def complex_array_into_real(x):
    y = np.zeros_like(x)
    y[:] = x + 1j * x


@pytest.mark.parametrize(
    "f, text, what",
    [
        (floats_into_integers, "k[0] = x[0]", "float64 .* array of int64"),
        (floats_into_integers_by_positions, "k[[0, 1]] = x[:2]", "float64 .* array of int64"),
        (floats_into_a_mask, "k[1:] = x[1:]", "float64 .* array of bool"),
        (complex_into_real, "y[0] = 1j * x[0]", "complex128 .* array of float64"),
        (complex_array_into_real, "y[:] = x + 1j * x", "complex128 .* array of float64"),
    ],
)
def test_values_that_do_not_fit(f, text, what):
    with pytest.raises(LostDerivativeError, match=f"a traced {what} and lose its derivative") as caught:
        adjoint.trace(f, X)
    caught.match(at_line(f, text))
    caught.match(r"np\.zeros_like\(x, dtype=")


INTO_PLAIN = {
    "+=": lambda x, y: y.__iadd__(x),
    "out": lambda x, y: np.sin(x, out=y),
    "out of a view": lambda x, y: np.sin(x[:2], out=y[:2]),
    "positional out": lambda x, y: np.sum(x, 0, None, y[0, ...]),
    "out of a method": lambda x, y: x.cumsum(out=y),
    "where": lambda x, y: np.sin(x, out=y, where=x > 0),
    "reduce": lambda x, y: np.add.reduce(x[None], out=y),
    "at": lambda x, y: np.add.at(y, [0], x[0]),
    "copyto": lambda x, y: np.copyto(y, x),
    "put": lambda x, y: np.put(y, [0], x[:1]),
    "place": lambda x, y: np.place(y, y > -1, x),
    "putmask": lambda x, y: np.putmask(y, y > -1, x),
    "put_along_axis": lambda x, y: np.put_along_axis(y, np.array([0]), x[:1], 0),
    "fill_diagonal": lambda x, y: np.fill_diagonal(y.reshape(2, 2), x[0]),
}


@pytest.mark.parametrize("name", INTO_PLAIN)
def test_plain_arrays_take_no_traced_values(name):
    y = np.zeros(4)
    with pytest.raises(LostDerivativeError, match=r"plain .*array") as caught:
        adjoint.trace(lambda x: INTO_PLAIN[name](x, y), X)
    caught.match(r"np\.zeros_like\(x\)")
    assert not y.any()


# --- who may write -------------------------------------------------------------------------------------------------

INTO_OUTER = {
    "entry": lambda y, z: y.__setitem__(0, z[0] ** 2),
    "slice": lambda y, z: y.__setitem__(slice(1, 3), z[1:3]),
    "list": lambda y, z: y.__setitem__(slice(0, 2), [z[0], 1.0]),
    "positions": lambda y, z: y.__setitem__([0, 1], z[:2]),
    "mask": lambda y, z: y.__setitem__(np.arange(4) > 2, z[0]),
    "view": lambda y, z: y[1:].__setitem__(0, z[0]),
    "reshaped": lambda y, z: y.reshape(2, 2).__setitem__(0, z[0]),
    "+=": lambda y, z: y.__iadd__(z),
    "out": lambda y, z: np.sin(z, out=y),
    "where": lambda y, z: np.sin(z, out=y, where=np.arange(4) > 2),
    "one of two": lambda y, z: np.modf(z, out=(y, None)),
    "sum": lambda y, z: np.sum(z, out=y[0, ...]),
    "at": lambda y, z: np.add.at(y, [0], z[0]),
    "copyto": lambda y, z: np.copyto(y, z),
    "put": lambda y, z: np.put(y, [0], z[0]),
    "place": lambda y, z: np.place(y, np.arange(4) > 2, z[:1]),
    "fill_diagonal": lambda y, z: np.fill_diagonal(y.reshape(2, 2), z[0]),
}


@pytest.mark.parametrize("name", INTO_OUTER)
@pytest.mark.parametrize("written_before", [False, True])
def test_inner_values_do_not_go_into_outer_arrays(name, written_before):
    """They would outlive their trace; the outer array stays as it was."""

    def f(x):
        y = x * 1
        if written_before:
            y = np.zeros_like(x)
            for k in range(4):
                y[k] = x[k]

        def inner(z):
            with pytest.raises(LostDerivativeError, match=r"inner trace .* array of an outer one") as caught:
                INTO_OUTER[name](y, z)
            caught.match(r"Return it from the inner function .*np\.zeros_like of an inner value")
            return np.sum(y * z)

        return adjoint.grad(inner)(x) * y

    np.testing.assert_allclose(adjoint.jacobian(f)(X), np.diag(2 * X))


def test_another_thread_may_not_write():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0]
        refused = []

        def write(k):
            try:
                y[k] = 3.0
            except EscapedTracerError as error:
                refused.append(error)

        threads = [threading.Thread(target=write, args=(k,)) for k in (0, 1)]
        for thread in threads:
            thread.start()
            thread.join()
        assert len(refused) == 2
        y[2] = x[1]
        return y

    np.testing.assert_array_equal(adjoint.vjp(f, X)[0], [X[0], 0.0, X[1], 0.0])
    np.testing.assert_array_equal(adjoint.jacobian(f)(X), np.eye(4)[[0, 3, 1, 3]] * [[1.0], [0.0], [1.0], [0.0]])


def test_nobody_writes_after_the_trace():
    stored = []

    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0]
        stored.append(y)
        return x.sum()

    adjoint.grad(f)(X)
    for write in (lambda y: y.__setitem__(1, 2.0), lambda y: y.__iadd__(1.0), lambda y: np.add.at(y, [0], 1.0)):
        with pytest.raises(EscapedTracerError, match="used after the trace it belongs to had ended"):
            write(stored[0])


def test_two_threads_write_into_their_own():
    """Each records a trace of its own, at the same time."""
    found = {}

    def f(x):
        y = np.zeros_like(x)
        for _ in range(50):
            for k in range(4):
                y[k] += x[k] * y[k - 1] + 0.01
            y[1:] *= 0.9
        return y.sum()

    def work(k):
        found[k] = adjoint.grad(f)(X / (k + 1))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        np.testing.assert_array_equal(found[k], adjoint.grad(f)(X / (k + 1)))

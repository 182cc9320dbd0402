"""Values and partials of a scalar program in compiled loops: the extra ``fast`` (numba).

Every operation has a kernel of its own, made from the function and the partials in the rule table: a loop over the
nodes of one batch. A small dispatcher calls them batch after batch. Operations that numba does not compile stay with
NumPy. numba is imported when the first kernel is compiled; each is compiled once per process, which takes some tenths
of a second.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from adjoint.system.scalar_program import Batch, ScalarProgram
from adjoint.tracing import Primitive

Kernel = Any
"""A function that numba has compiled."""

_VALUES = "void(f8[::1], i4[::1], i4[::1], i8, i8)"
_PARTIALS = "void(f8[::1], i4[::1], i4[::1], f8[::1], i8, i8, i8)"


@lru_cache(maxsize=1)
def numba_found() -> bool:
    """Whether numba is installed; it is not imported."""
    return find_spec("numba") is not None


def _jit(signature: str | None = None) -> Callable[[Callable[..., Any]], Kernel]:
    import numba  # an optional package

    compiler: Callable[[Callable[..., Any]], Kernel] = numba.njit(signature, error_model="numpy", nogil=True)
    return compiler


def _attempt(make: Callable[[], Kernel]) -> Kernel | None:
    """A kernel, or ``None`` where numba does not know what a rule calls."""
    from numba.core.errors import NumbaError  # an optional package

    try:
        return make()
    except (NumbaError, NotImplementedError):
        return None


# --- one kernel per operation ---------------------------------------------------------------------


@lru_cache(maxsize=1024)
def value_kernel(primitive: Primitive | None) -> Kernel | None:
    """``z[k] = f(z[first[k]], z[second[k]])`` for the slots ``start:stop``."""
    if primitive is None:
        return _jit(_VALUES)(_copy)
    return _attempt(lambda: _jit(_VALUES)(_values_of(primitive.function)))


def _copy(z: Any, first: Any, second: Any, start: int, stop: int) -> None:
    for k in range(start, stop):
        z[k] = z[first[k]]


def _values_of(f: Any) -> Callable[..., None]:
    def unary(z: Any, first: Any, second: Any, start: int, stop: int) -> None:
        for k in range(start, stop):
            z[k] = f(z[first[k]])

    def binary(z: Any, first: Any, second: Any, start: int, stop: int) -> None:
        for k in range(start, stop):
            z[k] = f(z[first[k]], z[second[k]])

    return unary if f.nin == 1 else binary


@lru_cache(maxsize=1024)
def partial_kernel(primitive: Primitive, places: tuple[tuple[int, int], ...], width: int) -> Kernel | None:
    """Partials to where they stand: ``(position, number)`` says which entry of a column belongs to which operand."""
    partials = [scalar_partial(primitive, position) for position, _ in places]
    numbers = [number for _, number in places]

    def make() -> Kernel:
        d = [_jit()(partial) for partial in partials if partial is not None]
        if primitive.function.nin == 1:  # type: ignore[attr-defined]  # a ufunc
            return _jit(_PARTIALS)(_one_operand(d[0]))
        return _jit(_PARTIALS)(_one_of_two(d[0], numbers[0], width) if len(d) == 1 else _both(*d))

    return None if None in partials else _attempt(make)


def _one_operand(d: Kernel) -> Callable[..., None]:
    def write(z: Any, first: Any, second: Any, data: Any, start: int, stop: int, base: int) -> None:
        for k in range(start, stop):
            data[base + k - start] = d(z[k], z[first[k]])

    return write


def _one_of_two(d: Kernel, number: int, width: int) -> Callable[..., None]:
    def write(z: Any, first: Any, second: Any, data: Any, start: int, stop: int, base: int) -> None:
        for k in range(start, stop):
            data[base + width * (k - start) + number] = d(z[k], z[first[k]], z[second[k]])

    return write


def _both(d: Kernel, e: Kernel) -> Callable[..., None]:
    def write(z: Any, first: Any, second: Any, data: Any, start: int, stop: int, base: int) -> None:
        for k in range(start, stop):
            y, a, b = z[k], z[first[k]], z[second[k]]
            data[base + 2 * (k - start)] = d(y, a, b)
            data[base + 2 * (k - start) + 1] = e(y, a, b)

    return write


def scalar_partial(primitive: Primitive, position: int) -> Callable[..., Any] | None:
    """A partial as numba can take it."""
    partial: Callable[..., Any] = primitive.partials[position]
    if not callable(partial):
        return None
    if getattr(partial, "__module__", None) == "adjoint.primitives.ufuncs":  # and not a rule of the user's
        written_out = _WRITTEN_OUT.get(primitive.function)
        if written_out is not None:
            return written_out[position]
    return partial


_WRITTEN_OUT: dict[Any, tuple[Callable[..., Any], ...]] = {
    np.true_divide: (lambda y, a, b: 1 / b, lambda y, a, b: -y / b),
    np.power: (
        lambda y, a, b: 0.0 if b == 0 else b * a ** (b - 1),
        lambda y, a, b: y * np.log(1.0 if a == 0 else a),
    ),
    np.absolute: (lambda y, x: np.sign(x),),
    np.maximum: (
        lambda y, a, b: 0.5 if a == b else 1.0 if a > b else 0.0,
        lambda y, a, b: 0.5 if a == b else 1.0 if b > a else 0.0,
    ),
    np.minimum: (
        lambda y, a, b: 0.5 if a == b else 1.0 if b > a else 0.0,
        lambda y, a, b: 0.5 if a == b else 1.0 if a > b else 0.0,
    ),
    np.hypot: (lambda y, a, b: 0.0 if y == 0 else a / y, lambda y, a, b: 0.0 if y == 0 else b / y),
}
"""Rules whose partials call helpers for arrays of every dtype: the same formulas for two doubles."""


# --- all batches ----------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _dispatcher(kernels: tuple[Kernel, ...], arguments: str, signature: str) -> Kernel:
    """A loop over batches that calls ``kernels[codes[g]]``; a code beyond them is passed over.

    The loop is generated: numba has no stable way to choose among functions by number.
    """
    lines = [f"def run({arguments}, codes, starts, stops, bases, g, h):"]
    lines += ["    for batch in range(g, h):"]
    lines += ["        code, start, stop, base = codes[batch], starts[batch], stops[batch], bases[batch]"]
    extra = ", base" if "data" in arguments else ""
    for code in range(len(kernels)):
        lines.append(f"        {'el' if code else ''}if code == {code}:")
        lines.append(f"            kernel_{code}({arguments}, start, stop{extra})")
    names: dict[str, Any] = {f"kernel_{code}": kernel for code, kernel in enumerate(kernels)}
    exec("\n".join(lines), names)
    return _jit(signature)(names["run"])


_TABLES = "i4[::1], i8[::1], i8[::1], i8[::1], i8, i8)"
_RUN_VALUES = "void(f8[::1], i4[::1], i4[::1], " + _TABLES
_RUN_PARTIALS = "void(f8[::1], i4[::1], i4[::1], f8[::1], " + _TABLES


def compiled_values(program: ScalarProgram) -> tuple[list[bool], Callable[[np.ndarray, int, int], None]]:
    """Which batches are compiled, and ``run(z, g, h)``."""
    batches = [step for step in program.steps if isinstance(step, Batch)]
    kernels = {primitive: value_kernel(primitive) for primitive in dict.fromkeys(b.primitive for b in batches)}
    codes, known = _codes([kernels[batch.primitive] for batch in batches])
    run = _dispatcher(known, "z, first, second", _RUN_VALUES)
    tables = codes, *_ranges(batches), np.zeros(len(batches), np.int64)
    first, second = program.first.astype(np.int32), program.second.astype(np.int32)
    return (codes >= 0).tolist(), lambda z, g, h: run(z, first, second, *tables, g, h)


def compiled_partials(
    program: ScalarProgram, indptr: np.ndarray, places: dict[tuple[Primitive, int], tuple[Any, int]]
) -> tuple[set[tuple[Primitive, int]], Callable[[np.ndarray, np.ndarray], None]]:
    """Which operations are compiled, and ``write(z, data)``.

    ``places`` says for each operation which of its ``width`` entries per column vary: ``((position, number), …)``.
    """
    kernels = {kind: partial_kernel(kind[0], *where) for kind, where in places.items()}
    chosen = [(step, _kernel_of(kernels, step)) for step in program.steps if isinstance(step, Batch)]
    batches = [batch for batch, kernel in chosen if kernel is not None]
    codes, known = _codes([kernel for _, kernel in chosen if kernel is not None])
    run = _dispatcher(known, "z, first, second, data", _RUN_PARTIALS)
    starts, stops = _ranges(batches)
    tables = codes, starts, stops, indptr[starts].astype(np.int64)
    first, second = program.first.astype(np.int32), program.second.astype(np.int32)
    done = {kind for kind, kernel in kernels.items() if kernel is not None}
    return done, lambda z, data: run(z, first, second, data, *tables, 0, len(batches))


def _kernel_of(kernels: dict[tuple[Primitive, int], Kernel | None], batch: Batch) -> Kernel | None:
    return None if batch.primitive is None else kernels.get((batch.primitive, batch.mask))


def _codes(kernels: list[Kernel | None]) -> tuple[np.ndarray, tuple[Kernel, ...]]:
    known = tuple(kernel for kernel in dict.fromkeys(kernels) if kernel is not None)
    numbers = {kernel: code for code, kernel in enumerate(known)}
    return np.array([-1 if kernel is None else numbers[kernel] for kernel in kernels], dtype=np.int32), known


def _ranges(batches: list[Batch]) -> tuple[np.ndarray, np.ndarray]:
    """What outputs need; the rest is postponed, and then left to NumPy."""
    starts = np.array([batch.start for batch in batches], dtype=np.int64)
    return starts, np.array([batch.live for batch in batches], dtype=np.int64)

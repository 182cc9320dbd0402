"""The libraries that the benchmarks compare with, each behind the same three calls, skipped where not importable."""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
import scipy

import adjoint

_reasons: dict[str, str] = {}


class Backend(Protocol):
    """One way to differentiate ``program(xp, *arguments, *constants)``."""

    def prepare(
        self, program: Callable[..., Any], arguments: Sequence[np.ndarray], constants: Sequence[Any]
    ) -> Callable[[], Any]:
        """What is timed: value and gradient, from arrays that are already the library's own."""

    def to_numpy(self, answer: Any) -> tuple[Any, list[np.ndarray]]:
        """The answer as NumPy arrays."""


class Adjoint:
    """This library, on plain NumPy."""

    def prepare(self, program: Any, arguments: Any, constants: Any) -> Callable[[], Any]:
        function = adjoint.value_and_grad(lambda *xs: program(np, *xs, *constants), range(len(arguments)))
        return lambda: function(*arguments)

    def to_numpy(self, answer: Any) -> Any:
        value, gradients = answer
        return value, [np.asarray(g) for g in gradients]


class Autograd:
    """HIPS autograd, with its own ``autograd.numpy``."""

    def __init__(self) -> None:
        self.autograd = importlib.import_module("autograd")
        self.numpy = importlib.import_module("autograd.numpy")

    def prepare(self, program: Any, arguments: Any, constants: Any) -> Callable[[], Any]:
        positions = tuple(range(len(arguments)))
        function = self.autograd.value_and_grad(lambda *xs: program(self.numpy, *xs, *constants), positions)
        return lambda: function(*arguments)

    def to_numpy(self, answer: Any) -> Any:
        value, gradients = answer
        return value, [np.asarray(g) for g in gradients]


class Torch:
    """PyTorch eager on one thread."""

    def __init__(self) -> None:
        self.torch = importlib.import_module("torch")
        self.torch.set_num_threads(1)

    def prepare(self, program: Any, arguments: Any, constants: Any) -> Callable[[], Any]:
        torch = self.torch
        leaves = [torch.tensor(x, requires_grad=True) for x in arguments]
        fixed = [torch.tensor(x) if isinstance(x, np.ndarray) else x for x in constants]

        def run() -> Any:
            value = program(torch, *leaves, *fixed)
            return value, torch.autograd.grad(value, leaves)

        return run

    def to_numpy(self, answer: Any) -> Any:
        value, gradients = answer
        return value.detach().numpy(), [g.numpy() for g in gradients]


class Jax:
    """JAX, compiled by ``jit`` before the timing starts."""

    def __init__(self) -> None:
        self.jax = importlib.import_module("jax")
        self.jax.config.update("jax_enable_x64", True)
        self.numpy = importlib.import_module("jax.numpy")

    def prepare(self, program: Any, arguments: Any, constants: Any) -> Callable[[], Any]:
        jax, xp = self.jax, self.numpy
        fixed = [xp.asarray(x) if isinstance(x, np.ndarray) else x for x in constants]
        leaves = [xp.asarray(x) for x in arguments]
        positions = tuple(range(len(leaves)))
        function = jax.jit(jax.value_and_grad(lambda *xs: program(xp, *xs, *fixed), positions))
        return lambda: jax.block_until_ready(function(*leaves))

    def to_numpy(self, answer: Any) -> Any:
        value, gradients = answer
        return np.asarray(value), [np.asarray(g) for g in gradients]


class ScalarNumPy:
    """NumPy over object arrays of CasADi's scalar symbols; comparisons become its ``fmax`` and ``fmin``."""

    def __init__(self, casadi: Any) -> None:
        self._largest = np.frompyfunc(casadi.fmax, 2, 1)
        self._least = np.frompyfunc(casadi.fmin, 2, 1)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def amax(self, x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        """Elements one after the other: a symbol has no truth value, so NumPy's own cannot compare."""
        return self._largest.reduce(x, axis=axis, keepdims=keepdims)

    def amin(self, x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        """As ``amax``."""
        return self._least.reduce(x, axis=axis, keepdims=keepdims)


class VectorNumPy:
    """The few functions of whole columns that CasADi has, by NumPy's names."""

    def __init__(self, casadi: Any) -> None:
        self.sum, self.amax, self.amin = casadi.sum1, casadi.mmax, casadi.mmin
        self.exp, self.log, self.tanh = casadi.exp, casadi.log, casadi.tanh
        self.sin, self.cos, self.arctan = casadi.sin, casadi.cos, casadi.atan
        self.concatenate = lambda parts: casadi.vertcat(*parts)


class CasadiScalars:
    """CasADi's SX: every entry a symbol, one virtual machine of scalar operations, called through a buffer.

    Programs of vectors are written with its columns, others with object arrays of symbols: far slower to build.
    """

    def __init__(self) -> None:
        self.casadi = importlib.import_module("casadi")
        if hasattr(self.casadi.GlobalOptions, "setNumpyMode"):
            # 3.8 warns once; its new mode takes an object array of symbols for an array of NaN (3.8.2)
            self.casadi.GlobalOptions.setNumpyMode(-1)
        self.numpy = ScalarNumPy(self.casadi)
        self.vectors = VectorNumPy(self.casadi)

    def symbols(self, name: str, shape: tuple[int, ...]) -> tuple[Any, np.ndarray]:
        """A column of symbols, and the same in an object array of a shape."""
        column = self.casadi.SX.sym(name, int(np.prod(shape)))
        entries = np.empty(column.numel(), object)
        entries[:] = self.casadi.vertsplit(column) if column.numel() else []
        return column, entries.reshape(shape)

    def prepare(self, program: Any, arguments: Any, constants: Any) -> Callable[[], Any]:
        if all(x.ndim < 2 for x in (*arguments, *constants) if isinstance(x, np.ndarray)):
            leaves = [self.casadi.SX.sym(f"x{k}", x.size) for k, x in enumerate(arguments)]
            return buffered_gradient(self.casadi, leaves, program(self.vectors, *leaves, *constants), arguments)
        columns, leaves = zip(*(self.symbols(f"x{k}", x.shape) for k, x in enumerate(arguments)), strict=True)
        value = program(self.numpy, *leaves, *constants)
        return buffered_gradient(self.casadi, columns, value, arguments)

    def to_numpy(self, answer: Any) -> Any:
        value, gradients = answer
        return value[0], [g.copy() for g in gradients]


class CasadiVectors:
    """CasADi's MX: operations of whole vectors; for programs of vectors, nothing with two axes."""

    def __init__(self) -> None:
        self.casadi = importlib.import_module("casadi")
        self.numpy = VectorNumPy(self.casadi)

    def prepare(self, program: Any, arguments: Any, constants: Any) -> Callable[[], Any]:
        leaves = [self.casadi.MX.sym(f"x{k}", x.size) for k, x in enumerate(arguments)]
        fixed = [self.casadi.DM(x) if isinstance(x, np.ndarray) else x for x in constants]
        return buffered_gradient(self.casadi, leaves, program(self.numpy, *leaves, *fixed), arguments)

    def to_numpy(self, answer: Any) -> Any:
        value, gradients = answer
        return value[0], [g.copy() for g in gradients]


def buffered_gradient(
    casadi: Any, columns: Sequence[Any], value: Any, arguments: Sequence[np.ndarray]
) -> Callable[[], Any]:
    """Value and gradients of a CasADi expression by its quickest call: memory handed over once, nothing copied."""
    gradients = [casadi.densify(casadi.gradient(value, column)) for column in columns]
    function = casadi.Function("f", list(columns), [casadi.densify(value), *gradients])
    inputs = [np.array(x, float) for x in arguments]
    results = [np.zeros(1), *(np.zeros(x.shape) for x in inputs)]
    buffer, evaluate = function.buffer()
    for k, x in enumerate(inputs):
        buffer.set_arg(k, memoryview(x.reshape(-1)))
    for k, x in enumerate(results):
        buffer.set_res(k, memoryview(x.reshape(-1)))

    def run(_keep: Any = (function, buffer, inputs)) -> Any:  # the buffer does not own what it points to
        evaluate()
        return results[0], results[1:]

    return run


_BACKENDS: dict[str, Callable[[], Backend]] = {
    "adjoint": Adjoint,
    "autograd": Autograd,
    "torch": Torch,
    "jax": Jax,
    "CasADi SX": CasadiScalars,
    "CasADi MX": CasadiVectors,
}


@cache
def backend(name: str) -> Backend | None:
    """A peer by name, or ``None`` if it cannot be imported; then :func:`missing` says why."""
    try:
        found = _BACKENDS[name]()
    except ImportError as error:
        _reasons[name] = str(error)
        return None
    if name != "adjoint":
        # A full collection scans all that was ever imported: without this, everybody pays for everybody's imports.
        gc.collect()
        gc.freeze()
    return found


def missing(name: str) -> str:
    """Why a peer is not there."""
    return _reasons.get(name, "not installed")


def peer_versions() -> dict[str, str | None]:
    """The version of every peer, ``None`` where it is not installed."""
    found: dict[str, str | None] = {}
    for name in ("torch", "jax", "autograd", "casadi", "numba"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def versions() -> str:
    """What was measured with."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    ours = f"NumPy {np.__version__}, SciPy {scipy.__version__}, adjoint {adjoint.__version__}"
    return f"{python} ({platform.machine()}), {ours}"

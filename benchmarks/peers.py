"""The libraries that the benchmarks compare with, each behind the same three calls, skipped where not importable."""

from __future__ import annotations

import gc
import importlib
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


_BACKENDS: dict[str, Callable[[], Backend]] = {
    "adjoint": Adjoint,
    "autograd": Autograd,
    "torch": Torch,
    "jax": Jax,
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


def versions() -> str:
    """What was measured with."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    ours = f"NumPy {np.__version__}, SciPy {scipy.__version__}, adjoint {adjoint.__version__}"
    return f"{python} ({platform.machine()}), {ours}"

"""One function under its NumPy and its PyTorch name, and the derivatives by both packages.

Importing this module where PyTorch is not installed skips the test module that does.

PyTorch's gradient of a real ``f`` at a complex ``z`` is ``∂f/∂Re + i ∂f/∂Im``, and a seed is pulled back by the
conjugate transpose, as it is here: the numbers are the same, without a factor and without a conjugation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import adjoint
from tests.primitives.case import Draw
from tests.primitives.references import leaves

torch = pytest.importorskip("torch", reason="the second opinion needs torch: pip install -e '.[bench]'")

Function = Callable[..., Any]
Arrays = Sequence[np.ndarray]


@dataclass(frozen=True, slots=True)
class Pair:
    """A function of both packages.

    Attributes
    ----------
    name : str
        What it is called below ``torch``.
    variation : str
        What is special about this pair; unique for its name.
    ours, theirs : callable
        The same function of arrays and of tensors.
    operands : tuple of Draw
        All are differentiated.
    """

    name: str
    variation: str
    ours: Function
    theirs: Function
    operands: tuple[Draw, ...]

    @property
    def id(self) -> str:
        return f"{self.name}-{self.variation}"

    def point(self) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng([*self.id.encode()])
        return tuple(draw(rng) for draw in self.operands)


def pair(
    name: str, ours: Function, *operands: Draw, theirs: Function | None = None, variation: str = "", **options: Any
) -> Pair:
    """``ours(*operands, **options)`` and the same of ``theirs``, by default ``torch.<name>``.

    PyTorch knows NumPy's names of most options.
    """
    found = theirs or operator.attrgetter(name)(torch)
    variation = variation or "-".join(f"{key}_{value}" for key, value in options.items()) or "plain"
    return Pair(name, variation, lambda *xs: ours(*xs, **options), lambda *xs: found(*xs, **options), operands)


def plane(*shape: int) -> Draw:
    """Complex numbers with a modulus between 0.5 and 2, away from the negative real axis, where the cuts are."""
    return lambda rng: np.asarray(rng.uniform(0.5, 2.0, shape) * np.exp(1j * rng.uniform(-2.5, 2.5, shape)))


# --- the derivatives of the flat result: all results side by side ---------------------------------------


def array_program(one: Pair) -> Function:
    return lambda *xs: np.concatenate([np.ravel(part) for part in leaves(one.ours(*xs))])


def tensor_program(one: Pair) -> Function:
    return lambda *xs: torch.cat([torch.ravel(part) for part in leaves(one.theirs(*xs))])


def tensors(x: Arrays) -> list[Any]:
    return [torch.tensor(a, requires_grad=True) for a in x]


def flat(parts: Sequence[Any]) -> np.ndarray:
    arrays = [part.numpy(force=True) if torch.is_tensor(part) else np.asarray(part) for part in parts]
    return np.concatenate([np.ravel(a) for a in arrays])


def seeds_of(y: np.ndarray) -> np.ndarray:
    """The unit vectors, along both axes of the plane if ``y`` is complex: the whole Jacobian."""
    unit = np.eye(y.size)
    return np.concatenate([unit + 0j, 1j * unit]) if y.dtype.kind == "c" else unit


def pulled_by_adjoint(one: Pair, x: Arrays, seeds: np.ndarray) -> np.ndarray:
    """``(seeds, inputs)``: each row a seed pulled back to the operands."""
    parts = adjoint.vjp(array_program(one), *x)[1](seeds)
    return np.concatenate([np.reshape(part, (len(seeds), -1)) for part in parts], axis=1)


def pulled_by_torch(one: Pair, x: Arrays, seeds: np.ndarray) -> np.ndarray:
    z = tensors(x)
    y = tensor_program(one)(*z)
    rows = torch.tensor(seeds)
    return np.stack([flat(torch.autograd.grad(y, z, row, retain_graph=True, materialize_grads=True)) for row in rows])


def second_by_adjoint(one: Pair, x: Arrays, seed: np.ndarray, v: Arrays) -> np.ndarray:
    """The gradient of ``Re⟨∇E, v⟩``, where ``E`` is ``Re⟨seed, f(x)⟩``."""
    f, every = array_program(one), range(len(x))
    gradient = adjoint.grad(lambda *a: np.sum(np.real(np.conj(seed) * f(*a))), every)
    slope = lambda *a: sum(np.sum(np.real(np.conj(d) * part)) for d, part in zip(v, gradient(*a), strict=True))
    return flat(adjoint.grad(slope, every)(*x))


def second_by_torch(one: Pair, x: Arrays, seed: np.ndarray, v: Arrays) -> np.ndarray:
    z = tensors(x)
    value = torch.sum((torch.tensor(seed).conj() * tensor_program(one)(*z)).real)
    gradient = torch.autograd.grad(value, z, create_graph=True, materialize_grads=True)
    slope = sum(torch.sum((torch.tensor(d).conj() * part).real) for d, part in zip(v, gradient, strict=True))
    if not slope.requires_grad:  # the function is linear
        return np.zeros_like(flat(x))
    return flat(torch.autograd.grad(slope, z, materialize_grads=True))

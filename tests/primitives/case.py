"""What one case of the catalogue is: an operation, how it is called, and how its arguments are drawn.

A case says nothing about derivatives: every test of this folder takes it as a plain NumPy function at a point, and
finds its reference by evaluating that function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator], np.ndarray]


@dataclass(frozen=True, slots=True)
class Fixed:
    """An operand that is drawn like the others, but is a constant of the function."""

    draw: Draw


@dataclass(frozen=True, slots=True)
class Case:
    """One operation under one way of calling it.

    Attributes
    ----------
    subject : object
        What is being tested: a NumPy function, a function of :mod:`operator`, or an :class:`Attribute`.
    variation : str
        What is special about this case; unique for its subject.
    call : callable
        ``call(subject, *operands)``: the subject comes as an argument, so a case cannot claim another's coverage.
    operands : tuple of Draw or Fixed
        ``Draw`` operands are differentiated.
    branches : bool
        The program looks at the data, so that a trace holds near its point only.
    """

    subject: Any
    variation: str
    call: Callable[..., Any]
    operands: tuple[Draw | Fixed, ...]
    branches: bool = False

    @property
    def id(self) -> str:
        name = getattr(self.subject, "__name__", None) or str(self.subject)
        prefix = {"_operator": "operator.", "builtins": "builtin."}.get(getattr(self.subject, "__module__", ""), "")
        return f"{prefix}{name}-{self.variation}"

    def point(self, seed: int = 0, dtype: Any = np.float64) -> tuple[Callable[..., Any], tuple[np.ndarray, ...]]:
        """The case as a function of the differentiated operands, and a point where to evaluate it."""
        rng = np.random.default_rng([seed, *self.id.encode()])
        drawn = [(o.draw if isinstance(o, Fixed) else o)(rng) for o in self.operands]
        drawn = [x.astype(dtype) if x.dtype.kind == "f" else x for x in drawn]
        free = [k for k, o in enumerate(self.operands) if not isinstance(o, Fixed)]

        def function(*arguments: Any) -> Any:
            operands = list(drawn)
            for k, x in zip(free, arguments, strict=True):
                operands[k] = x
            return self.call(self.subject, *operands)

        return function, tuple(drawn[k] for k in free)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A method or a property of ``ndarray``, called as a function: ``Attribute("sum")(a, axis=0)``."""

    name: str

    def __call__(self, a: Any, *args: Any, **kwargs: Any) -> Any:
        found = getattr(a, self.name)
        return found(*args, **kwargs) if callable(found) else found

    def __str__(self) -> str:
        return f"ndarray.{self.name}"


def case(subject: Any, variation: str, *operands: Draw | Fixed, call: Any = None, **options: Any) -> Case:
    """A case that calls ``subject(*operands, **options)``, unless ``call`` says otherwise."""
    branches = options.pop("branches", False)
    if call is None:
        return Case(subject, variation, lambda f, *xs: f(*xs, **options), operands, branches)
    assert not options, "an option would be ignored"
    return Case(subject, variation, call, operands, branches)


# --- draws: shape → how to draw an array of it ------------------------------------------------------


def uniform(low: float, high: float) -> Callable[..., Draw]:
    """Arrays of the given shape with entries between two bounds."""
    return lambda *shape: lambda rng: np.asarray(rng.uniform(low, high, shape))


def apart(offset: float) -> Callable[..., Draw]:
    """Arrays whose entries are at least 0.8 apart, and away from 0, the integers and half-integers.

    The entries of arrays drawn with the offsets 0.25 and 0.75 also differ from each other by at least 0.3: no kink or
    jump of the usual functions is near.
    """

    def draw(*shape: int) -> Draw:
        def inner(rng: np.random.Generator) -> np.ndarray:
            n = int(np.prod(shape))
            steps = rng.permutation(n) - n // 2
            return (steps + offset + rng.uniform(-0.1, 0.1, n)).reshape(shape)

        return inner

    return draw


def integers(low: int, high: int) -> Callable[..., Fixed]:
    """Integer constants in ``low … high - 1``."""
    return lambda *shape: Fixed(lambda rng: np.asarray(rng.integers(low, high, shape)))


def constant(value: Any) -> Fixed:
    """A given array as a constant operand."""
    return Fixed(lambda rng: np.asarray(value))


any_real = uniform(-1.5, 1.5)
positive = uniform(0.5, 2.0)
distinct = apart(0.25)
others = apart(0.75)

"""Methods of the first order: what each keeps for an array of parameters, and how it moves it.

In the formulas ``g`` is the gradient, ``η`` the learning rate and ``t`` the step, counted from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn.optimizers.optimizer import Optimizer
from adjoint.nn.optimizers.schedules import Schedule, as_schedule

Arrays = Sequence[np.ndarray]


def _check(optimizer: Optimizer, **fractions: float) -> None:
    """Refuse a learning rate below 0, and fractions outside of [0, 1)."""
    as_schedule(optimizer.learning_rate)
    for name, value in fractions.items():
        if not 0 <= value < 1:
            raise ArgumentError(f"{type(optimizer).__name__}: {name} must be in [0, 1), not {value!r}")


@dataclass(frozen=True, slots=True)
class SGD(Optimizer):
    """Stochastic gradient descent: ``v ← μ v + g``, ``x ← x − η v``.

    With Nesterov's look-ahead ``x ← x − η (g + μ v)``.

    Parameters
    ----------
    learning_rate : float or schedule
    momentum : float
        ``μ``; 0 keeps nothing.
    nesterov : bool
    weight_decay : float
        ``d x`` is added to the gradient: an L2 penalty of weight ``d/2``.

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and momentum in deep
    learning", ICML 2013.
    """

    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    keeps: ClassVar[Sequence[str]] = ("velocity",)

    def __post_init__(self) -> None:
        _check(self, momentum=self.momentum)
        if self.nesterov and not self.momentum:
            raise ArgumentError("SGD: nesterov=True needs a momentum above 0")

    def _change(
        self, slope: np.ndarray, memory: Arrays, x: np.ndarray, rate: float, step: int
    ) -> tuple[np.ndarray, Arrays]:
        if self.weight_decay:
            slope = slope + self.weight_decay * x
        if not self.momentum:
            return -rate * slope, memory
        velocity = self.momentum * memory[0] + slope
        return -rate * (slope + self.momentum * velocity if self.nesterov else velocity), (velocity,)


@dataclass(frozen=True, slots=True)
class Adagrad(Optimizer):
    """``s ← s + g²``, ``x ← x − η g / (√s + ε)``.

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
    JMLR 12 (2011).
    """

    learning_rate: float | Schedule = 0.01
    epsilon: float = 1e-10
    keeps: ClassVar[Sequence[str]] = ("square_sum",)

    def __post_init__(self) -> None:
        _check(self)

    def _change(
        self, slope: np.ndarray, memory: Arrays, x: np.ndarray, rate: float, step: int
    ) -> tuple[np.ndarray, Arrays]:
        total = memory[0] + slope * slope
        return -rate * slope / (np.sqrt(total) + self.epsilon), (total,)


@dataclass(frozen=True, slots=True)
class RMSProp(Optimizer):
    """``s ← ρ s + (1 − ρ) g²``, ``x ← x − η g / (√s + ε)``.

    References
    ----------
    T. Tieleman and G. Hinton, lecture 6.5 of "Neural networks for machine learning", 2012.
    """

    learning_rate: float | Schedule = 0.001
    decay: float = 0.9
    epsilon: float = 1e-8
    keeps: ClassVar[Sequence[str]] = ("square_mean",)

    def __post_init__(self) -> None:
        _check(self, decay=self.decay)

    def _change(
        self, slope: np.ndarray, memory: Arrays, x: np.ndarray, rate: float, step: int
    ) -> tuple[np.ndarray, Arrays]:
        mean = self.decay * memory[0] + (1 - self.decay) * slope * slope
        return -rate * slope / (np.sqrt(mean) + self.epsilon), (mean,)


@dataclass(frozen=True, slots=True)
class Adam(Optimizer):
    """``m ← β₁ m + (1 − β₁) g``, ``s ← β₂ s + (1 − β₂) g²``, ``x ← x − η m̂ / (√ŝ + ε)``.

    Here ``m̂ = m / (1 − β₁ᵗ)`` and ``ŝ = s / (1 − β₂ᵗ)``, which corrects for the zeros that they begin with.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """

    learning_rate: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    keeps: ClassVar[Sequence[str]] = ("mean", "square_mean")

    def __post_init__(self) -> None:
        _check(self, beta1=self.beta1, beta2=self.beta2)

    def _change(
        self, slope: np.ndarray, memory: Arrays, x: np.ndarray, rate: float, step: int
    ) -> tuple[np.ndarray, Arrays]:
        return _adam(slope, memory, rate, step, self.beta1, self.beta2, self.epsilon)


@dataclass(frozen=True, slots=True)
class AdamW(Optimizer):
    """:class:`Adam`, and ``x ← x − η d x`` apart from it: weight decay that the adaptive scaling does not touch.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
    """

    learning_rate: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    keeps: ClassVar[Sequence[str]] = ("mean", "square_mean")

    def __post_init__(self) -> None:
        _check(self, beta1=self.beta1, beta2=self.beta2)

    def _change(
        self, slope: np.ndarray, memory: Arrays, x: np.ndarray, rate: float, step: int
    ) -> tuple[np.ndarray, Arrays]:
        change, memory = _adam(slope, memory, rate, step, self.beta1, self.beta2, self.epsilon)
        return change - rate * self.weight_decay * x, memory


def _adam(
    slope: np.ndarray, memory: Arrays, rate: float, step: int, beta1: float, beta2: float, epsilon: float
) -> tuple[np.ndarray, Arrays]:
    """The corrections for the zeros at the beginning go into the scalars: fewer passes over the arrays."""
    mean = beta1 * memory[0]
    mean += (1 - beta1) * slope
    square = slope * slope
    square *= 1 - beta2
    square += beta2 * memory[1]
    root = 1 - beta2 ** (step + 1)
    scale = np.sqrt(square / root)
    scale += epsilon
    change = mean / scale
    change *= -rate / (1 - beta1 ** (step + 1))
    return change, (mean, square)

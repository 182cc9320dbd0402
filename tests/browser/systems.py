"""Systems whose pages are tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint


def textbook(x: Any, y: Any, z: Any) -> Any:
    return np.sin((x + y) * z) / x


def net(params: Any, x: Any, t: Any) -> Any:
    h = adjoint.name(np.tanh(x @ params["w1"] + params["b1"]), "hidden")
    o = h @ params["w2"]
    o = o - o.max(axis=1, keepdims=True)
    return -np.sum((o - np.log(np.exp(o).sum(axis=1, keepdims=True))) * t) / len(x)


def pendulum(steps: int) -> Callable[..., Any]:
    def f(x: Any, y: Any) -> Any:
        for _ in range(steps):
            x, y = x + 0.01 * y, y - 0.01 * np.sin(x)
        return x * y

    return f


@adjoint.constraint
def layer(w: Any, *xs: Any) -> Any:
    return np.tanh(np.concatenate(xs) @ w)


def dense_block(ws: Any, x: Any) -> Any:
    xs = [x]
    for w in ws:
        xs.append(layer(w, *xs))
    return xs[-1].sum()


def hard(x: Any, y: Any) -> Any:
    """Names that are long or not ASCII, numbers that are not finite, and a solve."""
    with np.errstate(all="ignore"):
        bad = adjoint.name(np.log(x[0]), "логарифм " + "λ" * 300)
    good = np.linalg.solve(y, x)
    return adjoint.name(bad * np.sum(good), "</script><b>bold</b>")


def _net() -> adjoint.ConstraintSystem:
    random = np.random.default_rng(0)
    params = {"w1": random.normal(size=(8, 6)), "b1": np.zeros(6), "w2": random.normal(size=(6, 4))}
    return adjoint.trace(net, params, random.normal(size=(5, 8)), np.eye(4)[[0, 1, 2, 3, 0]]).compile()


def _dense_block() -> adjoint.ConstraintSystem:
    random = np.random.default_rng(1)
    weights = [random.normal(size=(4 * (k + 1), 4)) * 0.3 for k in range(12)]
    return adjoint.trace(dense_block, weights, random.normal(size=4)).compile()


SYSTEMS: dict[str, Callable[[], adjoint.ConstraintSystem]] = {
    "textbook": lambda: adjoint.trace(textbook, 1.0, 2.0, 0.3).compile(),
    "net": _net,
    "dense block": _dense_block,
    "hard": lambda: adjoint.trace(hard, np.array([0.0, 2.0]), np.array([[2.0, 1.0], [0.0, 3.0]])).compile(),
    "loop": lambda: adjoint.trace(pendulum(12), 1.0, 0.5).compile(),
    "large": lambda: adjoint.trace(pendulum(10_000), 1.0, 0.5).compile(),
}

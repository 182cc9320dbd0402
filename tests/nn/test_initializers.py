"""How parameters begin: spread, bounds, seeds, names."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import nn
from adjoint.errors import ArgumentError
from adjoint.nn import initializers

SHAPE, FAN_IN, FAN_OUT = (300, 200), 300, 200

VARIANCES = {
    "fan_in_uniform": 1 / (3 * FAN_IN),
    "glorot_normal": 2 / (FAN_IN + FAN_OUT),
    "glorot_uniform": 2 / (FAN_IN + FAN_OUT),
    "he_normal": 2 / FAN_IN,
    "he_uniform": 2 / FAN_IN,
    "lecun_normal": 1 / FAN_IN,
    "lecun_uniform": 1 / FAN_IN,
    "ones": 0.0,
    "orthogonal": 1 / FAN_IN,
    "small_normal": 0.02**2,
    "zeros": 0.0,
}


@pytest.mark.parametrize("name", initializers.INITIALIZERS)
def test_mean_and_variance(name: str) -> None:
    x = initializers.get(name)(np.random.default_rng(0), SHAPE, FAN_IN, FAN_OUT)
    assert x.shape == SHAPE
    assert x.dtype == np.float64
    variance = VARIANCES[name]
    sigma = np.sqrt(variance / x.size)
    assert abs(x.mean() - (name == "ones")) <= 5 * sigma
    # the variance of a sample variance is (μ₄ − σ⁴) / n, at most 2 σ⁴ / n for these distributions
    assert abs(x.var() - variance) <= 5 * variance * np.sqrt(2 / x.size)


@pytest.mark.parametrize("name", [name for name in initializers.INITIALIZERS if name.endswith("uniform")])
def test_uniform_ones_are_bounded(name: str) -> None:
    x = initializers.get(name)(np.random.default_rng(0), SHAPE, FAN_IN, FAN_OUT)
    bound = np.sqrt(3 * VARIANCES[name])
    assert 0.999 * bound < np.abs(x).max() <= bound
    # a normal distribution has 9 times as many there
    assert abs(np.mean(np.abs(x) < bound / 2) - 0.5) < 5 * 0.5 / np.sqrt(x.size)


@pytest.mark.parametrize("name", initializers.INITIALIZERS)
def test_seeds_decide(name: str) -> None:
    first, again, other = (initializers.get(name)(np.random.default_rng(k), (5, 4), 5, 4) for k in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first == other).all() == (name in ("ones", "zeros"))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (2, 3, 4), (5, 5)], ids=str)
def test_orthogonal(shape: tuple[int, ...]) -> None:
    q = initializers.orthogonal(np.random.default_rng(0), shape, 1, 1).reshape(-1, shape[-1])
    gram = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


def test_orthogonal_has_no_preferred_sign() -> None:
    rng = np.random.default_rng(0)
    signs = [np.sign(initializers.orthogonal(rng, (2, 2), 2, 2)) for _ in range(400)]
    assert np.abs(np.mean(signs, axis=0)).max() < 5 / np.sqrt(400)


def test_orthogonal_needs_a_matrix() -> None:
    with pytest.raises(ArgumentError, match=r"two axes or more, not the shape \(3,\)"):
        initializers.orthogonal(np.random.default_rng(0), (3,), 1, 1)


def test_spread_is_free() -> None:
    x = initializers.normal(0.5)(np.random.default_rng(0), SHAPE, 1, 1)
    assert abs(x.std() - 0.5) < 0.01


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(ArgumentError, match=r"'he_normel' \(did you mean 'he_normal'\?\); there are: fan_in_uniform, "):
        initializers.get("he_normel")
    with pytest.raises(ArgumentError, match=r"no initializer is named 'xyz'; there are"):
        nn.Linear(3, initializer="xyz").initialize(np.random.default_rng(0), (2,))


def test_layers_take_functions_and_check_what_they_give() -> None:
    halves = nn.Linear(3, initializer=lambda rng, shape, fan_in, fan_out: np.full(shape, 0.5))
    weight = halves.initialize(np.random.default_rng(0), (2,)).parameters["weight"]
    assert weight.dtype == np.float32
    assert (weight == 0.5).all()
    wrong = nn.Linear(3, initializer=lambda rng, shape, fan_in, fan_out: np.zeros(5))
    with pytest.raises(ArgumentError, match=r"gave the shape \(5,\) instead of \(2, 3\)"):
        wrong.initialize(np.random.default_rng(0), (2,))


@pytest.mark.parametrize(
    "layer, shape, fan_in",
    [
        (nn.Linear(300), (200,), 200),
        (nn.Conv2d(64, 5), (32, 8, 8), 32 * 25),
        (nn.Conv2d(64, 5, groups=2), (32, 8, 8), 16 * 25),
        (nn.Conv1d(128, 3), (64, 8), 64 * 3),
        (nn.ConvTranspose2d(64, 5, groups=2), (32, 8, 8), 16 * 25),
        (nn.Embedding(500, 50), (3,), 2 * 50),  # lecun_normal has half the variance
    ],
    ids=str,
)
def test_layers_know_their_fan_in(layer: nn.Layer, shape: tuple[int, ...], fan_in: int) -> None:
    weight = layer.initialize(np.random.default_rng(0), shape, np.float64).parameters["weight"]
    assert abs(weight.var() * fan_in / 2 - 1) < 5 * np.sqrt(2 / weight.size)

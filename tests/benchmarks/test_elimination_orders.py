"""The literature's functions: right Jacobians, the published counts, and a script that prints both."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from benchmarks import elimination_orders, literature
from benchmarks.harness import WrongAnswerError
from benchmarks.literature import EXAMPLES, Example

by_name = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


@cache
def counts(name: str):
    return elimination_orders.counted(next(example for example in EXAMPLES if example.name == name))


@by_name
def test_jacobians_are_those_of_differences(example: Example) -> None:
    point = np.array(example.point)
    found = adjoint.jacobian(lambda x: np.stack(example.function(*x)))(point)
    expected = elimination_orders.differences(example)
    assert_allclose(found, expected, atol=1e-9 * np.max(np.abs(expected)))
    assert np.linalg.norm(expected) > 0


@by_name
def test_values_are_finite_away_from_the_point_too(example: Example) -> None:
    rng = np.random.default_rng(0)
    for _ in range(3):
        values = example.function(*(np.array(example.point) * rng.uniform(0.95, 1.05, len(example.point))))
        assert np.isfinite(np.array([float(y) for y in values])).all()


def test_the_flux_of_equal_states_is_the_flux() -> None:
    """Roe's flux is consistent: without a jump it is the flux of the Euler equations themselves."""
    rho, momentum, energy = 1.2, 0.7, 2.5
    pressure = 0.4 * (energy - momentum**2 / (2 * rho))
    flux = (momentum, momentum**2 / rho + pressure, momentum / rho * (energy + pressure))
    assert_allclose(literature.roe_flux_1d(rho, momentum, energy, rho, momentum, energy), flux, rtol=1e-14)


def test_the_arm_stretched_out() -> None:
    """All angles zero: links and offsets add up along the axes."""
    x, y, z = literature.robot_arm_6dof(0.0, 0.0, 0.0, 0.0, 0.0, 0.1)[:3]
    assert_allclose([x, y, z], [175.0 + 890.0 + 50.0, 0.0, 575.0 - 1035.0 - 185.0], atol=1e-12)


def test_the_price_of_an_option() -> None:
    """Hull's example: S = 42, K = 40, r = 10 %, σ = 20 %, half a year: 4.76; and its delta is Φ(d₁)."""
    market = (42.0, 40.0, 0.1, 0.2, 0.5)
    assert_allclose(literature.black_scholes(*market), 4.76, atol=5e-3)
    assert_allclose(literature.black_scholes_jacobian(*market)[0], 0.7791, atol=5e-5)


def test_dipoles_in_complex_numbers() -> None:
    """The moments are the real and imaginary parts of ``p (t + i v)ⁿ`` summed over two dipoles, less 1."""
    a, b, c, d, t, u, v, w = x = (0.3, -0.7, 0.5, 0.2, 0.9, -0.4, 0.6, 1.1)
    moments = [(a + 1j * c) * (t + 1j * v) ** n + (b + 1j * d) * (u + 1j * w) ** n for n in range(4)]
    expected = [part - 1.0 for m in moments for part in (m.real, m.imag)]
    found = list(literature.human_heart_dipole(*x))
    assert_allclose(found, expected, atol=1e-14)


def test_atoms_are_conserved_in_combustion() -> None:
    """At an equilibrium that is put together by hand, the four balances of atoms vanish."""
    x = [1.0, 0.5, 19.0, 2.0, 1.0, 3.0, 2.0, 0.5, 2.0, 0.5]
    found = literature.propane_combustion(*x, sum(x))
    assert_allclose(np.array(found)[[0, 3, 10]], 0.0, atol=1e-13)
    assert_allclose(found[1], 2 * 1.0 + 0.5 + 2.0 + 2.0 + 0.5 + 2.0 + 2 * 0.5 - 10.0)


@by_name
def test_counts_are_the_published_ones(example: Example) -> None:
    _, found = counts(example.name)
    published = example.published
    if example.name == "BlackScholes_Jacobian":  # its graph is another one: the reverse sweep is ours
        assert found["reverse"].multiplications != published.reverse
        return
    assert found["forward"].multiplications == published.forward
    assert found["reverse"].multiplications == published.reverse
    assert found["Markowitz"].multiplications == published.markowitz


@by_name
def test_the_search_reaches_the_best_learned_order(example: Example) -> None:
    _, found = counts(example.name)
    least = min(each.multiplications for each in found.values())
    assert found["local search"].multiplications == least <= example.published.learned
    for each in found.values():
        assert each.nontrivial <= each.multiplications
        assert each.fill_in <= each.multiplications


def test_a_wrong_jacobian_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = elimination_orders.jacobian_by
    monkeypatch.setattr(elimination_orders, "jacobian_by", lambda system, order: right(system, order) * (1 + 1e-6))
    with pytest.raises(WrongAnswerError, match=r"PropaneCombustion, forward order: the Jacobian is off by 1\.0e-06"):
        elimination_orders.counted(EXAMPLES[3])


def test_the_script_prints_the_tables() -> None:
    root = Path(elimination_orders.__file__).resolve().parents[1]
    command = [sys.executable, "benchmarks/elimination_orders.py"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    for example in EXAMPLES:
        assert f"{example.name}: " in result.stdout
        assert str(example.published.learned) in result.stdout
    assert result.stdout.count("products with ±1 free") == len(EXAMPLES)

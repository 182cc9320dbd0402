"""Functions that the literature on elimination orders counts multiplications on, as scalar NumPy programs.

Each is written from its mathematics, and cut into operations as in graphax, the package behind the figures of Lohoff
and Neftci: a power is one operation, and subexpressions are repeated where they are repeated there. Two signs and a
constant that differ there from the mathematics are as the mathematics has them; no count depends on them.

References
----------
J. Lohoff and E. Neftci, "Optimizing Automatic Differentiation with Deep Reinforcement Learning", NeurIPS 2024
(AlphaGrad); the functions are in https://github.com/jamielohoff/graphax, folder ``src/graphax/examples``.
P. L. Roe, "Approximate Riemann solvers, parameter vectors, and difference schemes", J. Comput. Phys. 43 (1981).
B. M. Averick, R. G. Carter, J. J. Moré and G.-L. Xue, "The MINPACK-2 test problem collection" (1992): combustion of
propane (full formulation), human heart dipole.
F. Black, "The pricing of commodity contracts", J. Financial Economics 3 (1976).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special

import adjoint

Scalar = Any
"""A number, or a traced one."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Multiplications in the literature's table."""

    forward: int
    reverse: int
    markowitz: int
    learned: int


@dataclass(frozen=True, slots=True)
class Example:
    """A function of scalars, a point, and what the literature says about it."""

    name: str
    function: Callable[..., tuple[Scalar, ...]]
    point: tuple[float, ...]
    published: Counts


# --- the flux between two cells of a gas -----------------------------------------------------------

RATIO = 1.4
"""The ratio of specific heats, of air."""


def roe_flux_1d(
    rho_l: Scalar, mom_l: Scalar, energy_l: Scalar, rho_r: Scalar, mom_r: Scalar, energy_r: Scalar
) -> tuple[Scalar, ...]:
    """Roe's flux of the 1-D Euler equations between a left and a right state of density, momentum and energy."""
    jump = rho_r - rho_l
    geometric = np.sqrt(rho_l * rho_r)
    weight = np.sqrt(rho_l) + np.sqrt(rho_r)

    def state(rho: Scalar, mom: Scalar, energy: Scalar) -> tuple[Scalar, Scalar, Scalar]:
        speed = mom / rho
        pressure = (RATIO - 1.0) * (energy - 0.5 * mom**2 / rho)
        return speed, pressure, (energy + pressure) / rho

    v_l, p_l, h_l = state(rho_l, mom_l, energy_l)
    v_r, p_r, h_r = state(rho_r, mom_r, energy_r)
    dp, dv = p_r - p_l, v_r - v_l

    # the average in which the jump of the flux is linear in the jump of the state
    u = (np.sqrt(rho_l) * v_l + np.sqrt(rho_r) * v_r) / weight
    h = (np.sqrt(rho_l) * h_l + np.sqrt(rho_r) * h_r) / weight
    u2 = u**2
    a2 = (RATIO - 1.0) * (h - 0.5 * u2)
    a = np.sqrt(a2)
    fast, slow, last = np.abs(u + a), np.abs(u), np.abs(u)  # the source has |u| twice; Roe's third speed is |u − a|

    # strengths of the three waves
    scale = a * geometric
    s0 = (jump - dp / a2) * slow
    s1 = (dv + dp / scale) * fast
    s2 = (dv - dp / scale) * last

    def flux(rho: Scalar, mom: Scalar, energy: Scalar, p: Scalar) -> tuple[Scalar, Scalar, Scalar]:
        speed = mom / rho
        return mom, p + mom * speed, speed * (p + energy)

    left, right = flux(rho_l, mom_l, energy_l, p_l), flux(rho_r, mom_r, energy_r, p_r)
    total = [x + y for x, y in zip(left, right, strict=True)]
    c = 0.5 * geometric / a
    waves = (
        s0 + c * s1 - c * s2,
        s0 * u + c * s1 * (u + a) - c * s2 * (u - a),
        s0 * 0.5 * u2 + c * s1 * (h + u * a) - c * s2 * (h - u * a),
    )
    return tuple(0.5 * (f - w) for f, w in zip(total, waves, strict=True))


# --- the hand of a robot ---------------------------------------------------------------------------


def robot_arm_6dof(t1: Scalar, t2: Scalar, t3: Scalar, t4: Scalar, t5: Scalar, t6: Scalar) -> tuple[Scalar, ...]:
    """Position (mm) and Tait–Bryan angles of the hand of an arm with six revolute joints, from the joints' angles."""
    a1, a2, a3, d1, d4, d6 = 175.0, 890.0, 50.0, 575.0, 1035.0, 185.0
    c1, c2, c4, c5, c6 = (np.cos(t) for t in (t1, t2, t4, t5, t6))
    s1, s2, s4, s5, s6 = (np.sin(t) for t in (t1, t2, t4, t5, t6))
    c23 = np.cos(t2) * np.cos(t3) - np.sin(t2) * np.sin(t3)
    s23 = np.cos(t2) * np.sin(t3) + np.sin(t2) * np.cos(t3)

    ax = s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5
    ay = s5 * (s1 * c23 * c4 - c1 * s4) + s1 * s23 * c5
    az = s23 * c4 * s5 - c23 * c5
    nz = c6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * s6
    oz = -s6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * c6
    angles = np.arctan2(ay, ax), np.arctan2(np.sqrt(1.0 - az**2), az), np.arctan2(oz, -nz)

    px = d6 * (s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5) + c1 * (a1 + a2 * c2 + a3 * c23 + d4 * s23)
    py = d6 * (s5 * (s1 * c23 * c4 - c1 * s4) + s1 * s23 * c5) + s1 * (a1 + a2 * c2 + a3 * c23 + d4 * s23)
    pz = a2 * s2 + d1 + a3 * s23 - d4 * c23 + d6 * (s23 * c4 * s5 - c23 * c5)
    return px, py, pz, *angles


# --- the price of an option ------------------------------------------------------------------------


def black_scholes(spot: Scalar, strike: Scalar, rate: Scalar, volatility: Scalar, time: Scalar) -> Scalar:
    """The price of a European call, by Black's formula for the forward price."""

    def normal(z: Scalar) -> Scalar:
        return (1.0 + scipy.special.erf(z / np.sqrt(2.0))) / 2

    forward = np.exp(rate * time) * spot
    d1 = (np.log(forward / strike) + volatility**2 / 2.0 * time) / (volatility * np.sqrt(time))
    d2 = d1 - volatility * np.sqrt(time)
    return np.exp(-rate * time) * (forward * normal(d1) - strike * normal(d2))


def black_scholes_jacobian(*market: Scalar) -> tuple[Scalar, ...]:
    """The five first derivatives of the price, by a reverse sweep; the Jacobian of this is the Hessian of the price."""
    slopes: tuple[Scalar, ...] = adjoint.grad(black_scholes, argnums=(0, 1, 2, 3, 4))(*market)
    return slopes


# --- two systems of equations from MINPACK-2 ---------------------------------------------------------

PRESSURE, AIR = 40.0, 10.0
"""In atmospheres; moles of air for one of propane."""


def propane_combustion(*x: Scalar) -> tuple[Scalar, ...]:
    """Residuals of the equilibrium of propane burning in air: eleven equations for ten products and their sum."""
    x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, total = x
    root = np.sqrt(PRESSURE / total)
    return (
        x1 + x4 - 3.0,
        2 * x1 + x2 + x4 + x7 + x8 + x9 + 2 * x10 - AIR,
        2 * x2 + 2 * x5 + x6 + x7 - 8.0,
        2 * x3 + x9 - 4 * AIR,
        x2 * x4 - x1 * x5,
        np.sqrt(x2 * x4) - np.sqrt(x1) * root * x6,
        np.sqrt(x1 * x2) - np.sqrt(x4) * x7 * root,
        x1 - x4 * x8 * PRESSURE / total,
        x1 * np.sqrt(x3) - x4 * x9 * root,
        x1**2 - x4**2 * x10 * PRESSURE / total,
        total - x1 - x2 - x3 - x4 - x5 - x6 - x7 - x8 - x9 - x10,
    )


def human_heart_dipole(
    a: Scalar, b: Scalar, c: Scalar, d: Scalar, t: Scalar, u: Scalar, v: Scalar, w: Scalar
) -> tuple[Scalar, ...]:
    """Residuals of eight equations for the moments and places of two dipoles that explain measured moments (all 1)."""
    square_tv, square_uw = t**2 - v**2, u**2 - w**2
    cube_t, cube_v = t * (t**2 - 3 * v**2), v * (v**2 - 3 * t**2)
    cube_u, cube_w = u * (u**2 - 3 * w**2), w * (w**2 - 3 * u**2)
    return (
        a + b - 1.0,
        c + d - 1.0,
        t * a + u * b - v * c - w * d - 1.0,
        v * a + w * b + t * c + u * d - 1.0,
        a * square_tv - 2 * c * t * v + b * square_uw - 2 * d * u * w - 1.0,
        c * square_tv + 2 * a * t * v + d * square_uw + 2 * b * u * w - 1.0,
        a * cube_t + c * cube_v + b * cube_u + d * cube_w - 1.0,
        c * cube_t - a * cube_v + d * cube_u - b * cube_w - 1.0,
    )


EXAMPLES = (
    Example("RoeFlux_1d", roe_flux_1d, (1.1, 0.9, 2.0, 0.8, 0.5, 1.5), Counts(620, 364, 407, 320)),
    Example("RobotArm_6DOF", robot_arm_6dof, (0.2, 0.5, -0.3, 0.7, 0.4, -0.6), Counts(397, 301, 288, 231)),
    Example("BlackScholes_Jacobian", black_scholes_jacobian, (1.1, 0.9, 0.05, 0.3, 1.5), Counts(545, 572, 350, 312)),
    Example("PropaneCombustion", propane_combustion, tuple(np.linspace(0.3, 1.8, 11)), Counts(151, 90, 111, 88)),
    Example("HumanHeartDipole", human_heart_dipole, tuple(np.linspace(-0.7, 0.9, 8)), Counts(240, 172, 194, 148)),
)

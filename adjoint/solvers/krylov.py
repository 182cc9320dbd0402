"""Block substitution in which diagonal blocks are solved with by Krylov iterations, without their entries.

Row ``i`` of ``A λ = −s`` reads ``D_iᴴ λ_i = s_i + Σ_k J[k, i]ᴴ λ_k``. For an explicit constraint ``D_i = I`` and
nothing is to be solved. For an implicit one, GMRES or one of its relatives needs products ``Dᴴ v`` only: of ``D``
neither entries nor a factorization exist.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from adjoint.blocks import Array
from adjoint.solvers.back_substitution import BackSubstitution, Sweep
from adjoint.solvers.iterative.methods import PRODUCTS, Iteration
from adjoint.solvers.iterative.solve import Preconditioner, Report, Rule, iterative_solve
from adjoint.system import ConstraintSystem, options
from adjoint.system.solving import Prediction, Rows
from adjoint.system.structure import Structure
from adjoint.tracing import Primitive
from adjoint.tracing.primitive import Static

__all__ = ["Krylov", "KrylovFactor", "Report"]


@dataclass(frozen=True, slots=True)
class Krylov:
    """Back and forward substitution, with iterations ``D_iᴴ λ_i = r`` and ``D_i ż_i = r`` on diagonal blocks.

    Accepts every system. Explicit constraints cost what they cost in back substitution. Each right-hand side of an
    implicit constraint is an iteration of its own.

    Parameters
    ----------
    method : {"gmres", "lgmres", "gcrotmk", "bicgstab", "cgs", "tfqmr", "cg"}
        A function of :mod:`scipy.sparse.linalg`. ``"cg"`` is for Hermitian positive definite blocks only.
    tolerance : float, optional
        ``‖r − D x‖ / ‖r‖`` that is asked for; ``eps ** 0.8`` by default (3e-13 in double, 3e-6 in single precision).
        Where rounding in the products does not allow that, the smallest residual that it allows will do.
    max_iterations : int, optional
        Products with ``D`` for one right-hand side; a restarted method may finish its cycle. By default ten times
        the unknowns of the block, between 100 and 10,000.
    restart : int
        Vectors that the restarted methods (``gmres``, ``lgmres``, ``gcrotmk``) keep. A block of no more unknowns is
        solved by ``gmres`` without restarts.
    raise_on_failure : bool
        Raise :class:`adjoint.errors.NotConvergedError` where the tolerance is not reached. Otherwise the best iterate
        is used, and ``factor.reports`` tells.
    preconditioner : callable, optional
        ``preconditioner(D)`` gives a block close to ``D⁻¹`` (its ``apply`` and ``apply_adjoint`` are used), or ``None``
        where it knows none. It must not change the solution, only the way there.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.solvers.krylov import Krylov
    >>> f = lambda b: np.linalg.solve(np.array([[4.0, 1.0], [0.0, 2.0]]), b)
    >>> system = adjoint.trace(f, np.ones(2)).compile()
    >>> system.solve(np.array([4.0, 3.0]), solver=Krylov("gmres"))["b"].round(9)
    array([1., 1.])
    >>> (report,) = system.factorize(Krylov("gmres")).reports
    >>> report.node, report.operation, report.converged
    (2, 'linalg.solve', True)
    """

    method: str = "gmres"
    tolerance: float | None = None
    max_iterations: int | None = None
    restart: int = 50
    raise_on_failure: bool = True
    preconditioner: Preconditioner | None = None

    def __post_init__(self) -> None:
        options.one_of("Krylov", "method", self.method, PRODUCTS)
        options.number(
            "Krylov", "tolerance", self.tolerance, above=0, below=1, meaning="a relative residual", or_none=True
        )
        options.count("Krylov", "max_iterations", self.max_iterations, or_none=True)
        options.count("Krylov", "restart", self.restart)
        options.flag("Krylov", "raise_on_failure", self.raise_on_failure)
        options.function("Krylov", "preconditioner", self.preconditioner, or_none=True)

    @property
    def iteration(self) -> Iteration:
        """How to iterate."""
        return Iteration(self.method, self.tolerance, self.max_iterations, self.restart)

    def analyze(self, system: ConstraintSystem) -> Krylov:
        """Nothing to prepare: the trace is recorded in elimination order."""
        return self

    def factorize(self, system: ConstraintSystem) -> KrylovFactor:
        """Nothing to compute: products are taken as the iterations ask for them."""
        reports: dict[int, Report] = {}

        def solve(
            k: int, primitive: Primitive, data: tuple[Array, ...], static: Static, r: Array, adjoint: bool
        ) -> Any:
            rule = Rule(
                primitive, static, adjoint, k + 1, self.iteration, self.raise_on_failure, reports, self.preconditioner
            )
            return iterative_solve(rule, r, data)

        return KrylovFactor(Sweep(system.primitives, system.records, system.values, solve), reports)

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """Sweep, and ``restart`` products with each diagonal block, taken to be dense: its shape says no more."""
        m = right_hand_sides
        sweep = BackSubstitution().predict(structure, m)
        sizes = [int(structure.sizes[k]) for k in structure.implicit]
        products = [min(n, self.restart, self.iteration.limit(n)) for n in sizes]
        iterations = sum(p * n * (n + 2 * p) for p, n in zip(products, sizes, strict=True))
        calls = sum(p * (PRODUCT_SECONDS + VECTOR_SECONDS * p) for p in products)
        return Prediction(
            factor_multiplications=0,
            solve_multiplications=sweep.solve_multiplications + m * iterations,
            memory=sweep.memory + 8 * max((p * n for p, n in zip(products, sizes, strict=True)), default=0),
            depth=sweep.depth + sum(products),
            fill_in=0,
            seconds=sweep.seconds + m * (ENTRY_SECONDS * iterations + calls),
        )


# Measured with one core: GMRES on dense blocks of 5 to 1,500 unknowns (each entry; and a product: SciPy's part, which
# grows with the vectors that it keeps).
ENTRY_SECONDS = 1e-9
PRODUCT_SECONDS = 4e-5
VECTOR_SECONDS = 6e-6


class KrylovFactor:
    """One linearized system; it holds its lists and not the system."""

    __slots__ = ("_reports", "_sweep")

    def __init__(self, sweep: Sweep, reports: dict[int, Report]) -> None:
        self._sweep = sweep
        self._reports = reports

    @property
    def reports(self) -> tuple[Report, ...]:
        """How the last iterations with each implicit constraint's block went, in order of the constraints."""
        return tuple(self._reports[node] for node in sorted(self._reports))

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``A λ = −s``: from the last constraint to the first."""
        return self._sweep.solve(rows, keep)

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``Aᵀ ż = −ẋ``: from the first constraint to the last."""
        return self._sweep.solve_tangent(rows, keep)

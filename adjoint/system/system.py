"""The constraint system ``A λ = −s`` of a trace: block upper triangular, matrix-free until asked."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Identity
from adjoint.errors import AdjointError
from adjoint.system import (
    answers,
    assembly,
    conditioning,
    diagnosis,
    influence,
    options,
    refinement,
    right_hand_sides,
    solving,
)
from adjoint.system.conditioning import Condition
from adjoint.system.diagnosis import Diagnosis
from adjoint.system.influence import Ranking
from adjoint.system.multipliers import Multipliers, Tangents
from adjoint.system.scalar_point import Evaluator, Point, in_runs, point_of, vectorized
from adjoint.system.scalar_program import ScalarProgram, compile_scalars
from adjoint.system.structure import Structure
from adjoint.tracing import COMPILER, INPUT, Trace, Tracer, current_operands, flatten, snapshot
from adjoint.tracing.primitive import Hollow
from adjoint.tracing.trace import EMPTY, Record


class ConstraintSystem:
    """The stationarity conditions of the Lagrangian of a trace, linearized at a point.

    ``A = Jᵀ − D`` has one block row and column per constraint: ``A[i, k] = J[k, i]ᵀ`` above the diagonal, and
    ``−I`` on it (``−Dᵢᵀ`` for an implicit constraint). Nothing is built before it is needed.

    Attributes
    ----------
    trace : Trace
        The structure.
    values : list of array
        ``z_1 … z_n``: the point of linearization. Made when first asked for, if the trace is of mostly scalars and
        the system was re-linearized: then :attr:`point` holds the numbers.
    """

    __slots__ = (
        "_factors",
        "_offsets",
        "_plans",
        "_point",
        "_records",
        "_structure",
        "_values",
        "primitives",
        "trace",
    )

    def __init__(self, trace: Trace, records: list[Record] | None = None, values: list[Array] | None = None) -> None:
        self.trace = trace
        self.primitives = trace.primitives
        self._records: list[Record] | None = trace.records if records is None else records
        self._values: list[Array] | None = trace.values if values is None else values
        self._point: Point | None = None
        self._offsets: np.ndarray | None = None
        self._factors: dict[Any, Any] = {}
        self._plans: dict[Any, Any] = {}  # shared by all linearizations of the structure
        self._structure: Structure | None = None

    # --- structure ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.primitives)

    @property
    def values(self) -> list[Array]:
        """``z_1 … z_n`` at this point."""
        if self._values is None:
            self._values = self._point.values()  # type: ignore[union-attr]  # one of the two is always there
        return self._values

    @property
    def records(self) -> list[Record]:
        """The records of the trace with the operands of this point."""
        if self._records is None:
            values = self.values
            self._records = [
                (tuple(current_operands(record[0], record[1], values)), *record[1:]) for record in self.trace.records
            ]
        return self._records

    def value(self, k: int) -> Array:
        """``z_k`` (0-based), without making the list of all values."""
        return self._point[k] if self._values is None else self._values[k]  # type: ignore[index]  # as above

    def _record(self, k: int) -> Record:
        """One record, without making the list of all records."""
        if self._records is not None or self._point is None:
            return self.records[k]
        record = self.trace.records[k]
        operands = self._point.operands(record[0], record[1])
        return (tuple(operands), *record[1:])

    @property
    def scalars(self) -> ScalarProgram | None:
        """The schedule of a trace of mostly scalars; ``None`` for other traces. Made once for the structure."""
        if ScalarProgram not in self._plans:
            self._plans[ScalarProgram] = compile_scalars(self.trace)
        program: ScalarProgram | None = self._plans[ScalarProgram]
        return program

    @property
    def point(self) -> Point | None:
        """All values in one flat array, if the trace is of mostly scalars and they are plain numbers."""
        if self._point is None and self._values is not None:
            program = self.scalars
            if program is not None and not {Tracer, Hollow} & set(map(type, self._values)):
                self._point = point_of(program, self.trace, self._values)
        return self._point

    @property
    def offsets(self) -> np.ndarray:
        """``(n + 1,)``: multiplier ``λ_i`` takes the rows ``offsets[i-1]:offsets[i]`` of the scalar system.

        Nodes with discrete values (integers, masks) have no multiplier and take no rows.
        """
        if self._offsets is None:
            trace = self.trace  # its shapes are those of every point
            sizes = [0]
            for primitive, record, y in zip(self.primitives, trace.records, trace.values, strict=True):
                if primitive is INPUT:
                    active = y.dtype.kind in "fc"
                else:
                    active = not primitive.discrete and max(record[1], default=-1) >= 0
                sizes.append(y.size if active else 0)
            self._offsets = np.cumsum(np.array(sizes, dtype=np.intp))
        return self._offsets

    def is_active(self, k: int) -> bool:
        """Whether node ``k`` (0-based) has a multiplier: a floating-point value that a derivative can reach."""
        primitive, parents = self.primitives[k], self.trace.records[k][1]
        if primitive is INPUT:
            return bool(self.trace.values[k].dtype.kind in "fc")
        return not primitive.discrete and any(p >= 0 for p in parents)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the scalar matrix ``A``."""
        return int(self.offsets[-1]), int(self.offsets[-1])

    @property
    def structure(self) -> Structure:
        """Sizes, edges, levels and costs of all blocks, from shapes alone; made once."""
        if self._structure is None:
            self._structure = Structure.of(self)
            if self._offsets is None:
                self._offsets = np.concatenate([[0], np.cumsum(self._structure.sizes)])
        return self._structure

    @property
    def levels(self) -> list[list[int]]:
        """Node numbers (from 1) by level: the constraints of one level do not depend on each other."""
        result: list[list[int]] = []
        for k, level in enumerate(self.trace.levels()):
            if level == len(result):
                result.append([])
            result[level].append(k + 1)
        return result

    def blocks_of(self, k: int) -> list[tuple[int, Block]]:
        """``(i, J[k, i])`` for the parents of node ``k`` (0-based), one entry per operand."""
        operands, parents, static, _, _ = self._record(k)
        try:
            return self.primitives[k].blocks(self.value(k), operands, static or EMPTY, parents)
        except AdjointError as error:
            solving.note_where(error, self.primitives, self.trace.records, k)
            raise

    def diagonal_of(self, k: int) -> Block | None:
        """``D_k`` of an implicit constraint (0-based), ``None`` for an explicit one."""
        primitive = self.primitives[k]
        if primitive.diagonal is None:
            return None
        operands, _, static, _, _ = self._record(k)
        return primitive.diagonal(self.value(k), operands, static or EMPTY)

    def block(self, k: int, i: int) -> Block | None:
        """``J[k, i] = ∂f_k/∂z_i`` of constraint ``z_k`` (numbers from 1), or ``None`` where it is zero."""
        for number in (k, i):
            if not 1 <= number <= len(self):
                raise IndexError(f"the system has the constraints z_1 … z_{len(self)}, not z_{number}")
        total: Block | None = None
        with np.errstate(all="ignore"):
            for parent, block in self.blocks_of(k - 1):
                if parent == i - 1:
                    total = block if total is None else total + block
        return total

    def blocks(self) -> dict[tuple[int, int], Block]:
        """``A`` by blocks: ``{(i, k): J[k, i]}`` for ``k > i`` and ``{(k, k): D_k}``, numbers from 1.

        The entry ``(i, k)`` of ``A`` is the adjoint of the block, and minus it on the diagonal.
        """
        result: dict[tuple[int, int], Block] = {}
        with np.errstate(all="ignore"):
            for k in range(len(self)):
                if not self.is_active(k):
                    continue
                result[k + 1, k + 1] = self.diagonal_of(k) or Identity(self.values[k].shape)
                for i, block in self.blocks_of(k):
                    key = (i + 1, k + 1)
                    result[key] = result[key] + block if key in result else block
        return result

    def matrix(self, format: str = "csr", *, max_bytes: int | None = None) -> Any:
        """The scalar matrix ``A``.

        Parameters
        ----------
        format : {"csr", "csc", "coo", "dense", "blocks"}
        max_bytes : int, optional
            Refuse an assembly that would take more; half of the free memory by default.

        Returns
        -------
        scipy.sparse array or ndarray of shape ``(N, N)``, or the dict of :meth:`blocks`

        Raises
        ------
        AssemblyTooLargeError
            With the estimate, before memory is exhausted.
        """
        if format == "blocks":
            return self.blocks()
        if format not in ("csr", "csc", "coo", "dense"):
            raise ValueError(f"format must be 'csr', 'csc', 'coo', 'dense' or 'blocks', not {format!r}")
        with np.errstate(all="ignore"):
            assembled = assembly.assemble(self, max_bytes)
        sparse = assembled.to_scipy("csr" if format == "dense" else format)
        return sparse.toarray() if format == "dense" else sparse

    def relinearize(self, *args: Any) -> ConstraintSystem:
        """The same structure at new arguments, without recording again.

        Raises
        ------
        TraceMismatchError
            If the program would have run differently there.
        """
        trace = self.trace
        leaves = [x.copy() if type(x) is np.ndarray else x for x in trace.leaves_of(args)]
        evaluator = self._evaluator()
        point = None if evaluator is None else evaluator(leaves)
        moved = ConstraintSystem(trace, [], [])
        moved._records = None
        moved._values = trace.evaluate(leaves) if point is None else None
        moved._point = point
        moved._offsets, moved._plans, moved._structure = self._offsets, self._plans, self._structure
        return moved

    def twin(self) -> ConstraintSystem:
        """The same system with no factors: what a factor may hold without a cycle."""
        twin = ConstraintSystem(self.trace, self._records, self._values)
        twin._records, twin._values, twin._point = self._records, self._values, self._point
        twin._offsets, twin._plans, twin._structure = self._offsets, self._plans, self._structure
        return twin

    @property
    def is_relinearized(self) -> bool:
        """Whether it has another point than the one at which its trace was recorded."""
        return self._records is not self.trace.records

    def compile_evaluator(self) -> None:
        """Let numba compile what computes the values of mostly scalars, for all linearizations of the structure."""
        program = self.scalars
        if program is not None:
            self._plans[Evaluator] = in_runs(program, self.trace)

    def _evaluator(self) -> Evaluator | None:
        """What computes the values of mostly scalars at new arguments; made once for the structure."""
        if Evaluator not in self._plans:
            program = self.scalars
            self._plans[Evaluator] = None if program is None else vectorized(program, self.trace)
        evaluator: Evaluator | None = self._plans[Evaluator]
        return evaluator

    @property
    def output(self) -> Any:
        """The function's output at the point of linearization, in arrays of its own."""
        trace = self.trace
        found = [out[0] if isinstance(out, tuple) else self.value(out) for out in trace.outputs]
        leaves, spec = flatten(trace.output_spec.unflatten(found))
        return spec.unflatten([x.copy() if type(x) is np.ndarray else snapshot(x) for x in leaves])

    # --- solving -----------------------------------------------------------------------------------

    def factorize(self, solver: Any = None) -> solving.Factor:
        """The factor of this system by a solver (a name or a value), made once and kept.

        The solver's plan is made once for all linearizations of the structure (see :meth:`relinearize`).
        """
        solver = solving.get(solver)
        if solver not in self._factors:
            self._factors[solver] = self.plan(solver).factorize(self)
        factor: solving.Factor = self._factors[solver]
        return factor

    def plan(self, solver: Any = None) -> solving.Plan:
        """What a solver (a name or a value) prepares from the structure; made once for all linearizations."""
        solver = solving.get(solver)
        if solver not in self._plans:
            self._plans[solver] = solver.analyze(self)
        plan: solving.Plan = self._plans[solver]
        return plan

    def explain(self, *, right_hand_sides: int = 1) -> Any:
        """What every strategy is expected to cost, and which one ``solver="auto"`` takes; print it.

        From the structure alone: nothing is solved. ``right_hand_sides`` is how many one factorization will serve.
        """
        options.count("explain()", "right_hand_sides", right_hand_sides)
        auto: Any = replace(solving.get("auto"), right_hand_sides=right_hand_sides)  # type: ignore[type-var]
        return auto.explain(self.structure)

    def solve(self, seed: Any = None, *, solver: Any = None, refine: int = 0) -> Multipliers:
        """Solve ``A λ = −s``: the multiplier of every constraint.

        Parameters
        ----------
        seed : pytree like the output, optional
            The right-hand side ``s``: the weight of each output entry in the objective ``s · z_n``. Leading
            axes, the same for all leaves, are several right-hand sides. By default 1 for a scalar output.
        solver : str or Solver, optional
            ``"back_substitution"`` by default.
        refine : int
            So many steps of iterative refinement at most, with residuals in a higher precision: one more solve each.

        Returns
        -------
        Multipliers
            ``λ_i = ∂(s · z_n)/∂z_i`` for every explicit constraint.

        Raises
        ------
        SeedError
            If the seed does not fit the output.
        NotAcceptedError
            If the solver does not take this system.
        """
        options.count("solve()", "refine", refine, least=0)
        rows, batch = self.seed_rows(seed)
        factor = self.factorize(solver)
        found = factor.solve(rows)
        if refine:
            found = refinement.refined(self, factor, found, rows, batch, refine)
        for judge in solving.JUDGES:
            judge(self, rows, found, False)
        return Multipliers(self, found, rows, batch)

    def solve_tangent(self, *tangents: Any, solver: Any = None) -> Tangents:
        """Solve ``Aᵀ ż = −ẋ``: the tangent of every node for given tangents of the arguments.

        Parameters
        ----------
        *tangents : pytrees like the arguments
            Leading axes, the same for all leaves, are several right-hand sides.
        solver : str or Solver, optional
        """
        rows, batch = self.tangent_rows(tangents)
        found = self.factorize(solver).solve_tangent(rows)
        for judge in solving.JUDGES:
            judge(self, rows, found, True)
        return Tangents(self, found, rows, batch)

    def gradients(self, *, solver: Any = None) -> Any:
        """The multipliers of every leaf of the output, from one factor and one solve with all of them.

        Returns
        -------
        pytree like the output, of Multipliers
            For a scalar leaf its gradient; for an array leaf ``y`` all rows of its Jacobian, with the axes of ``y``
            leading: ``∂y/∂z_i`` has shape ``(*y.shape, *z_i.shape)``. Zero for constants and discrete values.
        """
        return answers.gradients(self, solver)

    def inverse_columns(self, nodes: Any, *, solver: Any = None) -> Any:
        """Columns of ``−A⁻¹``: how ``z_k`` moves with every other value, ``λ_i = ∂z_k/∂z_i``.

        Parameters
        ----------
        nodes : int, str, or a sequence of them
            Node numbers from 1, names of arguments, or names given with :func:`adjoint.name`.

        Returns
        -------
        Multipliers, or a dict of them by what was asked for
            With the axes of ``z_k`` leading, as in :meth:`gradients`.

        Raises
        ------
        SeedError
            If a node has no multiplier.
        """
        return answers.inverse_columns(self, nodes, solver)

    def influence(self, seed: Any = None, *, solver: Any = None) -> Ranking:
        """Which node matters most: all nodes by ``Σ |λ_i ∘ z_i|``, the largest first.

        That is the first-order change of the objective per relative change of ``z_i``.
        """
        return influence.influence(self, seed, solver)

    def condition(self, seed: Any = None, *, solver: Any = None) -> Condition:
        """Estimates of ``κ₁(A)``, of Skeel's condition of the multipliers, and of ``κ₁`` of each diagonal block.

        About twenty solves with the solver's factor, half of them with ``Aᵀ``.

        Raises
        ------
        ConstraintSystemError
            If real and complex nodes meet.
        """
        return conditioning.condition(self, seed, solver)

    def diagnose(self, seed: Any = None, *, solver: Any = None) -> Diagnosis:
        """What is wrong or remarkable about this system: see :class:`adjoint.system.diagnosis.Diagnosis`.

        Parameters
        ----------
        seed : pytree like the output, optional
            Of the multipliers whose norms are followed along the depth; by default 1 for every output entry.
        solver : str or Solver, optional

        Raises
        ------
        SeedError
            If a seed is given that does not fit the output.
        """
        return diagnosis.diagnose(self, seed, solver)

    def seed_rows(self, seed: Any) -> tuple[solving.Rows, tuple[int, ...]]:
        """A seed as ``(node, value)`` pairs, checked against the output; and its batch axes."""
        return right_hand_sides.of_seed(self, seed)

    def tangent_rows(self, tangents: Sequence[Any]) -> tuple[solving.Rows, tuple[int, ...]]:
        """Tangents of the arguments as ``(node, value)`` pairs; and their batch axes."""
        return right_hand_sides.of_tangents(self, tangents)

    def residual(self, multipliers: Multipliers) -> float:
        """``max |A λ + s|``: the largest violation of any stationarity condition."""
        return multipliers.residual()

    # --- pictures ------------------------------------------------------------------------------------

    def to_html(self, path: Any, **options: Any) -> Any:
        """Write one self-contained interactive page: the matrix, the graph, and the solve step by step.

        Parameters
        ----------
        path : str or path
            Where to; it opens in any browser, without a network.
        **options
            As of :func:`adjoint.plot.to_html`.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        PlotError
            If there is nothing to draw, or the file cannot be written.
        """
        return _picture("page").to_html(self, path, **options)

    def __str__(self) -> str:
        n, levels = self.shape[0], max(self.trace.levels(), default=-1) + 1
        return f"<constraint system: {len(self)} constraints, A is {n} × {n}, {levels} levels>"

    def __repr__(self) -> str:
        try:
            text: str = _picture("texts").summary(self)
        except Exception:  # whatever a picture trips over: a repr is what one looks at while something is wrong
            return str(self)
        return text

    def _repr_html_(self) -> str | None:
        try:
            html: str | None = _picture("notebook").system_html(self)
        except Exception:  # a notebook falls back to the repr
            return None
        return html


def _picture(module: str) -> Any:
    """A module of ``adjoint.plot``: by name, because that floor stands above and is loaded when a picture is wanted."""
    return importlib.import_module(f"adjoint.plot.{module}")


COMPILER.append(ConstraintSystem)

"""The constraint system ``A λ = −s`` of a trace: block upper triangular, matrix-free until asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Identity
from adjoint.errors import AdjointError, SeedError
from adjoint.system import assembly, solving
from adjoint.system.multipliers import Multipliers, Tangents
from adjoint.system.structure import Structure
from adjoint.tracing import COMPILER, INPUT, Trace, current_operands, flatten, snapshot
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
        ``z_1 … z_n``: the point of linearization.
    """

    __slots__ = ("_factors", "_offsets", "_plans", "_structure", "primitives", "records", "trace", "values")

    def __init__(self, trace: Trace, records: list[Record] | None = None, values: list[Array] | None = None) -> None:
        self.trace = trace
        self.primitives = trace.primitives
        self.records = trace.records if records is None else records
        self.values = trace.values if values is None else values
        self._offsets: np.ndarray | None = None
        self._factors: dict[Any, Any] = {}
        self._plans: dict[Any, Any] = {}  # shared by all linearizations of the structure
        self._structure: Structure | None = None

    # --- structure ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.records)

    @property
    def offsets(self) -> np.ndarray:
        """``(n + 1,)``: multiplier ``λ_i`` takes the rows ``offsets[i-1]:offsets[i]`` of the scalar system.

        Nodes with discrete values (integers, masks) have no multiplier and take no rows.
        """
        if self._offsets is None:
            sizes = np.zeros(len(self) + 1, dtype=np.intp)
            for k, (primitive, record, y) in enumerate(zip(self.primitives, self.records, self.values, strict=True)):
                if primitive is INPUT:
                    active = y.dtype.kind in "fc"
                else:
                    active = not primitive.discrete and max(record[1], default=-1) >= 0
                if active:
                    sizes[k + 1] = y.size
            self._offsets = np.cumsum(sizes)
        return self._offsets

    def is_active(self, k: int) -> bool:
        """Whether node ``k`` (0-based) has a multiplier: a floating-point value that a derivative can reach."""
        primitive, parents = self.primitives[k], self.records[k][1]
        if primitive is INPUT:
            return bool(self.values[k].dtype.kind in "fc")
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
        operands, parents, static, _, _ = self.records[k]
        try:
            return self.primitives[k].blocks(self.values[k], operands, static or EMPTY, parents)
        except AdjointError as error:
            solving.note_where(error, self.primitives, self.records, k)
            raise

    def diagonal_of(self, k: int) -> Block | None:
        """``D_k`` of an implicit constraint (0-based), ``None`` for an explicit one."""
        primitive = self.primitives[k]
        operands, _, static, _, _ = self.records[k]
        if primitive.diagonal is None:
            return None
        return primitive.diagonal(self.values[k], operands, static or EMPTY)

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
        leaves = [x.copy() if type(x) is np.ndarray else x for x in self.trace.leaves_of(args)]
        values = self.trace.evaluate(leaves)
        records: list[Record] = [
            (tuple(current_operands(record[0], record[1], values)), *record[1:]) for record in self.trace.records
        ]
        moved = ConstraintSystem(self.trace, records, values)
        moved._offsets, moved._plans, moved._structure = self._offsets, self._plans, self._structure
        return moved

    @property
    def output(self) -> Any:
        """The function's output at the point of linearization, in arrays of its own."""
        leaves, spec = flatten(self.trace.output_of(self.values))
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

    def solve(self, seed: Any = None, *, solver: Any = None) -> Multipliers:
        """Solve ``A λ = −s``: the multiplier of every constraint.

        Parameters
        ----------
        seed : pytree like the output, optional
            The right-hand side ``s``: the weight of each output entry in the objective ``s · z_n``. Leading
            axes, the same for all leaves, are several right-hand sides. By default 1 for a scalar output.
        solver : str or Solver, optional
            ``"back_substitution"`` by default.

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
        rows, batch = self.seed_rows(seed)
        found = self.factorize(solver).solve(rows)
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

    def seed_rows(self, seed: Any) -> tuple[solving.Rows, tuple[int, ...]]:
        """A seed as ``(node, value)`` pairs, checked against the output."""
        outputs = self.trace.outputs
        if seed is None:
            if len(outputs) != 1 or (isinstance(outputs[0], int) and self.values[outputs[0]].size != 1):
                shapes = [None if isinstance(out, tuple) else self.values[out].shape for out in outputs]
                raise SeedError(
                    f"the output has the shapes {shapes}: give solve() a seed of the same structure, which says "
                    "how much each entry counts in the objective"
                )
            leaves = [
                np.ones(self.values[out].shape, self.values[out].dtype)[()] for out in outputs if isinstance(out, int)
            ]
            leaves += [np.ones(()) for out in outputs if isinstance(out, tuple)]
        else:
            leaves, spec = flatten(seed)
            if spec != self.trace.output_spec:
                raise SeedError(f"the seed {spec} has not the structure of the output {self.trace.output_spec}")
        nodes = [out if isinstance(out, int) else None for out in outputs]
        return self.rows_of(nodes, leaves, "seed")

    def tangent_rows(self, tangents: Sequence[Any]) -> tuple[solving.Rows, tuple[int, ...]]:
        """Tangents of the arguments as ``(node, value)`` pairs."""
        leaves, given = flatten(tuple(tangents))
        spec, _ = self.trace.argument_spec
        if given != spec:
            raise SeedError(f"the tangents {given} have not the structure of the arguments {spec}")
        return self.rows_of(list(self.trace.inputs), leaves, "tangent")

    def rows_of(
        self, nodes: Sequence[int | None], leaves: Sequence[Array], what: str
    ) -> tuple[solving.Rows, tuple[int, ...]]:
        """Check shapes, find the common batch axes, and drop leaves of constant outputs."""
        rows: list[tuple[int, Array]] = []
        batch: tuple[int, ...] | None = None
        for node, leaf in zip(nodes, leaves, strict=True):
            if node is None:
                continue
            value = self.values[node]
            leaf = leaf if hasattr(leaf, "dtype") else np.asarray(leaf, dtype=value.dtype)
            extra = leaf.ndim - value.ndim
            if extra < 0 or leaf.shape[extra:] != value.shape:
                raise SeedError(
                    f"the {what} of z_{node + 1} has shape {leaf.shape}; expected {value.shape}, or several of "
                    "them along leading axes"
                )
            if leaf.dtype.kind == "c" and value.dtype.kind == "f":
                raise SeedError(
                    f"the {what} of z_{node + 1} is complex, but that value is real ({value.dtype}); give its real part"
                )
            if batch is not None and leaf.shape[:extra] != batch:
                raise SeedError(f"the leaves of a {what} must share their leading axes: {batch}, {leaf.shape[:extra]}")
            batch = leaf.shape[:extra]
            if self.is_active(node):
                rows.append((node, leaf.copy() if type(leaf) is np.ndarray else leaf))  # the user may edit it later
        return rows, batch or ()

    def residual(self, multipliers: Multipliers) -> float:
        """``max |A λ + s|``: the largest violation of any stationarity condition."""
        return multipliers.residual()

    def __repr__(self) -> str:
        n = self.shape[0]
        return f"<constraint system: {len(self)} constraints, A is {n} × {n}, {len(self.levels)} levels>"


COMPILER.append(ConstraintSystem)

"""Condition estimates of ``A`` and of its diagonal blocks, from solves alone.

``‖A⁻¹‖₁`` is estimated by Hager's method: a few solves with ``A`` and ``Aᵀ``, never the inverse. The same method gives
Skeel's condition ``‖|A⁻¹| |A| |λ|‖∞ / ‖λ‖∞``, because ``‖|A⁻¹| g‖∞ = ‖diag(g) A⁻ᴴ‖₁`` for ``g ≥ 0``. Both are lower
bounds, rarely off by more than a factor of three.

References
----------
W. W. Hager, SIAM J. Sci. Stat. Comput. 5 (1984) 311–316. N. J. Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed., SIAM 2002, chapter 15. R. D. Skeel, J. ACM 26 (1979) 494–526.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy

from adjoint.blocks import Block, Dense, DiagonalBlock, MatrixOnLeft, Sparse
from adjoint.errors import ConstraintSystemError, SingularBlockError
from adjoint.system import certificate

if TYPE_CHECKING:
    from adjoint.system.solving import Factor
    from adjoint.system.system import ConstraintSystem


@dataclass(frozen=True, slots=True)
class Condition:
    """How errors in ``A`` and ``s`` grow in ``λ``.

    Attributes
    ----------
    norm : float
        ``‖A‖₁``; an upper bound where partials of one pair of nodes cancel.
    inverse_norm : float
        The estimate of ``‖A⁻¹‖₁``, a lower bound.
    skeel : float or None
        ``‖|A⁻¹| |A| |λ|‖∞ / ‖λ‖∞`` for the multipliers of a seed: times the certificate, to first order a bound of
        their relative error, blind to how values are scaled. ``None`` without a seed if the output is not one scalar.
    blocks : dict
        ``{i: κ₁(D_i)}`` for each implicit constraint ``z_i``, numbers from 1; for a stack of matrices the worst.
    """

    norm: float
    inverse_norm: float
    skeel: float | None
    blocks: dict[int, float]

    @property
    def value(self) -> float:
        """``κ₁(A) = ‖A‖₁ ‖A⁻¹‖₁``."""
        return self.norm * self.inverse_norm

    def __str__(self) -> str:
        lines = [f"κ₁(A) ≈ {self.value:.3g}   (‖A‖₁ = {self.norm:.3g}, ‖A⁻¹‖₁ ≈ {self.inverse_norm:.3g})"]
        if self.skeel is not None:
            lines.append(f"Skeel's condition of the multipliers ≈ {self.skeel:.3g}")
        lines += [f"κ₁(D_{i}) ≈ {value:.3g}" for i, value in self.blocks.items()]
        return "\n".join(lines)


def condition(system: ConstraintSystem, seed: Any = None, solver: Any = None) -> Condition:
    """Estimate; see ``ConstraintSystem.condition``."""
    kinds = {y.dtype.kind for k, y in enumerate(system.values) if system.is_active(k)}
    if len(kinds) > 1:
        raise ConstraintSystemError(
            "condition() needs nodes that are all real or all complex: between real and complex nodes A is linear over "
            "the real numbers only, and has no norm over the complex ones. Split real and imaginary parts."
        )
    factor = system.factorize(solver)
    inverse = _Inverse(system, factor)
    skeel = None
    if seed is not None or _one_scalar(system):
        rows, batch = system.seed_rows(seed)
        if batch:
            raise ConstraintSystemError(f"condition() takes one seed; this one has the leading axes {batch}")
        skeel = _skeel(system, inverse, factor.solve(rows))
    blocks = {}
    for k, primitive in enumerate(system.primitives):
        if primitive.diagonal is not None:
            diagonal: Any = system.diagonal_of(k)
            blocks[k + 1] = block_condition(diagonal)
    with np.errstate(all="ignore"):
        return Condition(_norm(system), one_norm(inverse.solve, inverse.solve_adjoint, inverse.size), skeel, blocks)


def _one_scalar(system: ConstraintSystem) -> bool:
    outputs = system.trace.outputs
    return len(outputs) == 1 and isinstance(outputs[0], int) and system.values[outputs[0]].size == 1


class _Inverse:
    """``A⁻¹`` and ``A⁻ᴴ`` on flat vectors ``(N, m)``, up to the sign."""

    def __init__(self, system: ConstraintSystem, factor: Factor) -> None:
        self.offsets = system.offsets
        self.values = system.values
        self.factor = factor
        self.nodes = [k for k in range(len(system)) if self.offsets[k + 1] > self.offsets[k]]
        self.size = int(self.offsets[-1])
        self.dtype = np.result_type(float, *{system.values[k].dtype for k in self.nodes})

    def solve(self, x: np.ndarray) -> np.ndarray:
        return self._flat(self.factor.solve(self._rows(x)), x.shape)

    def solve_adjoint(self, x: np.ndarray) -> np.ndarray:
        return self._flat(self.factor.solve_tangent(self._rows(x)), x.shape)

    def _rows(self, x: np.ndarray) -> list[tuple[int, np.ndarray]]:
        m = x.shape[1]
        return [
            (k, x[self.offsets[k] : self.offsets[k + 1]].T.reshape((m, *self.values[k].shape)).astype(y.dtype))
            for k in self.nodes
            for y in (self.values[k],)
        ]

    def _flat(self, found: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
        flat = np.zeros(shape, self.dtype)
        for k in self.nodes:
            if found[k] is not None:
                flat[self.offsets[k] : self.offsets[k + 1]] = np.asarray(found[k]).reshape(shape[1], -1).T
        return flat


Map = Callable[[np.ndarray], np.ndarray]


def one_norm(apply: Map, adjoint: Map, size: int) -> float:
    """A lower bound of ``‖B‖₁`` for a square ``B`` of which only products ``B x`` and ``Bᴴ x`` are at hand.

    Hager's ascent, as in LAPACK's ``lacon``, from two fixed starts: no random vectors, as SciPy's ``onenormest`` draws
    from NumPy's global generator; and infinity as soon as a product is not finite.
    """
    if not size:
        return 0.0
    # The second start is against matrices that fool the first by cancellation.
    ramp = (1 + np.arange(size) / max(size - 1, 1)) * np.where(np.arange(size) % 2, -1.0, 1.0)
    starts = [np.full(size, 1 / size), ramp / np.abs(ramp).sum()][: min(size, 2)]
    return max(_ascent(apply, adjoint, x[:, None]) for x in starts)


def _ascent(apply: Map, adjoint: Map, x: np.ndarray) -> float:
    """From one vertex of the unit ball to a better one, along the gradient of the convex ``‖B x‖₁``."""
    best, visited = 0.0, -1
    for _ in range(_ITERATIONS):
        y = apply(x)
        norm = float(np.abs(y).sum())
        if not math.isfinite(norm):
            return math.inf
        if norm <= best:
            break
        best = norm
        magnitude = np.abs(y)
        slopes = np.abs(adjoint(np.where(magnitude > 0, y / np.where(magnitude > 0, magnitude, 1), 1)))
        j = int(np.argmax(slopes))
        if j == visited:
            break
        visited = j
        x = np.zeros_like(x)
        x[j] = 1
    return best


_ITERATIONS = 5
"""Of Hager's ascent; two or three are usual."""


def _skeel(system: ConstraintSystem, inverse: _Inverse, found: Sequence[Any]) -> float:
    g = np.zeros((inverse.size, 1))
    largest = 0.0
    for k, _, scale in certificate.residual_rows(system, found, (), ()):  # without right-hand side: |A| |λ|
        g[inverse.offsets[k] : inverse.offsets[k + 1], 0] = np.ravel(scale)
    for k in inverse.nodes:
        if found[k] is not None:
            largest = max(largest, float(np.max(np.abs(found[k]), initial=0.0)))
    if not largest:
        return 0.0
    return one_norm(lambda x: g * inverse.solve_adjoint(x), lambda x: inverse.solve(g * x), inverse.size) / largest


def _norm(system: ConstraintSystem) -> float:
    """``‖A‖₁``: the largest row sum of ``|D_k| + Σ |J[k, i]|``."""
    largest = 0.0
    for k in range(len(system)):
        if not system.is_active(k) or not system.values[k].size:
            continue
        diagonal = system.diagonal_of(k)
        sums: Any = 1.0 if diagonal is None else _row_sums(diagonal)
        merged: dict[int, Block] = {}
        for i, block in system.blocks_of(k):
            merged[i] = merged[i] + block if i in merged else block
        for block in merged.values():
            sums = sums + _row_sums(block)
        largest = max(largest, float(np.max(sums)))
    return largest if largest == largest else math.inf


def _row_sums(block: Block) -> np.ndarray:
    magnitudes = block.absolute()
    if magnitudes is None:
        sparse = block.to_sparse()
        magnitudes = Sparse(sparse.rows, sparse.columns, np.abs(sparse.data), block.in_shape, block.out_shape)
    return np.asarray(magnitudes.apply(np.ones(block.in_shape)))


# --- diagonal blocks ---------------------------------------------------------------------------------


def block_condition(block: DiagonalBlock) -> float:
    """``κ₁(D)``: from LAPACK's reciprocal condition for dense matrices, estimated by solves for others.

    Infinite where ``D`` is singular or not finite; the worst of a stack of matrices.
    """
    if isinstance(block, (Dense, MatrixOnLeft)) and block.matrix.size:
        matrix = np.asarray(block.matrix)
        stack = matrix.reshape((-1, *matrix.shape[-2:]))
        return max(_lapack_condition(one) for one in stack)
    size = math.prod(block.in_shape)
    if not size:
        return 0.0

    def flat(map_: Callable[[Any], Any]) -> Map:
        return lambda x: np.asarray(map_(x.T.reshape((x.shape[1], *block.in_shape)))).reshape((x.shape[1], size)).T

    try:
        inverse = one_norm(flat(block.solve), flat(block.solve_adjoint), size)
    except SingularBlockError:
        return math.inf
    return one_norm(flat(block.apply), flat(block.apply_adjoint), size) * inverse


def _lapack_condition(matrix: np.ndarray) -> float:
    a = matrix.astype(np.complex128 if matrix.dtype.kind == "c" else np.float64)
    if not np.isfinite(a).all():
        return math.inf
    getrf, gecon = scipy.linalg.get_lapack_funcs(("getrf", "gecon"), (a,))
    lu, _, singular = getrf(a)
    if singular:
        return math.inf
    reciprocal, _ = gecon(lu, np.linalg.norm(a, 1), norm="1")
    return math.inf if not reciprocal > 0 else 1 / float(reciprocal)

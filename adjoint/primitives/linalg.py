"""Linear algebra as implicit constraints: ``A x = b`` is ``c(x, A, b) = A x - b = 0`` with the diagonal block ``A``."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Contraction, DiagonalBlock, Identity, MatrixOnLeft
from adjoint.errors import UnsupportedArgumentError
from adjoint.tracing import Primitive, bind, handles, here


def _solve_blocks(y: Array, operands: Any, static: Any, parents: Any) -> list[tuple[int, Block]]:
    """``c(x, A, b) = A x - b``: ``-∂c/∂A = -(·) x`` and ``-∂c/∂b = I``."""
    a, b = operands
    result: list[tuple[int, Block]] = []
    if parents[0] >= 0:
        labels = (("i", "k"), ("k", "j")[: b.ndim], ("i", "j")[: b.ndim])
        result.append((parents[0], Contraction(*labels, -y, a.shape, y.shape)))
    if parents[1] >= 0:
        result.append((parents[1], Identity(b.shape)))
    return result


def _solve_diagonal(y: Array, operands: Any, static: Any) -> DiagonalBlock:
    return MatrixOnLeft(operands[0], y.shape)


_linear_solve = Primitive("linalg.solve", np.linalg.solve, _solve_blocks, diagonal=_solve_diagonal)


@handles(np.linalg.solve)
def _solve(a: Any, b: Any) -> Any:
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in (a, b))
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise UnsupportedArgumentError(
            f"linalg.solve of traced values takes one matrix and a vector or matrix: {here()}"
        )
    return bind(_linear_solve, (a, b))

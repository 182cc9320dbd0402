"""Exponential, logarithm and square root of matrices, and the Sylvester equation ``A X + X B = Q``.

They are SciPy's, and reached through :mod:`adjoint.scipy.linalg`. A root ``X X = A`` and the solution of a Sylvester
equation are implicit constraints. The derivative of other functions is read off a function of a larger matrix:

    ``f([[A, V], [0, A]]) = [[f(A), J V], [0, f(A)]]``

Reference: N. J. Higham, *Functions of Matrices* (2008), equation 3.16.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy  # its subpackages load when they are first used

from adjoint.blocks import Array, DiagonalBlock, Function, Identity
from adjoint.blocks.sylvester import Sylvester, sylvester
from adjoint.errors import NotDifferentiableError
from adjoint.primitives.linear import contraction_block
from adjoint.primitives.matrices import hermitian_transpose
from adjoint.tracing import Primitive, Tracer, bind, concrete, guard, handles
from adjoint.tracing.primitive import Blocks, Static

# --- Sylvester equations --------------------------------------------------------------------------


def _sylvester_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``c(X, A, B, Q) = A X + X B − Q``: ``−∂c/∂A = −(·) X``, ``−∂c/∂B = −X (·)`` and ``−∂c/∂Q = I``."""
    a, b, _ = operands
    s = tuple(range(y.ndim - 2))
    result: Blocks = []
    if parents[0] >= 0:
        labels = ((*s[len(s) - (a.ndim - 2) :], "i", "k"), (*s, "k", "j"), (*s, "i", "j"))
        result.append((parents[0], contraction_block(y, a, -y, labels)))
    if parents[1] >= 0:
        labels = ((*s[len(s) - (b.ndim - 2) :], "k", "j"), (*s, "i", "k"), (*s, "i", "j"))
        result.append((parents[1], contraction_block(y, b, -y, labels)))
    if parents[2] >= 0:
        result.append((parents[2], Identity(y.shape)))
    return result


def _sylvester_diagonal(y: Array, operands: Sequence[Array], static: Static) -> DiagonalBlock:
    return Sylvester(operands[0], operands[1], y.shape)


_sylvester = Primitive("linalg.solve_sylvester", sylvester, _sylvester_blocks, diagonal=_sylvester_diagonal)
handles(sylvester)(lambda a, b, q: bind(_sylvester, (a, b, q)))

# --- functions of one matrix ----------------------------------------------------------------------


def _is_complex(x: Array) -> bool:
    return bool(x.dtype.kind == "c")


def _matrix_function(name: str, blocks: Any, diagonal: Any = None) -> Callable[[Any], Any]:
    """SciPy's function of that name, recorded on a traced value."""

    def evaluate(a: Any) -> Any:
        return call(a) if type(a) is Tracer else getattr(scipy.linalg, name)(a)

    primitive = Primitive(f"linalg.{name}", evaluate, blocks, diagonal=diagonal)

    def call(a: Any) -> Any:
        y = bind(primitive, (a,))
        if type(y) is Tracer and a.dtype.kind != "c" and name != "expm":
            guard(y, _is_complex)  # whether a real matrix has a real root or logarithm depends on its entries
        return y

    return call


def _frechet(function: Callable[[Any], Any], a: Array, v: Array) -> Array:
    """``J V``. Its scale is that of ``A``, so that neither drowns in the other."""
    if not v.size:
        return v
    size, reference = (float(np.max(np.abs(concrete(x)), initial=0.0)) for x in (v, a))
    scale = size / (reference or 1.0)
    scale = scale if 0 < scale < np.inf else 1.0
    a = np.broadcast_to(a, v.shape)
    n = v.shape[-1]
    zeros = np.zeros(v.shape)  # in double precision: SciPy's functions of twice the matrix lose digits otherwise
    rows = np.concatenate([a, v * (1 / scale)], axis=-1), np.concatenate([zeros, a], axis=-1)
    found = function(np.concatenate(rows, axis=-2))[..., :n, n:] * scale
    return found.astype(np.result_type(a.dtype, v.dtype))


def _frechet_blocks(name: str) -> Any:
    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        (a,), function = operands, FUNCTIONS_OF_MATRICES[name]
        if a.dtype.kind != y.dtype.kind:
            raise NotDifferentiableError(
                f"linalg.{name} jumps at a real matrix with a negative eigenvalue: it lies on the cut of the logarithm"
            )
        adjoint = hermitian_transpose(a)
        jvp, vjp = (lambda v: _frechet(function, a, v)), (lambda w: _frechet(function, adjoint, w))
        return [(parents[0], Function(a.shape, y.shape, jvp, vjp, batched=True, name=name))]

    return blocks


def _root_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``c(X, A) = X X − A``."""
    return [(parents[0], Identity(y.shape))]


def _root_diagonal(y: Array, operands: Sequence[Array], static: Static) -> DiagonalBlock:
    return Sylvester(y, y, y.shape)


FUNCTIONS_OF_MATRICES: dict[str, Callable[[Any], Any]] = {
    "expm": _matrix_function("expm", _frechet_blocks("expm")),
    "logm": _matrix_function("logm", _frechet_blocks("logm")),
    "sqrtm": _matrix_function("sqrtm", _root_blocks, _root_diagonal),
}

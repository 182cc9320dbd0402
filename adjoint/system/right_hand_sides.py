"""What users give as a right-hand side, as rows: ``(node, value)`` pairs, checked against the system."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy

from adjoint.blocks import Array
from adjoint.errors import SeedError
from adjoint.system.options import shown
from adjoint.system.pytree_words import difference
from adjoint.system.solving import Rows
from adjoint.tracing import flatten

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem


def of_seed(system: ConstraintSystem, seed: Any) -> tuple[Rows, tuple[int, ...]]:
    """A seed as ``(node, value)`` pairs, checked against the output."""
    outputs = system.trace.outputs
    if seed is None:
        if len(outputs) != 1 or (isinstance(outputs[0], int) and system.value(outputs[0]).size != 1):
            shapes = [None if isinstance(out, tuple) else system.value(out).shape for out in outputs]
            raise SeedError(
                f"the output has the shapes {shapes}: give solve() a seed of the same structure, which says "
                "how much each entry counts in the objective"
            )
        leaves = [
            np.ones(system.value(out).shape, system.value(out).dtype)[()] for out in outputs if isinstance(out, int)
        ]
        leaves += [np.ones(()) for out in outputs if isinstance(out, tuple)]
    else:
        leaves, spec = flatten(seed)
        if spec != system.trace.output_spec:
            where = difference(system.trace.output_spec, spec)
            raise SeedError(f"the seed given has not the structure of the output: {where}")
    nodes = [out if isinstance(out, int) else None for out in outputs]
    return _rows(system, nodes, leaves, "seed")


def of_tangents(system: ConstraintSystem, tangents: Sequence[Any]) -> tuple[Rows, tuple[int, ...]]:
    """Tangents of the arguments as ``(node, value)`` pairs."""
    leaves, given = flatten(tuple(tangents))
    spec, _ = system.trace.argument_spec
    if given != spec:
        if given.num_children != spec.num_children:
            where = f"expected {spec.num_children} (one for each argument), got {given.num_children}"
        else:
            pairs = zip(spec.children(), given.children(), strict=True)
            k, one, other = next((k, one, other) for k, (one, other) in enumerate(pairs, 1) if one != other)
            where = f"tangent {k}, {difference(one, other)}"
        raise SeedError(f"the tangents given have not the structure of the arguments: {where}")
    return _rows(system, list(system.trace.inputs), leaves, "tangent")


def _array(leaf: Any, dtype: np.dtype[Any], whose: str) -> Array:
    """A leaf as an array; a Python number in the dtype of its node."""
    if isinstance(leaf, Number) and not hasattr(leaf, "dtype"):
        keep = dtype.kind not in "fc" or (isinstance(leaf, complex) and dtype.kind == "f")
        return np.asarray(leaf) if keep else np.asarray(leaf, dtype=dtype)
    try:
        array = leaf if isinstance(getattr(leaf, "dtype", None), np.dtype) else np.asarray(leaf)
    except (TypeError, ValueError, RuntimeError):
        array = None
    if array is None or array.dtype.kind not in "biufc" or scipy.sparse.issparse(array):
        came = f"an array of dtype {leaf.dtype}" if isinstance(leaf, np.ndarray) else shown(leaf)
        kind = "" if isinstance(leaf, np.ndarray | str) else f" ({type(leaf).__name__})"
        raise SeedError(f"{whose} must be a number or a dense array of numbers, not {came}{kind}")
    return array


def _rows(
    system: ConstraintSystem, nodes: Sequence[int | None], leaves: Sequence[Array], what: str
) -> tuple[Rows, tuple[int, ...]]:
    """Check shapes, find the common batch axes, and drop leaves of constant outputs."""
    rows: list[tuple[int, Array]] = []
    batch: tuple[int, ...] | None = None
    for node, leaf in zip(nodes, leaves, strict=True):
        if node is None:
            continue
        value = system.value(node)
        leaf = _array(leaf, value.dtype, f"the {what} of z_{node + 1}")
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
        if system.is_active(node):
            rows.append((node, leaf.copy() if type(leaf) is np.ndarray else leaf))  # the user may edit it later
    return rows, batch or ()

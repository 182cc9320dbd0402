"""Solutions of a system: by argument, by node number, by given name; and their certificate."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.blocks import Array
from adjoint.system import certificate
from adjoint.tracing import concrete
from adjoint.tracing.display import printable

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem


class _Solution:
    """One array per constraint; structural zeros are stored as ``None`` and read as zeros."""

    __slots__ = ("_found", "batch", "rows", "system")

    def __init__(
        self,
        system: ConstraintSystem,
        found: Sequence[Any],
        rows: Sequence[tuple[int, Array]],
        batch: tuple[int, ...],
    ) -> None:
        self.system = system
        self._found = found
        self.rows = rows
        self.batch = batch

    def at(self, k: int) -> Array | None:
        """The entry of node ``k`` (0-based); ``None`` for a structural zero."""
        return self._found[k]

    def full(self, k: int) -> Array:
        """The entry of node ``k`` (0-based) as an array of the user's own; a structural zero as zeros."""
        found = self._found[k]
        if found is None:
            value = self.system.value(k)
            dtype = value.dtype if value.dtype.kind in "fc" else float
            return np.zeros(self.batch + value.shape, dtype)[()]
        return found.copy() if type(found) is np.ndarray else found

    def __len__(self) -> int:
        return len(self.system)

    def __getitem__(self, key: int | str) -> Array:
        """By node number (from 1), or by name: an argument's, or one given with :func:`adjoint.name`."""
        if isinstance(key, str):
            return self.full(self.system.trace.find(key) - 1)
        if not 1 <= key <= len(self):
            raise IndexError(f"the system has the nodes z_1 … z_{len(self)}, not z_{key}")
        return self.full(key - 1)

    @property
    def arguments(self) -> Any:
        """The entries of the arguments: a tuple with one pytree per traced argument, structured like it."""
        spec, _ = self.system.trace.argument_spec
        return spec.unflatten([self.full(k) for k in self.system.trace.inputs])

    def _table(self, symbol: str) -> str:
        lines = []
        labels = self.system.trace.labels()
        for k in list(range(len(self)))[:40]:
            shown = _shown(np.asarray(concrete(self.full(k)))) if self.system.is_active(k) else "no multiplier"
            name = f" ({printable(labels[k])})" if k in labels else ""
            lines.append(f"{symbol}_{k + 1}{name} = {shown}")
        if len(self) > 40:
            lines.append(f"… {len(self) - 40} more")
        return "\n".join(lines)


def _shown(value: np.ndarray) -> str:
    """The numbers of a small array in one line; of a larger one with axes its shape and size."""
    if value.ndim < 2 or value.size <= 6:
        return " ".join(np.array2string(value, precision=4, threshold=6, edgeitems=2).split())
    with np.errstate(all="ignore"):
        norm, largest = np.linalg.norm(value), np.max(np.abs(value))
    return f"{value.dtype}{list(value.shape)}, norm {norm:.4g}, largest {largest:.4g}"


class Multipliers(_Solution):
    """The Lagrange multipliers ``λ_1 … λ_n`` of a system: ``λ_i = ∂(s · z_n)/∂z_i``.

    ``lam["w1"]`` is the multiplier of the argument or named node ``w1``, ``lam[5]`` of ``z_5``, and
    ``lam.arguments`` those of all arguments in their own structure.
    """

    __slots__ = ()

    def residual(self) -> float:
        """``max |A λ + s|`` over all scalar rows."""
        return certificate.residual(self.system, self._found, self.rows, self.batch)

    def certificate(self) -> float:
        """The componentwise backward error ``max_i |A λ + s|_i / (|A| |λ| + |s|)_i``.

        The multipliers solve exactly a system whose every entry differs from ``A`` by at most this relative
        amount; a few units of rounding (about 1e-16 in float64) means: as right as the data allow. Costs one
        more sweep, in a higher precision than the solve's where that is affordable.

        References
        ----------
        W. Oettli and W. Prager, Numer. Math. 6 (1964) 405–409, theorem 1.
        """
        return certificate.backward_error(self.system, self._found, self.rows, self.batch)

    def __repr__(self) -> str:
        return self._table("λ")

    def _repr_html_(self) -> str | None:
        # by name: pictures stand on a floor above, and are loaded when one is wanted
        try:
            html: str | None = importlib.import_module("adjoint.plot.notebook").solution_html(self, "λ")
        except Exception:  # a notebook falls back to the repr
            return None
        return html


class Tangents(_Solution):
    """The tangents ``ż_1 … ż_n`` of a system; ``.output`` has the structure of the function's output."""

    __slots__ = ()

    @property
    def output(self) -> Any:
        """The tangent of the output."""
        leaves = []
        for out in self.system.trace.outputs:
            if isinstance(out, int):
                leaves.append(self.full(out))
            else:
                leaves.append(np.zeros(self.batch + np.shape(out[0]))[()])
        return self.system.trace.output_spec.unflatten(leaves)

    def __repr__(self) -> str:
        return self._table("ż")

    def _repr_html_(self) -> str | None:
        try:
            html: str | None = importlib.import_module("adjoint.plot.notebook").solution_html(self, "ż")
        except Exception:  # as above
            return None
        return html

"""The constraints that one step of a recurrent network consists of, with their blocks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.blocks import Array, Contraction, Diagonal, Identity, Pieces, Slice
from adjoint.nn.functional._operations import operation
from adjoint.nn.functional.affine import linear
from adjoint.tracing.primitive import RESULT, Blocks, Static

# --- inputs + state @ weight, one step ----------------------------------------------------------------


def _recurrence_value(inputs: Any, h: Any, weight: Any, step: int | None) -> Any:
    y = h @ weight
    row = inputs if step is None else inputs[:, step]
    return np.add(y, row, out=y if np.result_type(y, row) == y.dtype else None)


def _recurrence_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    inputs, h, weight = operands
    found: Blocks = []
    if parents[0] >= 0:
        step = static["step"]
        block = Identity(y.shape) if step is None else Slice((slice(None), step), inputs.shape, y.shape)
        found.append((parents[0], block))
    if parents[2] >= 0:
        found.append((parents[2], Contraction(_WEIGHT, _STATE, _GATES, h, weight.shape, y.shape)))
    if parents[1] >= 0:
        found.append((parents[1], Contraction(_STATE, _WEIGHT, _GATES, weight, h.shape, y.shape)))
    return found


_STATE, _WEIGHT, _GATES = ("b", "h"), ("h", "g"), ("b", "g")
recurrence = operation(
    "recurrence", _recurrence_value, _recurrence_blocks, (frozenset[int](), frozenset({2}), frozenset({1}))
)

# --- LSTM: gates (i, f, g, o), cell, state ------------------------------------------------------------


@lru_cache(maxsize=64)
def _gate_rows(size: int, kinds: str, dtype: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each gate of ``"sstts"``: the scale of a sigmoid as ``(1 + tanh(z / 2)) / 2``, its offset, and 1 for tanh."""
    scale, offset, is_tanh = (
        np.repeat(np.array([value[kind] for kind in kinds], dtype), size)
        for value in ({"s": 0.5, "t": 1.0}, {"s": 0.5, "t": 0.0}, {"s": 0.0, "t": 1.0})
    )
    return scale, offset, is_tanh


def _gates_value(z: Any, kinds: str) -> Any:
    scale, offset, _ = _gate_rows(z.shape[-1] // len(kinds), kinds, z.dtype)
    y = z * scale
    np.tanh(y, out=y)
    y *= scale
    y += offset
    return y


def _gates_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    kinds = static["kinds"]
    _, _, is_tanh = _gate_rows(y.shape[-1] // len(kinds), kinds, y.dtype)
    slope = (1 - is_tanh) - y  # σ' = σ (1 − σ), tanh' = 1 − tanh²
    if type(slope) is np.ndarray and type(y) is np.ndarray:
        slope *= y
        slope += is_tanh
    else:
        slope = slope * y + is_tanh
    return [(parents[0], Diagonal(slope, y.shape, y.shape))]


_gates = operation("gates", _gates_value, _gates_blocks, (frozenset({RESULT}),))


def _piece(gates: Any, k: int, count: int) -> Any:
    size = gates.shape[-1] // count
    return gates[..., k * size : (k + 1) * size]


def _cell_value(gates: Any, c: Any) -> Any:
    i, f, g, _ = (_piece(gates, k, 4) for k in range(4))
    y = f * c
    product = i * g
    return np.add(y, product, out=y if np.result_type(y, product) == y.dtype else None)


def _cell_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    gates, c = operands
    found: Blocks = []
    if parents[0] >= 0:
        found.append((parents[0], Pieces((_piece(gates, 2, 4), c, _piece(gates, 0, 4), None), y.shape)))
    if parents[1] >= 0:
        found.append((parents[1], Diagonal(_piece(gates, 1, 4), c.shape, y.shape)))
    return found


def _output_value(gates: Any, c: Any) -> Any:
    y = np.tanh(c)
    o = _piece(gates, 3, 4)
    return np.multiply(y, o, out=y if np.result_type(y, o) == y.dtype else None)


def _output_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    gates, c = operands
    t = np.tanh(c)
    found: Blocks = []
    if parents[0] >= 0:
        found.append((parents[0], Pieces((None, None, None, t), y.shape)))
    if parents[1] >= 0:
        found.append((parents[1], Diagonal((1 - t * t) * _piece(gates, 3, 4), c.shape, y.shape)))
    return found


_cell = operation("lstm_cell", _cell_value, _cell_blocks, (frozenset({0, 1}), frozenset({0})))
_output = operation("lstm_state", _output_value, _output_blocks, (frozenset({1}), frozenset({0, 1})))


def lstm_step(inputs: Any, h: Any, c: Any, w_hidden: Any, step: int | None) -> tuple[Any, Any]:
    gates = _gates(recurrence(inputs, h, w_hidden, step=step), kinds="ssts")
    c = _cell(gates, c)
    return _output(gates, c), c


# --- GRU: gates (r, z), candidate n, state ------------------------------------------------------------


def _reset_value(inputs: Any, hidden: Any) -> Any:
    """The gates ``r`` and ``z``, from the first two of three pieces."""
    size = 2 * (inputs.shape[-1] // 3)
    return _gates_value(inputs[..., :size] + hidden[..., :size], "ss")


def _reset_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    slope = Diagonal(y * (1 - y), y.shape, y.shape)
    index = (*(slice(None),) * (y.ndim - 1), slice(0, y.shape[-1]))
    return [
        (parent, slope @ Slice(index, x.shape, y.shape))
        for parent, x in zip(parents, operands, strict=True)
        if parent >= 0
    ]


def _candidate_value(inputs: Any, hidden: Any, gates: Any) -> Any:
    return np.tanh(_piece(inputs, 2, 3) + _piece(gates, 0, 2) * _piece(hidden, 2, 3))


def _candidate_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    _, hidden, gates = operands
    slope = 1 - y * y
    found: Blocks = []
    if parents[0] >= 0:
        found.append((parents[0], Pieces((None, None, slope), y.shape)))
    if parents[1] >= 0:
        found.append((parents[1], Pieces((None, None, slope * _piece(gates, 0, 2)), y.shape)))
    if parents[2] >= 0:
        found.append((parents[2], Pieces((slope * _piece(hidden, 2, 3), None), y.shape)))
    return found


def _mixed_value(gates: Any, n: Any, h: Any) -> Any:
    return n + _piece(gates, 1, 2) * (h - n)


def _mixed_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    gates, n, h = operands
    z = _piece(gates, 1, 2)
    found: Blocks = []
    if parents[0] >= 0:
        found.append((parents[0], Pieces((None, h - n), y.shape)))
    if parents[2] >= 0:
        found.append((parents[2], Diagonal(z, h.shape, y.shape)))
    if parents[1] >= 0:
        found.append((parents[1], Diagonal(1 - z, n.shape, y.shape)))
    return found


_reset = operation("gates", _reset_value, _reset_blocks, (frozenset({RESULT}),))
_candidate = operation(
    "gru_candidate",
    _candidate_value,
    _candidate_blocks,
    (frozenset({RESULT}), frozenset({2, RESULT}), frozenset({1, RESULT})),
)
_mixed = operation("gru_state", _mixed_value, _mixed_blocks, (frozenset({1, 2}), frozenset({0}), frozenset({0})))


def gru_step(inputs: Any, h: Any, w_hidden: Any, hidden_bias: Any) -> Any:
    hidden = linear(h, w_hidden, hidden_bias)
    gates = _reset(inputs, hidden)
    return _mixed(gates, _candidate(inputs, hidden, gates), h)

"""PyTorch's name → NumPy's function: functions that move entries, and in-place programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.primitives.case import Draw, any_real, distinct, uniform
from tests.primitives.torch_peer import Pair, pair, torch

square, vector, cube, apart = any_real(3, 3), any_real(5), any_real(2, 3, 4), distinct(2, 3, 4)
tensor = torch.tensor
ROWS, COLUMNS = [0, 2, 0, 1], [1, 0, 1, 1]
WHERE = ([0, 2, 1], [1, 0, 1])
PLACES = [[2, 0], [1, 2], [0, 1]]
MASK = [[True, False, False], [False, True, True], [False, False, True]]


def joined(name: str) -> Pair:
    """A function of a sequence of arrays."""
    ours, theirs = getattr(np, name), getattr(torch, name)
    return pair(name, lambda *x: ours(x), square, square, theirs=lambda *x: theirs(x))


def beside(a: Any, b: Any) -> Any:
    """The block-diagonal matrix of two."""
    return np.block([[a, np.zeros((len(a), b.shape[1]))], [np.zeros((len(b), a.shape[1])), b]])


def padding(mode: str, name: str) -> Pair:
    return pair(
        "nn.functional.pad",
        lambda x: np.pad(x, ((1, 0), (2, 1)), mode=mode),
        any_real(3, 4),
        theirs=lambda x: torch.nn.functional.pad(x[None], (2, 1, 1, 0), mode=name)[0],
        variation=mode,
    )


MOVING: list[Pair] = [
    pair("roll", lambda x: np.roll(x, (1, -2), (0, 2)), cube, theirs=lambda x: torch.roll(x, (1, -2), (0, 2))),
    pair("flip", lambda x: np.flip(x, (0, 2)), cube, theirs=lambda x: torch.flip(x, (0, 2))),
    pair("rot90", lambda x: np.rot90(x, 3, (0, 2)), cube, theirs=lambda x: torch.rot90(x, 3, (0, 2))),
    pair("tile", lambda x: np.tile(x, (2, 1, 2)), square, theirs=lambda x: torch.tile(x, (2, 1, 2))),
    pair(
        "repeat_interleave",
        lambda x: np.repeat(x, [1, 0, 2], axis=1),
        square,
        theirs=lambda x: torch.repeat_interleave(x, tensor([1, 0, 2]), dim=1),
    ),
    pair("moveaxis", lambda x: np.moveaxis(x, 0, 2), cube, theirs=lambda x: torch.moveaxis(x, 0, 2)),
    pair("permute", lambda x: np.transpose(x, (2, 0, 1)), cube, theirs=lambda x: torch.permute(x, (2, 0, 1))),
    pair("broadcast_to", lambda x: np.broadcast_to(x, (2, 5)), vector, theirs=lambda x: torch.broadcast_to(x, (2, 5))),
    *(joined(name) for name in ("hstack", "vstack", "dstack", "column_stack", "stack")),
    pair("cat", lambda *x: np.concatenate(x, axis=1), square, any_real(3, 2), theirs=lambda *x: torch.cat(x, 1)),
    pair("meshgrid", np.meshgrid, vector, any_real(3), indexing="xy"),
    pair("diagonal", lambda x: np.diagonal(x, -1, 2, 0), cube, theirs=lambda x: torch.diagonal(x, -1, 2, 0)),
    pair("diag", np.diag, vector),
    pair("diagflat", lambda x: np.diagflat(x, 1), vector, theirs=lambda x: torch.diagflat(x, 1)),
    pair("tril", lambda x: np.tril(x, 1), cube, theirs=lambda x: torch.tril(x, 1)),
    pair("triu", lambda x: np.triu(x, -1), cube, theirs=lambda x: torch.triu(x, -1)),
    pair("block_diag", beside, square, any_real(2, 1)),
    pair(
        "linalg.vander",
        lambda x: np.vander(x, 4, increasing=True),
        vector,
        theirs=lambda x: torch.linalg.vander(x, N=4),
    ),
    pair("take", lambda x: np.take(x, PLACES), square, theirs=lambda x: torch.take(x, tensor(PLACES))),
    pair(
        "index_select",
        lambda x: np.take(x, [2, 0, 2], axis=1),
        cube,
        theirs=lambda x: torch.index_select(x, 1, tensor([2, 0, 2])),
    ),
    pair("masked_select", lambda x: x[x > 0], apart, theirs=lambda x: torch.masked_select(x, x > 0)),
    pair(
        "take_along_dim",
        lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1),
        apart,
        theirs=lambda x: torch.take_along_dim(x, torch.argsort(x, 1), 1),
    ),
    *(
        padding(mode, name)
        for mode, name in (
            ("constant", "constant"),
            ("edge", "replicate"),
            ("reflect", "reflect"),
            ("wrap", "circular"),
        )
    ),
    pair(
        "Tensor.unfold",
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 3)[::2],
        vector,
        theirs=lambda x: x.unfold(0, 3, 2),
    ),
]


def written(name: str, write: Callable[..., Any], *operands: Draw, theirs: Any, variation: str = "written") -> Pair:
    """A program that writes into a copy of its first argument, and what PyTorch has without writing."""

    def program(x: Any, *others: Any) -> Any:
        y = x.copy()
        write(y, *others)
        return y

    return pair(name, program, *operands, theirs=theirs, variation=variation)


def put(key: Any) -> Callable[..., Any]:
    """``y[key] = v``."""

    def write(y: Any, v: Any) -> None:
        y[key] = v

    return write


def positive_part(y: Any, v: Any) -> None:
    y[y > 0] = v


def forward_substitution(y: Any, a: Any) -> None:
    """``L⁻¹ y`` for the lower triangle of ``a``, row by row."""
    for i in range(len(y)):
        for j in range(i):
            y[i] -= a[i, j] * y[j]
        y[i] /= a[i, i]


def tridiagonal_solve(y: Any, low: Any, middle: Any, up: Any) -> None:
    """Thomas's algorithm."""
    d = middle.copy()
    for i in range(1, len(y)):
        factor = low[i - 1] / d[i - 1]
        d[i] -= factor * up[i - 1]
        y[i] -= factor * y[i - 1]
    y[-1] /= d[-1]
    for i in reversed(range(len(y) - 1)):
        y[i] = (y[i] - up[i] * y[i + 1]) / d[i]


def factor_in_place(y: Any) -> None:
    """Cholesky's factor of ``y yᵀ`` in the lower triangle, zeros above it."""
    y[:] = y @ y.T
    for j in range(len(y)):
        y[j, j] = np.sqrt(y[j, j])
        y[j, j + 1 :] = 0.0
        y[j + 1 :, j] /= y[j, j]
        for k in range(j + 1, len(y)):
            y[k:, k] -= y[k:, j] * y[k, j]


def diffuse(y: Any) -> None:
    for _ in range(3):
        y[1:-1] += 0.2 * (y[2:] - 2 * y[1:-1] + y[:-2])


def diffused(x: Any) -> Any:
    for _ in range(3):
        inner = torch.nn.functional.conv1d(x[None], tensor([[[0.2, 0.6, 0.2]]], dtype=x.dtype))[0]
        x = torch.cat([x[:1], inner, x[-1:]])
    return x


def dominant(n: int) -> Draw:
    """Matrices with a dominant diagonal."""
    return lambda rng: rng.uniform(-0.5, 0.5, (n, n)) + 2.0 * np.eye(n)


def add_up(y: Any) -> None:
    for i in range(1, len(y)):
        y[i] += y[i - 1]


def multiply_up(y: Any) -> None:
    for j in range(1, y.shape[1]):
        y[:, j] *= y[:, j - 1]


def banded(x: Any, low: Any, middle: Any, up: Any) -> Any:
    return torch.linalg.solve(torch.diag(middle) + torch.diag(low, -1) + torch.diag(up, 1), x)


def places(indices: Any) -> Any:
    return tuple(tensor(index) for index in indices)


WRITTEN: list[Pair] = [
    written("index_copy", put([2, 0]), square, any_real(2, 3), theirs=lambda x, v: x.index_copy(0, tensor([2, 0]), v)),
    written("index_fill", put([2, 0]), square, any_real(), theirs=lambda x, v: x.index_fill(0, tensor([2, 0]), v)),
    written("index_put", put(WHERE), square, any_real(3), theirs=lambda x, v: x.index_put(places(WHERE), v)),
    written(
        "index_put",
        lambda y, v: np.add.at(y, (ROWS, COLUMNS), v),
        square,
        any_real(4),
        theirs=lambda x, v: x.index_put(places((ROWS, COLUMNS)), v, accumulate=True),
        variation="added",
    ),
    written(
        "index_add",
        lambda y, v: np.add.at(y, ROWS, v),
        square,
        any_real(4, 3),
        theirs=lambda x, v: x.index_add(0, tensor(ROWS), v),
    ),
    written(
        "scatter",
        lambda y, v: np.put_along_axis(y, np.array(PLACES), v, axis=1),
        square,
        any_real(3, 2),
        theirs=lambda x, v: x.scatter(1, tensor(PLACES), v),
    ),
    *(
        written(
            "scatter_reduce",
            lambda y, v, f=f: f.at(y, ROWS, v),
            distinct(3),
            lambda rng: distinct(4)(rng) + 0.4,
            theirs=lambda x, v, name=name: x.scatter_reduce(0, tensor(ROWS), v, name),
            variation=name,
        )
        for f, name in ((np.maximum, "amax"), (np.minimum, "amin"), (np.multiply, "prod"), (np.add, "sum"))
    ),
    written(
        "slice_scatter",
        put(np.s_[:, 1::2]),
        cube,
        any_real(2, 1, 4),
        theirs=lambda x, v: x.slice_scatter(v, 1, 1, None, 2),
    ),
    written("select_scatter", put(np.s_[:, -1]), cube, any_real(2, 4), theirs=lambda x, v: x.select_scatter(v, 1, -1)),
    written("diagonal_scatter", np.fill_diagonal, square, any_real(3), theirs=lambda x, v: x.diagonal_scatter(v)),
    written(
        "masked_scatter",
        put(np.array(MASK)),
        square,
        any_real(4),
        theirs=lambda x, v: x.masked_scatter(tensor(MASK), v),
    ),
    written("masked_fill", positive_part, apart, any_real(), theirs=lambda x, v: x.masked_fill(x > 0, v)),
    written(
        "where",
        lambda y, v: np.copyto(y, v, where=np.array(MASK)),
        square,
        square,
        theirs=lambda x, v: torch.where(tensor(MASK), v, x),
    ),
    written("sort", lambda y: y.sort(axis=1), apart, theirs=lambda x: torch.sort(x, dim=1)[0]),
    written("cumsum", add_up, vector, theirs=lambda x: torch.cumsum(x, 0)),
    written("cumprod", multiply_up, square, theirs=lambda x: torch.cumprod(x, 1)),
    written("nn.functional.conv1d", diffuse, any_real(7), theirs=diffused),
    written("linalg.cholesky", factor_in_place, dominant(3), theirs=lambda x: torch.linalg.cholesky(x @ x.mT)),
    written(
        "linalg.solve_triangular",
        forward_substitution,
        any_real(3),
        dominant(3),
        theirs=lambda x, a: torch.linalg.solve_triangular(a, x[:, None], upper=False)[:, 0],
    ),
    written(
        "linalg.solve",
        tridiagonal_solve,
        any_real(4),
        uniform(-0.5, 0.5)(3),
        uniform(1.5, 2.0)(4),
        any_real(3),
        theirs=banded,
    ),
]

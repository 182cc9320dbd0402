"""The arrays that all pictures of the matrix read, against the blocks themselves."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.errors import PlotError
from adjoint.plot.colors import FAMILIES, OTHER, family_of, symbol
from adjoint.plot.picture import picture, system_of


def net(w1, w2, x):
    hidden = adjoint.name(np.tanh(x @ w1), "hidden")
    return np.sum((hidden @ w2) ** 2)


def system():
    rng = np.random.default_rng(0)
    return adjoint.trace(net, rng.standard_normal((3, 4)), rng.standard_normal((4, 2)), np.ones((5, 3))).compile()


def subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_entries_are_the_blocks():
    found = picture(system())
    blocks = {key: block for key, block in system().blocks().items() if key[0] != key[1]}
    drawn = {
        (int(found.starts[i]) + 1, int(found.starts[k]) + 1): (found.kind_names[kind], nonzeros)
        for i, k, kind, nonzeros in zip(found.rows, found.columns, found.kinds, found.nonzeros, strict=True)
    }
    assert drawn == {key: (block.kind, block.nnz) for key, block in blocks.items()}
    assert (found.columns > found.rows).all()
    assert found.shape == system().shape
    assert found.labels()[:4] == ["z_1 w1", "z_2 w2", "z_3 x", "z_4 matmul"]
    assert found.label(4) == "z_5 hidden"
    assert found.seeds.tolist() == [len(found) - 1]


def test_folding_keeps_every_nonzero():
    def loop(x):
        for _ in range(40):
            x = np.sin(x * x)
        return np.sum(x)

    whole = adjoint.trace(loop, np.ones(3)).compile()
    folded = picture(whole, fold_to=12)
    assert len(folded) <= 12 < len(whole)
    inside = {(i, k): block for (i, k), block in whole.blocks().items() if i != k}
    assert folded.blocks.sum() + folded.inner.sum() == len(inside)
    assert folded.sizes.sum() == whole.shape[0]
    assert any(folded.diagonal_kind(row) == "mixed" for row in folded.names)


def test_an_order_permutes_rows_and_columns():
    base, turned = picture(system()), picture(system(), order=[8, 4])
    assert turned.starts[:2].tolist() == [7, 3]
    pairs = {(int(base.starts[i]), int(base.starts[k])) for i, k in zip(base.rows, base.columns, strict=True)}
    assert pairs == {
        (int(turned.starts[i]), int(turned.starts[k])) for i, k in zip(turned.rows, turned.columns, strict=True)
    }


def test_a_range_of_nodes():
    part = picture(system(), nodes=(4, 6))
    assert part.starts.tolist() == [3, 4, 5]
    assert (part.rows.tolist(), part.columns.tolist()) == ([0, 1], [1, 2])
    assert picture(system(), nodes=range(4, 7)).starts.tolist() == [3, 4, 5]


def test_a_folded_range_counts_what_is_in_it():
    def loop(x):
        for _ in range(300):
            x = np.sin(x) * 1.1
        return x

    found = picture(adjoint.trace(loop, 0.5).compile(), nodes=(150, 250), fold_to=64)
    assert (found.starts.min(), found.stops.max()) == (149, 250)
    assert found.sizes.sum() == 101
    assert found.blocks.sum() + found.inner.sum() == 100
    assert len(found) > 40


def test_drawing_inside_a_derivative_records_nothing():
    drawn = []

    def outer(x):
        inner = adjoint.trace(lambda y: np.sum(np.sin(y) * y), x).compile()
        before = len(x._trace)
        drawn.append(picture(system_of(inner, "spy")).nonzeros.tolist())
        drawn.append(adjoint.plot.to_svg(inner)[:4])
        drawn.append(adjoint.plot.text(inner)[:1])
        assert len(x._trace) == before
        drawn.append(repr(inner.solve()).splitlines()[0])
        return np.sum(x)

    adjoint.grad(outer)(np.ones(3))
    assert drawn[1] == "<svg"
    assert "λ_1 (y) = [1.3818" in drawn[3]


def test_discrete_nodes_have_no_row():
    found = picture(adjoint.trace(lambda x: np.sum(np.where(x > 0, x, 0.0)), np.ones(3)).compile())
    assert "greater" not in " ".join(found.labels())


def test_implicit_constraints_say_so():
    def solve(a, b):
        return np.sum(np.linalg.solve(a, b))

    found = picture(adjoint.trace(solve, np.eye(2), np.ones(2)).compile())
    assert found.diagonal_kind(2) == "solve"
    assert found.diagonal_kind(0) == "identity"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"nodes": (3, 2)}, "no range"),
        ({"nodes": (0, 2)}, "no range"),
        ({"nodes": (1, 99)}, "z_1 … z_8"),
        ({"nodes": 3}, "must be"),
        ({"nodes": (1.5, 2.7)}, "whole numbers of nodes from 1"),
        ({"nodes": "12"}, "whole numbers of nodes from 1, not '12'"),
        ({"nodes": range(1, 6, 2)}, r"with step 1, not range\(1, 6, 2\)"),
        ({"nodes": range(3, 3)}, "at least one node"),
        ({"order": [1, 1]}, "at most once"),
        ({"order": [99]}, "z_1 … z_8"),
        ({"order": [2], "fold_to": 4}, "exclude"),
    ],
)
def test_what_cannot_be_drawn(options, message):
    with pytest.raises(PlotError, match=message):
        picture(system(), **options)


def test_nothing_to_draw():
    with pytest.raises(PlotError, match="nothing to draw"):
        system_of(adjoint.trace(lambda x: x, np.zeros(0)), "spy")
    with pytest.raises(PlotError, match="not function"):
        system_of(net, "spy")
    assert system_of(system().trace, "spy").shape == system().shape


def test_every_kind_of_block_has_a_family():
    kinds = {each.kind for each in subclasses(adjoint.Block) if each.__module__.startswith("adjoint.")}
    assert "contraction" in kinds
    assert not {kind for kind in kinds - {"block", "zero"} if family_of(kind) is OTHER}
    assert family_of("of your own") is OTHER
    assert all(len(symbol(kind)) <= 4 for kind in (*kinds, "of your own"))
    colors = [family.light for family in (*FAMILIES, OTHER)]
    assert len(set(colors)) == len(colors)

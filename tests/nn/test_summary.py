"""The table of a model: what its numbers are, and that big models stay cheap."""

from __future__ import annotations

import tracemalloc

import numpy as np
import optree
import pytest

import adjoint
from adjoint import nn
from adjoint.errors import ArgumentError
from tests.nn.layers.catalogue import CATALOGUE, Entry

NET = nn.Sequential(
    nn.Conv2d(4, 3),
    "relu",
    nn.MaxPool2d(2),
    ("block", nn.Residual(nn.Sequential(nn.Conv2d(4, 3, padding="same"), nn.BatchNorm(), "relu"))),
    nn.Flatten(),
    ("logits", nn.Linear(10)),
)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda e: e.name)
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_totals_are_those_of_the_matrix(entry: Entry, training: bool) -> None:
    model = nn.Sequential(("it", entry.layer), ("after", nn.Flatten()), ("end", "tanh"))
    table = nn.summary(model, entry.input_shape, batch=2, dtype=np.float64, training=training)
    parameters, state, shape = model.initialize(np.random.default_rng(0), entry.input_shape, np.float64)
    x = np.zeros((2, *entry.input_shape), int if entry.tokens else float)

    def forward(parameters, x):
        return model.apply(parameters, x, state=state, training=training, rng=np.random.default_rng(0))[0]

    trace = adjoint.trace(forward, parameters, x)
    structure = trace.compile().structure
    count = sum(w.size for w in optree.tree_leaves(parameters))
    assert table.parameters == count
    assert table.parameter_bytes == 8 * count
    assert table.output_shape == shape
    assert table.constraints == len(trace) - len(trace.inputs)
    assert table.nonzeros == structure.nonzeros.sum()
    assert table.flops == structure.flops.sum()
    assert sum(sum(row.blocks.values()) for row in table.rows) == len(structure.children)
    assert table.activation_bytes == sum(trace.node(k + 1).value.nbytes for k in range(len(trace.inputs), len(trace)))
    assert table.unknowns == structure.unknowns


def test_rows_are_the_layers() -> None:
    table = nn.summary(NET, (1, 8, 8), batch=3)
    rows = {row.path: row for row in table.rows}
    assert list(rows) == [
        *("conv2d1", "relu1", "max_pool2d1"),
        *("block/body/conv2d1", "block/body/batch_norm1", "block/body/relu1", "block/body", "block"),
        *("flatten1", "logits", ""),
    ]
    conv = rows["conv2d1"]
    assert conv.layer == nn.Conv2d(4, 3)
    assert conv.output_shape == (4, 6, 6)
    assert conv.parameters == 4 * 9 + 4
    assert conv.blocks == {"convolution": 2, "diagonal": 1}
    outputs = 3 * 4 * 6 * 6
    assert conv.nonzeros == outputs * 9 * 2 + outputs
    assert conv.activation_bytes == outputs * 4
    logits = rows["logits"]
    assert logits.blocks == {"contraction": 2, "scalar": 1}
    assert logits.nonzeros == 3 * (36 * 10 * 2 + 10)
    assert rows["block"].blocks == {"identity": 2}
    assert rows["block/body"].constraints == rows[""].constraints == 0
    assert rows[""].output_shape == (10,)


def test_training_changes_blocks() -> None:
    rest, training = (
        {row.path: row.blocks for row in nn.summary(NET, (1, 8, 8), batch=2, training=t).rows} for t in (False, True)
    )
    assert rest["block/body/batch_norm1"] == {"diagonal": 3}
    assert training["block/body/batch_norm1"] == {"normalization": 1, "diagonal": 2}


def test_text() -> None:
    text = str(nn.summary(NET, (1, 8, 8), batch=2))
    lines = text.splitlines()
    assert lines[0].split() == ["layer", "output", "parameters", "blocks", "nonzeros", "flops", "values"]
    assert lines[2].split() == (
        ["conv2d1", "4", "×", "6", "×", "6", "40", "2", "convolution,", "diagonal", "5,472", "5,472", "1.1", "KiB"]
    )
    assert not any(line.startswith("block/body ") for line in lines), "what records and trains nothing has no line"
    assert lines[-2].startswith("total")
    assert lines[-1].startswith("batch 2, examples 1 × 8 × 8; parameters take 2.2 KiB; A is ")
    assert repr(nn.summary(NET, (1, 8, 8), batch=2)) == text


def test_one_layer_and_shared_layers() -> None:
    assert str(nn.summary(nn.Linear(3), (4,))).splitlines()[2].startswith("Linear")

    class Twice(nn.Layer):
        def initialize(self, rng, input_shape, dtype=np.float32):
            inner = nn.Linear(4).initialize(rng, input_shape, dtype)
            return nn.Initial({"inner": inner.parameters}, {}, inner.output_shape)

        def apply(self, parameters, x, *, state, training, rng):
            for _ in range(2):
                x, _ = nn.layers.run("inner", nn.Linear(4), parameters, x, state=state, training=training, rng=rng)
            return x, {}

    table = nn.summary(Twice(), (4,))
    rows = {row.path: row for row in table.rows}
    assert rows["inner"].constraints == 2
    assert rows["inner"].parameters == table.parameters == 20
    assert rows["inner"].nonzeros == table.nonzeros == 2 * (16 + 16 + 4)


def test_big_models_stay_cheap() -> None:
    # as scalar blocks the hidden layer has 2 · 32 · 1,000² nonzeros, a gigabyte of numbers and their positions
    model = nn.Sequential(nn.Linear(1000), "tanh", nn.Linear(1000))
    tracemalloc.start()
    try:
        table = nn.summary(model, (1000,), batch=32)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert table.nonzeros > 1.2e8
    assert peak < 8 * table.parameter_bytes


@pytest.mark.parametrize(
    "shape, batch, message",
    [
        ((1, 2, 2), 1, r"^layer 'conv2d1' .*\(2, 2\)"),
        ((8, 8), 1, r"\(8, 8\)"),
        ((1, 8, 8), 0, "batch must be an integer"),
    ],
    ids=["small", "axes", "batch"],
)
def test_errors(shape, batch, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        nn.summary(NET, shape, batch=batch)

"""Every layer with an input and the output that is expected; a new one joins by adding a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint import nn

Shape = tuple[int, ...]
MORE_AXES: Shape = (-1,)


@dataclass(frozen=True, slots=True)
class Entry:
    """A layer, and what comes of examples of one shape.

    Attributes
    ----------
    layer : Layer
    input_shape, output_shape : tuple of int
        Of one example.
    name : str
        What is special about it; unique.
    tokens : int
        Inputs are integers below this number; 0 for real ones.
    refused : tuple of int, optional
        The shape of an example that the layer does not take; ``None`` if it takes all.
    """

    layer: nn.Layer
    input_shape: Shape
    output_shape: Shape
    name: str
    tokens: int = 0
    refused: Shape | None = None

    def initial(self, dtype: Any = np.float64, seed: int = 1) -> Any:
        return self.layer.initialize(np.random.default_rng(seed), self.input_shape, dtype)

    def input(self, dtype: Any = np.float64, batch: int = 3, seed: int = 2) -> np.ndarray:
        rng = np.random.default_rng(seed)
        shape = (batch, *self.input_shape)
        return rng.integers(0, self.tokens, shape) if self.tokens else rng.standard_normal(shape).astype(dtype)


def entry(
    layer: nn.Layer,
    inputs: Shape,
    outputs: Shape,
    variation: str = "",
    *,
    tokens: int = 0,
    refused: Shape | None = MORE_AXES,
) -> Entry:
    kind = type(layer).__name__
    refused = (*inputs, 2, 2) if refused is MORE_AXES else refused
    return Entry(layer, inputs, outputs, f"{kind}-{variation}" if variation else kind, tokens, refused)


def smooth(x: Any) -> Any:
    return np.tanh(x) * x


CATALOGUE: list[Entry] = [
    entry(nn.Linear(3), (4,), (3,), refused=()),
    entry(nn.Linear(3, bias=False), (2, 4), (2, 3), "no_bias", refused=()),
    entry(nn.Linear(None), (4,), (4,), "square", refused=()),
    entry(nn.Embedding(7, 3), (5,), (5, 3), tokens=7, refused=None),
    entry(nn.PositionalEmbedding(), (5, 3), (5, 3), refused=(3,)),
    entry(nn.PositionalEmbedding(9), (5, 3), (5, 3), "longer", refused=(3,)),
    entry(nn.Activation("tanh"), (4,), (4,), refused=None),
    entry(nn.Activation(smooth), (2, 4), (2, 4), "callable", refused=None),
    entry(nn.Flatten(), (2, 3, 4), (24,), refused=None),
    entry(nn.Reshape(4, -1), (2, 6), (4, 3), refused=(5,)),
    entry(nn.Conv1d(4, 3), (2, 9), (4, 7)),
    entry(nn.Conv1d(4, 3, stride=2, padding=1, dilation=2, groups=2, bias=False), (2, 9), (4, 4), "all_options"),
    entry(nn.Conv2d(4, (2, 3)), (2, 5, 6), (4, 4, 4)),
    entry(nn.Conv2d(4, 3, stride=2, padding=(1, 2), groups=2), (2, 5, 6), (4, 3, 4), "all_options"),
    entry(nn.Conv2d(4, 3, padding="same"), (1, 5, 6), (4, 5, 6), "same"),
    entry(nn.ConvTranspose1d(2, 3, stride=2), (3, 4), (2, 9)),
    entry(nn.ConvTranspose2d(2, 3), (3, 2, 4), (2, 4, 6)),
    entry(
        nn.ConvTranspose2d(2, 3, stride=2, padding=1, output_padding=1, groups=2), (4, 3, 3), (2, 6, 6), "all_options"
    ),
    entry(nn.MaxPool1d(2), (3, 7), (3, 3)),
    entry(nn.MaxPool2d(3, stride=2, padding=1), (2, 5, 6), (2, 3, 3)),
    entry(nn.AveragePool1d(3, stride=2), (3, 7), (3, 3)),
    entry(nn.AveragePool2d(2, padding=1, count_include_pad=False), (2, 4, 6), (2, 3, 4)),
    entry(nn.AdaptiveAveragePool1d(3), (2, 7), (2, 3)),
    entry(nn.AdaptiveAveragePool2d((2, 3)), (2, 5, 7), (2, 2, 3)),
    entry(nn.AdaptiveMaxPool1d(3), (2, 7), (2, 3)),
    entry(nn.AdaptiveMaxPool2d(2), (2, 5, 7), (2, 2, 2)),
    entry(nn.GlobalAveragePool(), (3, 4, 5), (3,), refused=(3,)),
    entry(nn.GlobalAveragePool(), (3, 7), (3,), "sequences", refused=(3,)),
    entry(nn.LayerNorm(), (4, 5), (4, 5), refused=()),
    entry(nn.LayerNorm(2, affine=False), (3, 4, 5), (3, 4, 5), "two_axes", refused=()),
    entry(nn.RMSNorm(), (4, 5), (4, 5), refused=()),
    entry(nn.BatchNorm(), (3, 4, 2), (3, 4, 2), refused=()),
    entry(nn.BatchNorm(momentum=0.5, affine=False), (5,), (5,), "features", refused=()),
    entry(nn.GroupNorm(2), (4, 3, 2), (4, 3, 2), refused=(5,)),
    entry(nn.Sequential(nn.Linear(5), "tanh", nn.Linear(3)), (4,), (3,), refused=()),
    entry(nn.Sequential(), (4,), (4,), "empty", refused=None),
    entry(
        nn.Sequential(nn.Embedding(7, 4), nn.PositionalEmbedding(), nn.Flatten(), nn.BatchNorm(), nn.Linear(2)),
        (5,),
        (2,),
        "tokens",
        tokens=7,
        refused=(),
    ),
    entry(nn.Residual(nn.Sequential(nn.Linear(6), "tanh", nn.Linear(4))), (4,), (4,), refused=(5,)),
    entry(nn.Residual(nn.Conv2d(4, 3, padding=1), nn.Conv2d(4, 1)), (2, 3, 4), (4, 3, 4), "shortcut"),
    entry(nn.DenseBlock(nn.Conv2d(2, 3, padding=1), nn.Conv2d(3, 1)), (2, 3, 4), (7, 3, 4)),
    entry(nn.DenseBlock(nn.Linear(2), ("last", nn.Linear(3)), axis=-1), (5, 4), (5, 9), "features", refused=()),
    entry(nn.Parallel(nn.Conv2d(2, 1), nn.Conv2d(3, 3, padding=1), nn.MaxPool2d(3, 1, 1)), (2, 3, 4), (7, 3, 4)),
    entry(nn.Dropout(0.4), (5, 4), (5, 4), refused=None),
    entry(nn.Inception(2, (1, 3), (2, 1), 2, activation="tanh"), (2, 4, 5), (8, 4, 5)),
    entry(nn.MultiHeadAttention(2), (5, 4), (5, 4), refused=(4,)),
    entry(nn.MultiHeadAttention(3, 6, causal=True, bias=False), (5, 4), (5, 6), "causal", refused=(5, 4, 1)),
    entry(nn.TransformerBlock(2, 6, causal=True), (3, 4), (3, 4), refused=(3, 5)),
    entry(nn.TransformerBlock(2, activation="tanh", dropout=0.3), (3, 4), (3, 4), "dropout", refused=(4,)),
    entry(nn.RNN(3), (4, 2), (3,), refused=(4,)),
    entry(nn.RNN(3, return_sequences=True, activation="sigmoid"), (4, 2), (4, 3), "sequences"),
    entry(nn.LSTM(3), (4, 2), (3,)),
    entry(nn.LSTM(3, return_sequences=True), (4, 2), (4, 3), "sequences"),
    entry(nn.GRU(3), (4, 2), (3,)),
    entry(nn.GRU(3, return_sequences=True), (4, 2), (4, 3), "sequences"),
    entry(nn.Bidirectional(nn.RNN(3)), (4, 2), (6,)),
    entry(nn.Bidirectional(nn.LSTM(3, return_sequences=True)), (4, 2), (4, 6), "sequences"),
]

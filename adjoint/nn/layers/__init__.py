"""Layers and models: pure functions of parameters that stand outside of them."""

from adjoint.nn.layers.attention import MultiHeadAttention
from adjoint.nn.layers.composites import Inception, TransformerBlock
from adjoint.nn.layers.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from adjoint.nn.layers.layer import Initial, Layer
from adjoint.nn.layers.linear import Embedding, Linear, PositionalEmbedding
from adjoint.nn.layers.models import DenseBlock, Parallel, Residual, Sequential
from adjoint.nn.layers.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from adjoint.nn.layers.places import run
from adjoint.nn.layers.pooling import (
    AdaptiveAveragePool1d,
    AdaptiveAveragePool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AveragePool1d,
    AveragePool2d,
    GlobalAveragePool,
    MaxPool1d,
    MaxPool2d,
)
from adjoint.nn.layers.recurrent import GRU, LSTM, RNN, Bidirectional
from adjoint.nn.layers.simple import Activation, Dropout, Flatten, Reshape

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "AdaptiveAveragePool1d",
    "AdaptiveAveragePool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AveragePool1d",
    "AveragePool2d",
    "BatchNorm",
    "Bidirectional",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "DenseBlock",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePool",
    "GroupNorm",
    "Inception",
    "Initial",
    "Layer",
    "LayerNorm",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "MultiHeadAttention",
    "Parallel",
    "PositionalEmbedding",
    "RMSNorm",
    "Reshape",
    "Residual",
    "Sequential",
    "TransformerBlock",
    "run",
]

"""Operations of neural networks: each one constraint, with blocks of its own where that saves time or memory."""

from adjoint.nn.functional.activations import (
    activation,
    elu,
    gelu,
    leaky_relu,
    relu,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from adjoint.nn.functional.affine import linear
from adjoint.nn.functional.attention import scaled_dot_product_attention
from adjoint.nn.functional.classification import cross_entropy, hinge, negative_log_likelihood
from adjoint.nn.functional.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from adjoint.nn.functional.lookup import embedding
from adjoint.nn.functional.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber,
    kl_divergence,
    mean_absolute_error,
    mean_squared_error,
)
from adjoint.nn.functional.noise import dropout
from adjoint.nn.functional.normalization import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from adjoint.nn.functional.penalties import l1_penalty, l2_penalty
from adjoint.nn.functional.pooling import (
    adaptive_average_pool1d,
    adaptive_average_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    average_pool1d,
    average_pool2d,
    max_pool1d,
    max_pool2d,
)
from adjoint.nn.functional.recurrent import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell
from adjoint.nn.functional.softmaxes import log_softmax, softmax

__all__ = [
    "activation",
    "adaptive_average_pool1d",
    "adaptive_average_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "average_pool1d",
    "average_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "group_norm",
    "gru",
    "gru_cell",
    "hinge",
    "huber",
    "instance_norm",
    "kl_divergence",
    "l1_penalty",
    "l2_penalty",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "lstm",
    "lstm_cell",
    "max_pool1d",
    "max_pool2d",
    "mean_absolute_error",
    "mean_squared_error",
    "negative_log_likelihood",
    "relu",
    "rms_norm",
    "rnn",
    "rnn_cell",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]

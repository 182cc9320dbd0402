"""Optimizers: immutable values that move a pytree of parameters along its gradients."""

from adjoint.nn.optimizers.clipping import clip_by_norm, clip_by_value
from adjoint.nn.optimizers.methods import SGD, Adagrad, Adam, AdamW, RMSProp
from adjoint.nn.optimizers.named import OPTIMIZERS, get
from adjoint.nn.optimizers.optimizer import Optimizer
from adjoint.nn.optimizers.schedules import Constant, CosineDecay, ExponentialDecay, Piecewise, Warmup
from adjoint.nn.optimizers.second_order import Minimum, gauss_newton, minimize

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Constant",
    "CosineDecay",
    "ExponentialDecay",
    "Minimum",
    "Optimizer",
    "Piecewise",
    "RMSProp",
    "Warmup",
    "clip_by_norm",
    "clip_by_value",
    "gauss_newton",
    "get",
    "minimize",
]

"""The size of multipliers along the depth of a program."""

from adjoint.plot.flows.drawing import flow

__all__ = ["flow"]

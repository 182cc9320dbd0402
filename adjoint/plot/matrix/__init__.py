"""The matrix drawn by matplotlib: block by block, or entry by entry."""

from adjoint.plot.matrix.spying import orders, spy

__all__ = ["orders", "spy"]

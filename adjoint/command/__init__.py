"""Floor 9: the command line, ``python -m adjoint`` or ``adjoint``."""

from adjoint.command.entry import main

__all__ = ["main"]

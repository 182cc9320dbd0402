"""Where NaN or infinity in a derivative came from: the search, and the report of :func:`adjoint.debug_nans`."""

from adjoint.calculus.provenance.attribution import attributed
from adjoint.calculus.provenance.check import raise_if_bad
from adjoint.calculus.provenance.scene import Scene

__all__ = ["Scene", "attributed", "raise_if_bad"]

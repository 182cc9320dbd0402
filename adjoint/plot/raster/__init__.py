"""Every nonzero of ``A`` counted into pixels, at any size and in bounded memory."""

from adjoint.plot.raster.counting import Raster, rasterize
from adjoint.plot.raster.magnitudes import block_magnitudes

__all__ = ["Raster", "block_magnitudes", "rasterize"]

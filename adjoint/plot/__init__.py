"""Floor 8: pictures of the matrix, the graph and the multipliers; on paper, in a terminal, in a browser.

Nothing here imports matplotlib before a picture is drawn by it; :func:`text`, :func:`to_svg`, :func:`to_dot` and
:func:`to_html` never do.
"""

from adjoint.plot.comparison import Measured, strategies
from adjoint.plot.flows.drawing import flow
from adjoint.plot.graphs import graph, to_dot, to_networkx, to_svg
from adjoint.plot.histories import convergence
from adjoint.plot.matrix.spying import orders, spy
from adjoint.plot.page import to_html
from adjoint.plot.raster.counting import rasterize
from adjoint.plot.texts.terminal import kind_table, node_table, text
from adjoint.plot.widths import levels

__all__ = [
    "Measured",
    "convergence",
    "flow",
    "graph",
    "kind_table",
    "levels",
    "node_table",
    "orders",
    "rasterize",
    "spy",
    "strategies",
    "text",
    "to_dot",
    "to_html",
    "to_networkx",
    "to_svg",
]

"""The computational graph in layers: on axes, as SVG, as Graphviz text, and for networkx."""

from adjoint.plot.graphs.dot import to_dot
from adjoint.plot.graphs.drawing import graph
from adjoint.plot.graphs.networks import to_networkx
from adjoint.plot.graphs.svg import to_svg

__all__ = ["graph", "to_dot", "to_networkx", "to_svg"]

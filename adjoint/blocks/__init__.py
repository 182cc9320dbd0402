"""Floor 1: structured linear operators. They know nothing of traces."""

from adjoint.blocks.block import Adjoint, Block, DiagonalBlock, Identity, Product, Sum, Zero
from adjoint.blocks.conjugation import Conjugate, RealPart
from adjoint.blocks.contraction import Contraction
from adjoint.blocks.cumulative import CumulativeSum
from adjoint.blocks.dense import Dense, Function
from adjoint.blocks.elementwise import Diagonal, Mask, Reduce, Scale, elementwise_block, with_guards
from adjoint.blocks.gather import Gather, Reshape, Roll, Slice, Take, Transpose, scatter_sum
from adjoint.blocks.kernels import Array, Shape, put_flat, safe_multiply, take_flat
from adjoint.blocks.solve import MatrixOnLeft
from adjoint.blocks.sparse import Sparse
from adjoint.blocks.stacked import Stacked

__all__ = [
    "Adjoint",
    "Array",
    "Block",
    "Conjugate",
    "Contraction",
    "CumulativeSum",
    "Dense",
    "Diagonal",
    "DiagonalBlock",
    "Function",
    "Gather",
    "Identity",
    "Mask",
    "MatrixOnLeft",
    "Product",
    "RealPart",
    "Reduce",
    "Reshape",
    "Roll",
    "Scale",
    "Shape",
    "Slice",
    "Sparse",
    "Stacked",
    "Sum",
    "Take",
    "Transpose",
    "Zero",
    "elementwise_block",
    "put_flat",
    "safe_multiply",
    "scatter_sum",
    "take_flat",
    "with_guards",
]

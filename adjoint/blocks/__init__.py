"""Floor 1: structured linear operators. They know nothing of traces."""

from adjoint.blocks.assignment import Inside, InsideEntries, Outside, OutsideEntries
from adjoint.blocks.block import Adjoint, Block, DiagonalBlock, Identity, Product, Sum, Zero, kind_of
from adjoint.blocks.conjugation import Conjugate, RealPart
from adjoint.blocks.contraction import Contraction
from adjoint.blocks.convolution import Convolution, convolved
from adjoint.blocks.correlation import Correlation
from adjoint.blocks.cosine import Cosine, cosine_transform
from adjoint.blocks.cumulative import CumulativeSum
from adjoint.blocks.dense import Dense, Function
from adjoint.blocks.elementwise import Diagonal, Mask, Reduce, Scale, elementwise_block, with_guards
from adjoint.blocks.fourier import Fourier
from adjoint.blocks.gather import Gather, Reshape, Roll, Slice, Take, Transpose, scatter_sum
from adjoint.blocks.kernels import Array, Shape, assigned, put_flat, safe_multiply, take_flat
from adjoint.blocks.normalization import Along, Normalization
from adjoint.blocks.pieces import Pieces
from adjoint.blocks.pooling import WindowMean, WindowPick
from adjoint.blocks.recursion import Recursion, recursive
from adjoint.blocks.rows import Rows
from adjoint.blocks.softmax import LogSoftmax, Softmax
from adjoint.blocks.solve import MatrixOnLeft
from adjoint.blocks.sparse import Sparse
from adjoint.blocks.sparse_matrix import SparseMatrix, SparseSolve, sparse_product, sparse_solve
from adjoint.blocks.stacked import Stacked
from adjoint.blocks.windowed_products import Geometry

__all__ = [
    "Adjoint",
    "Along",
    "Array",
    "Block",
    "Conjugate",
    "Contraction",
    "Convolution",
    "Correlation",
    "Cosine",
    "CumulativeSum",
    "Dense",
    "Diagonal",
    "DiagonalBlock",
    "Fourier",
    "Function",
    "Gather",
    "Geometry",
    "Identity",
    "Inside",
    "InsideEntries",
    "LogSoftmax",
    "Mask",
    "MatrixOnLeft",
    "Normalization",
    "Outside",
    "OutsideEntries",
    "Pieces",
    "Product",
    "RealPart",
    "Recursion",
    "Reduce",
    "Reshape",
    "Roll",
    "Rows",
    "Scale",
    "Shape",
    "Slice",
    "Softmax",
    "Sparse",
    "SparseMatrix",
    "SparseSolve",
    "Stacked",
    "Sum",
    "Take",
    "Transpose",
    "WindowMean",
    "WindowPick",
    "Zero",
    "assigned",
    "convolved",
    "cosine_transform",
    "elementwise_block",
    "kind_of",
    "put_flat",
    "recursive",
    "safe_multiply",
    "scatter_sum",
    "sparse_product",
    "sparse_solve",
    "take_flat",
    "with_guards",
]

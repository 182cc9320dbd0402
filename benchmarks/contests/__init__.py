"""The functions that ``benchmarks/compare_peers.py`` differentiates, one module per subject.

Every module has ``validate(size)``, which checks all answers and times nothing, and ``measure(size)``, which
yields tables.
"""

ARRAYS = ("gaussian_mixture", "logsumexp", "kmeans", "polynomial", "runge_kutta", "minors")
"""Value and gradient of programs of arrays."""

NETWORKS = ("mlp", "lenet", "lstm")
"""Value and gradient of neural networks in float32, through ``adjoint.nn.functional``."""

SPARSE = ("brusselator", "arrowhead", "heat", "many_outputs", "scalar_program")
"""Sparse Jacobians and Hessians, many right-hand sides, and one large program of scalars."""

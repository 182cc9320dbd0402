"""Floor 5: one strategy per file, registered by name and imported when first used."""

from adjoint.system.solving import Factor, Plan, Solver, available, get, register

register("back_substitution", "adjoint.solvers.back_substitution:BackSubstitution")
register("sparse_triangular", "adjoint.solvers.sparse_triangular:SparseTriangular")
register("dense", "adjoint.solvers.dense:DenseSolver")

__all__ = ["Factor", "Plan", "Solver", "available", "get", "register"]

"""Floor 5: one strategy per file, registered by name and imported when first used."""

from adjoint.system.solving import Factor, Plan, Solver, available, get, register

register("auto", "adjoint.solvers.auto:Auto")
register("back_substitution", "adjoint.solvers.back_substitution:BackSubstitution")
register("sparse_triangular", "adjoint.solvers.sparse_triangular:SparseTriangular")
register("level_scheduled", "adjoint.solvers.level_scheduled:LevelScheduled")
register("superlu", "adjoint.solvers.superlu:SuperLU")
register("dense", "adjoint.solvers.dense:DenseSolver")
register("parallel_scan", "adjoint.solvers.parallel_scan:ParallelScan")
register("krylov", "adjoint.solvers.krylov:Krylov")
register("neumann", "adjoint.solvers.neumann:Neumann")
register("block_sparse", "adjoint.solvers.block_sparse:BlockSparse")
register("elimination", "adjoint.solvers.elimination:VertexElimination")

__all__ = ["Factor", "Plan", "Solver", "available", "get", "register"]

"""The workloads that strategies are compared on, by name.

Each is plain NumPy with its arguments and what is asked of it (:class:`~benchmarks.workloads.workload.Problem`), at
three sizes: ``tiny`` for the tests, ``quick``, and ``full``.
"""

from benchmarks.workloads import chains, grids, networks, objectives, scalars
from benchmarks.workloads.workload import Problem, Workload

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for module in (networks, chains, scalars, grids, objectives)
    for workload in module.WORKLOADS
}

__all__ = ["WORKLOADS", "Problem", "Workload"]

"""Who takes part in a sparse Jacobian or Hessian, and what each prepares before the clock runs.

- *NumPy by hand*: fills the data of a known CSR pattern.
- *adjoint plan*: ``jacobian_plan(f, x0)`` or ``hessian_plan(f, x0)``, evaluated at ``x1``.
- *adjoint, no plan*: ``jacobian(f, sparse=True)(x1)``, with the symbolic work every time.
- *jax, compressed*: one jitted batch of Jacobian-vector products, one per color of a coloring that is found beforehand
  and not timed; a loop over the colors or ``vmap``, whichever is quicker. *decompressed* puts the values in CSR order.
- *CasADi SX*: its sparse ``jacobian`` or ``hessian``, called as a function and through a buffer.
"""

from __future__ import annotations

import gc
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import scipy.sparse

import adjoint
from benchmarks import harness
from benchmarks.contests import coloring
from benchmarks.contests.matches import warm_up
from benchmarks.peers import backend, missing

HAND, PLAN, ONE_SHOT = "NumPy by hand", "adjoint plan", "adjoint, no plan"
JAX, JAX_FULL = "jax, compressed", "jax, decompressed"
CASADI, CASADI_BUFFERED = "CasADi SX", "CasADi SX, buffered"
AGAIN = 1.5  # seconds: quicker preparations run twice, and the better one counts


@dataclass(frozen=True, slots=True)
class SparseContest:
    """One function of a vector, and its sparse derivative by everybody.

    Parameters
    ----------
    title : str
    kind : {"jacobian", "hessian"}
    program : callable
        ``program(xp, x)``: a vector for a Jacobian, a scalar for a Hessian.
    planned_at, point : float arrays of shape (n,)
        Where plans are made, and where everybody evaluates.
    pattern : csr_array of bool
        With sorted indices, known by hand: for the colorings and for ``by_hand``.
    by_hand : callable
        ``by_hand(x)`` gives the data of the pattern.
    in_casadi : callable, optional
        ``in_casadi(casadi, column)``: the program in CasADi's own words, where it is not one of vectors.
    reasons : mapping of str to str
        Why a peer does not take part.
    tolerance : float
        Largest difference of an entry, relative to the largest entry.
    """

    title: str
    kind: Literal["jacobian", "hessian"]
    program: Callable[[Any, Any], Any]
    planned_at: np.ndarray
    point: np.ndarray
    pattern: Any
    by_hand: Callable[[np.ndarray], np.ndarray]
    in_casadi: Callable[[Any, Any], Any] | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 1e-10

    def function(self, x: np.ndarray) -> Any:
        """The program in plain NumPy."""
        return self.program(np, x)

    def filled(self, data: np.ndarray) -> Any:
        """Data in the known pattern."""
        return scipy.sparse.csr_array((data, self.pattern.indices, self.pattern.indptr), shape=self.pattern.shape)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is timed, how its result becomes a SciPy array, and the seconds that went before it."""

    call: Callable[[], Any]
    to_csr: Callable[[Any], Any]
    seconds: float | None = None
    remark: str = ""


def clocked(build: Callable[[], Any]) -> tuple[Any, float]:
    """A preparation and its seconds; twice if that is quick, since other programs disturb."""
    best = float("inf")
    for _ in range(2):
        gc.collect()
        start = time.perf_counter()
        built = build()
        best = min(best, time.perf_counter() - start)
        if best > AGAIN:
            break
    return built, best


def candidates(contest: SparseContest) -> tuple[dict[str, Candidate], list[str]]:
    """Everybody who is there, prepared; and a note for everybody who is not."""
    found = {HAND: Candidate(lambda: contest.by_hand(contest.point), contest.filled)}
    notes: list[str] = []
    for names, build in (
        ((PLAN,), _plan),
        ((ONE_SHOT,), _one_shot),
        ((JAX, JAX_FULL), _jax),
        ((CASADI, CASADI_BUFFERED), _casadi),
    ):
        made = contest.reasons.get(names[0]) or build(contest)
        if isinstance(made, str):
            notes.append(f"{names[0]}: skipped, {made}")
        else:
            found.update(zip(names, made, strict=True))
    m, n = contest.pattern.shape
    for name in ("torch", "autograd"):
        notes.append(f"{name}: skipped, it has dense derivatives only: {m:,} × {n:,} takes {m * n / 2**27:,.1f} GiB")
    return found, notes


def _plan(contest: SparseContest) -> tuple[Candidate] | str:
    name = f"{contest.kind}_plan"
    make = getattr(adjoint, name, None)
    if make is None:
        return f"adjoint has no {name}"
    plan, seconds = clocked(lambda: make(contest.function, contest.planned_at))
    return (Candidate(lambda: plan(contest.point), scipy.sparse.csr_array, seconds),)


def _one_shot(contest: SparseContest) -> tuple[Candidate] | str:
    make = getattr(adjoint, contest.kind)
    if "sparse" not in inspect.signature(make).parameters:
        return f"adjoint.{contest.kind} takes no sparse=True"
    differentiate = make(contest.function, sparse=True)
    return (Candidate(lambda: differentiate(contest.point), scipy.sparse.csr_array),)


def _jax(contest: SparseContest) -> tuple[Candidate, Candidate] | str:
    peer = backend("jax")
    if peer is None:
        return missing("jax")
    warm_up(["jax"])
    jax, xp = peer.jax, peer.numpy
    dense = None
    start = time.perf_counter()
    if contest.kind == "jacobian":
        colors = coloring.color_columns(contest.pattern)
    else:
        colors, dense = coloring.color_symmetric(contest.pattern)
    coloring_seconds = time.perf_counter() - start
    directions, where = coloring.seeds(colors), coloring.positions(contest.pattern, colors, dense)
    f = lambda x: contest.program(xp, x)
    if contest.kind == "hessian":
        f = jax.grad(f)
    product = lambda x, v: jax.jvp(f, (x,), (v,))[1]
    batches = {
        "vmap": lambda x: jax.vmap(lambda v: product(x, v))(xp.asarray(directions)),
        "loop": lambda x: xp.stack([product(x, xp.asarray(v)) for v in directions]),
    }
    x0, x1 = xp.asarray(contest.planned_at), xp.asarray(contest.point)
    compiled = {}
    for name, batch in batches.items():
        # a new function each time: jit would find the same one in its cache
        function, seconds = clocked(lambda batch=batch: jax.jit(lambda x: batch(x)).lower(x0).compile())
        compiled[name] = lambda function=function: jax.block_until_ready(function(x1)), seconds
    quick = harness.timed({name: call for name, (call, _) in compiled.items()}, rounds=8, budget=1.0)
    best = min(quick, key=lambda name: quick[name].best)
    call, seconds = compiled[best]
    full, more = clocked(lambda: jax.jit(lambda x: batches[best](x)[where]).lower(x0).compile())
    remark = f"{len(directions)} colors ({best}), found in {coloring_seconds:.2g} s"
    return (
        Candidate(call, lambda answer: contest.filled(np.asarray(answer)[where]), seconds, remark),
        Candidate(
            lambda: jax.block_until_ready(full(x1)), lambda answer: contest.filled(np.asarray(answer)), more, remark
        ),
    )


def _casadi(contest: SparseContest) -> tuple[Candidate, Candidate] | str:
    peer = backend("CasADi SX")
    if peer is None:
        return missing("CasADi SX")
    cs = peer.casadi

    def build() -> Any:
        x = cs.SX.sym("x", contest.point.size)
        y = contest.program(peer.vectors, x) if contest.in_casadi is None else contest.in_casadi(cs, x)
        return cs.Function("f", [x], [cs.hessian(y, x)[0] if contest.kind == "hessian" else cs.jacobian(y, x)])

    function, seconds = clocked(build)
    pattern = function.sparsity_out(0)
    data = np.zeros(pattern.nnz())
    point = contest.point.copy()
    buffer, evaluate = function.buffer()
    buffer.set_arg(0, memoryview(point))
    buffer.set_res(0, memoryview(data))

    def buffered(_keep: Any = (function, buffer, point)) -> np.ndarray:
        evaluate()
        return data

    shape = pattern.shape
    to_csr = lambda values: scipy.sparse.csc_array(
        (np.array(values), np.array(pattern.row()), np.array(pattern.colind())), shape=shape
    ).tocsr()
    return (
        Candidate(lambda: function(point), lambda answer: to_csr(answer.nonzeros()), seconds),
        Candidate(buffered, to_csr, seconds),
    )

"""The public checks go green for what is right, and red for each way of being wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.blocks import Array, Block, Dense, Function, Sparse
from adjoint.extend import custom_rule
from adjoint.testing import check_block, check_gradient, check_solver, taylor_remainders

# --- blocks -----------------------------------------------------------------------------------------------

MATRIX = np.array([[1.0, 2.0, 0.0], [-3.0, 0.5, 4.0]])
COMPLEX = MATRIX + 1j * np.array([[0.0, 1.0, 2.0], [3.0, -1.0, 0.0]])


class Plain(Block):
    """``MATRIX`` (3,) → (2,) as plainly as possible, and right; the subclasses break one law each."""

    __slots__ = ()
    matrix: np.ndarray = MATRIX

    def __init__(self) -> None:
        self.in_shape, self.out_shape = (3,), (2,)

    def apply(self, v: Array) -> Array:
        return v @ self.matrix.T

    def apply_adjoint(self, w: Array) -> Array:
        return w @ self.matrix.conj()

    def to_sparse(self) -> Sparse:
        return Dense(self.matrix, (3,), (2,)).to_sparse()

    def absolute(self) -> Block | None:
        return Dense(np.abs(self.matrix), (3,), (2,))

    @property
    def nnz(self) -> int:
        return 5

    @property
    def degrees(self) -> tuple[int, int]:
        return 3, 2


class PlainComplex(Plain):
    matrix = COMPLEX

    @property
    def nnz(self) -> int:
        return 6


class WrongAdjoint(Plain):
    def apply_adjoint(self, w: Array) -> Array:
        return 1.001 * super().apply_adjoint(w)


class NotConjugated(PlainComplex):
    def apply_adjoint(self, w: Array) -> Array:
        return w @ self.matrix


class WrongSparse(Plain):
    def to_sparse(self) -> Sparse:
        return Dense(MATRIX + 1e-3, (3,), (2,)).to_sparse()


class WrongTogether(Plain):
    """``apply`` and ``apply_adjoint`` fit each other, but not the matrix."""

    def apply(self, v: Array) -> Array:
        return 2 * super().apply(v)

    def apply_adjoint(self, w: Array) -> Array:
        return 2 * super().apply_adjoint(w)


class NotLinear(Plain):
    def apply(self, v: Array) -> Array:
        return super().apply(v) + 1e-3


class BatchMixed(Plain):
    """Right for one vector; adds the right-hand sides of a batch into each other."""

    def apply(self, v: Array) -> Array:
        y = super().apply(v)
        return y if v.ndim == 1 else y + y.sum(tuple(range(v.ndim - 1))) * 1e-3


class BatchMixedInAdjoint(Plain):
    def apply_adjoint(self, w: Array) -> Array:
        y = super().apply_adjoint(w)
        return y if w.ndim == 1 else y[..., ::-1, :] if w.shape[0] == 3 else y


class BatchFlattened(Plain):
    """Gives the batch (2, 1) back as (2,)."""

    def apply(self, v: Array) -> Array:
        y = super().apply(v)
        return y.reshape(-1, 2) if v.ndim > 1 else y


class BatchFlattenedInAdjoint(Plain):
    def apply_adjoint(self, w: Array) -> Array:
        y = super().apply_adjoint(w)
        return y.reshape(-1, 3) if w.ndim > 1 else y


class EmptyBatchLost(Plain):
    def apply(self, v: Array) -> Array:
        return super().apply(v) if v.size else np.zeros(2)


class EmptyBatchLostInAdjoint(Plain):
    def apply_adjoint(self, w: Array) -> Array:
        return super().apply_adjoint(w) if w.size else np.zeros(3)


class WrongShape(Plain):
    """A column, where a vector was promised."""

    def apply(self, v: Array) -> Array:
        y = super().apply(v)
        return y[:, None] if v.ndim == 1 else y


class TooFewNonzeros(Plain):
    @property
    def nnz(self) -> int:
        return 4


class TooSmallDegrees(Plain):
    @property
    def degrees(self) -> tuple[int, int]:
        return 3, 1


class WrongMagnitude(Plain):
    def absolute(self) -> Block | None:
        return Dense(MATRIX, (3,), (2,))


class WrongAdjointBlock(Plain):
    @property
    def adjoint(self) -> Block:
        return Dense(2 * MATRIX.T, (2,), (3,))


class NotANumber(Plain):
    def apply(self, v: Array) -> Array:
        return super().apply(v) * np.nan


def test_right_blocks_pass() -> None:
    check_block(Plain())
    check_block(Plain(), complex=True)
    check_block(PlainComplex(), complex=True)
    check_block(PlainComplex())


@pytest.mark.parametrize(
    "block, law",
    [
        (WrongAdjoint(), r"⟨w, J v⟩ = ⟨Jᴴ w, v⟩: off by"),
        (WrongSparse(), "to_sparse and apply agree: off by"),
        (WrongTogether(), "to_sparse and apply agree: off by"),
        (NotLinear(), "off by"),
        (BatchMixed(), r"apply over the batch \(3,\)"),
        (BatchMixedInAdjoint(), r"apply_adjoint over the batch \(3,\)"),
        (BatchFlattened(), r"apply over the batch \(2, 1\)"),
        (BatchFlattenedInAdjoint(), r"apply_adjoint over the batch \(2, 1\)"),
        (EmptyBatchLost(), r"apply over the batch \(0,\)"),
        (EmptyBatchLostInAdjoint(), r"apply_adjoint over the batch \(0,\)"),
        (TooFewNonzeros(), "nnz is 4, but the matrix has 5 nonzeros"),
        (TooSmallDegrees(), "degrees"),
        (WrongMagnitude(), r"absolute\(\) is below \|J\| somewhere"),
        (WrongAdjointBlock(), r"\.adjoint\.apply is apply_adjoint: off by"),
        (NotANumber(), "⟨w, J v⟩"),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, Block) else "",
)
def test_wrong_blocks_fail(block: Block, law: str) -> None:
    with pytest.raises(AssertionError, match=law):
        check_block(block)


def test_a_wrong_shape_fails() -> None:
    with pytest.raises(AssertionError, match=r"<block block .*shape"):
        check_block(WrongShape())


def test_a_missing_conjugate_shows_in_complex_vectors() -> None:
    with pytest.raises(AssertionError, match=r"⟨w, J v⟩ = ⟨Jᴴ w, v⟩"):
        check_block(NotConjugated(), complex=True)


def test_the_message_names_the_block() -> None:
    with pytest.raises(AssertionError, match=r"<block block \(3,\) → \(2,\), 5 nonzeros>"):
        check_block(WrongAdjoint())


def test_tolerance_and_seed() -> None:
    check_block(WrongAdjoint(), tolerance=0.1)
    for seed in range(5):
        with pytest.raises(AssertionError, match="off by"):
            check_block(WrongAdjoint(), seed=seed)


def test_a_user_function_with_a_wrong_vjp_fails() -> None:
    jvp, vjp = (lambda v: MATRIX @ v), (lambda w: MATRIX.T @ w)
    check_block(Function((3,), (2,), jvp, vjp))
    with pytest.raises(AssertionError, match="⟨w, J v⟩"):
        check_block(Function((3,), (2,), jvp, lambda w: -vjp(w)))


# --- gradients --------------------------------------------------------------------------------------------


@custom_rule(lambda y, x: np.cos(x))
def right_sine(x: Any) -> Any:
    return np.sin(x)


@custom_rule(lambda y, x: 1.01 * np.cos(x))
def wrong_sine(x: Any) -> Any:
    return np.sin(x)


@custom_rule(lambda y, x: np.nan * np.cos(x))
def nan_sine(x: Any) -> Any:
    return np.sin(x)


@custom_rule(lambda y, a, b: b, lambda y, a, b: 0.5 * a)
def half_wrong_product(a: Any, b: Any) -> Any:
    return a * b


@custom_rule(None)
def forgotten(x: Any) -> Any:
    return x * x


X = np.array([0.3, -1.2, 2.0])


def test_right_gradients_have_order_two() -> None:
    assert check_gradient(lambda x: np.sum(right_sine(x) * x), X) == pytest.approx(2, abs=0.1)
    assert check_gradient(lambda x, y: np.sum(np.exp(x) * y["a"] ** 2), X, {"a": X + 1}) == pytest.approx(2, abs=0.1)
    for solver in adjoint.solvers.available():
        check_gradient(lambda x: np.sum(np.tanh(x) ** 2), X, solver=solver)


def test_a_linear_function_has_no_remainder() -> None:
    assert check_gradient(lambda x: 3 * np.sum(x), X) == np.inf


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(wrong_sine(x) * x),
        lambda x: np.sum(half_wrong_product(x, np.sin(x))),
        lambda x: np.sum(forgotten(x)),
        lambda x: np.sum(adjoint.stop_gradient(x) * x),
        lambda x: np.sum(x) + 0.01 * np.sum(adjoint.stop_gradient(x)),
    ],
    ids=["scaled partial", "one of two partials", "no partial", "stopped factor", "nearly linear"],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_wrong_gradients_fail(f: Any, seed: int) -> None:
    with pytest.raises(
        AssertionError, match=r"the Taylor remainder has order [01]\.\d+, expected 2:\n  h = 1\.000e-02"
    ):
        check_gradient(f, X, seed=seed)


@pytest.mark.filterwarnings("ignore::adjoint.errors.NonFiniteDerivativeWarning")
def test_a_gradient_that_is_not_a_number_fails() -> None:
    with pytest.raises(AssertionError, match=r"finite|nan"):
        check_gradient(lambda x: np.sum(nan_sine(x) * x), X)


def test_a_wrong_gradient_with_respect_to_one_of_two_arguments_fails() -> None:
    f = lambda a, b: np.sum(half_wrong_product(a, np.sin(b)))
    check_gradient(lambda a: f(a, X), X)
    with pytest.raises(AssertionError, match="expected 2"):
        check_gradient(f, X, X + 1)


def test_taylor_remainders_are_those_of_the_second_derivative() -> None:
    # f = Σx²: the remainder is h²‖v‖², so four times less for each halving, exactly
    h, remainders = taylor_remainders(lambda x: np.sum(x * x), X, steps=4, first=0.5)
    np.testing.assert_allclose(h, [0.5, 0.25, 0.125, 0.0625])
    np.testing.assert_allclose(remainders / h**2, remainders[0] / h[0] ** 2, rtol=1e-9)
    assert remainders[0] > 0


# --- solvers ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wrapped:
    """A solver that is right but for what it makes of the solution in one phase."""

    phase: str
    factor: float = 1.0
    node: int | None = None
    drop: bool = False
    reshape: bool = False

    def analyze(self, system: Any) -> Wrapped:
        return self

    def factorize(self, system: Any) -> WrappedFactor:
        return WrappedFactor(self, system.factorize("back_substitution"))


@dataclass(frozen=True)
class WrappedFactor:
    solver: Wrapped
    inner: Any

    def solve(self, rows: Any, keep: Any = None) -> list[Any]:
        return self._changed("solve", self.inner.solve(rows, keep))

    def solve_tangent(self, rows: Any, keep: Any = None) -> list[Any]:
        return self._changed("solve_tangent", self.inner.solve_tangent(rows, keep))

    def _changed(self, phase: str, found: Any) -> list[Any]:
        solver = self.solver
        if phase != solver.phase:
            return list(found)

        def change(k: int, x: Any) -> Any:
            if x is None or (solver.node is not None and k != solver.node):
                return x
            if solver.drop:
                return None
            return np.asarray(x)[None] if solver.reshape else x * solver.factor

        return [change(k, x) for k, x in enumerate(found)]


def program(x: Any, w: Any) -> Any:
    hidden = np.tanh(w @ x)
    return np.sum(hidden * hidden) + np.sum(np.exp(x) * x[0])


def system() -> Any:
    rng = np.random.default_rng(0)
    return adjoint.trace(program, rng.standard_normal(3), rng.standard_normal((4, 3))).compile()


@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_right_solvers_pass(batch: tuple[int, ...]) -> None:
    for name in adjoint.solvers.available():
        assert check_solver(name, system(), batch=batch) < 1e-12
    assert check_solver(Wrapped("solve"), system(), batch=batch) < 1e-12


@pytest.mark.parametrize("phase", ["solve", "solve_tangent"])
@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize(
    "change, message",
    [
        ({"factor": 1.001}, "{phase} differs from the dense solve by"),
        ({"factor": -1.0}, "{phase} differs from the dense solve by"),
        ({"factor": 1 + 1e-8}, "{phase} differs from the dense solve by"),
        ({"factor": np.nan}, "{phase} differs from the dense solve by nan"),
        ({"factor": 2.0, "node": 0}, "{phase} differs from the dense solve by"),
        ({"factor": 2.0, "node": 2}, "{phase} differs from the dense solve by"),
        ({"drop": True, "node": 1}, "{phase} differs from the dense solve by"),
        ({"reshape": True}, r"{phase} gave z_\d+ the shape .*, expected"),
    ],
    ids=["scaled", "sign", "barely scaled", "nan", "an argument", "an inner node", "dropped", "wrong shape"],
)
def test_wrong_solvers_fail(phase: str, batch: tuple[int, ...], change: dict[str, Any], message: str) -> None:
    solver = Wrapped(phase, **change)
    with pytest.raises(AssertionError, match=r"Wrapped\(.*\): " + message.format(phase=phase)):
        check_solver(solver, system(), batch=batch)


def test_the_tolerance_of_check_solver_is_the_users() -> None:
    assert check_solver(Wrapped("solve", 1.001), system(), tolerance=1e-2) == pytest.approx(1e-3, rel=0.9)

"""Contractions against ``np.einsum`` for random labels, and that they run as one ``matmul``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adjoint.blocks import Contraction, Shape
from adjoint.blocks.contraction import compile_contraction


@dataclass(frozen=True)
class Case:
    """Labels (numbers) of ``v``, of the other operand and of the result, their sizes, and the leading axes."""

    labels: tuple[int, ...]
    other_labels: tuple[int, ...]
    out_labels: tuple[int, ...]
    sizes: tuple[int, ...]
    batch: Shape = ()
    complex: bool = False

    def shape(self, labels: tuple[int, ...]) -> Shape:
        return tuple(self.sizes[label] for label in labels)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Each label stands in ``v``, in the other operand, in the result, or in any two or all of them."""
    where = draw(st.lists(st.sampled_from(["v", "o", "r", "vo", "vr", "or", "vor"]), max_size=5))
    labels, other_labels, out_labels = (
        tuple(draw(st.permutations([k for k, place in enumerate(where) if which in place]))) for which in "vor"
    )
    return Case(
        labels,
        other_labels,
        out_labels,
        sizes=tuple(draw(st.sampled_from([0, 1, 2, 3])) for _ in where),
        batch=draw(st.sampled_from([(), (2,), (1, 3), (0,)])),
        complex=draw(st.booleans()),
    )


def einsum(case: Case, v: np.ndarray, labels: tuple[int, ...], other: np.ndarray, out_labels: tuple[int, ...]):
    """The reference: NumPy's einsum, and a broadcast over labels of the result alone, which einsum refuses."""
    extra = tuple(range(20, 20 + len(case.batch)))
    known = tuple(label for label in out_labels if label in labels + case.other_labels)
    y = np.einsum(v, [*extra, *labels], other, list(case.other_labels), [*extra, *known])
    unit = tuple(case.sizes[label] if label in known else 1 for label in out_labels)
    return np.broadcast_to(y.reshape(case.batch + unit), case.batch + case.shape(out_labels))


def numbers(shape: Shape, complex: bool, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return np.asarray(x + 1j * rng.standard_normal(shape) if complex else x)


@settings(max_examples=400, deadline=None)
@given(cases())
@example(Case((), (), (), ()))
@example(Case((0, 1), (1, 2), (0, 2), (2, 0, 3)))  # contracted over nothing
@example(Case((0, 1, 2), (0, 2, 3), (0, 1, 3), (0, 2, 3, 1)))
@example(Case((0, 1, 2), (2, 0, 3), (3, 0, 1), (2, 3, 2, 2), batch=(1, 3), complex=True))
@example(Case((0, 1), (2, 0), (3, 2), (2, 3, 2, 4), batch=(2,)))  # one alone in v, one alone in the result
def test_random_labels(case: Case) -> None:
    in_shape, out_shape = case.shape(case.labels), case.shape(case.out_labels)
    other = numbers(case.shape(case.other_labels), case.complex, 0)
    block = Contraction(case.labels, case.other_labels, case.out_labels, other, in_shape, out_shape)
    v, w = numbers(case.batch + in_shape, case.complex, 1), numbers(case.batch + out_shape, case.complex, 2)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11, strict=True)

    image = einsum(case, v, case.labels, other, case.out_labels)
    back = einsum(case, w, case.out_labels, np.conj(other), case.labels)
    close(np.asarray(block.apply(v)), image)
    close(np.asarray(block.apply_adjoint(w)), back)
    close(np.asarray(block.adjoint.apply(w)), back)
    close(np.asarray(block.adjoint.apply_adjoint(v)), image)

    m, n = block.shape
    matrix = block.to_dense()
    flat = v.reshape((*case.batch, n))
    close((flat @ matrix.T).reshape(image.shape), image)
    assert np.count_nonzero(matrix) <= block.nnz == block.to_sparse().nnz <= m * n
    assert (block.absolute().to_dense() >= np.abs(matrix) - 1e-12).all()


# --- what it costs --------------------------------------------------------------------------------------


class Counting(np.ndarray):
    """An array that notes the ufuncs it goes through, in the class attribute ``calls``."""

    calls: list[str] = []  # noqa: RUF012  # shared on purpose: all instances note into it

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        Counting.calls.append(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}")
        plain = [x.view(np.ndarray) if isinstance(x, Counting) else x for x in inputs]
        return np.asarray(getattr(ufunc, method)(*plain, **kwargs)).view(Counting)


def ufuncs_of(subscripts: str, batch: Shape) -> list[str]:
    """The ufuncs that one ``apply`` runs, for operands of sizes 2, 3, 4, …; and its value is checked."""
    operands, out_labels = subscripts.split("->")
    labels, other_labels = operands.split(",")
    sizes = {label: 2 + k for k, label in enumerate("abcdefg")}
    shapes = [tuple(sizes[label] for label in some) for some in (labels, other_labels, out_labels)]
    v, other = numbers(batch + shapes[0], False, 1), numbers(shapes[1], False, 2)
    block = Contraction(
        tuple(labels), tuple(other_labels), tuple(out_labels), other.view(Counting), shapes[0], shapes[2]
    )
    Counting.calls.clear()
    found = block.apply(v.view(Counting))
    calls = list(Counting.calls)
    expected = np.einsum(f"...{labels},{other_labels}->...{out_labels}", v, other)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12)
    return calls


@pytest.mark.parametrize("batch", [(), (5,), (2, 3)])
@pytest.mark.parametrize(
    "subscripts",
    [
        "a,a->",
        "ab,b->a",
        "b,ab->a",
        "ab,bc->ac",
        "ab,cb->ac",
        "ab,bc->ca",
        "abc,acd->abd",
        "abc,dca->bda",
        "abcd,cdef->abef",
        "abc,cbd->da",
        "abc,ac->ab",
        "abc,bc->a",
    ],
)
def test_what_looks_like_a_matrix_product_is_one_matmul(subscripts: str, batch: Shape) -> None:
    assert ufuncs_of(subscripts, batch) == ["matmul"]


@pytest.mark.parametrize("subscripts", ["a,b->ab", "a,b->ba", "ab,ab->ab", "ab,b->ab", "ab,cd->acbd", ",ab->ab"])
def test_what_contracts_nothing_is_one_multiplication(subscripts: str) -> None:
    for batch in ((), (5,)):
        assert ufuncs_of(subscripts, batch) == ["multiply"]


def test_labels_of_one_operand_alone_are_summed_before_the_product() -> None:
    assert ufuncs_of("abd,bc->ac", ()) == ["add.reduce", "matmul"]
    assert ufuncs_of("ab,bcd->ac", ()) == ["add.reduce", "matmul"]


def test_no_einsum(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args, **kwargs):
        raise AssertionError("np.einsum was called")

    matrix = numbers((3, 4), False, 0)
    block = Contraction(("i", "j"), ("j", "k"), ("i", "k"), matrix, (2, 3), (2, 4))
    v, w = numbers((5, 2, 3), False, 1), numbers((5, 2, 4), False, 2)
    monkeypatch.setattr(np, "einsum", refuse)
    np.testing.assert_allclose(block.apply(v), v @ matrix)
    np.testing.assert_allclose(block.apply_adjoint(w), w @ matrix.T)
    np.testing.assert_allclose(block.to_dense(), np.kron(np.eye(2), matrix.T))


def test_vectors_stay_vectors() -> None:
    """BLAS sees a matrix-vector product: no unit axis is added around a vector."""
    ranks = []

    class Noting(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            ranks.append([np.ndim(x) for x in inputs])
            return getattr(ufunc, method)(*(np.asarray(x) for x in inputs), **kwargs)

    matrix = numbers((3, 4), False, 0).view(Noting)
    Contraction(("j",), ("i", "j"), ("i",), matrix, (4,), (3,)).apply(np.ones(4))
    assert ranks in ([[2, 1]], [[1, 2]])


def test_large_products_make_no_large_intermediate() -> None:
    """An einsum loop or a broadcast product would hold the 10⁹ products of this one; matmul holds none."""
    n = 1000
    block = Contraction(("i", "j"), ("j", "k"), ("i", "k"), np.ones((n, n)), (n, n), (n, n))
    assert block.apply(np.ones((n, n)))[0, 0] == n
    assert block.flops == n**3
    assert block.nnz == n**3


# --- labels that are refused, and labels that may be anything --------------------------------------------


def test_a_label_twice_in_one_operand_is_refused() -> None:
    with pytest.raises(ValueError, match="a label stands twice in one operand of a contraction"):
        compile_contraction(("i", "i"), ("i",), ("i",))
    block = Contraction(("i",), ("j", "j"), ("i",), np.ones((2, 2)), (2,), (2,))
    with pytest.raises(ValueError, match="a label stands twice"):
        block.apply(np.ones(2))


def test_labels_are_any_hashables() -> None:
    matrix = numbers((2, 3), False, 0)
    v = numbers((3,), False, 1)
    for a, b in (("rows", "columns"), (1, 0), ((0, "x"), None)):
        block = Contraction((b,), (a, b), (a,), matrix, (3,), (2,))
        np.testing.assert_allclose(block.apply(v), matrix @ v)
        np.testing.assert_allclose(block.apply(np.stack([v, 2 * v])), np.stack([matrix @ v, 2 * matrix @ v]))


def test_contractions_are_compiled_once_for_the_same_labels() -> None:
    labels = ("once", "twice")
    first = compile_contraction(labels, ("twice",), ("once",))
    assert compile_contraction(labels, ("twice",), ("once",)) is first

"""The texts of a graph: textbook numbers by hand, and everything that is odd."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.errors import PlotError
from adjoint.plot.graphs.labels import LEGIBLE, ROOM, diagram
from adjoint.plot.graphs.model import Options
from tests.plot.graphs import programs


def drawn(trace, **options):
    return diagram(trace, Options(**options), "graph")


def texts(trace, **options):
    """``{first line: (value, multiplier)}`` of the boxes, and ``{(tail, head): partial}`` by first lines."""
    found = drawn(trace, **options)
    titles = [box.lines[0][1] for box in found.boxes]
    boxes = {title: (box.value, box.multiplier) for title, box in zip(titles, found.boxes, strict=True)}
    return boxes, {(titles[arrow.tail], titles[arrow.head]): arrow.text for arrow in found.arrows}


def test_product_of_a_sum():
    """The circuit of Stanford's CS231n at (-2, 5, -4)."""
    boxes, partials = texts(adjoint.trace(programs.textbook().product_of_sum, -2.0, 5.0, -4.0))
    assert boxes == {"x": ("−2", "−4"), "y": ("5", "−4"), "z": ("−4", "3"), "+": ("3", "−4"), "×": ("−12", "1")}
    assert partials == {("x", "+"): "1", ("y", "+"): "1", ("z", "×"): "3", ("+", "×"): "−4"}


def test_shared_input():
    """C. Olah's graph of (a + b)(b + 1) at (2, 1): ∂e/∂b = 5."""
    boxes, partials = texts(adjoint.trace(programs.textbook().shared_input, 2.0, 1.0))
    c, d, e = "c = a + b", "d = b + 1", "e = c·d"
    assert boxes == {"a": ("2", "2"), "b": ("1", "5"), c: ("3", "2"), d: ("2", "3"), e: ("6", "1")}
    assert partials == {("a", c): "1", ("b", c): "1", ("b", d): "1", (c, e): "2", (d, e): "3"}


def test_log_of_a_polynomial():
    """log(3x² + 5xy) at (2, 3): the sum is 42, ∂/∂x = (6x + 5y)/42 = 27/42, ∂/∂y = 5x/42 = 10/42."""
    boxes, partials = texts(adjoint.trace(programs.textbook().log_of_polynomial, 2.0, 3.0))
    a, b, c, d, e = "a = x²", "b = 3·a", "c = x·y", "d = 5·c", "e = b + d"
    assert boxes == {
        "x": ("2", f"{27 / 42:.4g}"),
        "y": ("3", f"{10 / 42:.4g}"),
        a: ("4", f"{3 / 42:.4g}"),
        b: ("12", f"{1 / 42:.4g}"),
        c: ("6", f"{5 / 42:.4g}"),
        d: ("30", f"{1 / 42:.4g}"),
        e: ("42", f"{1 / 42:.4g}"),
        "log": (f"{np.log(42):.4g}", "1"),
    }
    assert partials == {
        ("x", a): "4",
        (a, b): "3",
        ("x", c): "3",
        ("y", c): "2",
        (c, d): "5",
        (b, e): "1",
        (d, e): "1",
        (e, "log"): f"{1 / 42:.4g}",
    }


def test_chain_of_functions():
    """exp(sin(x²)) at 1: the multipliers are products of cos 1, e^sin 1 and 2."""
    boxes, partials = texts(adjoint.trace(programs.textbook().nested_functions, 1.0))
    y = np.exp(np.sin(1.0))
    assert boxes["x"] == ("1", f"{2 * np.cos(1) * y:.4g}")
    assert boxes["□²"] == ("1", f"{np.cos(1) * y:.4g}")
    assert boxes["sin"] == (f"{np.sin(1):.4g}", f"{y:.4g}")
    assert boxes["exp"] == (f"{y:.4g}", "1")
    assert partials["□²", "sin"] == f"{np.cos(1):.4g}"


def test_an_operand_that_is_read_twice_has_one_edge_with_the_sum():
    found = drawn(adjoint.trace(lambda x: x**x + x * x, 3.0))
    partials = {found.boxes[a.head].lines[0][1]: a.text for a in found.arrows if a.tail == 0}
    assert partials == {"^": f"{27 + 27 * np.log(3):.4g}", "×": "6"}
    assert len(found.arrows) == 4


def test_a_linearization_shows_its_own_point():
    system = adjoint.trace(programs.textbook().product_of_sum, -2.0, 5.0, -4.0).compile().relinearize(1.0, 2.0, 10.0)
    boxes, partials = texts(system)
    assert boxes == {"x": ("1", "10"), "y": ("2", "10"), "z": ("10", "3"), "+": ("3", "10"), "×": ("30", "1")}
    assert partials["+", "×"] == "10"
    lam = system.solve()
    assert texts(system.trace, multipliers=lam)[0] == boxes, "a trace with multipliers of another point"
    with pytest.raises(PlotError, match="multipliers of another system"):
        drawn(system.trace.compile(), multipliers=lam)


def test_options_leave_out_what_is_not_wanted():
    trace = adjoint.trace(programs.textbook().product_of_sum, -2.0, 5.0, -4.0)
    boxes, partials = texts(trace, multipliers=False, values=False, partials=False)
    assert set(boxes.values()) == {("", "")}
    assert set(partials.values()) == {""}
    assert drawn(trace, multipliers=False, values=False, partials=False).legend == ()
    assert texts(trace, multipliers=trace.compile().solve(2.0))[0]["z"] == ("−4", "6")
    assert texts(trace, seed=2.0)[0]["z"] == ("−4", "6")
    with pytest.raises(PlotError, match="multipliers must be"):
        drawn(trace, multipliers="yes")


def test_arrays_have_shapes_norms_and_kinds():
    trace = adjoint.trace(lambda a, x: np.sum(np.tanh(a @ x)), np.ones((4, 3)), np.ones((3, 2)))
    found = drawn(trace)
    assert found.boxes[0].lines == (("name", "a"), ("small", "z_1 · 4×3"))
    lam = trace.compile().solve()
    assert found.boxes[0].multiplier == f"‖λ‖ {np.linalg.norm(lam['a']):.2g}"
    assert found.boxes[0].has_norm
    assert found.boxes[0].value == ""
    assert [arrow.text for arrow in found.arrows] == ["cont 8×12", "cont 8×6", "diag 8×8", "sum 1×8"]
    assert [line for _, line in drawn(trace, shapes=False).boxes[0].lines] == ["a", "z_1"]
    assert drawn(trace, values=True).boxes[0].value == "1 … 1"


def test_formulas():
    def function(x):
        for y in (3 * x, x + 1, 1 - x, x / 2, 2 / x, x**3, x**-1, x**0.5, 2**x, -x, np.abs(x), np.maximum(x, 0)):
            x[0] + y
        return np.sum(x[1:])

    trace = adjoint.trace(function, np.array([1.0, 2.0]))
    found = [box.lines[0][1] for box in drawn(trace, multipliers=False, fold=False).boxes]
    expected = {"3·□", "□ + 1", "1 − □", "□ / 2", "2 / □", "□³", "□⁻¹", "√□", "2^□", "−□", "|□|", "max(□, 0)"}
    assert expected | {"□[0]", "+", "□[1:]", "sum", "x"} == set(found)


def test_constants_are_no_nodes_and_outputs_may_be_constants():
    found = drawn(programs.two_outputs())
    assert [box.output for box in found.boxes] == [False, False, True, True]
    assert found.notes == ("output 3 is the constant 3",)
    assert [box.multiplier for box in found.boxes] == [""] * 4, "several outputs: which one?"
    assert drawn(adjoint.trace(lambda x: 3.0, 1.0)).notes == ("output is the constant 3",)


def test_what_leads_nowhere_is_dead():
    found = drawn(programs.dead())
    assert [box.dead for box in found.boxes] == [True, False, True, True, True, False]
    assert found.boxes[0].multiplier == "0"


def test_integers_have_a_graph():
    found = drawn(adjoint.trace(lambda a, b: a * b + 1, 3, 4))
    assert [box.value for box in found.boxes] == ["3", "4", "12", "13"]
    assert all(box.discrete and not box.multiplier for box in found.boxes)
    assert {arrow.kind for arrow in found.arrows} == {"none"}


def test_masks_carry_no_derivative():
    found = drawn(programs.TRACES["a mask"]())
    kinds = {(found.boxes[a.tail].lines[0][1], found.boxes[a.head].lines[0][1]): a.kind for a in found.arrows}
    assert kinds["x", "□ > 0"] == kinds["□ > 0", "where(□, □, 0)"] == "none"
    assert kinds["x", "where(□, □, 0)"] == "mask"


def test_what_is_not_finite_is_marked():
    found = drawn(programs.not_finite())
    assert [(box.value, box.bad_value) for box in found.boxes] == [
        ("0", False),
        ("2", False),
        ("−inf", True),
        ("−inf", True),
    ]
    assert [(box.multiplier, box.bad_multiplier) for box in found.boxes[:2]] == [("inf", True), ("−inf", True)]
    assert [arrow.bad for arrow in found.arrows] == [True, True, False]
    with np.errstate(all="ignore"):
        trace = adjoint.trace(lambda x: np.sum(np.log(x)), np.array([-1.0, 0.0, -2.0, 1.0]))
    assert drawn(trace).boxes[1].value == "2 nan, 1 inf"


def test_complex_numbers():
    found = drawn(programs.complex_numbers())
    assert found.boxes[0].value == "1+2j"
    partials = {found.boxes[a.head].lines[0][1]: a.text for a in found.arrows}
    assert partials["conjugate"] == "conj 1×1", "no number: linear over the real numbers only"
    assert partials["□·(1+2j)"] == "1+2j"


def test_an_implicit_constraint():
    found = drawn(programs.implicit())
    solve = next(box for box in found.boxes if box.implicit)
    assert solve.lines[0] == ("operation", "linalg.solve")
    assert "implicit constraint" in solve.tooltip


def test_long_and_strange_names_are_cut_and_cleaned():
    found = drawn(programs.awkward_names())
    for box in found.boxes:
        assert all(len(line) <= 24 and "\n" not in line for _, line in box.lines)
    assert found.boxes[2].lines[0][1] == "日本語_langlanglan…langlang"
    assert "lang" * 40 in found.boxes[2].tooltip
    assert 'back\\slash "quote" <tag> & $dollar$ line□' in found.boxes[1].tooltip
    found.boxes[3].tooltip.encode()


def test_tooltips_tell_the_line():
    box = drawn(adjoint.trace(programs.textbook().product_of_sum, -2.0, 5.0, -4.0)).boxes[3]
    first, where, *rest = box.tooltip.splitlines()
    assert first == "z_4 = add(z_1, z_2)"
    assert where.startswith("textbook.py:")
    assert where.endswith("return (x + y) * z")
    assert rest == ["float64 scalar", "value 3", "λ_4 = −4"]


def test_long_traces_fold():
    trace = programs.recurrent(200)
    found = drawn(trace)
    assert len(found.boxes) <= ROOM
    assert sum(box.stop - box.start for box in found.boxes) == len(trace)
    folded = next(box for box in found.boxes if box.role == "fold")
    lam = trace.compile().solve()
    norms = [np.linalg.norm(lam[k + 1]) for k in range(folded.start, folded.stop)]
    low, high = (f"{x:.2g}".replace("-", "−") for x in (min(norms), max(norms)))
    assert folded.multiplier == f"‖λ‖ {low} … {high}"
    assert len(drawn(trace, fold=8).boxes) <= 8
    assert f"{len(trace):,} nodes in" in found.caption
    edges = sum(arrow.blocks for arrow in found.arrows)
    assert 0 < edges < len(trace.compile().structure.parents)


def test_without_folding_there_are_dots():
    trace = programs.many_operands()
    found = drawn(trace, fold=False)
    assert len(found.boxes) == len(trace) > LEGIBLE
    assert not found.detailed
    assert all(not box.lines and box.tooltip for box in found.boxes)
    with pytest.raises(PlotError, match="fold must be"):
        drawn(trace, fold=2)


def test_what_is_no_trace_is_refused():
    with pytest.raises(PlotError, match="graph draws a trace or a system, not function"):
        drawn(lambda x: x)
    with pytest.raises(PlotError, match="the trace has no nodes"):
        drawn(adjoint.trace(lambda x: 3.0, []))


def test_a_missing_rule_leaves_the_graph():
    @adjoint.constraint
    def broken(x):
        return np.sin(x) if len(calls) else calls.append(0) or np.sin(x) + 1

    calls: list[int] = []
    found = drawn(adjoint.trace(lambda x: broken(x) * 2, 1.0))
    assert [box.lines[0][1] for box in found.boxes] == ["x", "broken", "□·2"]
    assert found.arrows[0].text == "?"
    assert all(not box.multiplier for box in found.boxes)

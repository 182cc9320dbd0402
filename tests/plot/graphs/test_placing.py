"""Every text has its place: nothing overlaps in any picture."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import adjoint
from adjoint.plot.graphs.labels import diagram
from adjoint.plot.graphs.model import Options
from adjoint.plot.graphs.placing import SIZES, arrowhead, place
from tests.plot.graphs import programs


def placed(name: str, direction: str, **options):
    return place(diagram(programs.TRACES[name](), Options(**options), "graph"), direction)


def overlap(one, other) -> bool:
    return (
        one[0] < other[2] - 0.01 and other[0] < one[2] - 0.01 and one[1] < other[3] - 0.01 and other[1] < one[3] - 0.01
    )


@pytest.mark.parametrize("direction", ["right", "down"])
@pytest.mark.parametrize("name", programs.TRACES)
def test_nothing_overlaps_and_all_is_inside(name, direction):
    picture = placed(name, direction)
    boxes = [(s.left, s.top, s.left + s.width, s.top + s.height) for s in picture.shapes]
    beside = [text.bounds for s in picture.shapes for text in s.texts if text.style in ("value", "multiplier")]
    inside = [
        (text.bounds, box)
        for s, box in zip(picture.shapes, boxes, strict=True)
        for text in s.texts
        if text.style not in ("value", "multiplier")
    ]
    for bounds, box in inside:
        assert box[0] <= bounds[0]
        assert bounds[2] <= box[2]
        assert box[1] <= bounds[1]
        assert bounds[3] <= box[3]
    labels = [text.bounds for text in picture.labels if text is not None]
    key = [text.bounds for text in picture.key]
    for one, other in itertools.combinations([*boxes, *beside, *labels, *key], 2):
        assert not overlap(one, other)
    for bounds in (*boxes, *beside, *labels, *key):
        assert bounds[0] >= 0
        assert bounds[1] >= 0
        assert bounds[2] <= picture.width
        assert bounds[3] <= picture.height


@pytest.mark.parametrize("direction", ["right", "down"])
def test_curves_lead_from_wires_to_boxes(direction):
    picture = placed("recurrent", direction)
    for arrow, curve in zip(picture.diagram.arrows, picture.curves, strict=True):
        tail, head = picture.shapes[arrow.tail], picture.shapes[arrow.head]
        x, y = curve[-1]
        assert head.left - 1e-6 <= x <= head.left + head.width + 1e-6
        assert head.top - 1e-6 <= y <= head.top + head.height + 1e-6
        x, y = curve[0]
        ends = tail.wire[2:] if tail.wire else (tail.left + tail.width, tail.top + tail.height / 2)
        if direction == "down" and not tail.wire:
            ends = (tail.left + tail.width / 2, tail.top + tail.height)
        assert (x, y) == pytest.approx(ends)
        assert len(curve) % 3 == 1


def test_labels_are_left_out_where_there_is_no_room():
    trace = programs.many_operands(140)
    picture = place(diagram(trace, Options(fold=False, partials=True), "graph"), "right")
    assert picture.left_out > 0
    assert f"{picture.left_out} labels without room" in [text.text for text in picture.key]
    written = sum(label is not None for label in picture.labels)
    assert written + picture.left_out == sum(bool(arrow.text) for arrow in picture.diagram.arrows)


def test_textbooks_have_all_arguments_in_the_first_layer():
    trace = adjoint.trace(programs.textbook().product_of_sum, -2.0, 5.0, -4.0)
    picture = place(diagram(trace, Options(), "graph"), "right")
    assert picture.layout.layers.tolist() == [0, 0, 0, 1, 2]
    lefts = {shape.left + shape.width / 2 for shape in picture.shapes[:3]}
    assert np.ptp(list(lefts)) < 1e-9, "their boxes stand in a line"
    tops = [shape.top for shape in picture.shapes[:3]]
    assert tops == sorted(tops)


def test_values_stand_above_the_wire_and_multipliers_below():
    trace = adjoint.trace(programs.textbook().product_of_sum, -2.0, 5.0, -4.0)
    for shape in place(diagram(trace, Options(), "graph"), "right").shapes:
        value, multiplier = (next(t for t in shape.texts if t.style == style) for style in ("value", "multiplier"))
        assert value.bounds[3] < shape.wire[1] < multiplier.bounds[1]


def test_the_legend_names_what_is_there():
    key = {text.text for text in placed("implicit", "right").key}
    assert {"value z", "multiplier λ, or its norm", "partial on each edge", "— contraction"} <= key
    key = {text.text for text in placed("integers", "right").key}
    assert key == {"value z"}


def test_arrowheads_point_along_the_curve():
    head = arrowhead(np.array([(0.0, 0.0), (0.0, 10.0)]), length=4.0)
    assert head[0].tolist() == [0.0, 10.0]
    assert head[1:, 1].tolist() == [6.0, 6.0]
    assert np.isfinite(arrowhead(np.zeros((2, 2)))).all()


def test_widths_of_letters_are_those_of_the_font():
    from adjoint.plot.graphs.words import width

    pytest.importorskip("matplotlib")
    from matplotlib.textpath import TextPath

    for text in ("z_12 · 16×10", "hidden = tanh(x)", "−0.02381", "‖λ‖ 1.6e−58"):
        drawn = TextPath((0, 0), text, size=100, prop="DejaVu Sans").get_extents().width
        assert drawn <= width(text, 100) * 1.03
        assert width(text, 100) <= drawn * 1.15
    assert SIZES["small"] < SIZES["name"]

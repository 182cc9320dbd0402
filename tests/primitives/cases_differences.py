"""Cases of differences, gradients, sums by trapezoids, interpolation, convolution and Kronecker products."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, apart, case, constant, positive, uniform


def _diffs() -> list[Case]:
    f, x = np.diff, any_real(2, 4)
    return [
        case(f, "vector", any_real(4)),
        case(f, "matrix", x),
        case(f, "axis", x, axis=0),
        case(f, "negative_axis", any_real(2, 3, 2), axis=-2),
        case(f, "second", x, n=2),
        case(f, "third_along_axis", any_real(4, 2), n=3, axis=0),
        case(f, "zeroth", x, n=0),
        case(f, "all_gone", any_real(2), n=3),
        case(f, "empty", any_real(0)),
        case(f, "single", any_real(1)),
        case(f, "prepend_scalar", x, prepend=1.5),
        case(f, "append_array", x, append=[[1.0, 2.0], [0.5, -1.0]]),
        case(f, "both_traced", x, any_real(2, 1), any_real(), call=lambda f, a, p, q: f(a, prepend=p, append=q)),
        case(f, "only_prepend_traced", any_real(1), call=lambda f, p: f(np.array([1.0, 4.0]), prepend=p)),
        case(
            f, "axis_and_ends", any_real(2, 2), any_real(2), call=lambda f, a, p: f(a, 2, 0, prepend=p[0], append=p[1])
        ),
        case(np.ediff1d, "vector", any_real(4)),
        case(np.ediff1d, "matrix", any_real(2, 2)),
        case(np.ediff1d, "ends", any_real(3), to_end=[1.0, 2.0], to_begin=-1.0),
        case(np.ediff1d, "traced_ends", any_real(3), any_real(2), any_real(), call=lambda f, a, e, b: f(a, e, b)),
        case(np.ediff1d, "traced_end_only", any_real(), call=lambda f, e: f(np.array([1.0, 3.0]), to_end=e)),
    ]


def _gradients() -> list[Case]:
    f, vector, matrix = np.gradient, any_real(4), any_real(3, 4)
    ordered = Fixed(lambda rng: np.cumsum(rng.uniform(0.5, 1.5, 4)))
    steps = positive(4)
    coordinates = lambda f, a, d, **options: f(a, np.cumsum(d), **options)
    return [
        case(f, "vector", vector),
        case(f, "matrix", matrix),
        case(f, "axis", matrix, axis=0),
        case(f, "negative_axis", matrix, axis=-1),
        case(f, "axes_in_other_order", matrix, axis=(1, 0)),
        case(f, "second_order_edges", vector, edge_order=2),
        case(f, "matrix_second_order_edges", matrix, edge_order=2),
        case(f, "two_entries", any_real(2)),
        case(f, "spacing", vector, call=lambda f, a: f(a, 0.5)),
        case(f, "spacing_of_each_axis", matrix, call=lambda f, a: f(a, 0.5, 2.0)),
        case(f, "traced_spacing", vector, positive(), call=lambda f, a, h: f(a, h)),
        case(f, "traced_spacing_for_all", matrix, positive(), call=lambda f, a, h: f(a, h, edge_order=2)),
        case(f, "only_spacing_traced", positive(), call=lambda f, h: f(np.array([1.0, 4.0, 2.0, 0.0]), h)),
        case(f, "coordinates", vector, ordered),
        case(f, "coordinates_second_order", vector, ordered, edge_order=2),
        case(f, "even_coordinates", vector, call=lambda f, a: f(a, np.arange(4) * 0.5)),
        case(f, "traced_coordinates", vector, steps, call=coordinates),
        case(f, "traced_coordinates_second", vector, steps, call=lambda f, a, d: coordinates(f, a, d, edge_order=2)),
        case(f, "only_coordinates_traced", steps, call=lambda f, d: f(np.array([1.0, 4.0, 2.0, 0.0]), np.cumsum(d))),
        case(f, "coordinates_of_one_axis", matrix, ordered, axis=1),
        case(f, "mixed_spacing", matrix, positive(), ordered, call=lambda f, a, h, x: f(a, h, x)),
    ]


def _trapezoids() -> list[Case]:
    f, x = np.trapezoid, any_real(2, 4)
    return [
        case(f, "vector", any_real(4)),
        case(f, "matrix", x),
        case(f, "axis", x, axis=0),
        case(f, "width", x, dx=0.25),
        case(f, "traced_width", x, any_real(), call=lambda f, y, h: f(y, dx=h)),
        case(f, "coordinates", any_real(4), any_real(4)),
        case(f, "coordinates_of_axis", x, any_real(2), axis=0),
        case(f, "coordinates_of_all", x, any_real(2, 4)),
        case(f, "only_coordinates", any_real(3), call=lambda f, x: f([1.0, 3.0, 2.0], x)),
        case(f, "list_of_coordinates", any_real(3), call=lambda f, y: f(y, [0.0, 1.0, 3.0])),
        case(f, "single", any_real(1)),
    ]


def _two_dimensional(function: Any, *arguments: Any, **options: Any) -> Any:
    """Cross products of vectors in the plane, of which NumPy warns."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*2-dimensional vectors")
        return function(*arguments, **options)


def _crosses() -> list[Case]:
    f = np.cross
    plane = lambda f, a, b, **options: _two_dimensional(f, a, b, **options)
    return [
        case(f, "vectors", any_real(3), any_real(3)),
        case(f, "rows", any_real(2, 3), any_real(2, 3)),
        case(f, "broadcast", any_real(2, 1, 3), any_real(2, 3)),
        case(f, "axis", any_real(3, 2), any_real(3, 2), axis=0),
        case(f, "axes", any_real(3, 2), any_real(2, 3), axisa=0, axisb=1, axisc=0),
        case(f, "negative_axes", any_real(3, 2), any_real(2, 3), axisa=-2, axisb=-1, axisc=-1),
        case(f, "constant_left", Fixed(any_real(3)), any_real(2, 3)),
        case(f, "constant_right", any_real(2, 3), Fixed(any_real(3))),
        case(f, "list", any_real(3), call=lambda f, a: f([1.0, 2.0, 3.0], a)),
        case(f, "with_itself", any_real(2, 3), call=lambda f, a: f(a[0], a[1] + a[0])),
        case(f, "planes", any_real(2, 2), any_real(2, 2), call=plane),
        case(f, "plane_vectors", any_real(2), any_real(2), call=plane),
        case(f, "plane_and_space", any_real(2), any_real(2, 3), call=plane),
        case(f, "space_and_plane", any_real(3), any_real(2), call=plane),
    ]


def _interpolations() -> list[Case]:
    f, nodes = np.interp, np.array([-2.0, -0.7, 0.4, 1.1, 3.0])
    near = Fixed(lambda rng: np.asarray(nodes))
    moved = lambda rng: nodes + rng.uniform(-0.1, 0.1, 5)
    points = lambda rng: np.array([-1.1, 0.05, 0.7, 2.2, 2.6]) + rng.uniform(-0.1, 0.1, 5)
    wide = lambda rng: np.array([-3.3, 0.05, 4.4]) + rng.uniform(-0.1, 0.1, 3)
    values = any_real(5)
    ends = lambda f, x, xp, fp, end: f(x, xp, fp, end, end * end)
    period = {"period": 4.5}
    return [
        case(f, "all", points, moved, values),
        case(f, "points", points, near, Fixed(values)),
        case(f, "nodes", Fixed(points), moved, Fixed(values)),
        case(f, "values", Fixed(points), near, values),
        case(f, "outside", wide, moved, values),
        case(f, "one_point", uniform(0.5, 1.0)(), moved, values),
        case(f, "matrix_of_points", uniform(0.5, 1.0)(2, 2), moved, values),
        case(f, "ends", wide, moved, values, left=-1.0, right=2.0),
        case(f, "traced_ends", wide, moved, values, any_real(), call=ends),
        case(f, "only_left", wide, moved, values, left=0.0),
        case(f, "period", wide, moved, values, **period),
        case(
            f, "unsorted_with_period", points, call=lambda f, x: f(x, [190, -190, 350, -350], [5, 10, 3, 4], period=360)
        ),
        case(f, "one_node", points, any_real(1), any_real(1)),
        case(f, "lists", any_real(3), call=lambda f, fp: f([0.5, 1.5], [0.0, 1.0, 2.0], fp)),
    ]


def _convolutions() -> list[Case]:
    cases = []
    for f in (np.convolve, np.correlate):
        for mode in ("full", "same", "valid"):
            for n, m in ((4, 2), (4, 3), (2, 5), (3, 3), (1, 3)):
                cases.append(case(f, f"{mode}_{n}_{m}", any_real(n), any_real(m), mode=mode))
        cases += [
            case(f, "default", any_real(4), any_real(2)),
            case(f, "constant_left", Fixed(any_real(4)), any_real(2)),
            case(f, "constant_right", any_real(4), Fixed(any_real(2))),
            case(f, "list", any_real(3), call=lambda f, v: f([1.0, 2.0], v)),
            case(f, "with_itself", any_real(3), call=lambda f, a: f(a, a)),
            case(f, "list_of_traced", any_real(2), call=lambda f, a: f([a[0], a[1] ** 2], a)),
        ]
    return [*cases, case(np.convolve, "scalar", any_real(3), any_real())]


def _krons() -> list[Case]:
    f = np.kron
    return [
        case(f, "vectors", any_real(2), any_real(3)),
        case(f, "matrices", any_real(2, 2), any_real(1, 3)),
        case(f, "vector_matrix", any_real(2), any_real(2, 2)),
        case(f, "matrix_vector", any_real(2, 2), any_real(2)),
        case(f, "three_axes", any_real(2, 1, 2), any_real(2, 2)),
        case(f, "scalar", any_real(), any_real(2, 2)),
        case(f, "scalars", any_real(), any_real()),
        case(f, "constant_left", Fixed(any_real(2, 2)), any_real(2, 2)),
        case(f, "list_on_the_right", any_real(2), call=lambda f, a: f(a, [1.0, 2.0])),
        case(f, "list_on_the_left", any_real(2, 2), call=lambda f, a: f([1.0, 2.0], a)),
        case(f, "with_itself", any_real(2, 2), call=lambda f, a: f(a, a)),
    ]


def _curves() -> list[Case]:
    """Phases that jump, and functions with a removable singularity."""
    phases = lambda rng: np.array([0.2, 2.9, -2.8, 1.0, -2.5]) + rng.uniform(-0.1, 0.1, 5)
    return [
        case(np.unwrap, "phases", phases),
        case(np.unwrap, "discont", phases, discont=4.0),
        case(np.unwrap, "period", apart(0.25)(5), period=3.0),
        case(np.unwrap, "axis", lambda rng: np.stack([phases(rng), phases(rng) + 2.5]), axis=0),
        case(np.unwrap, "matrix", lambda rng: np.stack([phases(rng), -phases(rng)])),
        case(np.sinc, "vector", any_real(5)),
        case(np.sinc, "large", uniform(1.5, 8.0)(5)),
        case(np.sinc, "at_zero", any_real(3), call=lambda f, x: f(x * np.array([0.0, 1e-9, 1e-3]))),
        case(np.sinc, "near_zero", constant([0.0, 1e-8]), any_real(2), call=lambda f, c, x: f(c + x - x)),
        case(np.sinc, "scalar", any_real()),
        case(np.sinc, "matrix", any_real(2, 2)),
        case(np.i0, "vector", any_real(5)),
        case(np.i0, "large", uniform(7.0, 10.0)(4)),
        case(np.i0, "scalar", any_real(), call=lambda f, x: f(x) * x),
    ]


CASES: list[Case] = [
    *_diffs(),
    *_gradients(),
    *_trapezoids(),
    *_crosses(),
    *_interpolations(),
    *_convolutions(),
    *_krons(),
    *_curves(),
]

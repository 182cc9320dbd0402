"""Cases of np.pad in all of its modes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import Case, any_real, case, distinct

MATRIX, VECTOR, SCALAR = any_real(2, 3), any_real(4), any_real()
COPYING = ("constant", "edge", "wrap", "reflect", "symmetric")
STATISTICS = ("maximum", "minimum", "mean", "median")
WIDTHS: dict[str, Any] = {
    "number": 1,
    "pair": (1, 2),
    "per_axis": ((0, 2), (1, 0)),
    "per_axis_one": ((1,), (2,)),
    "beyond": ((3, 0), (7, 9)),
}


def _frame(line: Any, widths: Any, axis: int, options: dict[str, Any]) -> None:
    """A mode of one's own: twice the nearest entry before, its square after."""
    before, after = widths
    if before:
        line[:before] = options.get("factor", 2.0) * line[before]
    if after:
        line[-after:] = line[-after - 1] ** 2 + axis


def _modes() -> list[Case]:
    result = [
        case(np.pad, f"{mode}_{name}", distinct(2, 3), pad_width=width, mode=mode)
        for mode in (*COPYING, "linear_ramp", *STATISTICS)
        for name, width in WIDTHS.items()
    ]
    result += [
        case(np.pad, f"{mode}_odd_{name}", MATRIX, pad_width=width, mode=mode, reflect_type="odd")
        for mode in ("reflect", "symmetric")
        for name, width in WIDTHS.items()
    ]
    result += [
        case(
            np.pad, f"{mode}_lengths_{name}", distinct(3, 4), pad_width=((1, 0), (2, 1)), mode=mode, stat_length=length
        )
        for mode in STATISTICS
        for name, length in {"number": 2, "per_axis": ((1, 2), (3, 9))}.items()
    ]
    return result


def _options() -> list[Case]:
    corners = any_real(2, 2)
    return [
        case(np.pad, "default", VECTOR, pad_width=1),
        case(np.pad, "positional", VECTOR, call=lambda f, a: f(a, (1, 2), "edge")),
        case(np.pad, "constant_value", MATRIX, pad_width=1, constant_values=2.0),
        case(np.pad, "constant_traced", MATRIX, SCALAR, call=lambda f, a, c: f(a, 1, constant_values=c)),
        case(np.pad, "constant_traced_array", MATRIX, corners, call=lambda f, a, c: f(a, (1, 2), constant_values=c)),
        case(
            np.pad,
            "constant_traced_list",
            MATRIX,
            SCALAR,
            call=lambda f, a, c: f(a, 1, constant_values=((c, 1.0), (0, c * c))),
        ),
        case(np.pad, "ramp_number", MATRIX, pad_width=(2, 3), mode="linear_ramp", end_values=(1, -2)),
        case(np.pad, "ramp_traced", MATRIX, SCALAR, call=lambda f, a, c: f(a, 2, "linear_ramp", end_values=c)),
        case(np.pad, "ramp_traced_array", MATRIX, corners, call=lambda f, a, c: f(a, 2, "linear_ramp", end_values=c)),
        case(
            np.pad, "ramp_traced_list", MATRIX, SCALAR, call=lambda f, a, c: f(a, 2, "linear_ramp", end_values=(c, 1))
        ),
        case(np.pad, "odd_of_one_entry", any_real(1, 2), pad_width=1, mode="reflect", reflect_type="odd"),
        case(np.pad, "odd_symmetric_of_one_entry", any_real(1), pad_width=2, mode="symmetric", reflect_type="odd"),
        case(np.pad, "even_by_name", VECTOR, pad_width=2, mode="reflect", reflect_type="even"),
        case(np.pad, "empty_axis", any_real(0, 2), pad_width=((1, 1), (0, 0))),
        case(np.pad, "empty_axis_kept", any_real(0, 2), pad_width=((0, 0), (1, 1)), mode="mean"),
        case(np.pad, "scalar", SCALAR, pad_width=0),
        case(np.pad, "function", MATRIX, pad_width=((1, 2), (2, 0)), mode=_frame),
        case(np.pad, "function_with_option", MATRIX, SCALAR, call=lambda f, a, c: f(a, 1, _frame, factor=c)),
        case(np.pad, "of_order", distinct(4), call=lambda f, a: f(np.argsort(a), 1, "mean") * a[0]),
        case(np.pad, "of_order_copied", distinct(4), call=lambda f, a: f(np.argsort(a), 1, "edge") * a[0]),
    ]


CASES: list[Case] = [*_modes(), *_options()]

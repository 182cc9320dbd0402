"""Cases of convolutions, pools and normalizations."""

from __future__ import annotations

from typing import Any

from adjoint.nn import functional
from tests.primitives.case import Case, Fixed, any_real, case, distinct, positive

Options = dict[str, Any]
Shape = tuple[int, ...]


def convolutions() -> list[Case]:
    """Name, image, weight, options; with a bias, and without."""
    table: dict[Any, dict[str, tuple[Shape, Shape, Options]]] = {
        functional.conv1d: {
            "plain": ((2, 2, 5), (3, 2, 2), {}),
            "strided": ((1, 1, 6), (2, 1, 3), {"stride": 2, "padding": 1}),
            "same": ((1, 2, 4), (1, 2, 2), {"padding": "same"}),
            "dilated_groups": ((1, 2, 5), (2, 1, 2), {"dilation": 2, "groups": 2}),
        },
        functional.conv2d: {
            "plain": ((2, 2, 3, 4), (2, 2, 2, 3), {}),
            "padded": ((1, 1, 3, 3), (1, 1, 3, 2), {"padding": (1, 2)}),
            "strided": ((1, 1, 4, 5), (1, 1, 2, 2), {"stride": (1, 2), "padding": 1}),
            "same_even": ((1, 1, 3, 3), (1, 1, 2, 2), {"padding": "same"}),
            "dilated": ((1, 1, 4, 4), (1, 1, 2, 2), {"dilation": (2, 1), "padding": 1}),
            "groups": ((2, 4, 2, 2), (2, 2, 2, 1), {"groups": 2}),
            "depthwise": ((1, 2, 3, 3), (4, 1, 2, 2), {"groups": 2}),
            "pointwise": ((2, 2, 2, 2), (3, 2, 1, 1), {}),
            "pointwise_strided": ((1, 2, 3, 3), (1, 2, 1, 1), {"stride": 2}),
            "one_window": ((2, 1, 2, 2), (2, 1, 2, 2), {"padding": "valid"}),
        },
        functional.conv_transpose1d: {
            "plain": ((2, 2, 3), (2, 1, 2), {}),
            "strided": ((1, 1, 3), (1, 2, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
        },
        functional.conv_transpose2d: {
            "plain": ((1, 2, 2, 2), (2, 1, 2, 2), {}),
            "strided": ((1, 1, 2, 2), (1, 1, 3, 2), {"stride": 2, "padding": (1, 0), "output_padding": (1, 0)}),
            "dilated_groups": ((1, 2, 2, 2), (2, 1, 2, 2), {"dilation": 2, "groups": 2}),
            "pointwise": ((1, 2, 2, 2), (2, 2, 1, 1), {}),
        },
    }
    found = []
    for subject, rows in table.items():
        for name, (image, weight, options) in rows.items():
            turned = "transpose" in subject.__name__
            channels = weight[1] * options.get("groups", 1) if turned else weight[0]
            x, w, b = any_real(*image), any_real(*weight), any_real(channels)
            found.append(case(subject, name, x, w, b, **options))
            if name == "plain":
                found += [
                    case(subject, "no_bias", x, w, **options),
                    case(subject, "constant_image", Fixed(x), w, b, **options),
                    case(subject, "constant_weight", x, Fixed(w), Fixed(b), **options),
                ]
    return found


def pools() -> list[Case]:
    ragged = {"output_size": (2, 3)}
    return [
        case(functional.max_pool1d, "plain", distinct(2, 1, 4), kernel=2),
        case(functional.max_pool1d, "overlapping", distinct(1, 2, 5), kernel=3, stride=1, padding=1),
        case(functional.max_pool2d, "plain", distinct(1, 2, 4, 4), kernel=2),
        case(functional.max_pool2d, "cut_off", distinct(1, 1, 5, 3), kernel=2),
        case(functional.max_pool2d, "overlapping", distinct(1, 1, 5, 4), kernel=(3, 2), stride=(2, 1), padding=1),
        case(functional.max_pool2d, "dilated", distinct(1, 1, 5, 5), kernel=2, stride=1, dilation=2, padding=1),
        case(functional.max_pool2d, "large_kernel", distinct(1, 1, 7, 6), kernel=6, stride=1, padding=1),
        case(functional.average_pool1d, "plain", any_real(2, 1, 4), kernel=2),
        case(functional.average_pool1d, "padded", any_real(1, 2, 5), kernel=3, stride=2, padding=1),
        case(functional.average_pool2d, "plain", any_real(1, 2, 4, 4), kernel=2),
        case(functional.average_pool2d, "overlapping", any_real(1, 1, 5, 4), kernel=(3, 2), stride=(2, 1), padding=1),
        case(
            functional.average_pool2d,
            "entries_counted",
            any_real(1, 1, 5, 4),
            kernel=(3, 2),
            stride=1,
            padding=1,
            count_include_pad=False,
        ),
        case(functional.average_pool2d, "few_windows", any_real(1, 1, 5, 6), kernel=(4, 5), stride=1),
        case(functional.adaptive_max_pool1d, "ragged", distinct(2, 1, 5), output_size=2),
        case(functional.adaptive_max_pool2d, "ragged", distinct(1, 2, 3, 5), **ragged),
        case(functional.adaptive_max_pool2d, "equal", distinct(1, 1, 4, 6), **ragged),
        case(functional.adaptive_max_pool2d, "whole", distinct(2, 1, 6, 6), output_size=1),
        case(functional.adaptive_average_pool1d, "ragged", any_real(2, 1, 5), output_size=3),
        case(functional.adaptive_average_pool1d, "longer", any_real(1, 1, 2), output_size=3),
        case(functional.adaptive_average_pool2d, "ragged", any_real(1, 2, 3, 5), **ragged),
        case(functional.adaptive_average_pool2d, "equal", any_real(1, 1, 4, 6), **ragged),
        case(functional.adaptive_average_pool2d, "whole", any_real(2, 2, 2, 3), output_size=1),
    ]


def normalizations() -> list[Case]:
    def batch(f: Any, x: Any, *others: Any) -> Any:
        return f(x, *others, training=True)[0]

    def at_rest(f: Any, x: Any, mean: Any, variance: Any, *others: Any) -> Any:
        return f(x, *others, running_mean=mean, running_variance=variance)[0]

    def in_groups(count: int) -> Any:
        return lambda f, x, *others: f(x, count, *others)

    three = any_real(3)
    return [
        case(functional.layer_norm, "plain", any_real(2, 3), three, three),
        case(functional.layer_norm, "no_weight", any_real(2, 2, 3)),
        case(functional.layer_norm, "no_bias", any_real(2, 3), three),
        case(functional.layer_norm, "two_axes", any_real(2, 2, 2), any_real(2, 2), any_real(2, 2), axes=(-2, -1)),
        case(functional.layer_norm, "all_axes", any_real(2, 3), axes=(0, 1)),
        case(functional.layer_norm, "constant_x", Fixed(any_real(2, 3)), three, three),
        case(functional.layer_norm, "large_epsilon", any_real(2, 3), three, three, epsilon=0.5),
        case(functional.rms_norm, "plain", any_real(2, 3), three),
        case(functional.rms_norm, "no_weight", any_real(2, 3)),
        case(functional.batch_norm, "matrix", any_real(4, 2), any_real(2), any_real(2), call=batch),
        case(functional.batch_norm, "images", any_real(2, 2, 2, 1), any_real(2), any_real(2), call=batch),
        case(functional.batch_norm, "no_weight", any_real(3, 2), call=batch),
        case(
            functional.batch_norm,
            "at_rest",
            any_real(2, 2, 2),
            any_real(2),
            positive(2),
            any_real(2),
            any_real(2),
            call=at_rest,
        ),
        case(functional.batch_norm, "at_rest_no_weight", any_real(2, 2), any_real(2), positive(2), call=at_rest),
        case(functional.group_norm, "plain", any_real(2, 4, 2), any_real(4), any_real(4), call=in_groups(2)),
        case(functional.group_norm, "one_group", any_real(1, 2, 2, 2), any_real(2), any_real(2), call=in_groups(1)),
        case(functional.group_norm, "no_weight", any_real(2, 4), call=in_groups(2)),
        case(functional.instance_norm, "plain", any_real(1, 2, 3), any_real(2), any_real(2)),
    ]


CASES: list[Case] = [*convolutions(), *pools(), *normalizations()]

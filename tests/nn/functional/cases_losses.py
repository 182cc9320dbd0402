"""Cases of the linear layer, activations, softmax, losses and penalties."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.nn import functional
from tests.primitives.case import Case, Fixed, any_real, case, constant, distinct, integers, others, positive, uniform

probability = uniform(0.1, 0.9)


def linears() -> list[Case]:
    weight, bias = any_real(3, 2), any_real(2)
    f = functional.linear
    return [
        case(f, "plain", any_real(4, 3), weight, bias),
        case(f, "no_bias", any_real(2, 3), weight),
        case(f, "vector", any_real(3), weight, bias),
        case(f, "steps", any_real(2, 2, 3), weight, bias),
        case(f, "four_axes", any_real(2, 1, 2, 3), weight, bias),
        case(f, "constant_x", Fixed(any_real(2, 3)), weight, bias),
        case(f, "constant_weight", any_real(2, 3), Fixed(weight), bias),
        case(f, "one_output", any_real(2, 3), any_real(3, 1), any_real(1)),
        case(f, "one_row", any_real(1, 3), weight, bias),
        case(f, "empty", any_real(0, 3), weight, bias),
    ]


def activations() -> list[Case]:
    plain = [
        functional.relu,
        functional.leaky_relu,
        functional.elu,
        functional.gelu,
        functional.silu,
        functional.sigmoid,
        functional.tanh,
        functional.softplus,
    ]

    def named(f: Any, x: Any) -> Any:
        return f("softplus")(x)

    return [
        *[case(f, "plain", distinct(2, 3)) for f in plain],
        *[case(f, "number", distinct()) for f in plain],
        case(functional.leaky_relu, "slope", distinct(4), slope=0.3),
        case(functional.leaky_relu, "negative_slope", distinct(4), slope=-0.5),
        case(functional.leaky_relu, "traced_slope", distinct(2, 3), any_real(3)),
        case(functional.elu, "alpha", distinct(4), alpha=0.5),
        case(functional.elu, "negative_alpha", distinct(4), alpha=-0.5),
        case(functional.elu, "traced_alpha", distinct(2, 3), any_real()),
        case(functional.gelu, "approximate", distinct(2, 3), approximate=True),
        case(functional.activation, "by_name", distinct(3), call=named),
    ]


def softmaxes() -> list[Case]:
    found = []
    for f in (functional.softmax, functional.log_softmax):
        found += [
            case(f, "plain", any_real(2, 3)),
            case(f, "vector", any_real(4)),
            case(f, "first_axis", any_real(3, 2), axis=0),
            case(f, "middle_axis", any_real(2, 3, 2), axis=1),
            case(f, "one_entry", any_real(2, 1)),
        ]
    return found


def pairs() -> list[Case]:
    far = {"prediction": distinct(2, 3), "target": others(2, 3)}
    table: dict[Any, tuple[Any, Any]] = {
        functional.mean_squared_error: (any_real(2, 3), any_real(2, 3)),
        functional.mean_absolute_error: tuple(far.values()),
        functional.huber: (uniform(-0.4, 0.4)(2, 3), others(2, 3)),
        functional.binary_cross_entropy: (probability(2, 3), probability(2, 3)),
        functional.binary_cross_entropy_with_logits: (distinct(2, 3), probability(2, 3)),
        functional.kl_divergence: (any_real(2, 3), probability(2, 3)),
        functional.hinge: (uniform(-0.4, 0.4)(2, 3), constant([[1, -1, 1], [-1, 1, -1]])),
    }
    found = []
    for f, (a, b) in table.items():
        fixed = b if isinstance(b, Fixed) else Fixed(b)
        found += [
            case(f, "plain", a, b),
            case(f, "constant_target", a, fixed),
            case(f, "sum", a, b, reduction="sum"),
            case(f, "none", a, b, reduction="none"),
        ]
    found += [
        case(functional.mean_squared_error, "numbers", any_real(), any_real()),
        case(functional.huber, "wide", any_real(4), any_real(4), delta=10.0),
        case(functional.binary_cross_entropy, "exact_labels", probability(3), constant([0, 1, 1])),
        case(functional.binary_cross_entropy_with_logits, "exact_labels", distinct(3), constant([0, 1, 1])),
        case(functional.kl_divergence, "steps", any_real(2, 2, 3), Fixed(probability(2, 2, 3))),
        case(functional.kl_divergence, "zeros", any_real(2, 2), constant([[0.0, 1.0], [0.5, 0.5]])),
    ]
    return found


def classes() -> list[Case]:
    labels = integers(0, 3)
    f = functional.cross_entropy
    found = []
    for reduction in functional_reductions():
        found += [
            case(f, f"labels_{reduction}", any_real(4, 3), labels(4), reduction=reduction),
            case(f, f"probabilities_{reduction}", any_real(2, 3), probability(2, 3), reduction=reduction),
            case(
                functional.negative_log_likelihood,
                f"plain_{reduction}",
                any_real(4, 3),
                labels(4),
                reduction=reduction,
            ),
            case(functional.hinge, f"classes_{reduction}", distinct(4, 3), labels(4), margin=0.6, reduction=reduction),
        ]
    return [
        *found,
        case(f, "vector", any_real(3), constant(2)),
        case(f, "steps", any_real(2, 2, 3), labels(2, 2)),
        case(f, "first_axis", any_real(3, 4), labels(4), axis=0),
        case(f, "middle_axis", any_real(2, 3, 2), probability(2, 3, 2), axis=1),
        case(f, "smoothed", any_real(4, 3), labels(4), label_smoothing=0.2),
        case(f, "smoothed_probabilities", any_real(2, 3), probability(2, 3), label_smoothing=0.2),
        case(f, "constant_probabilities", any_real(2, 3), constant(np.full((2, 3), 1 / 3))),
        case(f, "constant_logits", Fixed(any_real(2, 3)), probability(2, 3)),
        case(functional.negative_log_likelihood, "steps", any_real(2, 2, 3), labels(2, 2)),
    ]


def functional_reductions() -> tuple[str, ...]:
    return ("mean", "sum", "none")


def penalties() -> list[Case]:
    def of_tree(f: Any, a: Any, b: Any) -> Any:
        return f({"a": a, "b": [b]}, 0.3)

    return [
        case(functional.l1_penalty, "tree", distinct(2, 2), positive(3), call=of_tree),
        case(functional.l2_penalty, "tree", any_real(2, 2), any_real(3), call=of_tree),
        case(functional.l2_penalty, "constant", any_real(2, 2), Fixed(any_real(3)), call=of_tree),
    ]


CASES: list[Case] = [*linears(), *activations(), *softmaxes(), *pairs(), *classes(), *penalties()]

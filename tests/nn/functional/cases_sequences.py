"""Cases of dropout, embedding, attention and the recurrent networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.nn import functional
from tests.primitives.case import Case, Fixed, any_real, case, constant, integers


def masks() -> list[Case]:
    def seeded(f: Any, x: Any) -> Any:
        return f(x, 0.4, np.random.default_rng(0))

    def at_rest(f: Any, x: Any) -> Any:
        return f(x * 1.0, 0.4, training=False)

    return [
        case(functional.dropout, "training", any_real(3, 4), call=seeded),
        case(functional.dropout, "number", any_real(), call=seeded),
        case(functional.dropout, "at_rest", any_real(3), call=at_rest),
    ]


def embeddings() -> list[Case]:
    def looked_up(f: Any, indices: Any, table: Any) -> Any:
        return f(indices, table)

    return [
        case(functional.embedding, "plain", constant([2, 0, 2, 2]), any_real(4, 3), call=looked_up),
        case(functional.embedding, "steps", integers(0, 3)(2, 3), any_real(3, 2), call=looked_up),
        case(functional.embedding, "one", constant(1), any_real(3, 2), call=looked_up),
        case(functional.embedding, "vector_table", constant([1, 1]), any_real(3), call=looked_up),
        case(functional.embedding, "none", constant(np.zeros(0, int)), any_real(3, 2), call=looked_up),
    ]


def attentions() -> list[Case]:
    f = functional.scaled_dot_product_attention
    q, k, v = any_real(2, 3, 2), any_real(2, 4, 2), any_real(2, 4, 3)
    lower = constant(np.tri(3, 4, dtype=bool) & (np.arange(3)[:, None] != 1))  # the second query may look nowhere
    return [
        case(f, "plain", any_real(3, 2), any_real(4, 2), any_real(4, 2)),
        case(f, "batch", q, k, v),
        case(f, "causal", any_real(3, 2), any_real(3, 2), any_real(3, 2), causal=True),
        case(f, "mask", any_real(3, 2), any_real(4, 2), any_real(4, 2), lower),
        case(f, "bias", q, k, v, any_real(3, 4)),
        case(f, "bias_of_shape", any_real(2, 2), any_real(3, 2), any_real(3, 1), any_real(2, 3), causal=True),
        case(f, "one_key", any_real(3, 1, 2), any_real(1, 2, 2), any_real(1, 2, 2), scale=0.3),
        case(f, "constant_value", any_real(2, 2), any_real(2, 2), Fixed(any_real(2, 2))),
    ]


def cells() -> list[Case]:
    def lstm(f: Any, x: Any, h: Any, c: Any, *weights: Any) -> Any:
        return f(x, (h, c), *weights)

    x, h = any_real(2, 3), any_real(2, 2)
    return [
        case(functional.rnn_cell, "plain", x, h, any_real(3, 2), any_real(2, 2), any_real(2)),
        case(functional.rnn_cell, "no_bias", x, h, any_real(3, 2), any_real(2, 2), activation="softplus"),
        case(functional.lstm_cell, "plain", x, h, h, any_real(3, 8), any_real(2, 8), any_real(8), call=lstm),
        case(functional.lstm_cell, "no_bias", x, h, h, any_real(3, 8), any_real(2, 8), call=lstm),
        case(functional.gru_cell, "plain", x, h, any_real(3, 6), any_real(2, 6), any_real(6), any_real(6)),
        case(functional.gru_cell, "no_bias", x, h, any_real(3, 6), any_real(2, 6)),
    ]


def sequences() -> list[Case]:
    def from_zeros(f: Any, x: Any, *weights: Any) -> Any:
        outputs, state = f(x, None, *weights)
        return (outputs, *state) if f is functional.lstm else (outputs, state)

    def lstm(f: Any, x: Any, h: Any, c: Any, *weights: Any) -> Any:
        outputs, state = f(x, (h, c), *weights)
        return outputs, *state

    def outputs(f: Any, *operands: Any) -> Any:
        return f(*operands)[0]

    x, h = any_real(2, 3, 2), any_real(2, 2)
    constants = Fixed(any_real(1, 2, 2)), Fixed(h)
    return [
        case(functional.rnn, "plain", x, h, any_real(2, 2), any_real(2, 2), any_real(2)),
        case(functional.rnn, "from_zeros", x, any_real(2, 2), any_real(2, 2), call=from_zeros),
        case(functional.lstm, "plain", x, h, h, any_real(2, 8), any_real(2, 8), any_real(8), call=lstm),
        case(functional.lstm, "from_zeros", x, any_real(2, 8), any_real(2, 8), call=from_zeros),
        case(functional.lstm, "constant_x", *constants, any_real(2, 4), any_real(1, 4), call=first),
        case(functional.gru, "plain", x, h, any_real(2, 6), any_real(2, 6), any_real(6), any_real(6)),
        case(functional.gru, "outputs", x, h, any_real(2, 6), any_real(2, 6), call=outputs),
    ]


def first(f: Any, x: Any, h: Any, w_input: Any, w_hidden: Any) -> Any:
    """The outputs of an LSTM that begins with one state for ``h`` and ``c``."""
    return f(x, (h[:1, :1], h[1:, 1:]), w_input, w_hidden)[0]


CASES: list[Case] = [*masks(), *embeddings(), *attentions(), *cells(), *sequences()]

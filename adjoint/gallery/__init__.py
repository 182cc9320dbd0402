"""Floor 7: built-in examples by name, plain NumPy programs whose matrices are worth looking at.

The command line, the gallery of the documentation and the tests all draw these. A program here is ordinary NumPy; it
uses :func:`adjoint.name` where a row of the picture should have a name, and :func:`adjoint.constraint` where a layer
should be one row.

Examples
--------
>>> from adjoint import gallery
>>> gallery.get("densenet").system().shape
(370, 370)
"""

from __future__ import annotations

from difflib import get_close_matches

from adjoint.errors import PlotError
from adjoint.gallery import convolutions, grids, networks, sequences, statistics, textbook
from adjoint.gallery.example import GROUPS, SIZES, Example

__all__ = ["GROUPS", "SIZES", "Example", "examples", "get", "names"]

_EXAMPLES: dict[str, Example] = {
    example.name: example
    for module in (textbook, networks, convolutions, sequences, grids, statistics)
    for example in module.EXAMPLES
}


def names() -> tuple[str, ...]:
    """The names of all examples, group by group.

    Examples
    --------
    >>> from adjoint import gallery
    >>> gallery.names()[:3]
    ('product_of_sum', 'shared_input', 'log_of_polynomial')
    """
    return tuple(_EXAMPLES)


def examples() -> tuple[Example, ...]:
    """All examples, group by group."""
    return tuple(_EXAMPLES.values())


def get(name: str) -> Example:
    """The example of this name.

    Raises
    ------
    PlotError
        If there is none: the message has the closest name, and all of them.

    Examples
    --------
    >>> from adjoint import gallery
    >>> gallery.get("rnn").title
    'Recurrent network'
    """
    if name in _EXAMPLES:
        return _EXAMPLES[name]
    near = get_close_matches(str(name).lower().replace("-", "_"), _EXAMPLES, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise PlotError(f"no example is named {name!r}{hint}; there are: {', '.join(_EXAMPLES)}")

"""Checks of what users give as options: which option of what, what it takes, and what came.

A solver calls these in ``__post_init__``, so that a wrong option is an error where it is written and not where it is
first used. The error is always a ``ValueError``, whether the value or its type is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

LONGEST = 60
"""Characters of a value that a message shows; a longer one is named by its type."""


def flag(owner: str, option: str, value: Any, *, or_none: bool = False) -> None:
    """A switch: ``True`` or ``False``, and ``None`` if that is a choice.

    Parameters
    ----------
    owner : str
        Whose option it is, as users write it: ``"BlockSparse"``, ``"solve()"``.
    option : str
    value : object
    or_none : bool

    Raises
    ------
    ValueError
        ``BlockSparse takes eliminate=True or False, not 'no'``.
    """
    if isinstance(value, bool | np.bool_) or (or_none and value is None):
        return
    allowed = "True, False or None" if or_none else "True or False"
    raise ValueError(f"{owner} takes {option}={allowed}, not {shown(value)}")


def count(owner: str, option: str, value: Any, *, least: int = 1, or_none: bool = False) -> None:
    """An integer of at least ``least``, and ``None`` if that is a choice. ``True`` is no integer here.

    Raises
    ------
    ValueError
        ``Krylov: restart must be at least 1, not -1``.
    """
    if or_none and value is None:
        return
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ValueError(f"{owner}: {option} must be an integer{' or None' * or_none}, not {shown(value)}")
    if value < least:
        raise ValueError(f"{owner}: {option} must be at least {least}, not {shown(value)}")


def number(
    owner: str,
    option: str,
    value: Any,
    *,
    above: float | None = None,
    below: float | None = None,
    inclusive: bool = False,
    meaning: str = "a number",
    or_none: bool = False,
) -> None:
    """A real number between ``above`` and ``below`` (with both if ``inclusive``), and ``None`` if that is a choice.

    Raises
    ------
    ValueError
        ``Krylov: tolerance must be a relative residual between 0 and 1, not 2``; NaN is between no two numbers.
    """
    if or_none and value is None:
        return
    low, high = -np.inf if above is None else above, np.inf if below is None else below
    fits = isinstance(value, Real) and not isinstance(value, bool)
    if fits and (low <= value <= high if inclusive else low < value < high):
        return
    between = f" between {low:g} and {high:g}" if above is not None or below is not None else ""
    without = " (its limits count)" if inclusive and between else ""
    raise ValueError(f"{owner}: {option} must be {meaning}{between}{without}, not {shown(value)}")


def one_of(owner: str, option: str, value: Any, names: Iterable[str], *, or_else: str = "") -> None:
    """One of some names; ``or_else`` tells what else there is.

    Raises
    ------
    ValueError
        ``Krylov: method must be one of 'gmres', …, 'cg', not 'jacobi'``.
    """
    known = tuple(names)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{owner}: {option} must be one of {', '.join(map(repr, known))}{or_else}, not {shown(value)}")


def function(owner: str, option: str, value: Any, *, or_none: bool = False) -> None:
    """Something to call, and ``None`` if that is a choice.

    Raises
    ------
    ValueError
        ``Krylov: preconditioner must be a function or None, not 3``.
    """
    if not callable(value) and not (or_none and value is None):
        raise ValueError(f"{owner}: {option} must be a function{' or None' * or_none}, not {shown(value)}")


def names(owner: str, option: str, value: Any) -> tuple[str, ...]:
    """Some names, as a tuple; one name alone is refused, since it would be read letter by letter.

    Raises
    ------
    ValueError
        ``Auto: candidates must be a sequence of names, such as ('dense',), not 'dense'``.
    """
    if isinstance(value, str):
        raise ValueError(f"{owner}: {option} must be a sequence of names, such as ({value!r},), not {shown(value)}")
    if not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{owner}: {option} must be a sequence of names, not {shown(value)}")
    if not value:
        raise ValueError(f"{owner}: {option} must hold at least one name, not {shown(value)}")
    return tuple(value)


def nodes(owner: str, option: str, value: Any) -> tuple[int, ...]:
    """Node numbers, counted from 1, as a tuple.

    Raises
    ------
    ValueError
        ``VertexElimination: order must list nodes, counted from 1, not (0, 1)``.
    """
    given = value.tolist() if isinstance(value, np.ndarray) else value
    fits = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    if not fits or not all(type(k) is not bool and isinstance(k, int | np.integer) and k >= 1 for k in given):
        raise ValueError(f"{owner}: {option} must list nodes, counted from 1, not {shown(value)}")
    return tuple(int(k) for k in given)


def shown(value: Any) -> str:
    """A value in a message: as it would be written, or its type where that is long."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    text = repr(value)
    if len(text) > LONGEST or "\n" in text:
        return f"a value of type {type(value).__name__}"
    return text

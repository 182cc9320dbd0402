"""Writing into traced arrays: names that share memory in NumPy see each other's writes here too.

A trace never changes a value: ``y[2:] = v`` records a new node, and the *name* ``y`` (a tracer, the only thing
that mutates) stands for that node from then on. A tracer that NumPy would make a view remembers what it is a
view of. A write through a view is carried up to the array that owns the memory; all other views notice at
their next use that the owner has been written to, and are taken from it anew.

Programs that write nothing pay one attribute test per operation (``trace.writes``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from adjoint.errors import LostDerivativeError
from adjoint.tracing.sites import here

if TYPE_CHECKING:
    from adjoint.tracing.tracer import Tracer


class Written:
    """An array that owns its memory and has been written to.

    Attributes
    ----------
    version : int
        How many writes there were.
    private : bool
        Nothing but this array reads its value, so the next write may change that in place.
    """

    __slots__ = ("private", "version")

    def __init__(self, version: int, private: bool) -> None:
        self.version = version
        self.private = private


class View(ABC):
    """What a traced array is a view of, and how.

    Attributes
    ----------
    base : Tracer
    seen : int
        The owner's version from which the view was taken last.
    """

    __slots__ = ("base", "seen")
    base: Tracer
    seen: int
    fresh: ClassVar[bool] = False
    """``put_back`` gives an array that nobody else reads."""

    def __init__(self, base: Tracer) -> None:
        self.base = base
        self.seen = version(base)

    @abstractmethod
    def rebuild(self) -> Tracer:
        """The view of what ``base`` is now."""

    @abstractmethod
    def put_back(self, value: Tracer) -> Any:
        """What ``base`` becomes when the view has been given a new value."""


def version(x: Tracer) -> int:
    """How often the memory of ``x`` (refreshed) has been written to."""
    link: Any = x._link
    return 0 if link is None else link.version if type(link) is Written else link.seen


def refresh(x: Tracer) -> None:
    """Before ``x`` is read: take it anew if it is a view of memory that has been written to."""
    link = x._link
    if link is None:
        return
    if type(link) is Written:
        link.private = False
        return
    chain = []
    while isinstance(x._link, View):
        chain.append(x)
        x = x._link.base
    owner = x._link
    if owner is None:
        return
    for name in reversed(chain):
        view: Any = name._link
        if view.seen != owner.version:
            _stand_for(name, view.rebuild())
            view.seen = owner.version


def overwrite(x: Tracer, new: Any, *, private: bool = False) -> None:
    """Let the name ``x`` (refreshed) stand for ``new``, of the same shape and dtype, and all that shares its memory.

    The views that were written through are left behind: at their next use they are taken from the owner anew, with
    the strides of a view.
    """
    if type(new) is not type(x) or new._trace is not x._trace:
        raise LostDerivativeError(
            f"a value of an inner trace would be written into an array of an outer one: {here()}\n"
            "Return it from the inner function instead, or make the array inside (np.zeros_like of an inner value)."
        )
    trace = x._trace
    trace.writes += 1
    _stand_for(x, new)
    while isinstance(x._link, View):
        view = x._link
        above = view.put_back(x)
        private = view.fresh and trace.lean
        x = view.base
        _stand_for(x, above)
    x._link = Written(version(x) + 1, private and type(x._value) is np.ndarray)


def _stand_for(name: Tracer, node: Tracer) -> None:
    name._index, name._value = node._index, node._value

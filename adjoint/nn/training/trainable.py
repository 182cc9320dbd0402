"""Which parameters move: all of them, or those that were chosen by their paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn.training.named import hint
from adjoint.tracing import flatten

Tree = Any
Trainable = Callable[[str], bool] | Sequence[str] | str | None


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """A tree of parameters taken apart: those that move, in a tree with ``None`` for the others.

    Attributes
    ----------
    spec : PyTreeSpec
        Of the whole tree.
    paths : tuple of str
        Of all leaves: ``"conv1/weight"``.
    moving : tuple of bool
        For each leaf.
    """

    spec: Any
    paths: tuple[str, ...]
    moving: tuple[bool, ...]

    @property
    def everything(self) -> bool:
        """Whether all parameters move."""
        return all(self.moving)

    @property
    def frozen(self) -> list[str]:
        """The paths of those that do not."""
        return [path for path, moves in zip(self.paths, self.moving, strict=True) if not moves]

    def part(self, tree: Tree) -> Tree:
        """What moves; its leaves keep their places, and so their names in the matrix."""
        if self.everything:
            return tree
        leaves = flatten(tree)[0]
        return self.spec.unflatten([x if moves else None for x, moves in zip(leaves, self.moving, strict=True)])

    def whole(self, part: Tree, tree: Tree) -> Tree:
        """What moves, and of ``tree`` what does not."""
        if self.everything:
            return part
        moved = iter(flatten(part)[0])
        leaves = flatten(tree)[0]
        return self.spec.unflatten([next(moved) if moves else x for x, moves in zip(leaves, self.moving, strict=True)])


def paths_of(tree: Tree) -> list[str]:
    """One path for each leaf: keys and positions with slashes between them."""
    return ["/".join(map(str, path)) for path in flatten(tree)[1].paths()]


def selection(parameters: Tree, trainable: Trainable) -> Selection:
    """The parameters that were chosen, checked: numbers, and one of them at least."""
    leaves, spec = flatten(parameters)
    paths = tuple(paths_of(parameters))
    if isinstance(trainable, str):
        trainable = [trainable]
    if trainable is None:
        moving = [np.asarray(x).dtype.kind == "f" for x in leaves]
    elif callable(trainable):
        moving = [bool(trainable(path)) for path in paths]
    else:
        for prefix in trainable:
            if not any(_below(path, prefix) for path in paths):
                raise ArgumentError(
                    f"no parameter is at {prefix!r}{hint(prefix, _prefixes(paths))}; there are: {', '.join(paths)}"
                )
        moving = [any(_below(path, prefix) for prefix in trainable) for path in paths]
    for path, x, moves in zip(paths, leaves, moving, strict=True):
        if moves and np.asarray(x).dtype.kind != "f":
            raise ArgumentError(
                f"the parameter {path!r} is an array of {np.asarray(x).dtype}: only real numbers are trained"
            )
    if not any(moving):
        reason = "the model has none" if not leaves else "none was chosen" if trainable is not None else "none is real"
        raise ArgumentError(f"there are no parameters to train: {reason}")
    return Selection(spec, paths, tuple(moving))


def _prefixes(paths: Sequence[str]) -> list[str]:
    """All that a prefix may be: paths, and their beginnings."""
    return [path[:k] for path in paths for k in range(1, len(path) + 1) if path[k : k + 1] in ("", "/")]


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix.rstrip("/") + "/")

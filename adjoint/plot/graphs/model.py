"""What a picture of a computational graph consists of: boxes, arrows and their texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.plot.folding import Run
from adjoint.system import ConstraintSystem, Multipliers

NOTHING = "none"
"""The kind of an edge over which no derivative flows."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or a run of them.

    Attributes
    ----------
    start, stop : int
        Nodes ``start … stop - 1``, from 0.
    role : {"input", "operation", "fold"}
    lines : tuple of (style, text)
        What is written in the box; styles are ``"name"``, ``"operation"`` and ``"small"``.
    value, multiplier : str
        What is written beside the wire that leaves the box; the norm of an array's multiplier is written in the box.
    bad_value, bad_multiplier : bool
        They are not finite.
    output, dead, implicit, discrete : bool
        An output; nothing that leads to one; with a diagonal block of its own; without a derivative.
    kind : str
        Of the first block that it has, for dots.
    tooltip : str
        Everything that is known, in lines.
    """

    start: int
    stop: int
    role: str
    lines: tuple[tuple[str, str], ...]
    value: str = ""
    multiplier: str = ""
    bad_value: bool = False
    bad_multiplier: bool = False
    output: bool = False
    dead: bool = False
    implicit: bool = False
    discrete: bool = False
    kind: str = NOTHING
    tooltip: str = ""

    @property
    def has_norm(self) -> bool:
        """The multiplier is an array's, of which the norm is shown."""
        return self.multiplier.startswith("‖")


@dataclass(frozen=True, slots=True)
class Arrow:
    """What one box reads of another: ``tail`` and ``head`` are positions of boxes.

    Attributes
    ----------
    kind : str
        Of the block; ``"mixed"`` of several, ``"none"`` without a derivative.
    text : str
        The partial: a number, or kind and shape.
    bad : bool
        The partial is not finite.
    blocks, nonzeros : int
    """

    tail: int
    head: int
    kind: str
    text: str = ""
    bad: bool = False
    blocks: int = 1
    nonzeros: int = 0
    tooltip: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Diagram:
    """What there is to draw of a graph.

    Attributes
    ----------
    system : ConstraintSystem
    boxes : list of Box
    arrows : list of Arrow
        Sorted by head.
    caption : str
        One sentence that says what is seen.
    notes : tuple of str
        What the picture cannot show.
    detailed : bool
        Boxes with text; else dots.
    legend : tuple of str
        Which texts there are: ``"value"``, ``"multiplier"``, ``"partial"``; and the kinds of blocks.
    """

    system: ConstraintSystem
    boxes: list[Box]
    arrows: list[Arrow]
    caption: str
    notes: tuple[str, ...]
    detailed: bool
    legend: tuple[str, ...]
    kinds: tuple[str, ...]

    @property
    def parents(self) -> list[list[int]]:
        """For each box those that it reads."""
        found: list[list[int]] = [[] for _ in self.boxes]
        for arrow in self.arrows:
            found[arrow.head].append(arrow.tail)
        return found


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be written; ``None``: where it fits."""

    multipliers: Any = None
    partials: bool | None = None
    values: bool | None = None
    shapes: bool | None = None
    fold: bool | int = True
    seed: Any = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What the texts are made from."""

    system: ConstraintSystem
    runs: list[Run]
    box_of: np.ndarray
    labels: dict[int, str]
    alive: np.ndarray
    outputs: set[int]
    multipliers: Multipliers | None
    values: bool
    entries: int
    sizes: bool
    shapes: bool
    partials: bool

"""All that a page knows of a system, as one compressed text: data.js reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.plot.colors import FAMILIES, OTHER, THEMES, family_of, symbol
from adjoint.plot.graphs.layout import layout
from adjoint.plot.matrix.fill_in import FillIn
from adjoint.plot.page.block_entries import block_entries
from adjoint.plot.page.encode import Pack
from adjoint.plot.page.summaries import summarize
from adjoint.plot.page.sweeps import eliminations, multipliers, tangents
from adjoint.plot.page.words import described
from adjoint.plot.picture import Picture

EXACT = 5_000
"""Rows up to which numbers are kept with all digits; beyond, with six."""

EXPRESSIONS = 20_000
"""Rows up to which the page has what each node computes in words; beyond, the nodes that it reads."""

GRAPH = 150
"""Rows up to which the whole graph is drawn."""

HEADS = 60_000
"""First entries of arrays, of all arrays together."""

BOX = (108.0, 40.0)
"""Width and height of a node in the graph, in pixels."""


def payload(
    picture: Picture, title: str, seed: Any, orders: Sequence[str], entries: int, theme: str
) -> tuple[str, dict[str, Any]]:
    """The text that a page embeds, and its header."""
    system, structure = picture.system, picture.system.structure
    nodes = picture.starts.tolist()
    rows = len(nodes)
    exact = rows <= EXACT
    pack = Pack()
    header, columns = described(system, nodes, rows <= EXPRESSIONS)
    pack.integers("node", picture.starts + 1, difference=True)
    pack.integers("size", picture.sizes)
    pack.integers("level", picture.levels, difference=True)
    for name, values in columns.items():
        pack.integers(name, values)
    pack.integers("seeds", picture.seeds)

    _blocks(pack, picture)
    listed = block_entries(picture, entries)
    pack.floats("largest", listed.largest, exact=exact)
    pack.integers("implicit", listed.implicit)
    pack.integers("listed", listed.listed, difference=True)
    pack.integers("listedCount", listed.counts)
    pack.integers("listedRule", listed.rules)
    pack.floats("entryValue", listed.values, exact=exact)
    pack.integers("entryRow", listed.rows)
    pack.integers("entryColumn", listed.columns)

    back, forth = multipliers(picture, seed), tangents(picture)
    notes = []
    pack.floats("seedValue", np.zeros(0) if back.seeds is None else back.seeds, exact=True)
    with np.errstate(all="ignore"):
        _summary(pack, "value", [system.value(k) for k in nodes], picture, exact)
        for name, solved in (("multiplier", back), ("tangent", forth)):
            if solved.found is None:
                notes.append(solved.says)
            else:
                _summary(pack, name, solved.found, picture, exact)
    fill_ins, refused = eliminations(picture, orders)
    row_of = np.full(len(system), -1, dtype=np.int64)
    row_of[picture.starts] = np.arange(rows)
    for number, fill_in in enumerate(fill_ins.values()):
        _fill_in(pack, number, fill_in, row_of)
    graph = rows <= GRAPH and _graph(pack, picture)

    kinds = [*picture.kind_names, *_diagonal_kinds(picture, listed.implicit)]
    header |= {
        "title": title,
        "theme": theme,
        "notes": notes + refused,
        "leftOut": len(system) - rows,
        "complex": any(dtype.startswith("complex") for dtype in header["dtypes"]),
        "seedSays": back.says,
        "tangentSays": forth.says,
        "solved": {"multiplier": back.found is not None, "tangent": forth.found is not None},
        "graph": graph,
        "kinds": [[kind, symbol(kind), family_of(kind).name] for kind in kinds],
        "families": [[family.name, family.says] for family in (*FAMILIES, OTHER)],
        "colors": {
            name: {family.name: getattr(family, name) for family in (*FAMILIES, OTHER)}
            | {part: getattr(look, part) for part in ("ground", "ink", "faint", "band", "accent")}
            | {"fillIn": look.fill_in, "nonFinite": look.non_finite}
            for name, look in THEMES.items()
        },
        "eliminations": [[name, fill_in.multiplications] for name, fill_in in fill_ins.items()],
        "depth": structure.depth,
        "nonzeros": structure.matrix_nonzeros,
    }
    return pack.text(header), header


def _blocks(pack: Pack, picture: Picture) -> None:
    """The blocks above the diagonal, sorted by row."""
    structure = picture.system.structure
    rows = len(picture)
    row_of = np.full(len(picture.system), -1, dtype=np.int64)
    row_of[picture.starts] = np.arange(rows)
    at_rows, at_columns = row_of[structure.parents], row_of[structure.children]
    shown = (at_rows >= 0) & (at_columns >= 0)
    keys = picture.rows * rows + picture.columns
    flops = np.zeros(len(keys), dtype=np.int64)
    np.add.at(flops, np.searchsorted(keys, at_rows[shown] * rows + at_columns[shown]), structure.flops[shown])
    pack.integers("blockRow", picture.rows, difference=True)
    pack.integers("blockSpan", picture.columns - picture.rows)
    pack.integers("blockKind", picture.kinds)
    pack.integers("blockNonzeros", picture.nonzeros)
    pack.integers("blockFlops", flops)
    pack.integers("blockParts", picture.blocks)


def _diagonal_kinds(picture: Picture, implicit: np.ndarray) -> list[str]:
    """The kinds of the diagonal blocks of implicit constraints."""
    return [picture.diagonal_kind(row) for row in implicit.tolist()]


def _summary(pack: Pack, name: str, arrays: list[Any], picture: Picture, exact: bool) -> None:
    """The numbers of one array per row; only what scalars have, where all are scalars."""
    found = summarize(arrays, picture.sizes, HEADS)
    pack.floats(name, found.means, exact=exact)
    pack.integers(name + "Bad", found.bad)
    if (picture.sizes > 1).any():
        several = picture.sizes > 1
        pack.floats(name + "Low", found.lows[several], exact=exact)
        pack.floats(name + "High", found.highs[several], exact=exact)
        pack.integers(name + "Heads", found.head_counts[several])
        pack.floats(name + "Head", found.heads, exact=exact)


def _fill_in(pack: Pack, number: int, fill_in: FillIn, row_of: np.ndarray) -> None:
    """One elimination order: the rows in its order, and the blocks that appear."""
    name = f"order{number}"
    pack.integers(name, row_of[np.array(fill_in.order, dtype=np.int64)], difference=True)
    pack.integers(name + "Work", fill_in.totals, difference=True)
    pack.integers(name + "Step", fill_in.steps, difference=True)
    pack.integers(name + "Row", row_of[fill_in.parents])
    pack.integers(name + "Column", row_of[fill_in.children])


def _graph(pack: Pack, picture: Picture) -> bool:
    """Coordinates of the whole graph, from the top down."""
    parents: list[list[int]] = [[] for _ in range(len(picture))]
    for row, column in zip(picture.rows.tolist(), picture.columns.tolist(), strict=True):
        parents[column].append(row)
    placed = layout(parents, sizes=np.tile(BOX, (len(picture), 1)), gap=34.0, spacing=16.0, direction="down")
    pack.floats("graphX", placed.x, exact=False)
    pack.floats("graphY", placed.y, exact=False)
    pack.integers("graphEdge", placed.edges.reshape(-1))
    pack.integers("graphOffset", placed.offsets, difference=True)
    pack.floats("graphPoint", placed.points.reshape(-1), exact=False)
    return True

"""Pictures in a terminal, decoded and compared with the matrix; tables; reprs, which never raise."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

import adjoint
from adjoint.errors import PlotError
from adjoint.plot import texts
from adjoint.plot.texts import kind_table, node_table, summary, terminal, text
from adjoint.plot.texts.dots import STYLES
from adjoint.plot.texts.edges import rectangles
from tests.systems_catalogue import NAMES, system_of

DRAWN = [name for name in NAMES if system_of(name).shape[0]]
BITS = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1)]
"""Row and column of each bit of a braille pattern, as the Unicode standard numbers the dots."""


def decoded(picture: str) -> np.ndarray:
    """The dots inside a frame."""
    lines = [line[1:-1] for line in picture.splitlines() if line.startswith("│")]
    dots = np.zeros((4 * len(lines), 2 * len(lines[0])), bool)
    for i, line in enumerate(lines):
        for j, character in enumerate(line):
            code = ord(character) - 0x2800
            assert 0 <= code < 256
            for bit, (down, right) in enumerate(BITS):
                dots[4 * i + down, 2 * j + right] = bool(code >> bit & 1)
    return dots


def decoded_halves(picture: str) -> np.ndarray:
    lines = [line[1:-1] for line in picture.splitlines() if line.startswith("│")]
    dots = np.zeros((2 * len(lines), len(lines[0])), bool)
    for i, line in enumerate(lines):
        for j, character in enumerate(line):
            dots[2 * i, j], dots[2 * i + 1, j] = character in "▀█", character in "▄█"
    return dots


def pattern(system, height, width):
    entries = system.matrix("coo")
    size = system.shape[0]
    marks = np.zeros((height, width), bool)
    marks[entries.row * height // size, entries.col * width // size] = True
    return marks


@pytest.mark.parametrize("width", [5, 20, 33])
@pytest.mark.parametrize("name", DRAWN)
def test_braille_and_halves_are_the_pattern(name, width):
    system = system_of(name)
    for style, decode in (("braille", decoded), ("blocks", decoded_halves)):
        found = text(system, width=width, height=4, style=style)  # too low for a character per entry
        if "│" not in found:
            assert system.shape[0] <= 4
            continue
        across, down = STYLES[style]
        height, size = min(4 * down, system.shape[0]), min(width * across, system.shape[0])
        dots = decode(found)
        np.testing.assert_array_equal(dots[:height, :size], pattern(system, height, size))
        assert not dots[height:].any()
        assert not dots[:, size:].any()


@pytest.mark.parametrize("style", ["braille", "blocks", "ascii"])
@pytest.mark.parametrize("name", [name for name in DRAWN if system_of(name).shape[0] <= 20])
def test_small_matrices_have_a_character_for_each_entry(name, style):
    system = system_of(name)
    *lines, last = text(system, style=style, width=120).splitlines()
    size = system.shape[0]
    empty = "." if style == "ascii" else "·"
    cells = [line.split(" ")[-size:] for line in lines]
    np.testing.assert_array_equal(np.array(cells) != empty, pattern(system, size, size))
    assert last == f"{size} × {size}, {system.matrix('csr').nnz} nonzeros"
    if style == "ascii":
        assert "".join(lines).isascii()


def test_what_a_small_picture_looks_like():
    system = adjoint.trace(lambda x, y: (x + y) * y, 2.0, 3.0).compile()
    assert text(system, style="ascii", width=80).splitlines() == [
        "    z_1 x        \\ . * .",
        "    z_2 y        . \\ * *",
        "    z_3 add      . . \\ *",
        "    z_4 multiply . . . \\",
        "4 × 4, 8 nonzeros",
    ]
    assert text(system, nodes=(2, 3)).splitlines()[-1] == "2 × 2, 3 nonzeros"


def test_ascii_is_denser_where_more_is_filled():
    system = adjoint.trace(lambda a, b: a @ b, np.ones((9, 40)), np.ones(40)).compile()
    found = text(system, style="ascii", width=10)
    assert "".join(found.splitlines()[:-1]).isascii()
    assert {"*", ":"} <= set("".join(found.splitlines()[:-1]))
    assert found.splitlines()[-1].startswith("409 × 409, 1,129 nonzeros")


def test_names_that_are_long_wide_or_hostile():
    def f(x):
        a = adjoint.name(x * 2, "λ" * 80)
        b = adjoint.name(a + 1, "line\nbreak\x1b[31m")
        return adjoint.name(b * b, "名前")

    system = adjoint.trace(f, np.ones(2)).compile()
    found = text(system)
    assert "\x1b" not in found
    assert "line break□[31m" in found
    assert "λ" * 80 not in found
    assert len(found.splitlines()) == 9
    table = node_table(system)
    assert "\x1b" not in table
    assert len(table.splitlines()) == 6
    line = next(line for line in table.splitlines() if "名前" in line)
    other = next(line for line in table.splitlines() if "z_1 " in line)
    assert line.index("float64") == other.index("float64") - 2  # two characters that are two columns wide


def test_names_of_wide_characters_keep_the_rows_under_each_other():
    system = adjoint.trace(lambda x: adjoint.name(np.exp(adjoint.name(x * 2, "重力場")), "力"), np.ones(2)).compile()
    rows = text(system).splitlines()[:-1]
    widths = {sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in row) for row in rows}
    assert len(widths) == 1


def test_names_that_no_encoding_takes_are_replaced():
    system = adjoint.trace(lambda x: np.exp(adjoint.name(x * 2, "a\ud800b")), np.ones(2)).compile()
    for found in (text(system), node_table(system)):
        assert "a□b" in found
        found.encode()


@pytest.mark.parametrize("style", ["braille", "blocks", "ascii"])
@pytest.mark.parametrize("name", ["network", "scalar"])
def test_every_width_and_height_has_a_picture(name, style, monkeypatch):
    system = system_of("network") if name == "network" else adjoint.trace(lambda x: np.exp(x) * x, 0.5).compile()
    for width in (*range(1, 45, 3), 60, 100):
        for height in (None, 1, 2, 3, 8, 40):
            found = text(system, width=width, height=height, style=style)
            assert max(map(len, found.splitlines()[:-1])) <= width + 2
            assert height is None or len(found.splitlines()) <= height + 3
    for columns in (14, 20, 33):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert max(map(len, text(system, style=style).splitlines()[:-1])) <= max(columns, 10)


def test_the_terminal_and_the_frame(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    system = system_of("chain of 2000")
    lines = text(system).splitlines()
    assert {len(line) for line in lines[:-1]} == {28}
    assert len(lines) == 1 + 13 + 1 + 1
    monkeypatch.setenv("COLUMNS", "300")
    assert len(text(system).splitlines()[0]) == 62
    assert "a dot for 16.7 rows" in text(system)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"style": "sixel"}, "'braille', 'blocks', 'ascii', not 'sixel'"),
        ({"width": 0}, "width must be a positive number"),
        ({"height": -1}, "height must be"),
        ({"width": "a"}, "width must be a positive number of whole characters, not 'a'"),
        ({"width": 10.5}, "width must be a positive number of whole characters, not 10.5"),
        ({"height": True}, "height must be"),
        ({"style": ["ascii"]}, "style must be one of"),
        ({"nodes": (9, 3)}, "no range of z_1"),
    ],
)
def test_refused(options, message):
    with pytest.raises(PlotError, match=message):
        text(system_of("network"), **options)


def test_nothing_to_draw():
    with pytest.raises(PlotError, match="nothing to draw"):
        text(system_of("only empty arrays"))


# --- rectangles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DRAWN)
def test_rectangles_cover_the_pattern_and_only_what_is_linked(name):
    system = system_of(name)
    size = system.shape[0]
    marks, found = rectangles(system, None, size, size)
    assert found == size
    expected = np.eye(size, dtype=bool)
    for k in range(len(system)):
        for parent in system.trace.records[k][1]:
            if parent >= 0 and system.is_active(k) and system.is_active(parent):
                rows = slice(system.offsets[parent], system.offsets[parent + 1])
                expected[rows, system.offsets[k] : system.offsets[k + 1]] = True
    np.testing.assert_array_equal(marks, expected)
    low = rectangles(system, None, 5, 7)[0]
    height, width = low.shape
    again = np.zeros_like(low)
    rows, columns = np.nonzero(expected)
    again[rows * height // size, columns * width // size] = True
    np.testing.assert_array_equal(low, again)


def test_what_cannot_be_listed_is_drawn_as_rectangles(monkeypatch):
    monkeypatch.setattr(terminal, "LISTED", 10)
    system = adjoint.trace(lambda x: np.cumsum(np.sin(x)), np.ones(200)).compile()  # 20,100 entries to list
    found = text(system, width=30)
    assert "every block drawn as a full rectangle" in found
    np.testing.assert_array_equal(decoded(found)[:60, :60], rectangles(system, None, 60, 60)[0])


# --- reprs ------------------------------------------------------------------------------------------------------


def test_str_is_the_headline_and_repr_shows_more():
    system = system_of("network")
    assert str(system) == f"{system}" == "<constraint system: 24 constraints, A is 257 × 257, 18 levels>"
    first, *middle, note, kinds = repr(system).splitlines()
    assert first == str(system)
    np.testing.assert_array_equal(decoded("\n".join(middle)), pattern(system, 64, 64))
    assert note.startswith("257 × 257, ")
    assert kinds.startswith("blocks (nonzeros): 6 contraction (")


@pytest.mark.parametrize("name", NAMES)
def test_repr_of_everything(name):
    system = system_of(name)
    assert repr(system).startswith(str(system))
    assert repr(system) == repr(system)
    assert repr(system.trace).startswith("<trace of ")
    assert ("\n" in repr(system)) == (system.shape[0] > 0)


def test_repr_in_an_outer_derivative_records_nothing():
    seen = []

    def outer(x):
        system = adjoint.trace(lambda y: np.tanh(y) * x, x).compile()
        before = len(x._trace)
        seen.append((repr(system), str(system), system._repr_html_()))
        assert len(x._trace) == before
        return np.sum(x * x)

    adjoint.grad(outer)(np.ones(3))
    assert seen[0][0] == seen[0][1]


def test_repr_does_not_raise(monkeypatch):
    def broken(system):
        raise RuntimeError("a block that cannot be built")

    monkeypatch.setattr(texts, "summary", broken)
    system = system_of("network")
    assert repr(system) == str(system)


def test_repr_of_a_relinearized_system():
    trace = adjoint.trace(lambda x: np.sum(np.tanh(x) * x), np.ones(30))
    moved = trace.compile().relinearize(np.full(30, 2.0))
    assert repr(moved) == repr(trace.compile())


def test_repr_of_many_nodes_builds_no_block(monkeypatch):
    def f(x):
        for _ in range(12_000):
            x = np.sin(x) * 1.01
        return x

    system = adjoint.trace(f, 0.3).compile()
    monkeypatch.setattr(adjoint.ConstraintSystem, "blocks_of", None)
    found = summary(system)
    assert "every block drawn as a full rectangle" in found
    assert system._structure is None
    assert decoded(found)[0, 0]


@pytest.mark.parametrize("limit", ["ARRAYS", "UNKNOWNS"])
def test_repr_of_much_builds_no_block_either(limit, monkeypatch):
    monkeypatch.setattr(terminal, limit, 3)
    system = adjoint.trace(lambda x: np.sin(np.cos(x)) * x, np.ones(20)).compile()
    assert "every block drawn as a full rectangle" in summary(system)
    assert system._structure is None


# --- tables --------------------------------------------------------------------------------------------------------


def test_kind_table_adds_up():
    system = system_of("network")
    rows = [line.split("  ") for line in kind_table(system).splitlines()[2:]]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    structure = system.structure
    assert sum(int(row[1]) for row in rows) == len(structure.children)
    assert sum(int(row[2].replace(",", "")) for row in rows) == structure.nonzeros.sum()
    assert sum(int(row[3].replace(",", "")) for row in rows) == structure.flops.sum()
    assert rows[0][0] == "contraction"


def test_node_table():
    system = system_of("discrete nodes")
    lines = node_table(system).splitlines()
    assert lines[0].split() == ["node", "operation", "value", "blocks", "nonzeros", "line"]
    assert len(lines) == 2 + len(system)
    assert "no multiplier" in lines[3]
    assert "systems_catalogue.py:" in lines[3]
    assert node_table(system.trace) == node_table(system)


def test_node_table_leaves_out_the_middle():
    lines = node_table(system_of("chain of 2000"), most=10).splitlines()
    assert len(lines) == 2 + 11
    assert "1,991 more" in lines[7]
    assert "z_5 " in lines[6]
    assert "z_1997 " in lines[8]
    with pytest.raises(PlotError, match="at least 2"):
        node_table(system_of("chain of 2000"), most=1)
    with pytest.raises(PlotError, match="not str"):
        node_table("x")


# --- solutions -----------------------------------------------------------------------------------------------------


def test_multipliers_of_large_arrays_are_told_by_their_size():
    system = adjoint.trace(lambda w, x: np.sum(w @ x), np.ones((30, 40)), np.ones(40)).compile()
    first = repr(system.solve()).splitlines()[0]
    assert first == "λ_1 (w) = float64[30, 40], norm 34.64, largest 1"
    assert repr(system.solve()).splitlines()[1].startswith("λ_2 (x) = [30. 30. ")
    assert repr(system.solve_tangent(np.ones((30, 40)), np.ones(40))).startswith(
        "ż_1 (w) = float64[30, 40], norm 34.64"
    )

"""Graphviz text, read back by a small parser, and by Graphviz where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

import adjoint
from adjoint.errors import PlotError
from adjoint.plot.colors import DARK
from adjoint.plot.graphs import to_dot
from adjoint.plot.graphs.dot import quoted
from adjoint.plot.graphs.labels import diagram
from adjoint.plot.graphs.model import Options
from tests.plot.graphs import programs

TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|->|[\w.]+|[{}\[\]=,;])', re.DOTALL)


def read(text: str) -> str:
    """A quoted string as Graphviz reads it: its escapes and entities."""
    inside = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)
    return inside.replace("&amp;", "&")


def parse(text: str):
    """``(nodes, edges, defaults)`` with their attributes."""
    tokens, position = [], 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        assert match, f"no token at {text[position : position + 40]!r}"
        tokens.append(match[1])
        position = match.end()
    assert tokens[:3] == ["digraph", "adjoint", "{"]
    assert tokens[-1] == "}"
    nodes, edges, defaults = {}, {}, {}
    k = 3
    while k < len(tokens) - 1:
        names = [tokens[k]]
        k += 1
        if tokens[k] == "->":
            names.append(tokens[k + 1])
            k += 2
        assert tokens[k] == "["
        attributes, k = {}, k + 1
        while tokens[k] != "]":
            assert tokens[k + 1] == "="
            value = tokens[k + 2]
            attributes[tokens[k]] = read(value) if value.startswith('"') else value
            k += 3
            if tokens[k] == ",":
                k += 1
        assert tokens[k + 1] == ";"
        k += 2
        if len(names) == 2:
            assert tuple(names) not in edges
            edges[tuple(names)] = attributes
        else:
            (defaults if names[0] in ("graph", "node", "edge") else nodes)[names[0]] = attributes
    return nodes, edges, defaults


@pytest.mark.parametrize("name", programs.TRACES)
def test_it_reads_back_as_the_diagram(name):
    trace = programs.TRACES[name]()
    drawn = diagram(trace, Options(), "to_dot")
    nodes, edges, _ = parse(to_dot(trace))
    assert list(nodes) == [f"n{box.start + 1}" for box in drawn.boxes]
    assert [node["tooltip"] for node in nodes.values()] == [box.tooltip for box in drawn.boxes]
    for node, box in zip(nodes.values(), drawn.boxes, strict=True):
        assert node["label"].split("\n")[: len(box.lines)] == [line for _, line in box.lines]
    ends = [(f"n{drawn.boxes[a.tail].start + 1}", f"n{drawn.boxes[a.head].start + 1}") for a in drawn.arrows]
    assert list(edges) == ends
    assert [edge["label"] for edge in edges.values()] == [arrow.text for arrow in drawn.arrows]


def test_the_textbook():
    nodes, edges, defaults = parse(to_dot(adjoint.trace(programs.textbook().product_of_sum, -2.0, 5.0, -4.0)))
    assert nodes["n4"]["label"] == "+\nz_4\nvalue 3\nλ −4"
    assert edges["n4", "n5"]["label"] == "−4"
    assert defaults["graph"]["rankdir"] == "LR"


def test_escapes():
    for text in ('say "no"', "back\\slash", "\\n", "two\nlines", "&lt; &amp;", "日本語", "\\", 'end\\"'):
        assert read(quoted(text)) == text
    assert quoted('a"b\\c\nd&e') == '"a\\"b\\\\c\\nd&amp;e"'


def test_options():
    trace = adjoint.trace(lambda x: x * 2, 1.0)
    assert parse(to_dot(trace, direction="down"))[2]["graph"]["rankdir"] == "TB"
    assert parse(to_dot(trace, theme="dark"))[2]["graph"]["bgcolor"] == DARK.ground
    assert parse(to_dot(trace, partials=False))[1]["n1", "n2"]["label"] == ""
    nodes, _, _ = parse(to_dot(programs.many_operands(), fold=False))
    assert len(nodes) == 303
    assert {node["shape"] for node in nodes.values()} == {"point"}
    with pytest.raises(PlotError, match="direction must be"):
        to_dot(trace, direction="up")
    with pytest.raises(PlotError, match="to_dot draws a trace"):
        to_dot("trace")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("name", programs.TRACES)
def test_graphviz_takes_it(name):
    text = to_dot(programs.TRACES[name]())
    subprocess.run(["dot", "-Tsvg"], input=text.encode(), check=True, capture_output=True, timeout=60)

"""What draws the gallery and the first picture of README.md: pages are complete, committed pictures are up to date."""

from __future__ import annotations

import importlib
import re
import sys
from types import ModuleType
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from adjoint import gallery
from adjoint.plot.colors import THEMES
from tests.docs.snippets import ROOT

matplotlib.use("Agg")
SCRIPTS = ROOT / "docs" / "scripts"


def load(name: str) -> ModuleType:
    """A script of the documentation, which finds its neighbors as it does where it runs."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    return load("gallery_pages")


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    return load("pictures")


@pytest.fixture(scope="module")
def redrawn(pictures: ModuleType) -> dict[str, bytes]:
    return {name: pictures.svg(paint) for name, paint in pictures.PICTURES.items()}


# --- the picture in README.md ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["densenet-light.svg", "densenet-dark.svg"])
def test_the_committed_picture_is_what_the_code_draws(
    pictures: ModuleType, redrawn: dict[str, bytes], name: str
) -> None:
    """By its texts and the number of shapes of each color: places may differ with the version of matplotlib."""
    committed = pictures.contents((ROOT / "docs" / "images" / name).read_bytes())
    drawn = pictures.contents(redrawn[name])
    assert drawn[0] == committed[0], "run: python docs/scripts/pictures.py"
    assert drawn[1] == committed[1], "run: python docs/scripts/pictures.py"


def test_what_is_compared_is_there(pictures: ModuleType) -> None:
    committed = {name: (ROOT / "docs" / "images" / name).read_bytes() for name in pictures.PICTURES}
    for theme in THEMES:
        picture = committed[f"densenet-{theme}.svg"]
        words, colors = pictures.contents(picture)
        assert words["z_6 layer 1"] >= 2  # row and column
        assert colors[THEMES[theme].color("nested").lower()] > 10
        assert len(picture) < 150_000
        ElementTree.fromstring(picture)


def test_drawing_twice_gives_the_same_file(pictures: ModuleType, redrawn: dict[str, bytes]) -> None:
    name = "densenet-light.svg"
    assert pictures.svg(pictures.PICTURES[name]) == redrawn[name]


# --- pages of the gallery ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["shared_input", "arrowhead"])
def test_a_page_is_complete(pages: ModuleType, name: str) -> None:
    example = gallery.get(name)
    drawn = pages.draw(name)
    assert drawn.page.startswith(f"# {example.title}\n\n{example.says}\n")
    assert f"adjoint spy {name}" in drawn.page
    assert "def " in drawn.page
    linked = {address.partition("#")[0] for address in re.findall(r"\]\(([^)]+)\)", drawn.page)}
    assert linked == set(drawn.files), "a link without a file, or a file without a link"
    assert f"| {example.system().structure.matrix_nonzeros:,} |" in drawn.page
    for address, content in drawn.files.items():
        if address.endswith(".svg"):
            ElementTree.fromstring(content)
        else:
            assert content.startswith(b"<!doctype html>")


def test_the_numbers_are_those_in_the_picture(pages: ModuleType) -> None:
    system = gallery.get("implicit_heat").system()
    title = pages.spy(system).get_title()
    assert f" {system.structure.matrix_nonzeros:,} nonzeros" in title
    pages.pyplot.close("all")


def test_programs_are_printed_with_what_they_need(pages: ModuleType) -> None:
    """Each runs alone, and gives what the example gives."""
    source = pages.program(gallery.get("densenet").function)
    assert source.index("import numpy") < source.index("def dense_layer") < source.index("def densenet")
    assert "@constraint" in source
    for example in gallery.examples():
        source = pages.program(example.function)
        assert "Any" not in source
        namespace: dict[str, object] = {}
        exec(compile(source, example.name, "exec"), namespace)
        alone = namespace[example.function.__name__]
        assert np.array_equal(alone(*example.arguments()), example.function(*example.arguments()))


def test_the_first_page_shows_all(pages: ModuleType) -> None:
    shown = pages.thumbnails()
    for example in gallery.examples():
        assert f"({example.name}.md)" in shown
        assert f"pictures/{example.name}-matrix-light.svg#only-light" in shown
        assert f"pictures/{example.name}-matrix-dark.svg#only-dark" in shown
    mark = re.search(r'MARK = "(.*)"', (SCRIPTS / "gallery_hook.py").read_text("utf-8"))
    assert mark
    assert mark[1] in (ROOT / "docs" / "gallery" / "index.md").read_text("utf-8")


def test_an_example_that_cannot_be_drawn_is_named(pages: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **options: object) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr(pages, "spy", broken)
    pages.draw.cache_clear()
    with pytest.raises(RuntimeError, match="the example 'rnn' cannot be drawn: ValueError: no ink"):
        pages.draw("rnn")
    pages.draw.cache_clear()

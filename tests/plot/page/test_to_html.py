"""The file that ``to_html`` writes: what it holds agrees with the system, and bad input is refused clearly."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import PlotError, SeedError
from adjoint.plot.page import to_html
from adjoint.plot.page.writing import SCRIPTS, page
from tests.plot.page.reading import read


def _net(w: Any, x: Any) -> Any:
    return np.sum(adjoint.name(np.tanh(w @ x), "hidden") ** 2)


def _system() -> adjoint.ConstraintSystem:
    return adjoint.trace(_net, np.arange(6.0).reshape(2, 3) / 7, np.array([0.3, -0.2, 0.5])).compile()


def _dense(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> np.ndarray:
    """The matrix that a page shows."""
    offset = np.concatenate([[0], np.cumsum(arrays["size"].astype(int))])
    A = np.zeros((offset[-1], offset[-1]))
    implicit = arrays["implicit"].astype(int)
    explicit = np.setdiff1d(np.arange(len(arrays["size"])), implicit)
    for r in explicit:
        A[range(offset[r], offset[r + 1]), range(offset[r], offset[r + 1])] = -1
    rows = np.concatenate([arrays["blockRow"], implicit]).astype(int)
    columns = np.concatenate([arrays["blockRow"] + arrays["blockSpan"], implicit]).astype(int)
    listed = arrays["listed"].tolist()
    value = place = 0
    for block, (r, c) in enumerate(zip(rows, columns, strict=True)):
        here = A[offset[r] : offset[r + 1], offset[c] : offset[c + 1]]
        if here.size == 1:
            here[...] = arrays["largest"][block]
            continue
        number = listed.index(block)
        count, rule = int(arrays["listedCount"][number]), int(arrays["listedRule"][number])
        values = arrays["entryValue"][value : value + count]
        value += count
        if rule == 0:
            here[arrays["entryRow"][place : place + count], arrays["entryColumn"][place : place + count]] = values
            place += count
        elif rule == 2:
            here[...] = values.reshape(here.shape)
        else:
            np.fill_diagonal(here, values)
    return A


def _solve(a: Any, b: Any) -> Any:
    return np.sum(np.linalg.solve(a, b) * b)


def _twice(x: Any) -> Any:
    return np.sum(x * x) + x[0] * x[0]


def _scalars(x: Any, y: Any) -> Any:
    for _ in range(5):
        x, y = x + 0.1 * y, y - 0.1 * np.sin(x) * x
    return x * y


@pytest.mark.parametrize(
    "function, arguments",
    [
        (_net, (np.arange(6.0).reshape(2, 3) / 7, np.array([0.3, -0.2, 0.5]))),
        (_solve, (np.array([[3.0, 1.0], [0.5, 2.0]]), np.array([1.0, 2.0]))),
        (_twice, (np.array([1.0, 2.0, 3.0]),)),
        (_scalars, (1.0, 0.5)),
        (lambda x: np.sum(x[np.array([0, 0, 2])] ** 2), (np.array([3.0, 1.0, 2.0]),)),
        (lambda x: np.cumsum(np.sort(x)[::-1]).reshape(2, 2), (np.array([3.0, 1.0, 2.0, 5.0]),)),
    ],
    ids=["net", "implicit", "operand twice", "scalars", "gather", "several"],
)
def test_the_page_holds_the_matrix_and_the_multipliers(function: Any, arguments: Any, tmp_path: Path) -> None:
    system = adjoint.trace(function, *arguments).compile()
    header, arrays = read(to_html(system, tmp_path / "page.html"))
    np.testing.assert_allclose(_dense(header, arrays), system.matrix("dense"), rtol=1e-15, atol=0)
    seed = np.ones(np.shape(system.output))[()]
    solved = system.solve(seed)
    for row, node in enumerate(arrays["node"].tolist()):
        multiplier = np.asarray(solved[node])
        assert arrays["multiplier"][row] == pytest.approx(multiplier.mean(), rel=1e-14, abs=1e-16)
        assert arrays["value"][row] == pytest.approx(np.mean(system.value(node - 1)), rel=1e-14)


def test_arrays_are_summarized_and_words_are_there(tmp_path: Path) -> None:
    system = _system()
    header, arrays = read(to_html(system, tmp_path / "page.html", title="A title"))
    several = np.flatnonzero(arrays["size"] > 1)
    row = int(np.flatnonzero(arrays["node"] == 4)[0])
    at = int(np.flatnonzero(several == row)[0])
    hidden = system.value(3)
    assert arrays["valueLow"][at] == hidden.min()
    assert arrays["valueHigh"][at] == hidden.max()
    first = int(arrays["valueHeads"][:at].sum())
    np.testing.assert_array_equal(arrays["valueHead"][first : first + 2], hidden)
    assert dict(header["names"]) == {0: "w", 1: "x", row: "hidden"}
    file, line, text, name = header["sites"][arrays["site"][row]]
    assert file == "test_to_html.py"  # and no folder
    assert text == 'return np.sum(adjoint.name(np.tanh(w @ x), "hidden") ** 2)'
    assert (line, name) == (_net.__code__.co_firstlineno + 1, "_net")
    assert header["sites"][arrays["site"][0]] is None
    assert header["title"] == "A title"
    assert header["expressions"][row] == "tanh(z_3)"
    assert [header["operations"][k] for k in arrays["operation"]][:3] == ["input", "input", "matmul"]


def test_costs_levels_and_eliminations_agree_with_the_system(tmp_path: Path) -> None:
    system = adjoint.trace(_scalars, 1.0, 0.5).compile()
    header, arrays = read(to_html(system, tmp_path / "page.html"))
    assert arrays["blockFlops"].sum() == system.structure.flops.sum()
    np.testing.assert_array_equal(arrays["level"], system.structure.levels)
    assert [name for name, _ in header["eliminations"]] == ["forward", "reverse", "markowitz"]
    for number, (name, multiplications) in enumerate(header["eliminations"]):
        order, totals = arrays[f"order{number}"], arrays[f"order{number}Work"]
        assert totals[-1] == multiplications
        assert (np.diff(totals) >= 0).all()
        assert len(order) == len(set(order.tolist())) == len(system) - 3, name
        steps = arrays[f"order{number}Step"]
        assert (np.diff(steps) >= 0).all()
        assert steps.max() < len(order)


def test_numbers_of_many_rows_keep_six_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adjoint.plot.page.payload.EXACT", 2)
    values = np.array([1e-300, -3.14159265358979, np.nan, np.inf, -np.inf, 0.0, 1.7976931348623157e308])
    with np.errstate(all="ignore"):
        system = adjoint.trace(lambda *xs: sum(x * 1.0 for x in xs), *values).compile()
        _, arrays = read(to_html(system, tmp_path / "page.html"))
    np.testing.assert_allclose(arrays["value"][:6], values[:6], rtol=1e-6)
    assert arrays["value"][6] > 1.79e308
    np.testing.assert_array_equal(arrays["valueBad"][:7], [0, 0, 1, 1, 1, 0, 0])


def test_non_finite_entries_are_counted_and_left_out_of_means(tmp_path: Path) -> None:
    system = adjoint.trace(lambda x: np.sum(x * 2), np.array([1.0, np.nan, 3.0, np.inf, 2.0])).compile()
    _, arrays = read(to_html(system, tmp_path / "page.html"))
    assert arrays["value"][0] == 2.0
    assert arrays["valueBad"][0] == 2
    assert (arrays["valueLow"][0], arrays["valueHigh"][0]) == (1.0, 3.0)


def test_large_arrays_are_summarized_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adjoint.plot.page.summaries.BATCH", 10)
    x = np.linspace(-1, 5, 37).reshape(37, 1)
    system = adjoint.trace(lambda x, y: np.sum(np.sin(x.T) * x) + y.sum(), x, np.ones(4)).compile()
    _, arrays = read(to_html(system, tmp_path / "page.html"))
    for row, node in enumerate(arrays["node"].tolist()):
        value = np.asarray(system.value(node - 1))
        assert arrays["value"][row] == pytest.approx(value.mean(), rel=1e-13)
    several = np.flatnonzero(arrays["size"] > 1)
    for at, row in enumerate(several):
        value = system.value(int(arrays["node"][row]) - 1)
        assert (arrays["valueLow"][at], arrays["valueHigh"][at]) == (value.min(), value.max())


def test_entries_that_do_not_fit_are_left_out_largest_first(tmp_path: Path) -> None:
    def f(w: Any, v: Any, x: Any) -> Any:
        return np.sum(v @ np.tanh(w @ x))

    system = adjoint.trace(f, np.ones((30, 20)), np.ones((3, 30)), np.ones(20)).compile()
    _, arrays = read(to_html(system, tmp_path / "page.html", entries=300))
    assert arrays["listedCount"].sum() <= 300
    left_out = np.setdiff1d(np.arange(len(arrays["blockRow"])), arrays["listed"])
    assert arrays["blockNonzeros"][left_out].min() >= arrays["blockNonzeros"][arrays["listed"]].max()
    assert len(left_out)
    assert len(arrays["listed"])
    _, none = read(to_html(system, tmp_path / "page.html", entries=0))
    assert not len(none["listed"])


def test_a_seed_is_used_and_an_array_output_has_ones(tmp_path: Path) -> None:
    trace = adjoint.trace(lambda x: x * x, np.array([1.0, 2.0]))
    header, arrays = read(to_html(trace, tmp_path / "page.html"))
    assert "every entry of the output" in header["seedSays"]
    np.testing.assert_array_equal(arrays["multiplierHead"], [2.0, 4.0, 1.0, 1.0])
    header, arrays = read(to_html(trace, tmp_path / "page.html", seed=np.array([0.0, 3.0])))
    assert "given" in header["seedSays"]
    np.testing.assert_array_equal(arrays["multiplierHead"], [0.0, 12.0, 0.0, 3.0])
    assert np.isnan(arrays["seedValue"]).tolist() == [True]
    _, arrays = read(to_html(adjoint.trace(lambda x: (x * x, x), 2.0), tmp_path / "page.html", seed=(3.0, 0.5)))
    assert arrays["seedValue"].tolist() == [0.5, 3.0]
    assert arrays["multiplier"].tolist() == [12.5, 3.0]
    with pytest.raises(SeedError, match="shape"):
        to_html(trace, tmp_path / "page.html", seed=np.ones(3))
    with pytest.raises(PlotError, match="one right-hand side"):
        to_html(trace, tmp_path / "page.html", seed=np.ones((4, 2)))


def test_a_page_without_multipliers_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = _system()
    monkeypatch.setattr(adjoint.ConstraintSystem, "solve", _refuses)
    header, arrays = read(to_html(system, tmp_path / "page.html"))
    assert "No multipliers: singular" in header["notes"]
    assert "multiplier" not in arrays
    assert header["solved"] == {"multiplier": False, "tangent": True}


def _refuses(*_: Any, **__: Any) -> Any:
    raise adjoint.errors.SingularBlockError("singular\nand more")


@pytest.mark.parametrize(
    "function, arguments",
    [
        (lambda x: (x, 3.0, np.sum(x)), (np.ones(2),)),
        (lambda z: np.abs(np.sum(z * z)), (np.array([1 + 2j, 3 - 1j]),)),
        (lambda x: np.sum(x, dtype=np.float32), (np.ones(3, np.float32),)),
        (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)), (np.array([0.0, 1.0]),)),
        (lambda x: x[np.argsort(x)[:2]].sum() * 2, (np.array([3.0, 1.0, 2.0]),)),
        (lambda x: {"名": x["ключ"] * 2}, ({"ключ": np.ones(2)},)),
        (lambda x: np.sum(x), (np.ones((0, 3)),)),
    ],
    ids=["constant output", "complex", "float32", "guarded", "integers", "not ASCII", "empty array"],
)
def test_unusual_systems(function: Any, arguments: Any, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header, arrays = read(to_html(adjoint.trace(function, *arguments), tmp_path / "page.html"))
    assert len(arrays["node"]) == len(arrays["size"]) > 0
    assert header["solved"]["multiplier"], header["notes"]


def test_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(PlotError, match="nothing to draw"):
        to_html(adjoint.trace(lambda x: 1.0, np.ones((0,))), tmp_path / "page.html")
    with pytest.raises(PlotError, match="a system or a trace, not function"):
        to_html(_net, tmp_path / "page.html")  # type: ignore[arg-type]  # that is the point


def test_names_and_titles_cannot_break_the_page(tmp_path: Path) -> None:
    evil = "</script><img src=x onerror=alert(1)>\u2028&\ud800"
    trace = adjoint.trace(lambda x: adjoint.name(x * 2, evil), 1.0)
    path = to_html(trace, tmp_path / "page.html", title=evil)
    text = path.read_text(encoding="utf-8")
    assert "<img" not in text
    assert text.count("</script>") == 2
    header, _ = read(path)
    assert dict(header["names"])[1] == evil.replace("\ud800", "?")
    long = "x" * 5000
    header, _ = read(to_html(adjoint.trace(lambda x: adjoint.name(x * 2, long), 1.0), tmp_path / "page.html"))
    assert len(dict(header["names"])[1]) <= 240


def test_the_file_needs_nothing_else(tmp_path: Path) -> None:
    text = to_html(_system(), tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=(?!\"data:,\")", text)
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text)
    for word in ("@import", "url(", "import(", "fetch(", "XMLHttpRequest"):
        assert word not in text
    assert str(Path(__file__).parent) not in text
    assert "<!--" not in text  # every place was filled


def test_every_script_is_in_the_page_once() -> None:
    folder = Path(adjoint.__file__).parent / "plot" / "page" / "assets"
    assert sorted(SCRIPTS) == sorted(file.stem for file in folder.glob("*.js"))
    text = page("t", "", "auto")
    for file in folder.glob("*.js"):
        assert text.count(file.read_text(encoding="utf-8")) == 1


def test_themes(tmp_path: Path) -> None:
    assert '<html lang="en">' in to_html(_system(), tmp_path / "a.html").read_text(encoding="utf-8")
    assert '<html lang="en" data-theme="dark">' in page("t", "", "dark")
    with pytest.raises(PlotError, match="theme must be 'auto', 'light' or 'dark', not 'blue'"):
        to_html(_system(), tmp_path / "a.html", theme="blue")


@pytest.mark.parametrize(
    "options, words",
    [
        ({"entries": -1}, "whole number from 0, not -1"),
        ({"entries": 2.5}, "whole number from 0, not 2.5"),
        ({"orders": "forward"}, "a sequence of names"),
        ({"orders": ("sideways",)}, "'sideways'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(PlotError, match=re.escape(words)):
        to_html(_system(), tmp_path / "page.html", **options)
    assert not list(tmp_path.iterdir())


def test_paths(tmp_path: Path) -> None:
    system = _system()
    path = to_html(system, str(tmp_path / "page.html"))
    assert path == tmp_path / "page.html"
    path.write_text("old", encoding="utf-8")
    to_html(system, path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    with pytest.raises(PlotError, match=r"no folder .*missing.* make it first"):
        to_html(system, tmp_path / "missing" / "page.html")
    with pytest.raises(PlotError, match="is a folder: name a file in it"):
        to_html(system, tmp_path)
    with pytest.raises(PlotError, match="path is the file to write"):
        to_html(system, 3)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(PlotError, match=r"cannot write .* File name too long"):
        to_html(system, tmp_path / ("x" * 300))
    with pytest.raises(PlotError, match=r"cannot write .* null"):
        to_html(system, tmp_path / "a\0b")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    path.write_text("old", encoding="utf-8")

    def refuses(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuses)
    with pytest.raises(PlotError, match=r"cannot write .*page.html.*: Permission denied. Name a file in a folder"):
        to_html(_system(), path)
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    assert path.read_text(encoding="utf-8") == "old"


def test_too_large_for_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adjoint.plot.page.writing.MOST_ROWS", 3)
    with pytest.raises(PlotError, match=r"3 rows .* this system has 6"):
        to_html(_system(), tmp_path / "page.html")


def test_eliminations_that_are_too_much_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = adjoint.trace(_scalars, 1.0, 0.5).compile()
    monkeypatch.setattr("adjoint.plot.page.sweeps.MOST_FILL_IN", 3)
    header, _ = read(to_html(system, tmp_path / "page.html"))
    assert header["eliminations"] == []
    assert any("forward order is not shown" in note for note in header["notes"])
    monkeypatch.setattr("adjoint.plot.page.sweeps.WORK", 3)
    header, _ = read(to_html(system, tmp_path / "page.html"))
    assert any("reverse order is not shown: following" in note for note in header["notes"])
    monkeypatch.setattr("adjoint.plot.page.sweeps.MOST_ROWS", 3)
    header, _ = read(to_html(system, tmp_path / "page.html"))
    assert header["notes"] == ["Eliminations are shown for up to 3 rows."]


def test_relinearized_systems_show_the_new_point(tmp_path: Path) -> None:
    system = adjoint.trace(_scalars, 1.0, 0.5).compile()
    moved = system.relinearize(2.0, -0.25)
    _, arrays = read(to_html(moved, tmp_path / "page.html"))
    assert arrays["value"][:2].tolist() == [2.0, -0.25]
    np.testing.assert_allclose(_dense({}, arrays), moved.matrix("dense"))


def test_many_nodes_fit_into_few_bytes(tmp_path: Path) -> None:
    def f(x: Any, y: Any) -> Any:
        for _ in range(1000):
            x, y = x + 0.01 * y, y - 0.01 * np.sin(x)
        return x * y

    path = to_html(adjoint.trace(f, 1.0, 0.5), tmp_path / "page.html")
    empty = len(page("", "", "auto"))
    assert path.stat().st_size - empty < 60 * 5000

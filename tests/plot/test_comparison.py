"""The figure of the comparison script: ratios by cells, from files, mappings and rows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from adjoint.errors import PlotError
from adjoint.plot.comparison import Measured, measured, strategies

pytest.importorskip("matplotlib", reason="the extra `plot` is not installed", exc_type=ImportError)

ROWS = [
    {"workload": "chain", "strategy": "back_substitution", "seconds": 0.010},
    {"workload": "chain", "strategy": "parallel_scan", "seconds": 0.002},
    {"workload": "chain", "strategy": "auto", "seconds": 0.00204, "chosen": "parallel_scan"},
    {"workload": "net", "strategy": "parallel_scan", "status": "not accepted"},
    {"workload": "net", "strategy": "back_substitution", "seconds": 2e-5},
    {"workload": "net", "strategy": "auto", "seconds": 4e-5, "chosen": "back_substitution"},
    {"workload": "huge", "strategy": "back_substitution", "status": "stopped"},
]

REPORT = {
    "comparisons": [
        {
            "workload": "rnn",
            "size": "3 steps",
            "rows": [
                {"solver": "back_substitution", "status": "ok", "total": 0.5, "ratio": 1.0, "chosen": None},
                {"solver": "dense", "status": "wrong", "total": None, "ratio": None, "chosen": None},
                {"solver": "superlu", "status": "ok", "total": 1.5, "ratio": 3.0, "chosen": None},
            ],
        }
    ]
}


def cells(ax):
    """The texts by ``(line, column)``."""
    return {(round(t.get_position()[1]), round(t.get_position()[0])): t for t in ax.texts}


def names(labels):
    return [label.get_text().replace("\n", "_") for label in labels]


def test_ratios_stand_in_cells():
    ax = strategies(ROWS)
    assert names(ax.get_xticklabels()) == ["back_substitution", "parallel_scan", "auto"]
    assert names(ax.get_yticklabels()) == ["chain", "net"]  # nobody finished the third
    (mesh,) = [each for each in ax.collections if each.get_label() == "ratios"]
    expected = np.log10([[1, 0.2, 0.204], [1, np.nan, 2]])
    np.testing.assert_allclose(mesh.get_array().reshape(2, 3).filled(np.nan), expected)
    texts = {place: text.get_text() for place, text in cells(ax).items()}
    assert texts == {
        (0, 0): "10 ms",
        (0, 1): "0.2×",
        (0, 2): "0.2×",
        (1, 0): "20 µs",
        (1, 1): "–",
        (1, 2): "2×",
    }


def test_the_fastest_are_bold_and_the_chosen_framed():
    ax = strategies(ROWS)
    bold = {place for place, text in cells(ax).items() if text.get_fontweight() == "bold"}
    assert bold == {(0, 1), (0, 2), (1, 0)}  # 2 % apart is a tie
    frames = {(round(p.get_y() + 0.43), round(p.get_x() + 0.46)) for p in ax.patches}
    assert frames == {(0, 1), (1, 0)}


def test_the_scripts_json_and_its_file(tmp_path):
    rows = measured(REPORT)
    assert rows[0] == Measured("rnn\n3 steps", "back_substitution", 0.5, 1.0)
    assert rows[1].status == "wrong"
    path = tmp_path / "ratios.json"
    path.write_text(json.dumps(REPORT), encoding="utf-8")
    assert measured(path) == measured(str(path)) == rows
    texts = {place: text.get_text() for place, text in cells(strategies(path)).items()}
    assert texts == {(0, 0): "500 ms", (0, 1): "wrong", (0, 2): "3×"}


def test_what_the_script_itself_makes_is_understood():
    from benchmarks.workloads import WORKLOADS
    from benchmarks.workloads.comparison import figure, tables

    problem = next(WORKLOADS["arrowhead"].problems("tiny"))
    comparison = tables.compare("arrowhead", problem, ["back_substitution", "superlu", "auto"], "tiny", 20.0)
    report = json.loads(json.dumps({"comparisons": [comparison.as_dict()]}))
    assert measured(report) == measured(figure.measured([comparison]))


def test_text_is_legible_on_its_cell():
    for theme in ("light", "dark"):
        rows = [
            {"workload": "w", "strategy": f"s{k}", "ratio": ratio} for k, ratio in enumerate([1e-4, 0.2, 1, 5, 1e4])
        ]
        ax = strategies(rows, theme=theme)
        (mesh,) = ax.collections
        for k, text in enumerate(sorted(ax.texts, key=lambda t: t.get_position()[0])):
            ground = mesh.cmap(mesh.norm(mesh.get_array().ravel()[k]))
            assert contrast(ground, text.get_color()) > 4.5


def test_names_that_matplotlib_cannot_draw_and_settings_of_the_user():
    import matplotlib.pyplot as plt

    rows = [{"workload": "$\\frac$ 重\ud800", "strategy": f"$\\frac$ 重\x07{k}", "ratio": k} for k in (1, 2)]
    with plt.rc_context({"axes.grid": True}):
        ax = strategies(rows)
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["\\$\\frac\\$ □□"]
    assert not any(line.get_visible() for line in (*ax.get_xgridlines(), *ax.get_ygridlines()))


def contrast(first, second):
    """As the Web Content Accessibility Guidelines define it."""
    from matplotlib.colors import to_rgb

    def light(color):
        c = np.array(to_rgb(color))
        return np.where(c <= 0.03928, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    low, high = sorted([light(first), light(second)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    "results, message",
    [
        (3, "strategies draws a path, the loaded JSON, or a list"),
        ("/nowhere/ratios.json", "cannot read '/nowhere/ratios.json'"),
        ({"machine": 1}, "a mapping with 'comparisons', not one with 'machine'"),
        ([{"workload": "a"}], "needs 'workload' and 'strategy'"),
        ([{"workload": "a", "strategy": "b", "seconds": -1.0}], "'seconds' of b on 'a' has to be a positive number"),
        ([{"workload": "a", "strategy": "b", "ratio": float("nan")}], "positive number, not nan"),
        ([], "no ratio to draw"),
        ([1], "not a list with int 1"),
        ({"comparisons": [{}]}, "each of 'comparisons' has to be a mapping with 'workload'"),
        ({"comparisons": ["abc"]}, "each of 'comparisons' has to be a mapping"),
        ({"comparisons": [{"workload": "a", "rows": [3]}]}, "each of 'comparisons' has to be a mapping"),
        (
            [{"workload": "a", "strategy": "dense", "seconds": 1.0}],
            "give 'ratio', or 'seconds' for 'back_substitution'",
        ),
    ],
    ids=[
        "int",
        "no file",
        "mapping",
        "no strategy",
        "negative",
        "nan",
        "empty",
        "number",
        "no name",
        "text",
        "rows",
        "no base",
    ],
)
def test_wrong_results_are_refused(results, message):
    with pytest.raises(PlotError, match=message):
        strategies(results)


def test_a_file_that_is_no_json(tmp_path):
    (tmp_path / "x.json").write_text("no", encoding="utf-8")
    with pytest.raises(PlotError, match="is not JSON"):
        strategies(tmp_path / "x.json")

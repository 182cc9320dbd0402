"""Every example records, has the right gradient, and says what is so."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import optree
import pytest

import adjoint
from adjoint import gallery
from adjoint.errors import PlotError
from adjoint.plot.picture import Picture, picture

NAMES = gallery.names()
REQUIRED = {"softmax", "densenet", "inception", "rnn", "lstm", "alexnet", "heat", "brusselator", "arrowhead", "mixture"}


@pytest.fixture(scope="module", params=NAMES)
def example(request):
    return gallery.get(request.param)


def is_float(x) -> bool:
    return np.asarray(x).dtype.kind == "f"


def scalar(example, arguments):
    """The example as a real function of its floating-point arguments alone, in double precision."""
    arguments = optree.tree_map(lambda x: np.asarray(x, float) if is_float(x) else x, arguments)
    flat = [isinstance(x, (dict, list, tuple)) or is_float(x) for x in arguments]
    weights = {}

    def function(*floats):
        given = iter(floats)
        out = example.function(*(next(given) if free else x for free, x in zip(flat, arguments, strict=True)))
        if np.shape(out) == ():
            return out
        fixed = weights.setdefault("out", np.random.default_rng(1).standard_normal(out.shape))
        return np.sum(out * fixed)

    return function, [x for free, x in zip(flat, arguments, strict=True) if free]


# --- the list ---------------------------------------------------------------------------------------------


def test_names_and_groups():
    assert set(NAMES) >= REQUIRED
    assert len(set(NAMES)) == len(NAMES)
    assert [gallery.get(name).name for name in NAMES] == list(NAMES)
    groups = [example.group for example in gallery.examples()]
    assert set(groups) == set(gallery.GROUPS)


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(
        PlotError, match=r"no example is named 'densnet' \(did you mean 'densenet'\?\); there are: .*rnn"
    ):
        gallery.get("densnet")
    with pytest.raises(PlotError, match="did you mean 'implicit_heat'"):
        gallery.get("Implicit-Heat")
    with pytest.raises(PlotError, match="no example is named 'zzzz'; there are"):
        gallery.get("zzzz")


def test_an_unknown_size_is_refused():
    with pytest.raises(PlotError, match="'small' or 'full', not 'tiny'"):
        gallery.get("rnn").trace("tiny")


def test_the_gallery_loads_no_extra():
    code = "import sys, adjoint.gallery; print(*[m for m in ('matplotlib', 'networkx', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not done.stdout.split()


# --- each of them -------------------------------------------------------------------------------------------


def test_what_an_example_says(example):
    assert example.title
    assert example.view in ("blocks", "entries")
    assert example.says.endswith(".")
    assert 2 <= example.says.count(". ") + 1 <= 3, "two sentences, a third where it is short"
    assert example.function.__doc__


def test_inputs_are_the_same_at_every_call(example):
    first, second = (adjoint.trace(lambda *a: 0.0, *example.arguments()).values for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in zip(first, second, strict=True))


def test_gradient_is_right(example):
    function, arguments = scalar(example, example.arguments())
    assert adjoint.testing.check_gradient(function, *arguments, first=1e-4) > 1.8


def test_it_is_readable(example):
    system = example.system()
    assert 3 <= len(system) <= 90
    assert system.structure.matrix_nonzeros < 10**6
    assert system.trace.names, "no row has a name of its own"
    assert all(system.trace.site(k).file.endswith(".py") for k in range(len(system)) if system.trace.site(k))


def test_lines_are_those_of_the_program(example):
    trace = example.trace()
    files = {trace.site(k).file for k in range(len(trace)) if trace.site(k)}
    assert all("gallery" in file for file in files), files


# AlexNet and the transformer take a second each
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("alexnet", "transformer", "inception")])
def test_full_size(name):
    system = gallery.get(name).system("full")
    assert system.shape[0] >= gallery.get(name).system().shape[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alexnet", "transformer", "inception"])
def test_full_size_of_large_networks(name):
    gallery.get(name).system("full")


def test_alexnet_has_the_published_shapes():
    """60 million parameters in eight layers; 27 × 27 × 256 values after the second one."""
    image, layers = gallery.get("alexnet").arguments("full")
    assert image.shape == (227, 227, 3)
    assert all(x.dtype == np.float32 for x in (image, *(x for layer in layers.values() for x in layer)))
    shapes = {key: w.shape for key, (w, _) in layers.items()}
    assert shapes["conv1"] == (11, 11, 3, 96)
    assert shapes["fc6"] == (6 * 6 * 256, 4096)
    assert shapes["fc8"] == (4096, 1000)
    # 60,965,224 with the split over two processors; without it conv2, conv4 and conv5 read all channels
    assert sum(w.size + b.size for w, b in layers.values()) == 62_378_344


# --- what is said is so --------------------------------------------------------------------------------------


def seen(name: str) -> tuple[Picture, set[tuple[str, str]]]:
    """A picture, and its blocks as pairs (row, column) of labels without their numbers."""
    drawn = picture(gallery.get(name).system())
    words = [label.split(" ", 1)[1] for label in drawn.labels()]
    return drawn, {(words[r], words[c]) for r, c in zip(drawn.rows.tolist(), drawn.columns.tolist(), strict=True)}


def reads(blocks: set[tuple[str, str]], column: str) -> set[str]:
    return {row for row, there in blocks if there == column}


def read_by(blocks: set[tuple[str, str]], row: str) -> set[str]:
    return {column for there, column in blocks if there == row}


def test_textbook():
    system = gallery.get("product_of_sum").system()
    values = system.matrix("dense")
    assert values[0, 3] == values[1, 3] == 1
    assert values[3, 4] == -4.0  # the value of z
    assert values[2, 4] == 3.0  # the value of q = x + y
    _, blocks = seen("shared_input")
    assert {row for row, _ in blocks if len(read_by(blocks, row)) == 2} == {"b"}
    solution = gallery.get("shared_input").system().solve()
    assert solution["b"] == solution["c"] + solution["d"]
    _, blocks = seen("log_of_polynomial")
    assert {row for row, _ in blocks if len(read_by(blocks, row)) == 2} == {"x"}
    assert reads(blocks, "e") == {"b", "d"}
    assert read_by(blocks, "e") == {"f"}


def test_softmax_reads_two_values_twice():
    _, blocks = seen("softmax")
    trace = gallery.get("softmax").trace()
    arguments = 4
    twice = [k for k in range(arguments + 1, len(trace) + 1) if len(trace.successors(k)) == 2]
    assert twice == [trace.find("scores"), trace.find("scores") + 2]
    assert reads(blocks, "scores") == {"hidden", "w2"}


def test_speelpenning_is_a_staircase():
    _, blocks = seen("speelpenning")
    assert reads(blocks, "getitem") == {"x"}
    for k in range(3, 9):
        assert f"p{k - 1}" in reads(blocks, f"p{k}")


def test_minors_share():
    system = gallery.get("minors").system()
    trace = system.trace
    entry = trace.find("x3,1")
    # 3! terms of the determinant, 2 of them with x3,1: as many paths
    paths = {len(trace): 1}
    for k in range(len(trace) - 1, entry - 1, -1):
        paths[k] = sum(paths.get(child, 0) for child in trace.successors(k))
    assert paths[entry] == 2
    X = gallery.get("minors").arguments()[0]
    assert np.isclose(system.output, np.linalg.det(X))


def test_densenet_is_full_between_layers():
    _, blocks = seen("densenet")
    chain = ["x", *(f"layer {k}" for k in range(1, 13))]
    for later, column in enumerate(chain[1:], start=1):
        assert reads(blocks, column) == {*chain[:later], f"weights[{later - 1}]"}
    assert all(len(read_by(blocks, f"weights[{k}]")) == 1 for k in range(12))


def test_transformer_has_a_stream():
    _, blocks = seen("transformer")
    assert read_by(blocks, "x") == {"normed 1", "stream 1"}
    drawn, _ = seen("transformer")
    words = [label.split(" ", 1)[1] for label in drawn.labels()]
    into = [
        drawn.kind_names[kind]
        for row, column, kind in zip(drawn.rows, drawn.columns, drawn.kinds, strict=True)
        if (words[row], words[column]) == ("x", "stream 1")
    ]
    assert into == ["identity"]
    assert read_by(blocks, "normed 1") == {"query", "key", "value"}
    assert {"query", "key"} <= reads(blocks, "einsum")
    assert reads(blocks, "heads") == {"attention", "value"}


def test_inception_branches_are_apart():
    _, blocks = seen("inception")
    assert read_by(blocks, "image") == {"1×1", "reduce 3", "reduce 5", "pool"}
    assert reads(blocks, "joined") == {"1×1", "3×3", "5×5", "project"}
    branches = [{"1×1"}, {"reduce 3", "3×3"}, {"reduce 5", "5×5"}, {"pool", "project"}]
    branch_of = {word: k for k, words in enumerate(branches) for word in words}
    crossing = {(a, b) for a, b in blocks if a in branch_of and b in branch_of and branch_of[a] != branch_of[b]}
    assert not crossing


def test_alexnet_is_a_staircase():
    _, blocks = seen("alexnet")
    for before, after in (("pool2", "conv3"), ("conv3", "conv4"), ("conv4", "conv5"), ("pool5", "fc6"), ("fc6", "fc7")):
        assert {row for row in reads(blocks, after) if "layers" not in row} == {before}
    for layer in ("conv3", "fc6"):
        for part in (0, 1):
            assert read_by(blocks, f"layers['{layer}'][{part}]") == {layer}


def test_lstm_steps_touch_in_h_and_c():
    trace = gallery.get("lstm").trace()
    for t in (1, 2):
        now = range(trace.find(f"gates {t}"), trace.find(f"h{t}") + 1)
        after = range(trace.find(f"h{t}") + 1, trace.find(f"h{t + 1}") + 1)
        crossing = {p for k in after for p in trace.predecessors(k)} & set(now)
        assert crossing == {trace.find(f"c{t}"), trace.find(f"h{t}")}


def test_rnn_steps_touch_in_one_state():
    trace = gallery.get("rnn").trace()
    first, last = trace.find("h3") + 1, trace.find("h4")
    inside = set(range(first, last + 1))
    read = {p for k in inside for p in trace.predecessors(k)} - inside
    assert read == {trace.find(key) for key in ("xs", "wx", "wh", "b", "h3")}


def test_kalman_covariances_do_not_read_measurements():
    system = gallery.get("kalman").system()
    trace = system.trace
    reached = set(trace.descendants(trace.find("ys")))
    assert not reached & {trace.find(f"{key}{t}") for key in "PS" for t in (1, 2)}
    assert trace.find("x2") in reached
    assert system.structure.implicit


def test_heat_blocks_are_tridiagonal():
    system = gallery.get("heat").system()
    trace = system.trace
    dense = system.matrix("dense")
    for t in range(2, 9):
        a, b = trace.find(f"T{t - 1}") - 1, trace.find(f"T{t}") - 1
        block = dense[system.offsets[a] : system.offsets[a + 1], system.offsets[b] : system.offsets[b + 1]]
        assert np.count_nonzero(block) == 3 * len(block) - 2
        assert not np.triu(block, 2).any()
        assert not np.tril(block, -2).any()
        assert trace.find("conductivity") in trace.predecessors(b + 1)


def test_implicit_heat_has_the_matrix_on_its_diagonal():
    system = gallery.get("implicit_heat").system()
    trace = system.trace
    dense = system.matrix("dense")
    k = trace.find("T3") - 1
    diagonal = dense[system.offsets[k] : system.offsets[k + 1], system.offsets[k] : system.offsets[k + 1]]
    assert np.allclose(diagonal, -system.value(trace.find("I + K") - 1).T)
    assert np.allclose(
        dense[system.offsets[k - 1] : system.offsets[k], system.offsets[k] : system.offsets[k + 1]], np.eye(6)
    )


def test_brusselator_rows_do_not_grow():
    degrees = []
    for n in (6, 9):
        z = np.random.default_rng(0).uniform(0.5, 3, (2, n, n))
        function = gallery.get("brusselator").function
        matrix = adjoint.trace(lambda z, f=function: f(z, 3.4, 1.0, 0.1), z).compile().matrix("csr")
        degrees.append(int(np.diff(matrix.indptr).max()))
    assert degrees[0] == degrees[1]


def test_arrowhead_is_an_arrow():
    system = gallery.get("arrowhead").system()
    n = 16
    hessian = system.matrix("dense")[:n, n : 2 * n]
    arrow = np.eye(n, dtype=bool)
    arrow[0] = arrow[:, 0] = True
    assert np.array_equal(hessian != 0, arrow)


def test_mixture_parameters_meet_once():
    trace = gallery.get("mixture").trace()
    meeting = trace.find("log densities")
    parameters = {trace.find(key) for key in ("x", "logits", "means", "log_precisions")}
    after = range(meeting + 1, len(trace) + 1)
    assert not parameters & {p for k in after for p in trace.predecessors(k)}
    assert all(meeting in trace.descendants(p) for p in parameters)

"""The main job: the network's trace and matrix, its gradient against the formulas of textbooks, and the demo."""

import re
from pathlib import Path

import numpy as np
import pytest

import adjoint

ROOT = Path(__file__).parents[2]
N, HIDDEN = 16, 12


@pytest.fixture
def net(load):
    return load("softmax_network")


@pytest.fixture
def point(net):
    data = net.load_digits()
    return data.x[:N], data.labels[:N], *net.initial_weights(HIDDEN)


def test_trace_is_that_of_the_literature(net, point):
    nodes = list(adjoint.trace(net.network, *point).nodes())
    assert [node.name for node in nodes[:4]] == ["x", "labels", "w1", "w2"]
    assert [(node.operation, node.parents) for node in nodes[4:]] == [
        ("matmul", (1, 3)),
        ("sigmoid", (5,)),
        ("matmul", (6, 4)),
        ("softmax", (7,)),
        ("loss", (8, 2)),
    ]


@pytest.mark.parametrize("solver", adjoint.solvers.available())
def test_multipliers_are_those_of_hand_derived_backpropagation(net, point, solver):
    x, labels, w1, w2 = point
    hidden = 1 / (1 + np.exp(-(x @ w1)))
    p = np.exp(hidden @ w2)
    p /= p.sum(axis=1, keepdims=True)
    score_bar = (p - labels) / N  # softmax and cross entropy together
    hidden_bar = score_bar @ w2.T
    inner_bar = hidden_bar * hidden * (1 - hidden)
    expected = {
        1: inner_bar @ w1.T,
        2: -np.log(p) / N,
        3: x.T @ inner_bar,
        4: hidden.T @ score_bar,
        5: inner_bar,
        6: hidden_bar,
        7: score_bar,
        8: -labels / p / N,
        9: 1.0,
    }
    lam = adjoint.trace(net.network, *point).compile().solve(solver=solver)
    for number, value in expected.items():
        np.testing.assert_allclose(lam[number], value, rtol=1e-10, atol=1e-14, err_msg=f"λ_{number}")
    assert lam.certificate() < 1e-14


def test_gradient_passes_the_taylor_test(net, point):
    assert adjoint.testing.check_gradient(net.network, *point) == pytest.approx(2, abs=0.1)


def test_data_is_the_real_one_and_split_without_overlap(net):
    data = net.load_digits()
    assert (data.x.shape, data.x_test.shape) == ((1437, 64), (360, 64))
    assert data.labels.sum(axis=1).tolist() == [1.0] * 1437
    assert 0 <= data.x.min() < data.x.max() <= 1
    training = {row.tobytes() for row in data.x}
    assert sum(row.tobytes() in training for row in data.x_test) < 3  # two people may draw the same digit
    for first, again in zip(data, net.load_digits(), strict=True):
        np.testing.assert_array_equal(first, again)


def test_digit_art(load):
    image = np.zeros(64)
    image[0], image[63] = 1.0, 0.5
    lines = load("real_data").digit_art(image)
    assert lines[0] == "@@" + 14 * " "
    assert lines[7].startswith(14 * " ")
    assert lines[7][14:] in ("--", "==")
    assert [len(line) for line in lines] == [16] * 8


def test_training_lowers_the_loss_epoch_by_epoch(net):
    data = net.load_digits()
    weights = net.initial_weights(HIDDEN)
    history = list(net.train(data, *weights, epochs=3))
    assert [epoch for epoch, *_ in history] == [1, 2, 3]
    losses = [mean_loss for _, mean_loss, _, _ in history]
    assert losses == sorted(losses, reverse=True)
    final = net.accuracy(data.x_test, data.labels_test, *history[-1][2:])
    assert final > net.accuracy(data.x_test, data.labels_test, *weights) + 0.3


def test_demo(run):
    done = run("examples/softmax_network.py", "--quick")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert done.stderr == ""  # no progress bar in a file
    titles = re.findall(r"^(\d)\. (.*)$", done.stdout, flags=re.MULTILINE)
    assert [int(number) for number, _ in titles] == [1, 2, 3, 4, 5, 6, 7]
    assert max(map(len, done.stdout.splitlines())) <= 100
    for solver in adjoint.solvers.available():
        assert re.search(rf"^  {solver} .* ms ", done.stdout, flags=re.MULTILINE)
    assert "All agree to rounding (the rounding unit of float64 is 1.1e-16): yes" in done.stdout
    assert "The remainder shrinks as h²: yes" in done.stdout
    reached = float(re.search(r"Reached the 95% that were asked for: ([\d.]+)%", done.stdout).group(1))
    assert 95 <= reached < 100


def test_demo_fails_without_training(net, capsys):
    assert net.main(["--epochs", "0"]) == 1
    assert "MISSED the 95%" in capsys.readouterr().out


def test_demo_fails_if_the_solvers_disagree(net, monkeypatch, capsys):
    monkeypatch.setattr(net.report, "ROUNDING", 0.0)
    assert net.main(["--quick"]) == 1
    assert "All agree to rounding (the rounding unit of float64 is 1.1e-16): NO" in capsys.readouterr().out


def test_demo_fails_with_a_wrong_gradient(net, monkeypatch, capsys):
    @adjoint.custom_rule(lambda y, z: 1.1 * y * (1 - y))
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    monkeypatch.setattr(net, "sigmoid", sigmoid)
    assert net.main(["--quick"]) == 1
    assert "The remainder shrinks as h²: NO" in capsys.readouterr().out


@pytest.mark.parametrize("module, package", [("sklearn", "scikit-learn"), ("tqdm", "tqdm")])
def test_missing_package_names_the_remedy(module, package, run):
    program = (
        f"import runpy, sys; sys.modules[{module!r}] = None; sys.argv = ['softmax_network.py']; "
        "sys.path.insert(0, 'examples'); runpy.run_path('examples/softmax_network.py', run_name='__main__')"
    )
    done = run("-c", program)
    assert done.returncode == 1
    assert f"needs {package}" in done.stderr
    assert "make demo" in done.stderr
    assert 'pip install "adjoint[demo]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_what_to_try_next_exists(net, capsys):
    net.show_next_steps()
    text = capsys.readouterr().out
    files = re.findall(r"(?:examples|docs)/\w+\.(?:py|md)", text)
    assert len(files) >= 7
    for name in files:
        assert (ROOT / name).is_file(), name
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make (\w+)", text):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)

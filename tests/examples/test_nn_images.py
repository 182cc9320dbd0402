"""The convolutional net, AlexNet, the blocks of Inception and DenseNet, and the autoencoder, at reduced size."""

import numpy as np
import pytest

import adjoint
from adjoint import nn


@pytest.fixture
def cnn(load):
    return load("digits_cnn")


@pytest.fixture
def alexnet(load):
    return load("alexnet")


@pytest.fixture
def blocks(load):
    return load("inception_densenet")


@pytest.fixture
def vae(load):
    return load("variational_autoencoder")


# --- digits_cnn ---------------------------------------------------------------------------------------


def test_moved_images_are_shifted_by_a_pixel_at_most(cnn):
    image = np.arange(1.0, 65.0, dtype=np.float32).reshape(8, 8)
    many = cnn.moved(np.broadcast_to(image, (400, 1, 8, 8)), np.random.default_rng(0))
    large = np.pad(image, 1)
    expected = {large[r : r + 8, c : c + 8].tobytes() for r in range(3) for c in range(3)}
    assert {each[0].tobytes() for each in many} == expected
    assert many.shape == (400, 1, 8, 8)


def test_an_epoch_has_every_image_once_in_an_order_of_its_own(cnn):
    labels = np.arange(70)
    of_epoch = cnn.batches(np.zeros((70, 1, 8, 8), np.float32), labels)
    first, again, second = (np.concatenate([y for _, y in of_epoch(k)]) for k in (0, 0, 1))
    assert sorted(first) == sorted(second) == labels.tolist()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


def test_cnn_learns_and_can_be_attacked(cnn):
    training, test = cnn.images()
    assert training[0].shape == (1437, 1, 8, 8)
    few = training[0][:320], training[1][:320]
    found = cnn.train(few, epochs=8)
    losses = found.history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    x, labels = test[0][:80], test[1][:80]
    before = nn.accuracy(cnn.MODEL(found.parameters, x), labels)
    assert before > 0.6
    wrong = cnn.confusions(found.parameters, x, labels)
    assert len(wrong) == round((1 - before) * 80)
    worse = cnn.attacked(found.parameters, x, labels, 0.2)
    assert np.max(np.abs(worse - x)) <= 0.2 + 1e-6
    assert worse.min() >= 0
    assert worse.max() <= 1
    assert cnn.loss(found.parameters, worse, labels) > 1.5 * cnn.loss(found.parameters, x, labels)


# --- alexnet ------------------------------------------------------------------------------------------


def test_alexnet_has_the_published_number_of_weights(alexnet, monkeypatch):
    no_memory = lambda spread: lambda rng, shape, fan_in, fan_out: np.broadcast_to(np.float32(0), shape)
    monkeypatch.setattr(alexnet.nn.initializers, "normal", no_memory)
    initial = alexnet.alexnet().initialize(np.random.default_rng(0), (3, 227, 227))
    counts = {name: sum(each.size for each in layer.values()) for name, layer in initial.parameters.items()}
    assert sum(counts.values()) == 60_965_224
    assert counts["linear6"] == 9216 * 4096 + 4096
    assert counts["conv2"] == 256 * (96 // 2) * 25 + 256  # two groups
    assert initial.output_shape == (1000,)


def test_local_response_normalization(alexnet):
    a = np.random.default_rng(0).standard_normal((2, 7, 3, 3))
    expected = np.empty_like(a)
    for i in range(7):
        near = a[:, max(0, i - 2) : i + 3]
        expected[:, i] = a[:, i] / (2 + 1e-4 * np.sum(near**2, axis=1)) ** 0.75
    np.testing.assert_allclose(alexnet.local_response(a), expected, rtol=1e-13)
    system = adjoint.trace(lambda a: np.sum(alexnet.local_response(a)), a).compile()
    assert system.blocks()[1, 2].kind == "nested"


# --- inception_densenet -------------------------------------------------------------------------------


def test_branches_of_inception_do_not_see_each_other(blocks):
    system = blocks.system_of(*blocks.inception("small"))
    names = {number: system.trace.node(number).name or "" for number in blocks.steps(system)}
    branch = {number: name.split("/")[0] for number, name in names.items() if "/" in name}
    assert set(branch.values()) == {"one", "three", "five", "pooled"}
    edges = [(i, k) for i, k in system.blocks() if i != k and i in branch and k in branch]
    assert len(edges) == 9
    assert all(branch[i] == branch[k] for i, k in edges)
    (x,) = (number for number, name in names.items() if name == "x")
    assert sum(i == x != k for i, k in system.blocks()) == 4
    assert blocks.longest_chain(system) == 6


def test_triangle_between_the_layers_of_densenet_is_full(blocks):
    system = blocks.system_of(*blocks.densenet("small"))
    numbers = {system.trace.node(k).name or str(k): k for k in blocks.steps(system)}
    joins = [k for k in blocks.steps(system) if system.trace.node(k).operation == "concatenate"]
    assert len(joins) == 4
    reads = {name: [k for k in joins if (number, k) in system.blocks()] for name, number in numbers.items()}
    assert reads["x"] == joins
    for number in range(1, 5):
        assert reads[f"layer{number}/conv"] == joins[number - 1 :]
    assert blocks.longest_chain(system) == 17


def test_pictures_stand_side_by_side(blocks):
    system = blocks.system_of(*blocks.inception("small"))
    lines = blocks.picture(system)
    assert len(lines) == len(blocks.steps(system))
    assert "?" not in "".join(lines)
    assert sum(line.count("C") for line in lines) == 6
    assert blocks.beside(["a", "bcd"], ["e"]) == "a     e\nbcd"


# --- variational_autoencoder --------------------------------------------------------------------------


def test_elbo_by_the_formulas_and_its_gradient(vae):
    model = vae.autoencoder(vae.Size(numbers=2, hidden=5, epochs=0))
    parameters = {
        part: {name: {key: each.astype(float) for key, each in layer.items()} for name, layer in tree.items()}
        for part, tree in vae.initial(model).items()
    }
    rng = np.random.default_rng(3)
    parameters["encoder"]["code"]["weight"] = rng.standard_normal((5, 4))
    x = vae.load_digits().x[:3]
    objective = vae.negative_elbo(model)
    f = lambda parameters: objective(parameters, x, rng=np.random.default_rng(1))

    code = model.encoder(parameters["encoder"], x)
    mean, deviation = code[:, :2], np.exp(code[:, 2:] / 2)
    z = mean + deviation * np.random.default_rng(1).standard_normal((3, 2), np.float32)
    p = vae.decoded(model, parameters, z)
    surprise = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p))
    divergence = 0.5 * np.sum(mean**2 + deviation**2 - np.log(deviation**2) - 1)
    assert f(parameters) == pytest.approx((surprise + divergence) / 3, rel=1e-6)  # p is float32

    weight_bar = adjoint.grad(f)(parameters)["encoder"]["code"]["weight"]
    h = 1e-5
    for place in ((0, 0), (3, 1), (2, 3)):
        values = []
        for sign in (1, -1):
            nudged = parameters["encoder"]["code"]["weight"].copy()
            nudged[place] += sign * h
            code = {**parameters["encoder"]["code"], "weight": nudged}
            values.append(f({**parameters, "encoder": {**parameters["encoder"], "code": code}}))
        assert weight_bar[place] == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-6, abs=1e-8)


def test_autoencoder_beats_a_constant(vae):
    data = vae.load_digits()
    x, x_test = data.x.astype(np.float32), data.x_test.astype(np.float32)
    model = vae.autoencoder(vae.Size(numbers=6, hidden=64, epochs=0))
    found = vae.train(model, x, epochs=12)
    losses = found.history["loss"]
    assert losses[-1] < losses[3] < losses[0]
    bound = vae.elbo(model, found.parameters, x_test)
    assert vae.best_constant(x, x_test) < bound < vae.log_likelihood(x_test, x_test)
    assert vae.elbo(model, vae.initial(model), x_test) < bound - 10
    assert len(vae.gallery(x_test[:10]).splitlines()) == 17

"""Layers respect the edges, boxes keep apart, chains are straight, and few edges cross."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from adjoint.errors import PlotError
from adjoint.plot.graphs.layers import BENDS, PASSES, crossings, layered, layers
from adjoint.plot.graphs.layout import layout


def random_graph(seed: int, count: int, back: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    found: list[list[int]] = []
    for k in range(count):
        reads = rng.integers(0, 4) if k else 0
        found.append([int(max(0, k - 1 - rng.integers(0, back))) for _ in range(reads)])
    return found


def recurrence(steps: int) -> list[list[int]]:
    parents: list[list[int]] = [[], []]
    state = 0
    for _ in range(steps):
        parents.append([1])
        parents.append([0, len(parents) - 1, state])
        state = len(parents) - 1
    return parents


GRAPHS = {
    "nothing": [],
    "one node": [[]],
    "chain": [[], *([k] for k in range(40))],
    "no edges": [[] for _ in range(20)],
    "one reads all": [*([] for _ in range(200)), list(range(200))],
    "all read one": [[], *([0] for _ in range(200))],
    "everything reads everything": [list(range(k)) for k in range(30)],
    "twice": [[], [0, 0], [1, 1, 0]],
    "recurrence": recurrence(30),
    **{f"random {seed}": random_graph(seed, 120, 15) for seed in range(4)},
}


@pytest.fixture(params=GRAPHS)
def parents(request):
    return GRAPHS[request.param]


@pytest.mark.parametrize("compact", [True, False])
def test_every_edge_leads_to_a_later_layer(parents, compact):
    found = layers(parents, compact)
    assert all(found[p] < found[k] for k, own in enumerate(parents) for p in own)
    assert min(found, default=0) == 0


def test_arguments_stand_right_before_their_reader_if_compact():
    parents = [[], [0], [1], [], [2, 3]]
    assert layers(parents) == [0, 1, 2, 2, 3]
    assert layers(parents, compact=False) == [0, 1, 2, 0, 3]


def test_what_leads_to_a_single_reader_moves_along():
    transposed = [[], [0], [1], [], [3], [2, 4]]  # x → f → g → product ← transpose ← w
    assert layers(transposed) == [0, 1, 2, 1, 2, 3]


@pytest.mark.parametrize("direction", ["right", "down"])
def test_boxes_keep_apart_and_inside(parents, direction):
    rng = np.random.default_rng(1)
    sizes = rng.uniform(0.5, 3.0, (len(parents), 2))
    placed = layout(parents, sizes=sizes, gap=1.0, spacing=0.5, direction=direction)
    across, thick = (placed.y, sizes[:, 1]) if direction == "right" else (placed.x, sizes[:, 0])
    along, long = (placed.x, sizes[:, 0]) if direction == "right" else (placed.y, sizes[:, 1])
    for layer in np.unique(placed.layers):
        mine = np.flatnonzero(placed.layers == layer)
        mine = mine[np.argsort(across[mine])]
        assert np.all(np.diff(across[mine]) >= (thick[mine][1:] + thick[mine][:-1]) / 2 + 0.5 - 1e-9)
        assert np.all(along[mine] - long[mine] / 2 >= placed.extents[layer, 0] - 1e-9)
        assert np.all(along[mine] + long[mine] / 2 <= placed.extents[layer, 1] + 1e-9)
    assert np.all(placed.extents[1:, 0] - placed.extents[:-1, 1] >= 1.0 - 1e-9)
    for center, size, limit in ((placed.x, sizes[:, 0], placed.width), (placed.y, sizes[:, 1], placed.height)):
        assert np.all(center - size / 2 >= -1e-9)
        assert np.all(center + size / 2 <= limit + 1e-9)


def test_routes_lead_from_border_to_border_and_never_back(parents):
    placed = layout(parents)
    pairs = sorted({(p, k) for k, own in enumerate(parents) for p in own})
    assert sorted(map(tuple, placed.edges.tolist())) == pairs
    assert len(placed.routes) == len(pairs)
    for (tail, head), route in zip(placed.edges.tolist(), placed.routes, strict=True):
        assert route[0] == pytest.approx([placed.x[tail] + 0.5, placed.y[tail]])
        assert route[-1, 0] == pytest.approx(placed.x[head] - 0.5)
        assert abs(route[-1, 1] - placed.y[head]) <= 0.5
        assert np.all(np.diff(route[:, 0]) >= -1e-9)


def test_long_edges_run_around_boxes():
    placed = layout(recurrence(30))
    for (tail, head), route in zip(placed.edges.tolist(), placed.routes, strict=True):
        for a, b in itertools.pairwise(route):
            if abs(a[1] - b[1]) > 1e-9:
                continue  # between two layers
            inside = (np.abs(placed.y - a[1]) < 0.5) & (placed.x - 0.5 < b[0] - 1e-9) & (placed.x + 0.5 > a[0] + 1e-9)
            inside[[tail, head]] = False
            assert not inside.any()


def test_it_is_the_same_each_time(parents):
    one, two = layout(parents), layout([tuple(own) for own in parents])
    np.testing.assert_array_equal(one.x, two.x)
    np.testing.assert_array_equal(one.y, two.y)
    np.testing.assert_array_equal(one.points, two.points)


def test_chains_are_straight():
    assert np.ptp(layout(GRAPHS["chain"]).y) == 0
    # a network: each layer adds a bias and multiplies with weights, and what is deepest goes straight on
    parents: list[list[int]] = [[]]
    for _ in range(20):
        last = len(parents) - 1
        parents += [[], [last, last + 1]]
    placed = layout(parents)
    assert np.ptp(placed.y[2::2]) == pytest.approx(0)


def test_two_operands_stand_above_and_below_their_reader():
    placed = layout([[], [], [0, 1]])
    assert placed.y.tolist() == [0.5, 2.0, 1.25]
    assert placed.routes[0][-1, 1] < placed.y[2] < placed.routes[1][-1, 1]


def test_crossings_are_counted_and_removed():
    crossed = layered([[], [], [], [2], [1], [0]])
    assert crossings(crossed) == 0
    crossed.order[1].reverse()
    assert crossings(crossed) == 3


def test_the_order_of_the_program_is_kept_where_nothing_crosses():
    graph = layered([[], [], [], [0, 1, 2]])
    assert graph.order == [[0, 1, 2], [3]]


def test_labels_have_the_room_that_they_ask_for():
    narrow, wide = (layout([[], [0]], rooms=[[], [room]], gap=1.0) for room in (0.0, 7.0))
    assert wide.extents[1, 0] - wide.extents[0, 1] >= 7.0 > narrow.extents[1, 0] - narrow.extents[0, 1]


def test_bends_are_bounded():
    count = 1500
    parents = [list(range(max(0, k - 1), k)) + [k % 50] * (k > 50) for k in range(count)]
    graph = layered(parents)
    assert len(graph.bends) <= BENDS[0] + BENDS[1] * count
    assert len(layout(parents).points) <= 3 * (PASSES[0] + PASSES[1] * count)


@pytest.mark.parametrize("shape", ["near", "far", "recurrence"])
def test_thousands_of_nodes_take_a_moment(shape):
    parents = {
        "near": lambda: random_graph(0, 5000, 30),
        "far": lambda: random_graph(0, 5000, 5000),
        "recurrence": lambda: recurrence(2500),
    }[shape]()
    start = time.process_time()
    layout(parents)
    assert time.process_time() - start < 8.0  # about 1 s on an idle core


def test_bad_input_is_refused():
    with pytest.raises(PlotError, match="parents must be earlier nodes"):
        layout([[], [1]])
    with pytest.raises(PlotError, match="parents must be earlier nodes"):
        layout([[], [-1]])
    with pytest.raises(PlotError, match="direction must be 'right' or 'down', not 'up'"):
        layout([[]], direction="up")

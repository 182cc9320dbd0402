"""Files of trees: what was written comes back, and what is damaged is never taken for it."""

from __future__ import annotations

import os

import numpy as np
import pytest

from adjoint import nn
from adjoint.errors import ArgumentError
from adjoint.nn.training import files
from tests.nn.training.programs import bits

TREES = {
    "nested": {"a": {"weight": np.eye(3, dtype=np.float32), "bias": np.zeros(3)}, "b": [np.arange(4), (np.ones(()),)]},
    "one array": np.arange(6.0).reshape(2, 3),
    "empty": {},
    "plain": {"n": 3, "x": 0.1, "nothing": None, "yes": True, "word": "λ", "far": float("inf"), "list": []},
    "scalars": {"x": np.float32(0.1), "k": np.int64(7)},
    "integer keys": {0: np.ones(2), 1: {"x": np.zeros(0)}},
    "paths that meet": {"a/b": np.ones(2), "a": {"b": np.zeros(2)}, "header": np.ones(1), "checksum": np.ones(1)},
    "words": {"names": np.array(["one", "three"]), "complex": np.array([1j, 2]), "bool": np.array([True])},
}


@pytest.mark.parametrize("name", TREES)
def test_what_was_written_comes_back(name, tmp_path):
    path = tmp_path / "tree.npz"
    nn.save(path, TREES[name])
    found = nn.load(path)
    assert bits(found) == bits(TREES[name])
    assert repr(found) == repr(TREES[name])  # containers, scalars and plain values, too


def test_the_order_in_memory_comes_back(tmp_path):
    nn.save(tmp_path / "a.npz", {"f": np.asfortranarray(np.ones((3, 2))), "c": np.ones((3, 2))})
    found = nn.load(tmp_path / "a.npz")
    assert found["f"].flags.f_contiguous
    assert found["c"].flags.c_contiguous


def test_numpy_reads_it_too(tmp_path):
    nn.save(tmp_path / "a.npz", TREES["nested"])
    with np.load(tmp_path / "a.npz", allow_pickle=False) as plain:
        assert np.array_equal(plain["a/weight"], np.eye(3))


def test_equal_trees_are_equal_files():
    assert files.pack(TREES["nested"]) == files.pack(TREES["nested"])


@pytest.mark.parametrize(
    "tree, message",
    [
        ({"a": np.array([{}], object)}, r"not an array of object \(at 'a'\): it would have to be pickled"),
        ({"a": {"b": {1, 2}}}, r"not builtins.set \(at 'a/b'\)"),
        ({(1, 2): 3}, r"keys have to be strings or integers"),
        (object(), r"not builtins.object: it would"),
    ],
)
def test_what_needs_pickling_is_refused(tree, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        nn.save(tmp_path / "a.npz", tree)
    assert not list(tmp_path.iterdir())


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    content = files.pack(TREES["nested"])
    for length in range(0, len(content), 17):
        with pytest.raises(nn.DamagedFileError, match=r"file\.npz"):
            files.unpack("file.npz", content[:length])


def test_a_changed_byte_is_noticed_or_harmless():
    """Some bytes of a zip archive mean nothing (dates, say); the tree is right or refused, never wrong."""
    tree = {"weight": np.arange(5.0), "n": 3}
    content, expected = files.pack(tree), bits(tree)
    refused = 0
    for k in range(len(content)):
        changed = bytearray(content)
        changed[k] ^= 0x5A
        try:
            found = files.unpack("file", bytes(changed))
        except nn.DamagedFileError:
            refused += 1
        else:
            assert bits(found) == expected, f"byte {k}"
    assert refused > 0.5 * len(content)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, weight=np.ones(3))
    with pytest.raises(nn.DamagedFileError, match=r"was not written by adjoint.nn.save: it has no header"):
        nn.load(path)
    path.write_bytes(b"")
    with pytest.raises(nn.DamagedFileError, match="is damaged, or no file of this kind"):
        nn.load(path)
    with pytest.raises(FileNotFoundError):
        nn.load(tmp_path / "b.npz")


def test_a_later_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "VERSION", 99)
    nn.save(tmp_path / "a.npz", {})
    monkeypatch.undo()
    with pytest.raises(nn.DamagedFileError, match="has the format adjoint tree 99; this version of adjoint reads"):
        nn.load(tmp_path / "a.npz")


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(where, tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    nn.save(path, {"x": np.ones(2)})

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, where, full)
    with pytest.raises(OSError, match="No space left"):
        nn.save(path, {"x": np.zeros(2)})
    monkeypatch.undo()
    assert np.array_equal(nn.load(path)["x"], np.ones(2))
    assert [each.name for each in tmp_path.iterdir()] == ["a.npz"]


def test_the_bytes_are_on_the_disk_before_they_get_the_name(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("fsync"), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("replace"), replace(a, b)))
    nn.save(tmp_path / "a.npz", {})
    assert done == ["fsync", "replace", "fsync"]

"""Trees of arrays in one file that is either there as a whole or not at all.

The file is a ``.npz``: every array under the path of its key (``np.load(path)["conv1/weight"]`` reads it anywhere), and
a member ``header`` of JSON with the structure of the tree and its plain values. Nothing is pickled. A SHA-256 of header
and arrays tells a damaged file from a good one.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError

FORMAT = "adjoint tree"
VERSION = 1
HEADER, CHECKSUM = "header", "checksum"
PLAIN = (bool, int, float, str, type(None))


class DamagedFileError(ArgumentError):
    """A file that is not what was written: cut off, altered, or of another kind."""


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Write a tree of arrays to a ``.npz`` file; a crash at any moment leaves the old file or the new one.

    Parameters
    ----------
    path : path
        The file; one that is there is replaced.
    tree : nested dicts, lists and tuples of arrays and plain values
        Parameters, say, or ``{"parameters": …, "state": …}``. Keys are strings or integers.

    Raises
    ------
    ArgumentError
        For what cannot be written without pickling: object arrays, other containers.

    See Also
    --------
    load

    Examples
    --------
    >>> import numpy as np, pathlib, tempfile
    >>> from adjoint import nn
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "parameters.npz")
    >>> nn.save(path, {"layer": {"weight": np.eye(2), "bias": np.zeros(2)}})
    >>> nn.load(path)["layer"]["bias"]
    array([0., 0.])
    >>> sorted(np.load(path))
    ['checksum', 'header', 'layer/bias', 'layer/weight']
    >>> folder.cleanup()
    """
    write(Path(path), pack(tree))


def load(path: str | os.PathLike[str]) -> Any:
    """The tree that :func:`save` wrote, in the same containers; of a checkpoint of :func:`fit`, all of its content.

    Raises
    ------
    ArgumentError
        If the file is damaged, or is not of this kind.
    """
    return unpack(path, Path(path).read_bytes())


def check(tree: Any) -> None:
    """Refuse a tree that cannot be written."""
    _encoded(tree, (), {})


def pack(tree: Any) -> bytes:
    """The content of a file."""
    arrays: dict[str, np.ndarray] = {}
    structure = _encoded(tree, (), arrays)
    header = json.dumps({"format": FORMAT, "version": VERSION, "tree": structure}).encode()
    everything = {HEADER: np.frombuffer(header, np.uint8), **arrays}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {CHECKSUM: _checksum(everything), **everything}.items():
            # a fixed date, so that equal trees are equal files
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return buffer.getvalue()


def unpack(path: Any, content: bytes) -> Any:
    """The tree in the content of a file; ``path`` is for the messages."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            arrays = {}
            for name in archive.namelist():
                with archive.open(name) as member:
                    array = np.lib.format.read_array(member, allow_pickle=False)
                arrays[name.removesuffix(".npy")] = array
    except Exception as error:  # whatever zip and npy trip over in bytes that may be anything
        raise DamagedFileError(
            f"{path} is damaged, or no file of this kind: {str(error) or type(error).__name__}"
        ) from None
    checksum = arrays.pop(CHECKSUM, None)
    if checksum is None or HEADER not in arrays:
        raise DamagedFileError(f"{path} was not written by adjoint.nn.save: it has no header")
    if not np.array_equal(checksum, _checksum(arrays)):
        raise DamagedFileError(f"{path} is damaged: its content does not fit its checksum")
    header = json.loads(arrays[HEADER].tobytes())
    if header["format"] != FORMAT or header["version"] > VERSION:
        raise DamagedFileError(
            f"{path} has the format {header['format']} {header['version']}; this version of adjoint reads "
            f"{FORMAT} up to {VERSION}"
        )
    return _decoded(header["tree"], arrays)


def write(path: Path, content: bytes) -> None:
    """Replace a file at one instant: the bytes are on the disk under another name before they get this one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """The new name, too, has to survive a power cut; not every system can promise it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _checksum(arrays: dict[str, np.ndarray]) -> np.ndarray:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return np.frombuffer(digest.digest(), np.uint8)


def _encoded(tree: Any, path: tuple[str, ...], arrays: dict[str, np.ndarray]) -> Any:
    """The structure in JSON's words; arrays are put aside under their paths."""
    if type(tree) is dict:
        for key in tree:
            if type(key) not in (str, int):
                raise ArgumentError(f"keys have to be strings or integers to be written, not {key!r:.60}{_at(path)}")
        return {"dict": [[key, _encoded(each, (*path, str(key)), arrays)] for key, each in tree.items()]}
    if type(tree) in (list, tuple):
        kind = "list" if type(tree) is list else "tuple"
        return {kind: [_encoded(each, (*path, str(k)), arrays) for k, each in enumerate(tree)]}
    if type(tree) in PLAIN:
        return {"value": tree}
    if isinstance(tree, (np.ndarray, np.generic)) and tree.dtype.kind in "biufcSU":
        name = "/".join(path) or "array"
        while name in arrays or name in (HEADER, CHECKSUM):  # {"a/b": …, "a": {"b": …}}
            name += "'"
        arrays[name] = np.asarray(tree)
        return {"array" if isinstance(tree, np.ndarray) else "scalar": name}
    what = (
        f"an array of {tree.dtype}"
        if isinstance(tree, np.ndarray)
        else f"{type(tree).__module__}.{type(tree).__name__}"
    )
    raise ArgumentError(
        f"a file holds dicts, lists and tuples of arrays, numbers and strings, not {what}{_at(path)}: "
        "it would have to be pickled"
    )


def _at(path: tuple[str, ...]) -> str:
    return f" (at {'/'.join(path)!r})" if path else ""


def _decoded(node: Any, arrays: dict[str, np.ndarray]) -> Any:
    ((kind, content),) = node.items()
    if kind == "dict":
        return {key: _decoded(each, arrays) for key, each in content}
    if kind in ("list", "tuple"):
        found = [_decoded(each, arrays) for each in content]
        return found if kind == "list" else tuple(found)
    if kind == "value":
        return content
    return arrays[content] if kind == "array" else arrays[content][()]

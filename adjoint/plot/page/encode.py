"""Arrays and text as one compressed string that a script in the page reads: ``unpack`` in data.js is the other half.

The layout, before compression: the length of the header in four bytes, the header (JSON in UTF-8, padded with spaces
to a multiple of eight), and the arrays one after another. The bytes of an array are shuffled, all first bytes of its
numbers, then all second ones, and so on, since the high bytes of neighbors are alike and compress well.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_UNSIGNED = (np.uint8, np.uint16, np.uint32)
_SIGNED = (np.int8, np.int16, np.int32)


@dataclass(slots=True)
class Pack:
    """Arrays by name, collected for one page.

    Attributes
    ----------
    arrays : list of (name, type, length, is_difference)
        What the page needs to read them: the type as JavaScript calls it, ``"Half"`` for the upper half of doubles.
    """

    arrays: list[tuple[str, str, int, bool]] = field(default_factory=list)
    _bytes: list[bytes] = field(default_factory=list)

    def integers(self, name: str, values: Any, *, difference: bool = False) -> None:
        """Whole numbers in the smallest type that holds them; as differences of neighbors where those are small."""
        array = np.asarray(values, dtype=np.int64)
        if difference:
            array = np.diff(array, prepend=0)
        low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
        for type_ in _UNSIGNED if low >= 0 else _SIGNED:
            if np.iinfo(type_).min <= low and high <= np.iinfo(type_).max:
                self._add(name, array.astype(type_), difference)
                return
        self._add(name, array.astype(np.float64), difference)

    def floats(self, name: str, values: Any, *, exact: bool) -> None:
        """Doubles; their upper halves (six digits, the whole range) where ``exact`` is not asked for."""
        array = np.ascontiguousarray(values, dtype=np.float64)
        if exact:
            self._add(name, array, False)
            return
        bits = array.view(np.uint64)
        rounded = (bits + np.uint64(0x80000000)) >> np.uint64(32)
        halves = np.where(np.isfinite(array), rounded, bits >> np.uint64(32)).astype(np.uint32)
        self._add(name, halves, False, "Half")

    def _add(self, name: str, array: np.ndarray, difference: bool, kind: str | None = None) -> None:
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        self.arrays.append((name, kind or _name(array.dtype), array.size, difference))
        self._bytes.append(little.view(np.uint8).reshape(-1, array.itemsize).T.tobytes())

    def text(self, header: dict[str, Any]) -> str:
        """Everything, compressed, in letters that are safe inside any HTML."""
        described = json.dumps({**header, "arrays": self.arrays}, ensure_ascii=False, separators=(",", ":"))
        head = described.encode("utf-8", "replace")
        head += b" " * (-(len(head) + 4) % 8)
        raw = b"".join([len(head).to_bytes(4, "little"), head, *self._bytes])
        return base64.b64encode(zlib.compress(raw, 9 if len(raw) < 4_000_000 else 6)).decode("ascii")


def _name(dtype: np.dtype[Any]) -> str:
    """What JavaScript calls an array of this type, without ``Array``."""
    return {"i": "Int", "u": "Uint", "f": "Float"}[dtype.kind] + str(dtype.itemsize * 8)

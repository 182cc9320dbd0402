"""What a page holds, read back from its file: written against the format that encode.py describes, not with it."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays."""
    found = re.search(r'<script id="data"[^>]*>([^<]*)</script>', path.read_text(encoding="utf-8"))
    assert found is not None
    raw = zlib.decompress(base64.b64decode(found.group(1)))
    length = int.from_bytes(raw[:4], "little")
    header = json.loads(raw[4 : 4 + length])
    at = 4 + length
    assert at % 8 == 0
    arrays = {}
    for name, kind, count, is_difference in header["arrays"]:
        dtype = np.dtype(np.uint32 if kind == "Half" else kind.lower())
        shuffled = np.frombuffer(raw, np.uint8, count * dtype.itemsize, at).reshape(dtype.itemsize, count)
        at += count * dtype.itemsize
        array = np.ascontiguousarray(shuffled.T).reshape(-1).view(dtype)
        if kind == "Half":
            array = (array.astype(np.uint64) << np.uint64(32)).view(np.float64)
        arrays[name] = np.cumsum(array.astype(np.int64)) if is_difference else array
    assert at == len(raw)
    return header, arrays

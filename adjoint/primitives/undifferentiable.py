"""Public functions that are not differentiated: why. They say so when they are called on a traced value.

NumPy calls us for the functions that dispatch. The others never learn that an argument is traced: either they take
no arrays, or they ask for a plain one, which raises ``LostDerivativeError``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.tracing import NO_RULE_YET, NOT_DIFFERENTIABLE

_PLAIN = "NumPy does not dispatch it, and it needs a plain array: asking for one raises LostDerivativeError"

REASONS: dict[str, str] = {
    "dates and times are no real numbers": """
        busday_count busday_offset datetime_as_string datetime_data is_busday isnat""",
    "it writes a file; give it np.asarray(adjoint.stop_gradient(x))": "save savetxt savez savez_compressed",
    "it reads a file": "fromfile fromregex genfromtxt load loadtxt",
    "it reads bytes or text": "frombuffer fromstring",
    "it makes text of one number": "base_repr binary_repr format_float_positional format_float_scientific",
    "it sets up printing, errors or buffers": """
        get_printoptions getbufsize geterr geterrcall printoptions set_printoptions setbufsize seterr seterrcall""",
    "it tells about NumPy": "get_include info show_config show_runtime test",
    "it is about dtypes": "isdtype issubdtype mintypecode promote_types typename",
    "it is about shapes": "broadcast_shapes",
    "it makes indices from integers": "diag_indices indices mask_indices tril_indices triu_indices",
    "it makes a window of an integer size": "bartlett blackman hamming hanning",
    "it makes an iterator over plain arrays": "nested_iters",
    "it makes a matrix, a subclass of ndarray, which cannot be traced": "asmatrix bmat",
    "it takes plain numbers; np.stack(list) joins traced ones": "fromiter",
    f"{_PLAIN}. np.array(x, like=x) is recorded": "asfortranarray require",
    f"{_PLAIN}. np.isfinite(x).all() is recorded": "asarray_chkfinite",
    f"{_PLAIN}. There is nothing to exchange with another library": "from_dlpack",
}
"""Why → names in NumPy's namespace."""


def named(names: str) -> list[Any]:
    """The functions of these names that this version of NumPy has."""
    found = []
    for name in names.split():
        space, _, last = name.rpartition(".")
        function = getattr(getattr(np, space) if space else np, last, None)
        if function is not None:
            found.append(function)
    return found


for _reason, _names in REASONS.items():
    NOT_DIFFERENTIABLE.update(dict.fromkeys(named(_names), _reason))

NO_RULE_YET.update(dict.fromkeys(named("in1d"), "NumPy has replaced it by isin"))  # until NumPy 2.3

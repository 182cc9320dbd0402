"""What to do where a traced value cannot become a plain array or number: first what fits the user's line."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from types import FrameType

from adjoint.tracing.sites import here

_ARRAYS = (
    (r"\.dot\(", "The dot method of a plain array does not hand on to us: write A @ x, or np.dot(A, x)."),
    (r"\b(np|numpy)\.array\(", "np.array(…, like=x) with a traced x joins traced values; x.copy() copies one array."),
    (r"as_strided", "np.lib.stride_tricks.sliding_window_view is recorded."),
    (r"\bassert_\w+\(", "assert np.allclose(…) is recorded."),
    (r"\b(rng|random|generator)\b", "Random numbers take plain parameters: mean + deviation * rng.normal(size=…)."),
    (r"\bstats?\.|norm\.", "scipy.stats takes plain arrays: the normal distribution function is scipy.special.ndtr."),
)
_NUMBERS = (
    (r"\]\s*([-+*/]|//|\*\*)?=[^=]", "Make the array that it is written into by np.zeros_like(x)."),
    (r"math\.is", "np.isnan, np.isfinite and np.isclose answer for a traced value."),
    (r"[\"']\s*%", 'f"{x:.3f}" prints a traced value.'),
    (r"vectorize", "np.vectorize works without otypes."),
    (r"arange", "np.linspace takes traced ends."),
)


def _hint(table: tuple[tuple[str, str], ...]) -> str:
    source = here().source
    return next((f"{text}\n" for pattern, text in table if re.search(pattern, source)), "")


def of_array(shape: tuple[int, ...], frame: FrameType | None) -> str:
    """The message where ``frame`` has asked for a plain array."""
    return (
        f"a traced array of shape {shape} would become a plain NumPy array here and lose its derivative: {here()}\n"
        f"{_of_library(frame) or _hint(_ARRAYS)}"
        "Drop np.asarray/np.array around it (it already behaves as an array); if a compiled function or a library "
        "asks for the array, write it with NumPy, or wrap it by adjoint.custom_rule. Join traced arrays with "
        "np.stack or np.concatenate in place of np.array, or np.array(…, like=x) with a traced x; collect traced "
        "values in a list, or write them into np.zeros_like(x) or np.zeros(shape, like=x)."
    )


def of_number(what: str) -> str:
    """The message where ``what`` has asked for a plain number."""
    return (
        f"{what}() of a traced value would lose its derivative: {here()}\n{_hint(_NUMBERS)}"
        "Leave the value as it is; use np.sin for math.sin (and so on). An array that is to receive traced values "
        "is made by np.zeros_like(x), or np.zeros(shape, like=x), with a traced x; np.stack joins a list of them. "
        "adjoint.stop_gradient(x) marks a value that is not to be differentiated."
    )


def _of_library(frame: FrameType | None) -> str:
    """What to use in place of a library function that asks for an array."""
    if frame is not None and frame.f_globals.get("__name__") == "numpy._core._methods":
        return (
            "NumPy makes an array of objects of a list of traced values, and mean, var and std convert its entries. "
            "Use np.stack(list) in place of the list or of np.array(list).\n"
        )
    while frame is not None and (module := frame.f_globals.get("__name__", "")).startswith("scipy."):
        public = ".".join(part for part in module.split(".")[1:] if not part.startswith("_"))
        if public and find_spec(f"adjoint.scipy.{public.split('.')[0]}") is not None:
            wrapper = f"adjoint.scipy.{public}"
            try:
                if hasattr(import_module(wrapper), frame.f_code.co_name):
                    return f"Use {wrapper}.{frame.f_code.co_name}, which records what scipy.{public} computes.\n"
            except ModuleNotFoundError:
                pass
        frame = frame.f_back
    return ""


NUMPY_SAYS = (
    (
        TypeError,
        re.compile(r"dtype\('O'\)|has no callable|not supported for the input types"),
        "adjoint: np.array of a list of traced values is an array of objects, which this function cannot take. "
        "Use np.stack(list), or np.array(list, like=x) with a traced x.",
    ),
    (
        ValueError,
        re.compile("Error setting single item of array"),
        "adjoint: a traced value was to be written into a plain array, where its derivative would be lost. "
        "Make the array by np.zeros_like(x), or np.zeros(shape, like=x), with a traced x.",
    ),
    (
        (TypeError, ValueError),
        re.compile(
            "scipy.sparse does not support dtype object|numpy.ndarray, not Tracer|Different number of diagonals"
        ),
        "adjoint: scipy.sparse takes plain arrays. adjoint.scipy.sparse has csr_array, csc_array, coo_array and diags "
        "for traced entries, and adjoint.scipy.sparse.linalg has spsolve and factorized.",
    ),
    (
        TypeError,
        re.compile("unhashable type: 'Tracer'"),
        "adjoint: a traced value cannot be a key; float(adjoint.stop_gradient(x)) can.",
    ),
)
"""Errors in which libraries hide that a traced value was the reason, and what to do."""

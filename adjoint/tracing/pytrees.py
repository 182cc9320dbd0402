"""Arguments and outputs as pytrees: nested dicts, lists, tuples, and classes registered with optree."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import optree

NAMESPACE = "adjoint"
"""The optree namespace: classes registered globally are known here too."""


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """Leaves and structure of a pytree; ``None`` holds no leaf."""
    leaves, spec = optree.tree_flatten(tree, namespace=NAMESPACE)
    return leaves, spec


def argument_names(function: Callable[..., Any] | None, spec: Any, chosen: Sequence[int]) -> list[str]:
    """One name per leaf of the chosen arguments, from the function's signature: ``x``, ``params['w1']``."""
    parameters: list[str] = []
    if function is not None:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # some built-ins have no signature
            pass
        else:
            positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            parameters = [p.name for p in signature.parameters.values() if p.kind in positional]
    names = [parameters[k] if k < len(parameters) else f"arg{k}" for k in chosen]
    return [names[path[0]] + "".join(f"[{key!r}]" for key in path[1:]) for path in spec.paths()]

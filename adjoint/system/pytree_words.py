"""The structure of a pytree in words, and where two structures differ."""

from __future__ import annotations

from typing import Any

MOST = 6
"""Keys that a message lists."""


def describe(spec: Any) -> str:
    """What stands at the top of a structure: ``one array``, ``a list of 2``, ``a dict with the key 'a'``.

    Parameters
    ----------
    spec : optree.PyTreeSpec
    """
    if spec.is_leaf():
        return "one array"
    if spec.type is type(None):
        return "None"
    name, size = spec.type.__name__, spec.num_children
    article = "an" if name[0] in "aeiouAEIOU" else "a"
    if issubclass(spec.type, dict):
        keys = [repr(key) for key in spec.entries()]
        if not keys:
            return f"an empty {name}"
        more = ", …" if len(keys) > MOST else ""
        return f"{article} {name} with the key{'s' * (size > 1)} {', '.join(keys[:MOST])}{more}"
    if not size:
        return f"an empty {name}"
    return f"{article} {name} of {size}"


def difference(expected: Any, given: Any) -> str:
    """Where two structures first differ: ``at ['b']: expected one array, got a list of 2``.

    Parameters
    ----------
    expected, given : optree.PyTreeSpec
        Of different structure.
    """
    path: list[Any] = []
    while expected.type is given.type and list(expected.entries()) == list(given.entries()):
        pairs = zip(expected.entries(), expected.children(), given.children(), strict=True)
        entry, one, other = next(((e, a, b) for e, a, b in pairs if a != b), (None, None, None))
        if one is None:  # the classes hold something more that differs
            return f"{_place(path)}expected {expected}, got {given}"
        path.append(entry)
        expected, given = one, other
    place = _place(path)
    remedy = ""
    if expected.is_leaf() and given.type in (list, tuple) and all(child.is_leaf() for child in given.children()):
        remedy = f"; np.array(…) makes one array of a {given.type.__name__}"
    got, wanted = describe(given), describe(expected)
    if got == wanted:  # classes of one name
        got, wanted = f"{got} ({given.type.__module__})", f"{wanted} ({expected.type.__module__})"
    return f"{place}expected {wanted}, got {got}{remedy}"


def _place(path: list[Any]) -> str:
    return f"at {''.join(f'[{entry!r}]' for entry in path)}: " if path else ""

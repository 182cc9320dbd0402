"""The user's code as a module: by dotted name, or a file with its folder on ``sys.path`` as in ``python file.py``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from adjoint.command.failures import UsageError, display_path, listed, raised, suggestion


def split(text: str) -> tuple[str, str] | None:
    """``module:function`` in its two halves; ``None`` where there is no colon but that of a drive (``C:``)."""
    place, colon, name = text.rpartition(":")
    if not colon or (len(place) == 1 and name.startswith(("\\", "/"))):
        return None
    return place, name


def is_file(place: str) -> bool:
    """Whether a place is meant as a file rather than as a module's dotted name."""
    return place.endswith((".py", ".pyw")) or "/" in place or "\\" in place


def load(place: str) -> ModuleType:
    """Import a module by its name, or a file.

    Raises
    ------
    UsageError
        If there is none.
    CommandError
        If its code raises.
    """
    return _load_file(Path(place)) if is_file(place) else _load_module(place)


def attribute(module: ModuleType, name: str, place: str) -> Any:
    """What a module calls ``name``; dots go into classes and objects.

    Raises
    ------
    UsageError
        Listing the functions that the module has.
    """
    if not name:
        raise UsageError(f"which function? {place} defines: {listed(functions_of(module))}")
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = functions_of(module)
            raise UsageError(
                f"{place} has no {name!r}{suggestion(name, [*known, *vars(module)])}\n"
                f"The functions that it defines: {listed(known)}"
            )
        found = getattr(found, part)
    return found


def functions_of(module: ModuleType) -> list[str]:
    """The public functions that a module defines, in its order; all that it has if it defines none."""
    functions = [(name, x) for name, x in vars(module).items() if inspect.isroutine(x) and not name.startswith("_")]
    own = [name for name, x in functions if getattr(x, "__module__", None) == module.__name__]
    return own or [name for name, _ in functions]


def _load_module(name: str) -> ModuleType:
    folder = str(Path.cwd())
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"there is no module {name!r}: its name has letters, digits and dots between them")
    if folder not in sys.path and "" not in sys.path:  # python -m puts it there, a console script does not
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise raised(f"the module {name!r} cannot be imported:", error) from error
        hint = f"; the file {name}.py is named with its ending" if Path(f"{name}.py").exists() else ""
        raise UsageError(f"there is no module {name!r} in {folder} or in this Python's environment{hint}") from error
    except (Exception, SystemExit) as error:
        raise raised(f"the module {name!r} cannot be imported:", error) from error


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        nearby = [entry.stem for entry in sorted(path.parent.glob("*.py"))] if path.parent.is_dir() else []
        raise UsageError(f"the file {display_path(path)} {what}{suggestion(path.stem, nearby, '.py')}")
    path = path.resolve()
    root, name = _root_and_name(path)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    present = sys.modules.get(name)
    if present is not None and getattr(present, "__file__", None) == str(path):
        return present
    if "." in name and present is None:
        try:
            return importlib.import_module(name)
        except (Exception, SystemExit) as error:
            raise raised(f"{display_path(path)} cannot be imported:", error) from error
    if present is not None or not name.isidentifier():
        name = f"adjoint_target_{abs(hash(str(path)))}"  # never in the place of another module
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise UsageError(f"{display_path(path)} is no Python file: its name has to end in .py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # as its siblings import it
    try:
        specification.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, (Exception, SystemExit)):
            raise raised(f"{display_path(path)} cannot be imported:", error) from error
        raise
    return module


def _root_and_name(path: Path) -> tuple[Path, str]:
    """The folder for ``sys.path``, and the name: inside a package a dotted one, so that relative imports work."""
    parts = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        parts.append(folder.name)
        folder = folder.parent
    if path.stem == "__init__" and len(parts) > 1:
        parts = parts[1:]
    return folder, ".".join(reversed(parts))

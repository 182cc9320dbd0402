"""The public surface: names, who imports whom, what an import loads, and that docstrings' examples run."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import adjoint
from tests.docs.snippets import isolated

PACKAGE = Path(adjoint.__file__).parent
MODULES = ["adjoint", *(module.name for module in pkgutil.walk_packages([str(PACKAGE)], "adjoint."))]
MODULES = [name for name in MODULES if name != "adjoint.__main__"]

PUBLIC = [
    "AdjointError",
    "Block",
    "ConstraintSystem",
    "Multipliers",
    "NonFiniteDerivativeWarning",
    "SparsePlan",
    "Trace",
    "constraint",
    "custom_rule",
    "debug_nans",
    "errors",
    "extend",
    "gallery",
    "grad",
    "hessian",
    "hessian_plan",
    "hvp",
    "jacobian",
    "jacobian_plan",
    "jvp",
    "linearize",
    "name",
    "nn",
    "plot",
    "primitives",
    "solvers",
    "sparsity",
    "stop_gradient",
    "testing",
    "trace",
    "value_and_grad",
    "vjp",
]

FLOORS = {
    "errors": 0,
    "blocks": 1,
    "tracing": 2,
    "primitives": 3,
    "scipy": 4,
    "system": 4,
    "solvers": 5,
    "calculus": 6,
    "gallery": 7,
    "implicit": 7,
    "jit": 7,
    "nn": 8,
    "plot": 8,
    "command": 9,
    "extend": 9,
    "testing": 9,
}
"""The house of the design: imports go down."""

OPTIONAL = {"matplotlib", "networkx", "sklearn", "numba", "rich", "tqdm"}


# --- names ------------------------------------------------------------------------------------------------


def test_public_names_are_pinned():
    assert sorted(adjoint.__all__) == PUBLIC
    assert sorted(adjoint.__all__) == list(adjoint.__all__), "keep __all__ sorted"


@pytest.mark.parametrize("module", [name for name in MODULES if hasattr(importlib.import_module(name), "__all__")])
def test_all_names_exist_once(module):
    loaded = importlib.import_module(module)
    assert len(set(loaded.__all__)) == len(loaded.__all__)
    missing = [name for name in loaded.__all__ if not hasattr(loaded, name)]
    assert not missing


def test_everything_public_has_a_docstring():
    missing = [name for name in adjoint.__all__ if not (getattr(adjoint, name).__doc__ or "").strip()]
    assert not missing
    assert all(importlib.import_module(name).__doc__ for name in MODULES)


def test_the_exceptions_have_one_root():
    classes = [x for x in vars(adjoint.errors).values() if isinstance(x, type) and issubclass(x, Exception)]
    warnings = [x for x in classes if issubclass(x, Warning)]
    assert warnings == [adjoint.NonFiniteDerivativeWarning]
    assert all(issubclass(x, adjoint.AdjointError) for x in classes if x not in warnings)
    documented = adjoint.errors.__doc__
    assert all(x.__name__ in documented for x in classes)


def test_a_version():
    parts = adjoint.__version__.split(".")
    assert len(parts) == 3
    assert all(part.isdigit() for part in parts)


# --- floors -----------------------------------------------------------------------------------------------


def files():
    return sorted(PACKAGE.rglob("*.py"))


def floor_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(tree: ast.AST) -> list[tuple[str, int]]:
    """The modules that a tree imports, ``from adjoint import x`` as ``adjoint.x``, with their lines."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            assert all(alias.name != "*" for alias in node.names), f"line {node.lineno}: star import"
            if node.module == "adjoint":
                found += [(f"adjoint.{alias.name}", node.lineno) for alias in node.names]
            else:
                found.append((node.module or "", node.lineno))
    return found


def type_checking_blocks(tree: ast.AST) -> list[ast.If]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]


def test_every_floor_is_known():
    assert {floor_of(path) for path in files()} - {"__init__", "__main__"} <= set(FLOORS)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path):
    """A module imports its own package and the floors below it; names for type checkers do not count."""
    here = floor_of(path)
    if here in ("__init__", "__main__"):
        return
    tree = ast.parse(path.read_text("utf-8"))
    annotations = {item for block in type_checking_blocks(tree) for item in imports_of(block)}
    upward = []
    for module, line in imports_of(tree):
        parts = module.split(".")
        if parts[0] != "adjoint" or (module, line) in annotations:
            continue
        there = parts[1]
        if there != here and FLOORS[there] >= FLOORS[here]:
            upward.append(f"line {line}: {module}")
    assert not upward


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_inside_a_function_but_of_optional_packages(path):
    tree = ast.parse(path.read_text("utf-8"))
    inside = [
        f"line {line}: {module}"
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for module, line in imports_of(function)
        if module.split(".")[0] not in OPTIONAL
    ]
    assert not inside


def test_modules_of_one_package_do_not_import_in_circles():
    """Each module can be imported first, in an interpreter where no other one has run."""
    edges = {}
    names = {
        ".".join(("adjoint", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in files()
    }
    for name, path in names.items():
        tree = ast.parse(path.read_text("utf-8"))
        annotations = {item for block in type_checking_blocks(tree) for item in imports_of(block)}
        edges[name] = set()
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("adjoint"):
                continue
            if (node.module, node.lineno) in annotations:
                continue
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                target = whole if whole in names else node.module
                # importing from a package inside it would run the package's own __init__ again
                if not name.startswith(target + "."):
                    edges[name].add(target)
    state: dict[str, int] = {}
    for root in edges:
        stack = [(root, iter(edges[root]))]
        if state.get(root):
            continue
        state[root] = 1
        while stack:
            name, children = stack[-1]
            child = next(children, None)
            if child is None:
                state[name] = 2
                stack.pop()
            elif state.get(child) == 1:
                raise AssertionError(f"{name} imports {child}, which imports it")
            elif not state.get(child) and child in edges:
                state[child] = 1
                stack.append((child, iter(edges[child])))


# --- what an import loads ------------------------------------------------------------------------------------


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_import_loads_no_extra_and_no_scipy_subpackage():
    loaded = loaded_by("import adjoint")
    assert "adjoint.calculus" in loaded
    assert not loaded & OPTIONAL
    assert not loaded & {"adjoint.plot", "adjoint.gallery", "adjoint.command", "adjoint.nn"}
    assert not loaded & {"scipy.sparse", "scipy.linalg", "scipy.special", "scipy.optimize", "scipy.integrate"}


def test_a_first_gradient_loads_nothing_more():
    loaded = loaded_by("import numpy as np, adjoint\nadjoint.grad(lambda x: np.sin(x) @ x)(np.ones(3))")
    assert not loaded & OPTIONAL
    assert not loaded & {"scipy.sparse", "scipy.linalg", "scipy.special"}


def test_pictures_load_matplotlib_when_one_is_asked_for():
    loaded = loaded_by(
        "import adjoint\nadjoint.plot.text(adjoint.trace(lambda x: x * x, 1.0))\nadjoint.gallery.names()"
    )
    assert "adjoint.plot" in loaded
    assert not loaded & OPTIONAL


def test_solvers_load_what_they_need():
    loaded = loaded_by("import numpy as np, adjoint\nadjoint.grad(lambda x: x * x, solver='sparse_triangular')(1.0)")
    assert "scipy.sparse" in loaded
    assert "adjoint.solvers.dense" not in loaded


# --- docstrings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_doctests(module):
    loaded = importlib.import_module(module)
    with isolated():
        results = doctest.testmod(loaded, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert results.failed == 0


def test_the_calculus_shows_how_it_is_used():
    """Every function of the first screen has an example that ran above."""
    callables = [name for name in PUBLIC if name.islower() and callable(getattr(adjoint, name))]
    assert len(callables) > 10
    assert not [name for name in callables if ">>>" not in (getattr(adjoint, name).__doc__ or "")]

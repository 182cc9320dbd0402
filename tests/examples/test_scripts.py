"""Every example runs from the command line, says what it is about, and is listed in the README."""

import ast
import re
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))
SCRIPTS = [path for path in FILES if path.name != "real_data.py"]  # that one only holds data for the others
BY_NAME = {"ids": lambda path: path.stem}


@pytest.mark.parametrize("path", [p for p in SCRIPTS if p.stem != "softmax_network"], **BY_NAME)
def test_script_runs(path, run):
    done = run(str(path))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("path", SCRIPTS, **BY_NAME)
def test_script_opens_with_the_mathematics(path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert "The mathematics in words." in text
    assert f"python examples/{path.name}" in text


def test_readme_lists_exactly_the_files_there_are():
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\S+)\]\((\S+)\) \|", readme, flags=re.MULTILINE)
    assert all(text == link for text, link in rows)
    assert sorted(text for text, _ in rows) == [path.name for path in FILES]


def test_examples_run_on_the_demo_dependencies_alone():
    always = {"numpy", "scipy", "adjoint", "sklearn", "tqdm"} | {path.stem for path in FILES}
    for path in FILES:
        allowed = always | ({"torch"} if path.stem == "transfer_weights" else set())  # only where it is installed
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                assert top in allowed or top in sys.stdlib_module_names, f"{path.name} imports {name}"

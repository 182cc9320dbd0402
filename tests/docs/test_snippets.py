"""README.md and docs/ say what is true: their code runs and prints what they show, their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import adjoint
from tests.docs.snippets import PAGES, ROOT, isolated, matches, run, snippets


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_runs_and_prints_what_the_page_shows(path: Path, tmp_path: Path) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    with isolated():
        for number, snippet in enumerate(snippets(path.read_text(encoding="utf-8"))):
            printed = run(snippet.code, namespace, tmp_path, number)
            where = f"{path.name}:{snippet.line}"
            if snippet.expected is None:
                assert not printed, f"{where} prints what the page does not show:\n{printed}"
            else:
                shown = f"{where} prints\n{printed}\nand the page shows\n{snippet.expected}"
                assert matches(snippet.expected, printed), shown


def test_what_a_page_registers_is_forgotten() -> None:
    with isolated():
        adjoint.extend.register("forgotten", "nowhere:Nothing")
    with pytest.raises(adjoint.errors.UnknownSolverError, match="unknown solver 'forgotten'"):
        adjoint.solvers.get("forgotten")


def test_every_page_of_the_tutorial_kind_has_code() -> None:
    """The runner finds the blocks: pages that teach by code would otherwise pass by having none."""
    counts = {path.name: len(list(snippets(path.read_text(encoding="utf-8")))) for path in PAGES}
    for name, least in {"README.md": 1, "learn.md": 10, "use.md": 10, "extend.md": 4, "mathematics.md": 2}.items():
        assert counts[name] >= least, counts


def test_a_wrong_output_and_an_exception_are_noticed(tmp_path: Path) -> None:
    (snippet,) = snippets("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n")
    assert not matches(snippet.expected or "", run(snippet.code, {}, tmp_path, 0))
    namespace: dict[str, object] = {}
    assert run("1 / 0", namespace, tmp_path, 1) == "ZeroDivisionError: division by zero\n"
    assert isinstance(namespace["__raised__"], ZeroDivisionError)


def _prose(page: str) -> str:
    """The page without its code: brackets in code are no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL))


def _anchors(path: Path) -> set[str]:
    """What a heading is called in a link, as GitHub and Python-Markdown both make it for plain headings."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        words = re.sub(r"[^\w\s-]", "", heading.lower()).strip()
        found.add(re.sub(r"\s+", "-", words))
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_resolve(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", _prose(path.read_text(encoding="utf-8")))
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), f"{path.name} links to {link}"
        if ROOT / "docs" in path.parents:
            assert ROOT / "docs" in file.parents, f"{path.name} links out of the site: {link}"
        if anchor:
            assert anchor in _anchors(file), f"{path.name} links to {link}; {file.name} has {sorted(_anchors(file))}"


def test_the_readme_opens_with_the_two_commands() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^(make \S+|pip install .*)", page, re.MULTILINE)
    assert commands[:2] == ["make demo", "make test"]


def test_the_reference_has_every_public_function() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    public = {name for name in adjoint.__all__ if callable(getattr(adjoint, name))}
    inside = {"AdjointError", "NonFiniteDerivativeWarning"}  # shown with adjoint.errors
    assert set(re.findall(r"^::: adjoint\.(\w+)$", page, re.MULTILINE)) >= public - inside

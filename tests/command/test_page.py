"""docs/command_line.md shows what the commands print."""

from __future__ import annotations

import re

import pytest

from adjoint.command import parser
from tests.command.console import PAGE, commands, comparable, run, write_model

TEXT = PAGE.read_text(encoding="utf-8")
SHOWN = list(commands(TEXT))


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.command)
def test_the_page_shows_what_is_printed(shown, folder):
    write_model(TEXT, folder)
    printed = run(shown.command)
    assert comparable(printed) == comparable(shown.expected), f"{shown.command} prints\n{printed}"


def test_the_page_has_every_command_and_option():
    assert {shown.command.split()[1] for shown in SHOWN} >= set(parser.COMMANDS)
    (choices,) = (action.choices for action in parser._parser()._actions if isinstance(action.choices, dict))
    options = {word for sub in choices.values() for action in sub._actions for word in action.option_strings}
    missing = {word for word in options - {"-h", "--help"} if not re.search(rf"(?<![\w-]){word}(?![\w-])", TEXT)}
    assert not missing


def test_a_wrong_output_is_noticed():
    (shown,) = commands("```console\n$ adjoint --version\nadjoint 0.0.0\n```\n")
    assert comparable(run(shown.command)) != comparable(shown.expected)
    assert comparable("certificate\na 1.2 ms  3.40 ×\nb") == comparable("b\na 7 µs 0.90 ×\ncertificate")
    assert comparable("a 3 ×\nb") != comparable("a 3 ×\nc")

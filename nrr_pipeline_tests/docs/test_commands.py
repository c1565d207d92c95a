"""What the documents tell people to type works."""

import sqlite3
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from nrr_pipeline.cli import main
from nrr_pipeline.cli.entry import COMMANDS
from nrr_pipeline_tests.docs.pages import PAGES, README, ROOT, commands, targets, text_of

ONLY_READS = {"show", "explain", "mrr", "policy"}
"""Commands that are run on the simulated account; of the others the use is checked."""

MEANT = {"COMMAND": "show", "PERIOD": "2026-03", "P": "12111"}
"""What a reader puts for a placeholder."""


def as_typed(arguments: list[str], customer_id: str) -> list[str]:
    return [customer_id if each.startswith("cus_") else MEANT.get(each, each) for each in arguments]


ALL = sorted({tuple(found) for page in PAGES for found in commands(text_of(page)) if found})


@pytest.fixture
def in_demo_home(demo_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("NRR_HOME", str(demo_home))
    monkeypatch.delenv("NRR_POLICY", raising=False)
    monkeypatch.delenv("NRR_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return demo_home


@pytest.fixture(scope="session")
def customer_id(demo_home: Path) -> str:
    connection = sqlite3.connect(f"file:{demo_home / 'nrr.db'}?mode=ro", uri=True)
    found = connection.execute("SELECT customer_id FROM mrr_intervals LIMIT 1").fetchone()[0]
    connection.close()
    return found


def test_the_documents_show_every_command() -> None:
    assert {found[0] for found in ALL} >= set(COMMANDS)


@pytest.mark.usefixtures("in_demo_home")
@pytest.mark.parametrize("arguments", ALL, ids=" ".join)
def test_a_documented_command_works(arguments: tuple[str, ...], customer_id: str) -> None:
    typed = as_typed(list(arguments), customer_id)
    if typed[0] in ONLY_READS and not is_only_named(typed):
        result = CliRunner().invoke(main, typed, catch_exceptions=False)
        assert result.exit_code == 0, result.output
    else:
        is_understood(typed)


def is_understood(typed: list[str]) -> None:
    """The use is right: every option exists, and every value is one of its kind."""
    name, *arguments = [each for each in typed if each != "--debug"]
    command = main.get_command(click.Context(main), name)
    assert command is not None
    if not is_only_named([name, *arguments]):
        command.make_context(name, arguments).close()


def is_only_named(typed: list[str]) -> bool:
    """Whether a text names a command that wants arguments, and not how to use it."""
    command = main.get_command(click.Context(main), typed[0])
    return len(typed) == 1 and command is not None and any(each.required for each in command.params)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_names_every_option_of_a_command(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    row = next(line for line in text_of(README).splitlines() if line.startswith(f"| `nrr {name}"))
    options = [option for each in command.params for option in each.opts if option[:2] == "--"]
    assert [option for option in options if option not in row] == []


def test_make_knows_every_target_that_is_named() -> None:
    makefile = text_of(ROOT / "Makefile")
    named = {target for page in PAGES for target in targets(text_of(page))}
    assert named >= {"demo", "test", "ui"}
    assert [target for target in sorted(named) if f"\n{target}:" not in makefile] == []

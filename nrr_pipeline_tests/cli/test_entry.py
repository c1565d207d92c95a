"""The group of commands: help, errors and exit status."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from nrr_pipeline.cli import main, opening
from nrr_pipeline.cli.entry import COMMANDS
from nrr_pipeline_tests.cli.conftest import KEY, Nrr


def command(name: str) -> click.Command:
    return importlib.import_module(f"nrr_pipeline.cli.{COMMANDS[name].module}").command


def examples(name: str) -> list[str]:
    """The commands among a command's examples, without what is said about them."""
    lines = (command(name).epilog or "").splitlines()
    found = [
        re.split(r"\s{3,}", line.strip())[0] for line in lines if re.match(r"  \S*.*nrr ", line)
    ]
    return [re.sub(r"^(\w+=\S+ )+", "", line) for line in found]


def test_help_lists_every_command_with_what_it_does(nrr: Nrr) -> None:
    result = nrr("--help")
    assert result.exit_code == 0
    for name, entry in COMMANDS.items():
        assert re.search(rf"^  {name} +{entry.summary.split()[0]}", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(name: str, nrr: Nrr) -> None:
    result = nrr(name, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert examples(name)


@pytest.mark.parametrize("example", [each for name in COMMANDS for each in examples(name)])
def test_every_example_in_the_help_is_accepted(example: str) -> None:
    program, name, *arguments = shlex.split(example)
    assert program == "nrr"
    command(name).make_context(name, arguments)


@pytest.mark.parametrize("arguments", [["explode"], ["show", "--frobnicate"], ["--nothing"]])
def test_wrong_use_ends_with_status_2(nrr: Nrr, arguments: list[str]) -> None:
    assert nrr(*arguments).exit_code == 2


def test_an_unusable_setting_is_named_and_ends_with_status_2(
    nrr: Nrr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NRR_UI_URL", "nonsense")
    result = nrr("show")
    assert result.exit_code == 2
    assert "NRR_UI_URL" in result.stderr


def test_a_home_that_is_a_file_is_refused_and_left_alone(nrr: Nrr, home: Path) -> None:
    home.write_text("precious")
    result = nrr("show")
    assert result.exit_code == 2
    assert str(home) in result.stderr
    assert home.read_text() == "precious"


@pytest.mark.parametrize("name", ["show", "mrr"])
def test_an_installation_without_data_says_how_to_begin_and_creates_nothing(
    name: str, nrr: Nrr, home: Path
) -> None:
    result = nrr(name)
    assert result.exit_code == 1
    assert "nrr run" in result.stderr
    assert not home.exists()


def test_an_unexpected_error_is_one_line_and_a_file_without_secrets(
    nrr: Nrr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", KEY)

    def fails() -> None:
        raise ValueError(f"odd {KEY}")

    monkeypatch.setattr(opening, "load", fails)
    result = nrr("show")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    path = Path(re.search(r"The traceback is in (\S+\.txt)", result.stderr)[1])  # type: ignore[index]
    text = path.read_text()
    path.unlink()
    assert "Traceback" in text
    assert KEY not in text + result.output


def test_debug_shows_where_an_error_comes_from(nrr: Nrr, home: Path) -> None:
    home.write_text("")
    assert type(nrr("--debug", "show").exception).__name__ == "SettingsError"


def test_ctrl_c_says_that_nothing_is_lost(nrr: Nrr, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(opening, "load", interrupted)
    result = nrr("show")
    assert result.exit_code == 130
    assert "nothing is lost" in result.stderr


def test_a_reader_that_closes_the_pipe_early_is_met_with_silence(published: Path) -> None:
    del published
    with subprocess.Popen(
        [sys.executable, "-m", "nrr_pipeline.cli", "show", "2026-Q3", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait()


@pytest.mark.parametrize("question", [["show"], ["show", "2026-Q3", "--by", "company_size"]])
def test_a_question_starts_without_dagster_and_pandas(published: Path, question: list[str]) -> None:
    del published
    program = (
        "import sys; from nrr_pipeline.cli import main; "
        f"main({question}, standalone_mode=False); "
        "print({'dagster', 'pandas', 'stripe', 'alembic'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "set()"


def test_it_can_be_run_as_a_module_and_tells_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nrr_pipeline.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("nrr, version ")
    assert main.name == "main"

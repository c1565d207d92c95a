"""What a fresh clone relies on: locks that install everywhere, and one list of tools."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ["requirements.lock", "requirements-dev.lock"]


def pinned(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", text, re.MULTILINE))


def named(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", each)[0].lower() for each in requirements}


def project() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_neither_addresses_nor_paths(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("    --hash=sha256:")]
    assert all(line.endswith("\\") for line in lines)
    assert re.findall(r"://|@ |/|^-", "\n".join(lines), re.MULTILINE) == []


def test_the_locks_hold_everything_that_the_project_names() -> None:
    content = project()
    assert named(content["project"]["dependencies"]) <= set(pinned("requirements.lock"))
    assert named(content["dependency-groups"]["dev"]) <= set(pinned("requirements-dev.lock"))


def test_both_locks_agree() -> None:
    run_time, development = (pinned(lock) for lock in LOCKS)
    both = set(run_time) & set(development)
    assert {name: run_time[name] for name in both} == {name: development[name] for name in both}


def test_no_development_tool_is_installed_for_a_run() -> None:
    tools = {"pytest", "hypothesis", "pyright", "ruff", "import-linter", "dagster-dg-cli"}
    assert tools & set(pinned("requirements.lock")) == set()

"""Every setting stands in the documents, and what stands there is a setting."""

import re
import tomllib
from pathlib import Path

import pytest

from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.settings import Settings
from nrr_pipeline.stripe_source.errors import NEEDED_PERMISSIONS
from nrr_pipeline.stripe_source.redaction import DROPPED, REDUCED
from nrr_pipeline_tests.docs.pages import PAGES, README, ROOT, blocks, name_of, text_of

METRICS = ROOT / "docs" / "metrics.md"
OPERATIONS = ROOT / "docs" / "operations.md"

SNIPPETS = [
    pytest.param(snippet, id=f"{name_of(page)}-{number}")
    for page in PAGES
    for number, snippet in enumerate(blocks(text_of(page), "toml"))
]


def test_the_readme_lists_the_environment_as_it_is_read() -> None:
    rows = re.findall(r"^\| (`[A-Z].*?) \|", text_of(README), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert named == {name.upper() for name in Settings.model_fields}


def test_the_table_of_the_policy_lists_every_setting_with_its_default() -> None:
    section = text_of(METRICS).partition("\n## The policy\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| (`[a-z].*?) \| (.*?) \|", section, re.MULTILINE))
    named = {name: default for row, default in rows.items() for name in re.findall(r"`(.*?)`", row)}
    settings = MetricPolicy().settings()
    assert set(named) == set(settings)
    plain = {name: text.strip("`") for name, text in named.items()}
    others = {name for name, default in settings.items() if plain[name] != default}
    assert others == {"reporting_currency", "start_date"}  # their defaults depend on the account


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_policy_that_is_shown_can_be_used(snippet: str) -> None:
    MetricPolicy.model_validate(tomllib.loads(snippet))


@pytest.mark.parametrize("page", [README, OPERATIONS], ids=name_of)
def test_the_permissions_of_the_key_are_those_that_are_needed(page: Path) -> None:
    text = " ".join(text_of(page).split())
    *most, last = NEEDED_PERMISSIONS
    assert f"*Read* on {', '.join(most)} and {last}" in text


def test_everything_that_is_never_stored_is_listed() -> None:
    section = text_of(OPERATIONS).partition("\n## Privacy\n")[2].partition("\n```")[0]
    assert set(re.findall(r"`(\w+)`", section)) - {"name", "metadata"} == DROPPED | REDUCED

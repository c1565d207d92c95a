"""``nrr policy``: every setting in force, and where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline_tests.cli.conftest import Nrr


def test_every_setting_is_printed_with_the_version(nrr: Nrr) -> None:
    result = nrr("policy")
    assert result.exit_code == 0
    for name, value in MetricPolicy().settings().items():
        line = next(line for line in result.stdout.splitlines() if line.startswith(f"{name} "))
        assert value in line
        assert "not the default" not in line
    assert "Policy 3-default" in result.stdout
    assert "data as of" in result.stdout


def test_choices_and_their_file_are_named(nrr: Nrr) -> None:
    Path("policy.toml").write_text('[normalization]\nweek = "1461/28"\n')
    result = nrr("policy")
    assert str(Path("policy.toml").absolute()) in result.stdout
    line = next(
        line for line in result.stdout.splitlines() if line.startswith("normalization.week")
    )
    assert "1461/28" in line
    assert "not the default" in line


@pytest.mark.parametrize("content", ["churn_at = ", 'churn_at = "never"\n', "chrun_at = 1\n"])
def test_a_file_that_cannot_be_used_ends_every_command_with_status_2(
    nrr: Nrr, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine.toml").write_text(content)
    monkeypatch.setenv("NRR_POLICY", "mine.toml")
    for arguments in (["policy"], ["show"], ["mrr"], ["run"], ["doctor"]):
        result = nrr(*arguments)
        assert result.exit_code == 2
        assert "mine.toml" in result.stderr

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.settings import Settings, load_settings

SECRETS = {
    "STRIPE_API_KEY": "rk_live_very_secret",
    "NRR_DATABASE_URL": "postgresql+psycopg://nrr:very-secret@db/nrr",
    "SLACK_WEBHOOK_URL": "https://hooks.example.com/very/secret",
    "SLACK_BOT_TOKEN": "xoxb-very-secret",
}


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting is set, and the working directory is empty."""
    for name in os.environ:
        if name.startswith(("NRR_", "STRIPE_", "SLACK_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_anything_everything_lives_below_the_working_directory(tmp_path: Path) -> None:
    settings = load_settings()

    assert settings.home == tmp_path / ".nrr"
    assert settings.database_url == f"sqlite:///{tmp_path}/.nrr/nrr.db"
    assert settings.dagster_home == tmp_path / ".nrr" / "dagster"
    assert settings.reports == f"{tmp_path}/.nrr/reports"
    assert settings.policy_path is None
    assert settings.stripe_api_key is None
    assert settings.nrr_ui_url == "http://127.0.0.1:3000"
    assert list(tmp_path.iterdir()) == []


def test_every_setting_is_read_from_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {
        "STRIPE_API_BASE": "http://127.0.0.1:12111",
        "NRR_HOME": str(tmp_path / "somewhere"),
        "NRR_DATABASE_SCHEMA": "nrr_2",
        "NRR_POLICY": "rules.toml",
        "NRR_UI_URL": "https://dagster.example.com/",
        "NRR_REPORTS": "s3://bucket/reports",
        "NRR_OWNER": "finance@example.com",
        "NRR_TAGS": "cost_center = finance,data=confidential",
        "SLACK_CHANNEL": "#finance",
        "SLACK_API_BASE": "http://127.0.0.1:5000",
    }
    for name, value in (SECRETS | others).items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert settings.stripe_api_key is not None
    assert settings.stripe_api_key.get_secret_value() == SECRETS["STRIPE_API_KEY"]
    assert settings.database_url == SECRETS["NRR_DATABASE_URL"]
    assert settings.nrr_database_schema == "nrr_2"
    assert settings.home == tmp_path / "somewhere"
    assert settings.policy_path == tmp_path / "rules.toml"
    assert settings.nrr_ui_url == "https://dagster.example.com"
    assert settings.reports == "s3://bucket/reports"
    assert settings.slack_channel == "#finance"


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "very" not in shown


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "")
    monkeypatch.setenv("NRR_HOME", "")

    settings = load_settings()

    assert settings.stripe_api_key is None
    assert settings.home.name == ".nrr"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("NRR_UI_URL", "localhost:3000", "NRR_UI_URL is not an address such as http://127.0.0.1"),
        (
            "NRR_DATABASE_SCHEMA",
            "pg_nrr",
            "NRR_DATABASE_SCHEMA 'pg_nrr' is not the name of a schema",
        ),
        ("NRR_DATABASE_SCHEMA", 'a"; --', "such as nrr"),
        ("NRR_OWNER", "bob", "NRR_OWNER 'bob' is neither an e-mail address nor a team"),
        ("NRR_TAGS", "finance", "NRR_TAGS 'finance' is not a list such as cost_center=finance"),
        ("NRR_TAGS", "a=b, c=d e", "at most 63 letters, digits, _, - and ."),
        ("NRR_TAGS", "a=b,", "is not a list such as"),
        ("NRR_TAGS", "a=b, a=c", "has a name twice"),
        ("NRR_TAGS", "stage=mine", "or stage, which every asset has already"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as raised:
        load_settings()

    assert said in str(raised.value)
    assert raised.value.exit_status == 2


@pytest.mark.parametrize("below", ["", "home", "deeper/home"])
def test_a_home_that_is_a_file_is_named_with_the_fix(
    below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setenv("NRR_HOME", str(file / below))

    with pytest.raises(SettingsError) as raised:
        load_settings()

    assert f"{file} is a file, not a folder" in str(raised.value)
    assert "export NRR_HOME=" in str(raised.value)
    assert file.read_text() == "not a folder"


def test_the_home_is_created_only_when_asked_for(tmp_path: Path) -> None:
    settings = Settings(nrr_home=tmp_path / "new" / "home")
    assert not settings.home.exists()

    assert settings.create_home().is_dir()


def test_the_policy_file_of_the_working_directory_is_taken_without_being_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "policy.toml").touch()

    assert load_settings().policy_path == tmp_path / "policy.toml"


def test_the_policy_file_of_the_home_is_taken_where_the_working_directory_has_none(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = Settings(nrr_home=home)
    assert settings.policy_path is None

    (home / "policy.toml").touch()
    assert settings.policy_path == home / "policy.toml"

    (tmp_path / "policy.toml").touch()
    assert settings.policy_path == tmp_path / "policy.toml"

"""Settings of the installation, from the environment: keys, addresses and folders.

Choices that move a figure do not belong here: see ``policy``. Nothing is created by reading them.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nrr_pipeline.errors import SettingsError

OWN_TAG = "stage"
"""The tag of assets that is not for choosing."""

_TAG = re.compile(r"\s*([\w.-]{1,63})\s*=\s*([\w.-]{1,63})\s*", re.ASCII)


def _web_address(value: str) -> str:
    if not re.match(r"https?://[^/\s]+", value):
        raise ValueError("is not an address such as http://127.0.0.1:3000")
    return value.rstrip("/")


def _owner(value: str) -> str:
    if not re.fullmatch(r"team:[\w-]+|[^@\s:]+@[^@\s:]+\.[^@\s:]+", value):
        raise ValueError(f"{value!r} is neither an e-mail address nor a team such as team:finance")
    return value


def _tags(value: str) -> str:
    tags = [_TAG.fullmatch(pair) for pair in value.split(",")]
    names = [tag[1] for tag in tags if tag]
    if len(names) < len(tags):
        raise ValueError(
            f"{value!r} is not a list such as cost_center=finance, data=confidential; names and "
            "values have at most 63 letters, digits, _, - and ."
        )
    if OWN_TAG in names or len(set(names)) < len(names):
        raise ValueError(f"{value!r} has a name twice, or {OWN_TAG}, which every asset has already")
    return value


def _schema(value: str) -> str:
    if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", value):
        raise ValueError(
            f"{value!r} is not the name of a schema: small letters, digits and _, such as nrr, "
            "and not pg_ at its beginning"
        )
    return value


class Settings(BaseSettings):
    """What the environment says; a field is the variable of the same name in capitals.

    Secrets are never shown by ``repr`` or in errors. An empty variable counts as unset.
    """

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    stripe_api_key: SecretStr | None = None
    stripe_api_base: str | None = None
    nrr_home: Path = Path(".nrr")
    nrr_database_url: SecretStr | None = None
    nrr_database_schema: Annotated[str, AfterValidator(_schema)] | None = None
    nrr_policy: Path | None = None
    nrr_ui_url: Annotated[str, AfterValidator(_web_address)] = "http://127.0.0.1:3000"
    nrr_reports: str | None = None
    nrr_owner: Annotated[str, AfterValidator(_owner)] = "team:finance-ops"
    nrr_tags: Annotated[str, AfterValidator(_tags)] | None = None
    slack_webhook_url: SecretStr | None = None
    slack_bot_token: SecretStr | None = None
    slack_channel: str | None = None
    slack_api_base: Annotated[str, AfterValidator(_web_address)] | None = None

    @property
    def home(self) -> Path:
        """The folder below which everything local lives, absolute."""
        return self.nrr_home.expanduser().absolute()

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its runs and events."""
        return self.home / "dagster"

    @property
    def database_url(self) -> str:
        """The address of the database, with its password: not for showing."""
        if self.nrr_database_url is not None:
            return self.nrr_database_url.get_secret_value()
        return f"sqlite:///{self.home / 'nrr.db'}"

    @property
    def policy_path(self) -> Path | None:
        """The policy file: the one named, else ``policy.toml`` here or in the home, else none."""
        if self.nrr_policy is not None:
            return self.nrr_policy.expanduser().absolute()
        places = (Path("policy.toml").absolute(), self.home / "policy.toml")
        return next((place for place in places if place.exists()), None)

    @property
    def secrets(self) -> list[str]:
        """What must not be shown to anybody, where it is set."""
        kept = (self.stripe_api_key, self.slack_webhook_url, self.slack_bot_token)
        return [secret.get_secret_value() for secret in kept if secret is not None]

    @property
    def reports(self) -> str:
        """Folder or object-store address of board reports."""
        return self.nrr_reports or str(self.home / "reports")

    @property
    def asset_tags(self) -> dict[str, str]:
        """Tags of every asset in Dagster, by name."""
        return dict(_TAG.findall(self.nrr_tags or ""))

    def create_home(self) -> Path:
        """Create the home where it is missing, and return it.

        Raises:
            SettingsError: It cannot be created or written to.
        """
        check_home(self.home)
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"The home {self.home} cannot be created: {error.strerror}. Make it writable, or "
                "choose another: export NRR_HOME=/path/to/a/folder"
            ) from error
        return self.home


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: A variable cannot be used; the message names it and the fix.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        mistakes = "; ".join(
            f"{str(each['loc'][0]).upper()} {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()
        )
        raise SettingsError(
            f"Settings that cannot be used: {mistakes}. Correct or unset them"
        ) from None
    check_home(settings.home)
    return settings


def check_home(home: Path) -> None:
    """Refuse a home that can never be a folder.

    Raises:
        SettingsError: The home, or a part of its path, is a file.
    """
    for place in (home, *home.parents):
        if place.is_dir():
            return
        if place.exists():
            raise SettingsError(
                f"The home {home} cannot be used: {place} is a file, not a folder. Move the file "
                "away, or choose another home: export NRR_HOME=/path/to/a/folder"
            )

"""What every reading command opens first: settings, policy and database, and the last lines.

Here belong the words for an installation without data yet, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nrr_pipeline.cli.exclusions import exclusion_document, exclusion_lines
from nrr_pipeline.cli.rendering import day, instant
from nrr_pipeline.errors import NrrError
from nrr_pipeline.orchestration.stages.accounts import excluded_now
from nrr_pipeline.policy import MetricPolicy, load_policy, names_a_place
from nrr_pipeline.settings import Settings, load_settings
from nrr_pipeline.warehouse.engine import database_exists, open_warehouse
from nrr_pipeline.warehouse.reading import Reach, reach
from nrr_pipeline.warehouse.transactions import Connection


class NothingYetError(NrrError):
    """There is no database to read."""


@dataclass(frozen=True)
class Opened:
    """An installation that is open for reading, as of one moment."""

    settings: Settings
    policy: MetricPolicy
    connection: Connection

    @cached_property
    def reach(self) -> Reach:
        """How far the figures reach."""
        return reach(self.connection)

    def footer(self, policy_versions: Iterable[str] = ()) -> list[str]:
        """Return the last lines of every output: how fresh it is, and under which rules.

        Args:
            policy_versions: Of the figures shown, where they were published under some.
        """
        return [
            _as_of(self.reach),
            policy_line(self.policy, policy_versions),
            *exclusion_lines(excluded_now(self.connection)),
        ]

    def document(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {
            "data_as_of": {
                "last_complete_pull": self.reach.observed_at,
                "last_published_day": self.reach.last_published_day,
            },
            "policy": {"version": self.policy.version, "choices": self.policy.choices()},
            "excluded": exclusion_document(excluded_now(self.connection)),
        }


def load() -> tuple[Settings, MetricPolicy]:
    """Read the settings and the policy that they name.

    Raises:
        SettingsError: One of them cannot be used.
    """
    settings = load_settings()
    return settings, load_policy(settings.policy_path)


@contextmanager
def opened() -> Iterator[Opened]:
    """Open the installation that the environment names.

    Raises:
        SettingsError: The settings or the policy cannot be used.
        NothingYetError: There is no database.
    """
    settings, policy = load()
    if not database_exists(settings.database_url, settings.nrr_database_schema):
        raise nothing_yet(settings.home)
    with (
        open_warehouse(settings.database_url, settings.nrr_database_schema) as warehouse,
        warehouse.read() as connection,
    ):
        yield Opened(settings, policy, connection)


def nothing_yet(home: Path) -> NothingYetError:
    """Return the error of a command that has nothing to show."""
    return NothingYetError(
        f"Nothing has been pulled into {home} yet. Set STRIPE_API_KEY and run: nrr run. "
        "To look around without a Stripe account: make demo, then set NRR_HOME=.nrr/demo"
    )


def as_of_line(settings: Settings) -> str:
    """Say how far the figures reach, also where there are none yet or the database is unusable."""
    if not database_exists(settings.database_url, settings.nrr_database_schema):
        return _as_of(Reach(None, None, None))
    try:
        with (
            open_warehouse(settings.database_url, settings.nrr_database_schema) as warehouse,
            warehouse.read() as connection,
        ):
            return _as_of(reach(connection))
    except NrrError:
        return "data as of: unknown, the database cannot be read"


def policy_line(policy: MetricPolicy, policy_versions: Iterable[str] = ()) -> str:
    """Say under which rules figures stand, and which of them are not the default."""
    choices = ", ".join(
        f"{name} = {value}" for name, value in policy.choices().items() if not names_a_place(name)
    )
    line = f"policy {policy.version} ({choices or 'every choice is the default'})"
    others = sorted(set(policy_versions) - {policy.version})
    if others:
        line += f"; figures published under {', '.join(others)} stand until the next nrr run"
    return line


def _as_of(reach: Reach) -> str:
    if reach.observed_at is None:
        return "data as of: no pull from Stripe has been completed yet"
    pulled = f"data as of {instant(reach.observed_at)} (last complete pull)"
    if reach.last_published_day is None:
        return f"{pulled}; no day is published yet"
    return f"{pulled}; days published through {day(reach.last_published_day)}"

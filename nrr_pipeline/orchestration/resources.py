"""What assets are given: the warehouse, the Stripe account, the policy, and somebody to tell.

Each opens what it stands for only when asked, from the settings, so that definitions load without
any. They are plain objects instead of configurable resources: a setting that never becomes run
configuration cannot be shown with the run.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.notify.opening import slack_sender
from nrr_pipeline.notify.slack import SlackSender
from nrr_pipeline.policy import MetricPolicy, load_policy
from nrr_pipeline.settings import Settings
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.transactions import Warehouse

Echo = Callable[[str], None]

SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True)
class WarehouseResource:
    """The database of the installation; created in the home when it is first opened."""

    settings: Settings

    @contextmanager
    def opened(self) -> Iterator[Warehouse]:
        """Open the database for a step."""
        if self.settings.nrr_database_url is None:
            self.settings.create_home()
        with open_warehouse(
            self.settings.database_url, self.settings.nrr_database_schema
        ) as warehouse:
            yield warehouse


@dataclass(frozen=True)
class StripeResource:
    """The Stripe account that the key in the settings leads to."""

    settings: Settings

    @contextmanager
    def opened(self) -> Iterator[StripeSource]:
        """Open the account for a step.

        Raises:
            SettingsError: There is no key, or one that cannot work.
        """
        with StripeSource(self.require_key(), self.settings.stripe_api_base) as source:
            yield source

    def require_key(self) -> str:
        """Return the key.

        Raises:
            SettingsError: There is none.
        """
        key = self.settings.stripe_api_key
        if key is None:
            raise SettingsError(
                "STRIPE_API_KEY is not set. Make a restricted key that may only read, and set it: "
                "export STRIPE_API_KEY=rk_live_…  To look around without a Stripe account: "
                "make demo"
            )
        return key.get_secret_value()


@dataclass(frozen=True)
class SlackResource:
    """Where alerts are sent to."""

    settings: Settings

    def sender(self) -> SlackSender | None:
        """Return it; ``None`` when nothing about Slack is set.

        Raises:
            SettingsError: What is set cannot work; the message says what to do.
        """
        return slack_sender(self.settings)


@dataclass(frozen=True)
class PolicyResource:
    """The metric policy in force."""

    settings: Settings

    def load(self) -> MetricPolicy:
        """Read the policy file, or take the defaults."""
        return load_policy(self.settings.policy_path)


@dataclass(frozen=True)
class Narrator:
    """Tells how far a long step is: the person who waits for it, else the log of the run."""

    echo: Echo | None = None

    def say(self, context: dg.AssetExecutionContext, line: str) -> None:
        """Pass on a line."""
        tell: Echo = context.log.info if self.echo is None else self.echo
        tell(line)

    def now_and_then(self, context: dg.AssetExecutionContext) -> Echo:
        """A function that passes on a line every few seconds, however often it is called."""
        told_at = time.monotonic()

        def pass_on(line: str) -> None:
            nonlocal told_at
            if time.monotonic() - told_at >= SECONDS_BETWEEN_LINES:
                told_at = time.monotonic()
                self.say(context, line)

        return pass_on

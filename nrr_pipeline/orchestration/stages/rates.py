"""The reporting currency and the exchange rates into it, as known at a time.

Where rates come from stands in ``inputs``, how an amount is converted in ``metrics.conversion``.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from fractions import Fraction

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.metrics.conversion import (
    DaysWithoutRate,
    KnownRate,
    MissingRateError,
    RateTable,
)
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse import given, quality, snapshots
from nrr_pipeline.warehouse.transactions import Connection

MISSING_RATE = "missing_rate"
"""Check name of findings about days without reporting figures."""


class ReportingCurrencyError(SettingsError):
    """There are several currencies and the policy does not say which one to report in."""


def reporting_currency(connection: Connection, policy: MetricPolicy) -> str:
    """The currency of every reporting figure.

    Raises:
        ReportingCurrencyError: Several currencies are present and the policy names none.
    """
    if policy.reporting_currency is not None:
        return policy.reporting_currency
    present = snapshots.currencies(connection)
    if len(present) > 1:
        raise ReportingCurrencyError(
            f"There is MRR in {', '.join(code.upper() for code in present)}. Say which currency to "
            f'report in: put  reporting_currency = "{present[0]}"  into policy.toml. Native '
            "figures are published meanwhile"
        )
    return present[0] if present else "usd"


def rate_table(
    connection: Connection, policy: MetricPolicy, known_at: datetime | None = None
) -> RateTable:
    """Every rate into the reporting currency, as known at a time (default: now).

    Raises:
        ReportingCurrencyError: Several currencies are present and the policy names none.
    """
    into = reporting_currency(connection, policy)
    facts = given.facts_of(connection, given.FX_RATES, known_at)
    if not _bank_leads_into(into, facts):
        facts = [fact for fact in facts if fact["source"] != "ecb"]
    facts.sort(key=lambda fact: given.PRECEDENCE.index(fact["source"]))
    known = (
        KnownRate(fact["currency"], fact["as_of_date"], Fraction(fact["rate"])) for fact in facts
    )
    return RateTable(into, known, max_age_days=policy.fx.max_age_days)


def _bank_leads_into(currency: str, facts: Iterable[given.Fact]) -> bool:
    """Whether the bank's rates are into a currency: they name its own, 1.

    After another reporting currency was chosen they are not, until they are read again.
    """
    own = {
        fact["rate"] for fact in facts if fact["source"] == "ecb" and fact["currency"] == currency
    }
    return own == {"1"}


def with_fix(problem: str, day: date) -> str:
    """A rate that is missing on a day, and what to do about it."""
    return (
        f"{problem}. Add a rate of {day}, or of a few days before, to the file that files.fx_rates "
        "names, or let fx.ecb name the European Central Bank's history, then: nrr run --no-pull"
    )


def missing_rate_findings(lacking: DaysWithoutRate, rates: RateTable) -> list[quality.Finding]:
    """One finding for each currency in which there is MRR on days without a rate.

    Args:
        lacking: Those days, in order, by currency.
        rates: The rates that there are.
    """
    return [
        missing_rate_finding(
            currency,
            with_fix(
                f"{MissingRateError(currency, days[0], rates.last_known(currency, days[0]))}; "
                f"{_spelled(days)} no figures in {rates.reporting_currency.upper()}",
                days[0],
            ),
            scope_id=currency,
        )
        for currency, days in lacking.items()
    ]


def missing_rate_finding(currency: str, detail: str, *, scope_id: str) -> quality.Finding:
    """Reporting figures are not published for want of a rate."""
    return quality.Finding(
        check_name=MISSING_RATE,
        severity="error",
        object_id=currency.upper(),
        detail=detail,
        scope_id=scope_id,
    )


def _spelled(days: Sequence[date]) -> str:
    if len(days) == 1:
        return f"{days[0]} has"
    return f"{len(days)} days from {days[0]} to {days[-1]} have"

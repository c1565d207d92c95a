"""The lists that users give, and where each comes from. How one is taken up is in ``syncing``."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path

from nrr_pipeline.inputs.attributes import read_attributes, read_validity
from nrr_pipeline.inputs.csv_files import Fact, InputError
from nrr_pipeline.inputs.customer_map import customer_map_fact, read_customer_map
from nrr_pipeline.inputs.ecb import cross_rates, read_ecb
from nrr_pipeline.inputs.fx_rates import fx_rate_fact, read_fx_rates
from nrr_pipeline.orchestration.stages.accounts import judge_customer_map
from nrr_pipeline.orchestration.stages.attributes import build_attributes, judge_attributes
from nrr_pipeline.orchestration.stages.rates import ReportingCurrencyError, reporting_currency
from nrr_pipeline.orchestration.stages.syncing import GivenList, InputReport, Listing
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse import given, snapshots
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse


def sync_fx_rates(warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock) -> InputReport:
    """Take up exchange rates: the file's, a bank's, and those entered by hand."""
    sources: dict[given.Source, Listing] = {
        "file": lambda: _rates_file(warehouse, policy),
        "ecb": lambda: _ecb(warehouse, policy),
    }
    return FX_RATES.sync(warehouse, sources, clock=clock)


def sync_customer_map(warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock) -> InputReport:
    """Take up which customers count as one account."""
    source = _file(policy.files.customer_map, read_customer_map)
    return CUSTOMER_MAP.sync(warehouse, {"file": source}, clock=clock)


def sync_attributes(warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock) -> InputReport:
    """Take up what customers are told apart by: from a list, and from Stripe's objects."""
    source = _file(policy.files.attributes, read_attributes)
    attributes = replace(ATTRIBUTES, judge=partial(judge_attributes, policy))
    report = attributes.sync(warehouse, {"file": source}, clock=clock)
    build_attributes(warehouse, policy, clock=clock)
    return report


def _rates_file(warehouse: Warehouse, policy: MetricPolicy) -> list[Fact]:
    """The file's rates; refused when they lead into another currency than the reporting one."""
    path = policy.files.fx_rates
    if path is None:
        return []
    facts = read_fx_rates(path)
    with warehouse.read() as connection, suppress(ReportingCurrencyError):
        into = reporting_currency(connection, policy)
        for fact in facts:
            if fact["currency"] == into and Fraction(fact["rate"]) != 1:
                raise InputError(
                    f"{path}: {into.upper()} is the reporting currency, yet its rate on "
                    f"{fact['as_of_date']} is {fact['rate']}. Rates are units of {into.upper()} "
                    f"for one unit, so its own is 1 or left out"
                )
    return facts


def _ecb(warehouse: Warehouse, policy: MetricPolicy) -> list[Fact]:
    """The bank's rates of the currencies that there are, from the first day that needs them.

    A trailing year opens up to a year before the first day with MRR that it holds.
    """
    if policy.fx.ecb is None:
        return []
    with warehouse.read() as connection:
        first_days = snapshots.first_days_by_currency(connection)
        into = reporting_currency(connection, policy)
    if set(first_days) <= {into}:
        return []
    before = timedelta(days=366 + policy.fx.max_age_days)
    since = {currency: first - before for currency, first in first_days.items()}
    since[into] = min(since.values())
    return cross_rates(read_ecb(policy.fx.ecb), into, since)


def _file(path: Path | None, read: Callable[[Path], list[Fact]]) -> Listing:
    """A file that is no longer named says nothing any more."""
    return lambda: [] if path is None else read(path)


def _attribute(row: Fact) -> Fact:
    for name in ("customer_id", "attribute", "value"):
        if not row[name]:
            raise ValueError(f"{name} is empty")
    return {**row, **read_validity(row)}


def _rates_changed_from(connection: Connection, changed: Sequence[Fact]) -> date | None:
    """A rate changes nothing before its day, nor before there is MRR in its currency."""
    first_days = snapshots.first_days_by_currency(connection)
    return min(
        (
            max(fact["as_of_date"], first_days[fact["currency"]])
            for fact in changed
            if fact["currency"] in first_days
        ),
        default=None,
    )


def _from_the_start(connection: Connection, changed: Sequence[Fact]) -> date | None:
    del changed
    return snapshots.earliest_paid_day(connection)


def _when_priced(connection: Connection, changed: Sequence[Fact]) -> None:
    """A joined customer moves figures when its intervals name the account, and notes it then."""
    del connection, changed


FX_RATES = GivenList(
    given.FX_RATES, "fx", fx_rate_fact, _rates_changed_from, {"file": "error", "ecb": "warning"}
)
CUSTOMER_MAP = GivenList(
    given.CUSTOMER_MAP,
    "correction",
    customer_map_fact,
    _when_priced,
    {"file": "error"},
    judge=judge_customer_map,
)
ATTRIBUTES = GivenList(
    given.ATTRIBUTES, "correction", _attribute, _from_the_start, {"file": "error"}
)

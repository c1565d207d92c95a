"""The lists that users give, and where each comes from. How one is taken up is in ``syncing``."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from nrr_pipeline.inputs.attributes import read_attributes
from nrr_pipeline.inputs.csv_files import Fact, read_day
from nrr_pipeline.inputs.customer_map import customer_map_fact, read_customer_map
from nrr_pipeline.inputs.fx_rates import fx_rate_fact, read_fx_rates
from nrr_pipeline.orchestration.stages.syncing import GivenList, InputReport, Listing
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse import given, snapshots
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse


def sync_fx_rates(warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock) -> InputReport:
    """Take up exchange rates."""
    return FX_RATES.sync(
        warehouse, {"file": _file(policy.files.fx_rates, read_fx_rates)}, clock=clock
    )


def sync_customer_map(warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock) -> InputReport:
    """Take up which customers count as one account."""
    source = _file(policy.files.customer_map, read_customer_map)
    return CUSTOMER_MAP.sync(warehouse, {"file": source}, clock=clock)


def sync_attributes(warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock) -> InputReport:
    """Take up what Stripe does not know about customers."""
    source = _file(policy.files.attributes, read_attributes)
    return ATTRIBUTES.sync(warehouse, {"file": source}, clock=clock)


def _file(path: Path | None, read: Callable[[Path], list[Fact]]) -> Listing:
    """A file that is no longer named says nothing any more."""
    return lambda: [] if path is None else read(path)


def _attribute(row: Fact) -> Fact:
    days = {
        name: None if row[name] is None else read_day(str(row[name]), name)
        for name in ("valid_from", "valid_to")
    }
    for name in ("customer_id", "attribute", "value"):
        if not row[name]:
            raise ValueError(f"{name} is empty")
    return {**row, **days}


def _from_the_start(connection: Connection, changed: Sequence[Fact]) -> date | None:
    del changed
    return snapshots.earliest_paid_day(connection)


FX_RATES = GivenList(
    given.FX_RATES, "fx", fx_rate_fact, _from_the_start, {"file": "error", "ecb": "warning"}
)
CUSTOMER_MAP = GivenList(
    given.CUSTOMER_MAP, "correction", customer_map_fact, _from_the_start, {"file": "error"}
)
ATTRIBUTES = GivenList(
    given.ATTRIBUTES, "correction", _attribute, _from_the_start, {"file": "error"}
)

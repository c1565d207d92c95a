"""The customers behind a period: recomputed as they were known when it was published.

What the figures of a period mean is decided in ``metrics.retention``.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import click

from nrr_pipeline.cli.accounts import dashboard_url
from nrr_pipeline.cli.measured import measured
from nrr_pipeline.cli.opening import Opened
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.orchestration.stages.names import Names
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.spreadsheet import as_text, decimal
from nrr_pipeline.warehouse.account import bound_mode
from nrr_pipeline.warehouse.reading import Rows
from nrr_pipeline.warehouse.snapshots import customers_by_account

Customer = dict[str, Any]

_AMOUNTS = ("opening_mrr", "closing_mrr", "change")
_COLUMNS = (
    "account_id",
    "name",
    "customer_ids",
    "dashboard_urls",
    "movement",
    "currency",
    *_AMOUNTS,
    *(f"{name}_micros" for name in _AMOUNTS),
)


def columns(policy: MetricPolicy) -> tuple[str, ...]:
    """Return the columns of the list, all dimensions at its end.

    Amounts stand twice: as decimal numbers for spreadsheets, and as exact micros. Where an account
    joins several customers, their ids and links stand in one column each, with a space between.
    ``currency`` is that of the amounts, ``customer_currency`` the dimension.
    """
    return (*_COLUMNS, *map(_column, policy.dimensions))


def customers_of(installation: Opened, period: Period, rows: Rows) -> list[Customer]:
    """Return every account with MRR on either side of a period, the largest losses first.

    Args:
        installation: What to read.
        period: The period.
        rows: What was published of it.
    """
    measurement, _ = measured(installation, period, rows, "The customers")
    known_at, whole = rows[0]["known_at"], measurement.whole
    connection = installation.connection
    joined = customers_by_account(connection, known_at)
    livemode = bound_mode(connection)
    customers = [
        {
            **{str(name): value for name, value in row.items()},
            "customer_ids": " ".join(ids := joined[row["account_id"]]),
            "dashboard_urls": " ".join(dashboard_url(each, livemode=livemode) for each in ids),
            "change_micros": row["closing_mrr_micros"] - row["opening_mrr_micros"],
            "currency": whole.currency,
            _column("currency"): row["currency"],
        }
        for row in measurement.customers.to_dict("records")
    ]
    return sorted(customers, key=lambda each: (each["change_micros"], each["account_id"]))


def write_customers(path: Path, customers: list[Customer], installation: Opened) -> None:
    """Write the customers to a CSV file that spreadsheets read as text and numbers.

    Raises:
        click.BadParameter: The file cannot be written.
    """
    names, dimensions = Names(installation.connection), installation.policy.dimensions
    called = names.customers(each["account_id"] for each in customers)
    segments = {
        dimension: names.segments(dimension, {each[_column(dimension)] for each in customers})
        for dimension in dimensions
    }
    content = io.StringIO()
    writer = csv.DictWriter(
        content, columns(installation.policy), extrasaction="ignore", lineterminator="\r\n"
    )
    writer.writeheader()
    for each in customers:
        decimals = {name: decimal(each[f"{name}_micros"]) for name in _AMOUNTS}
        labels = {
            (column := _column(name)): as_text(segments[name][each[column]]) for name in dimensions
        }
        account_id: str = each["account_id"]
        called_so = {
            "account_id": as_text(account_id),
            "name": as_text(called.get(account_id, account_id)),
        }
        writer.writerow({**each, **called_so, **decimals, **labels})
    try:
        path.write_text(content.getvalue(), encoding="utf-8", newline="")
    except OSError as error:
        raise click.BadParameter(
            f"{path} cannot be written: {error.strerror}", param_hint="--customers"
        ) from error


def _column(dimension: str) -> str:
    return "customer_currency" if dimension == "currency" else dimension

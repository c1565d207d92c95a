"""One customer on a day: items, prices and quantities, and the evidence behind every stretch.

Which day and which customer is asked in ``mrr``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
from rich.console import RenderableType
from rich.table import Table

from nrr_pipeline.cli import arithmetic, documents, usage
from nrr_pipeline.cli.accounts import Member, members_lines, members_of, name_of
from nrr_pipeline.cli.opening import Opened
from nrr_pipeline.cli.rendering import bold, day, printable, table
from nrr_pipeline.metrics.dimensions import billing_interval_segment
from nrr_pipeline.metrics.money import format_money
from nrr_pipeline.orchestration.stages.discount_text import discount_document, discounts_of
from nrr_pipeline.orchestration.stages.names import Names
from nrr_pipeline.warehouse.history import history_of
from nrr_pipeline.warehouse.intervals import intervals_of
from nrr_pipeline.warehouse.transactions import FOREVER

if TYPE_CHECKING:
    from nrr_pipeline.orchestration.stages.usage import ItemUsage

Row = dict[str, Any]

_ITEM = (
    "customer_id",
    "subscription_item_id",
    "subscription_id",
    "product_id",
    "price_id",
    "billing_interval",
    "billing_interval_count",
    "quantity",
    "currency",
    "mrr_micros",
    "is_at_risk",
    "is_scheduled_churn",
    "is_approximate",
    "approximation",
    "max_error_micros",
    "held_out",
)
_STRETCH = (
    "customer_id",
    "subscription_item_id",
    "subscription_id",
    "valid_from",
    "valid_to",
    "state",
    "price_id",
    "quantity",
    "currency",
    "is_at_risk",
    "is_scheduled_churn",
    "at_risk_since",
    "tax_rate",
    "held_out",
    "end_reason",
    "approximation",
    "source",
    "source_id",
)
_ITEM_COLUMNS = (
    ("Item", "left"),
    ("Price", "left"),
    ("Quantity", "right"),
    ("Billed per", "left"),
    ("MRR", "right"),
    ("Remarks", "left"),
)
_STRETCH_COLUMNS = (
    *(("From", "left"), ("To", "left")),
    ("Price", "left"),
    ("Quantity", "right"),
    ("MRR", "right"),
    ("Evidence, remarks", "left"),
)


@dataclass(frozen=True, slots=True)
class Customer:
    """An account with its items on a day, and all that is known of its subscriptions' history.

    ``members`` are its Stripe customers: one, unless several are joined.
    """

    customer_id: str
    account_id: str
    members: list[Member]
    as_of_date: date
    items: list[Row]
    stretches: list[Row]
    prices: Mapping[str, str]
    timezone: str
    usage: list[ItemUsage] | None


def read_customer(installation: Opened, customer_id: str, as_of_date: date) -> Customer:
    """Read a customer as known now, with all that counts as the same account.

    Raises:
        click.BadParameter: There is no customer or account of that id.
    """
    connection = installation.connection
    zone = ZoneInfo(installation.policy.timezone)
    account_id, members = members_of(connection, customer_id)
    if not members:
        missing = f"there is no customer {printable(customer_id)} in this database; write its "
        fix = "Stripe id, cus_…, as the dashboard shows it, or an account_id of the customer map"
        raise click.BadParameter(missing + fix, param_hint="--customer")
    ids = [each.customer_id for each in members]
    intervals = list(intervals_of(connection, customer_ids=ids))
    stretches = list(history_of(connection, customer_ids=ids))
    explained = arithmetic.explain(connection, installation.policy, stretches)
    for stretch, steps in zip(stretches, explained, strict=True):
        stretch.update(_figure_of(stretch, intervals, zone))
        stretch["arithmetic"] = steps
    price_ids = {row["price_id"] for row in (*intervals, *stretches)}
    return Customer(
        customer_id=customer_id,
        account_id=account_id,
        members=members,
        as_of_date=as_of_date,
        items=[row for row in intervals if row["valid_from"] <= as_of_date < row["valid_to"]],
        stretches=stretches,
        prices=Names(connection).segments("price", sorted(price_ids)),
        timezone=installation.policy.timezone,
        usage=usage.read(installation, as_of_date, ids),
    )


def document(customer: Customer) -> documents.Document:
    """Return a customer for JSON."""
    return {
        "as_of_date": customer.as_of_date,
        "customer_id": customer.customer_id,
        "account_id": customer.account_id,
        "name": name_of(customer.account_id, customer.members),
        "customers": [asdict(each) for each in customer.members],
        "totals": [
            {"currency": currency, "mrr_micros": micros}
            for currency, micros in _totals(customer).items()
        ],
        "items": [
            {**documents.plain(row, _ITEM), "price_name": customer.prices[row["price_id"]]}
            for row in customer.items
        ],
        "usage": usage.items_document(customer.usage),
        "stretches": [
            {
                **documents.plain(row, _STRETCH),
                "mrr_micros": row["mrr_micros"],
                "discounts": [discount_document(each) for each in discounts_of(row["discounts"])],
                "arithmetic": row["arithmetic"].document(),
            }
            for row in customer.stretches
        ],
    }


def parts(customer: Customer) -> list[RenderableType]:
    """Return a customer for a terminal."""
    named = dict.fromkeys(
        [
            name_of(customer.account_id, customer.members),
            customer.account_id,
            day(customer.as_of_date),
        ]
    )
    title = printable("   ".join(named))
    lines: list[RenderableType] = [bold(title), *members_lines(customer.members)]
    if customer.items:
        lines += ["", _items_table(customer)]
    else:
        lines.append("No MRR on that day.")
    lines += usage.items_parts(customer.usage, customer.prices)
    by_item: dict[str, list[Row]] = {}
    for row in customer.stretches:
        by_item.setdefault(row["subscription_item_id"], []).append(row)
    if by_item:
        lines += ["", bold(f"History, in days of {customer.timezone}")]
    for item_id, stretches in by_item.items():
        owner = f" of {stretches[0]['customer_id']}" if len(customer.members) > 1 else ""
        lines += ["", f"{item_id} of {stretches[0]['subscription_id']}{owner}", ""]
        shown = [_stretch_line(customer, stretch) for stretch in stretches]
        lines.append(table(_STRETCH_COLUMNS, shown))
        zone = ZoneInfo(customer.timezone)
        lines += arithmetic.parts(
            (f"{_day_in(stretch['valid_from'], zone)}", stretch["arithmetic"])
            for stretch in stretches
        )
    return lines


def _items_table(customer: Customer) -> Table:
    """The items of the day; the amounts of several in one currency are added up."""
    shown = [_item_line(customer, row) for row in customer.items]
    totals = _totals(customer)
    if len(shown) == 1 or len(totals) != 1:
        return table(_ITEM_COLUMNS, shown)
    ((currency, micros),) = totals.items()
    total = ["all items", "", "", "", format_money(micros, currency), ""]
    return table(_ITEM_COLUMNS, shown, total=total)


def _totals(customer: Customer) -> dict[str, int]:
    """The sums by currency of what is not held out."""
    totals: dict[str, int] = {}
    for row in customer.items:
        if row["mrr_micros"] is not None:
            totals[row["currency"]] = totals.get(row["currency"], 0) + row["mrr_micros"]
    return totals


def _item_line(customer: Customer, row: Row) -> list[str]:
    micros, interval = row["mrr_micros"], row["billing_interval"]
    remarks = [
        *([f"held out: {row['held_out']}"] if row["held_out"] is not None else []),
        *(["at risk: a payment is past due"] if row["is_at_risk"] else []),
        *(["set to end"] if row["is_scheduled_churn"] else []),
        *([_approximation(row)] if row["is_approximate"] else []),
    ]
    owner = f"\n{row['customer_id']}" if len(customer.members) > 1 else ""
    return [
        f"{row['subscription_item_id']}{owner}",
        printable(customer.prices[row["price_id"]]),
        _quantity(row),
        billing_interval_segment(interval, row["billing_interval_count"]) if interval else "-",
        "-" if micros is None else format_money(micros, row["currency"]),
        printable("; ".join(remarks)),
    ]


def _stretch_line(customer: Customer, row: Row) -> list[str]:
    zone = ZoneInfo(customer.timezone)
    remarks = [
        *([row["state"].replace("_", " ")] if row["state"] != "active" else []),
        *([f"ends: {row['end_reason']}"] if row["end_reason"] else []),
        *(["at risk"] if row["is_at_risk"] else []),
        *(["set to end"] if row["is_scheduled_churn"] else []),
        *([_approximation(row)] if row["approximation"] else []),
    ]
    discounts = [
        f"{each.discount_id} of coupon {each.coupon_id}" for each in discounts_of(row["discounts"])
    ]
    evidence = [row["source"].replace("_", " "), row["source_id"], *discounts, *remarks]
    micros = row["mrr_micros"]
    return [
        f"{_day_in(row['valid_from'], zone)}",
        "" if _is_open(row) else f"{_day_in(row['valid_to'], zone)}",
        printable(customer.prices[row["price_id"]]),
        _quantity(row),
        "-" if micros is None else format_money(micros, row["currency"]),
        "\n".join(printable(each) for each in evidence),
    ]


def _approximation(row: Row) -> str:
    error = row.get("max_error_micros") or 0
    bound = f", off by at most {format_money(error, row['currency'])}" if error else ""
    return f"approximate: {row['approximation']}{bound}"


def _quantity(row: Row) -> str:
    return "-" if row["quantity"] is None else f"{row['quantity']:,}"


def _figure_of(stretch: Row, intervals: list[Row], zone: ZoneInfo) -> Row:
    """The MRR of a stretch and its largest error; none for one that lies within a day."""
    first = _day_in(stretch["valid_from"], zone)
    if not _is_open(stretch) and _day_in(stretch["valid_to"], zone) == first:
        return {"mrr_micros": None, "max_error_micros": None}
    nothing: Row = {"mrr_micros": 0, "max_error_micros": None}
    found = (
        row
        for row in intervals
        if row["subscription_item_id"] == stretch["subscription_item_id"]
        and row["valid_from"] <= first < row["valid_to"]
    )
    figure = next(found, nothing)
    return {name: figure[name] for name in nothing}


def _is_open(stretch: Row) -> bool:
    return stretch["valid_to"] >= FOREVER


def _day_in(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()

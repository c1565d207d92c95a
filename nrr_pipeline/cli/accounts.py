"""Which Stripe customers an account is, and where Stripe shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from rich.console import RenderableType

from nrr_pipeline.cli.rendering import faint, printable
from nrr_pipeline.orchestration.stages.accounts import accounts_known, excluded_now
from nrr_pipeline.orchestration.stages.names import Names
from nrr_pipeline.warehouse.account import bound_mode
from nrr_pipeline.warehouse.history import history_of
from nrr_pipeline.warehouse.raw_objects import latest
from nrr_pipeline.warehouse.transactions import Connection

DASHBOARD = "https://dashboard.stripe.com"


@dataclass(frozen=True, slots=True)
class Member:
    """A Stripe customer of an account; ``excluded`` says why it is in no figure."""

    customer_id: str
    name: str
    dashboard_url: str
    excluded: str | None


def dashboard_url(customer_id: str, *, livemode: bool | None) -> str:
    """Return where Stripe's dashboard shows a customer.

    >>> dashboard_url("cus_Nff1", livemode=False)
    'https://dashboard.stripe.com/test/customers/cus_Nff1'
    """
    mode = "test/" if livemode is False else ""
    return f"{DASHBOARD}/{mode}customers/{quote(customer_id, safe='')}"


def members_of(connection: Connection, some_id: str) -> tuple[str, list[Member]]:
    """Return the account that an id stands for, and its customers as they are joined now.

    Args:
        connection: Where to read.
        some_id: Of an account, or of a customer that is joined into one.
    """
    accounts, livemode = accounts_known(connection), bound_mode(connection)
    account_id = accounts.account_of(some_id)
    wanted = accounts.members_of(account_id)
    seen = {version.object_id for version in latest(connection, "customers", ids=wanted)}
    seen |= {row["customer_id"] for row in history_of(connection, customer_ids=wanted)}
    known = sorted(seen)
    names = Names(connection).customers(known)
    reasons = {each.object_id: each.detail for each in excluded_now(connection)}
    return account_id, [
        Member(
            each, names.get(each, each), dashboard_url(each, livemode=livemode), reasons.get(each)
        )
        for each in known
    ]


def name_of(account_id: str, members: Iterable[Member]) -> str:
    """Return the name of the customer that gives the account its id, else that id."""
    return next((each.name for each in members if each.customer_id == account_id), account_id)


def members_lines(members: Sequence[Member]) -> list[RenderableType]:
    """Say where Stripe shows the customers of an account, and which of them are in no figure."""
    lines: list[RenderableType] = []
    for each in members:
        if len(members) > 1:
            lines += ["", f"{printable(each.name)}   {each.customer_id}"]
        lines += [faint(each.dashboard_url), *([each.excluded] if each.excluded else [])]
    return lines

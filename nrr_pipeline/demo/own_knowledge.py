"""What the business knows about its customers beside Stripe, and decides about its figures.

Here belong the lists and rules that its owner would keep: which customers are one company, how they
like the product, who is only a test, and the policy file that names all of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

from nrr_pipeline.demo.currencies import HOME
from nrr_pipeline.demo.exchange_rates import FILE_NAME, rates_zip
from nrr_pipeline.demo.log import BusinessLog
from nrr_pipeline.demo.truth_retention import Viewpoint

_JOINED = ((11, 14),)
"""Customers that are one company, by the order in which they came: each with the one it joined."""

_PROMOTERS = ("promoter", "promoter", "passive", "detractor")
_ASKED = 3
"""One in so many customers was never asked."""


def owners_view(log: BusinessLog) -> Viewpoint:
    """How the owner of the business looks at it."""
    internal = frozenset(each.id for each in log.customers if each.is_internal)
    return Viewpoint(HOME, _joined(log), internal)


def policy_text(rates: str = FILE_NAME, *, with_lists: bool = True) -> str:
    """The policy of the business, to be read beside its lists.

    Args:
        rates: Path or address of the central bank's file.
        with_lists: Whether the lists of customers lie beside it.
    """
    lists = '\n[files]\ncustomer_map = "customer_map.csv"\nattributes = "attributes.csv"\n'
    promoters = '\npromoter_level = "attributes.promoter_level"'
    return (
        f'reporting_currency = "{HOME}"\n\n[fx]\necb = "{rates}"\n'
        + (lists if with_lists else "")
        + '\n[exclude.metadata]\ninternal = "yes"\n'
        + '\n[segments]\nindustry = "customer.metadata.industry"'
        + '\nchannel = "subscription.metadata.channel"'
        + (promoters if with_lists else "")
        + '\n\n[privacy]\nkeep = ["cancellation_details.comment"]'
        + '\n\n[alerts]\nreason = "subscription.metadata.change_reason"'
        + "\n"
    )


def write_own_knowledge(log: BusinessLog, home: Path) -> None:
    """Put the policy, the lists and the central bank's file into a folder."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "policy.toml").write_text(policy_text(), encoding="utf-8")
    (home / FILE_NAME).write_bytes(rates_zip(log))
    joined = [f"{customer_id},{account_id}" for customer_id, account_id in _joined(log).items()]
    _write(home / "customer_map.csv", "customer_id,account_id", joined)
    asked = [
        f"{each.id},{_PROMOTERS[zlib.crc32(each.id.encode()) % len(_PROMOTERS)]}"
        for number, each in enumerate(log.customers)
        if number % _ASKED
    ]
    _write(home / "attributes.csv", "customer_id,promoter_level", asked)


def _joined(log: BusinessLog) -> Mapping[str, str]:
    customers = log.customers
    return {
        customers[number].id: customers[into].id
        for number, into in _JOINED
        if into < len(customers)
    }


def _write(path: Path, header: str, lines: list[str]) -> None:
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")

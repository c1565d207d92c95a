"""Is this the account, and the mode, that the database belongs to?

Here belongs everything that is looked at before the first object is landed. Stripe names the
account of a restricted key nowhere in its lists, so a key of another account is recognized by what
it cannot find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nrr_pipeline.stripe_source.catalog import sample_params, single
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import (
    ObjectMissingError,
    WrongAccountError,
    WrongModeError,
)
from nrr_pipeline.stripe_source.lists import page_of

KNOWN_CUSTOMERS_TRIED = 3

_MODES = {True: "live", False: "test"}


class BoundDatabase(Protocol):
    """What the database knows about its account."""

    def bound_mode(self) -> bool | None:
        """The ``livemode`` that the database is bound to, once it is."""
        ...

    def bind_mode(self, *, livemode: bool) -> None:
        """Bind the database to a mode, for good."""
        ...

    def known_customers(self, limit: int) -> Sequence[str]:
        """Ids of the customers that were stored first."""
        ...


@dataclass(frozen=True)
class AccountFacts:
    """What the first answers say.

    Attributes:
        observed_at: The time on Stripe's clock, in Unix seconds.
        livemode: The mode of the account's objects; ``None`` for an empty account whose key does
            not say either.
    """

    observed_at: int
    livemode: bool | None


def check_account(source: StripeSource, database: BoundDatabase) -> AccountFacts:
    """Refuse a key of another mode or account; bind a new database to the mode.

    Raises:
        WrongModeError: Test and live mode would be mixed.
        WrongAccountError: None of the first customers exists for this key.
    """
    bound = database.bound_mode()
    _refuse_other_mode("The key in STRIPE_API_KEY is", mode=source.livemode, wanted=bound)
    answer = source.get("/v1/customers", {**sample_params("customers"), "limit": 1})
    seen = _livemode_of(page_of(answer.data, "/v1/customers")[0])
    if seen is None:
        other = source.get("/v1/subscriptions", {"status": "all", "limit": 1})
        seen = _livemode_of(page_of(other.data, "/v1/subscriptions")[0])
    _refuse_other_mode("The account's objects are", mode=seen, wanted=bound)
    _refuse_other_mode("The account's objects are", mode=seen, wanted=source.livemode)
    _refuse_other_account(source, database.known_customers(KNOWN_CUSTOMERS_TRIED))
    livemode = next((mode for mode in (bound, source.livemode, seen) if mode is not None), None)
    if bound is None and livemode is not None:
        database.bind_mode(livemode=livemode)
    return AccountFacts(observed_at=answer.server_time, livemode=livemode)


def _livemode_of(objects: list[Any]) -> bool | None:
    modes = (each.get("livemode") for each in objects if isinstance(each, dict))
    return next((mode for mode in modes if isinstance(mode, bool)), None)


def _refuse_other_mode(what: str, *, mode: bool | None, wanted: bool | None) -> None:
    if mode is None or wanted is None or mode is wanted:
        return
    raise WrongModeError(
        f"{what} of {_MODES[mode]} mode, but this database is for {_MODES[wanted]} mode, and the "
        "two are never mixed. Use the key of the other mode in STRIPE_API_KEY, or another "
        "database in NRR_DATABASE_URL, then check it: nrr doctor"
    )


def _refuse_other_account(source: StripeSource, known_customers: Sequence[str]) -> None:
    """A deleted customer still answers to its id, so all can only be missing elsewhere."""
    if not known_customers:
        return
    if any(_exists(source, customer_id) for customer_id in known_customers):
        return
    raise WrongAccountError(
        f"The key in STRIPE_API_KEY belongs to another Stripe account: it finds none of "
        f"{', '.join(known_customers)}, which this database holds. Use the first account's key, or "
        "another database in NRR_DATABASE_URL (also after a sandbox's data was deleted), then "
        "check it: nrr doctor"
    )


def _exists(source: StripeSource, customer_id: str) -> bool:
    try:
        source.get(*single("customers", customer_id))
    except ObjectMissingError:
        return False
    return True

"""The objects that speak of one subscription, gathered. What they prove is not said here."""

from collections.abc import Sequence
from dataclasses import dataclass

from nrr_pipeline.stripe_source.payloads import Payload


@dataclass(frozen=True, slots=True)
class ObservedVersion:
    """One version of a subscription, and the first and last time that a pull saw it so."""

    payload: Payload
    first_seen: int
    last_seen: int
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """All objects that speak of one subscription: its versions in order, invoices and events.

    ``customer_versions`` are its customer as pulls saw it, ``discount_events`` those about its
    discounts, and ``schedules`` what is planned for it.
    """

    subscription_id: str
    versions: Sequence[ObservedVersion]
    invoices: Sequence[Payload] = ()
    events: Sequence[Payload] = ()
    customer_versions: Sequence[ObservedVersion] = ()
    discount_events: Sequence[Payload] = ()
    schedules: Sequence[Payload] = ()

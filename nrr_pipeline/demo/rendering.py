"""The simulated account as of a moment: from the log to API objects.

Here belongs the walk over the log and the assembly of the account. The look of each kind of object
belongs to the ``render_…`` modules, and what follows from a happening by rule to ``billing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nrr_pipeline.demo.account import OBJECT_KINDS, StripeAccount, StripeObject
from nrr_pipeline.demo.billing import SubscriptionBilling
from nrr_pipeline.demo.billing_records import Invoice, Moment
from nrr_pipeline.demo.coupons import Grant
from nrr_pipeline.demo.identifiers import Identifiers, PartNumbering, part_number
from nrr_pipeline.demo.log import (
    BusinessLog,
    Customer,
    CustomerDeleted,
    CustomerDiscounted,
    DiscountGiven,
    DiscountRemoved,
    Happening,
    Subscribed,
)
from nrr_pipeline.demo.render_catalog import catalog_objects, price_object, product_object
from nrr_pipeline.demo.render_customers import CustomerAccount, customer_object, settle
from nrr_pipeline.demo.render_discounts import DiscountPrinter
from nrr_pipeline.demo.render_events import EVENT_WINDOW, event_object, invoice_moments
from nrr_pipeline.demo.render_invoices import InvoicePrinter
from nrr_pipeline.demo.render_schedules import schedule_object
from nrr_pipeline.demo.render_subscriptions import SubscriptionPrinter, billing_mode
from nrr_pipeline.garbage import without_collecting

_CUSTOMER_OWNERS = 1 << 23
"""Owner numbers from here on are customers; those below are subscriptions."""

_DISCOUNT_EVENTS_BASE = 1 << 18
"""Event numbers of a subscription from here on, and below its invoices', belong to discounts."""


def render(log: BusinessLog, now: int | None = None) -> StripeAccount:
    """Show the account as it was at a moment, which is the log's end unless another is given.

    Only what happened until that moment is looked at, so an account that is rendered day after
    day grows just as a real one does: same ids, nothing known in advance.
    """
    moment = log.ends_at if now is None else now
    if moment > log.ends_at:
        raise ValueError(f"The log ends at {log.ends_at}; it knows nothing of {moment}.")
    with without_collecting():
        return _Rendering(log, moment).account()


class _History(NamedTuple):
    """What happened to one subscription, and its number in the log."""

    owner: int
    started: Subscribed
    later: list[Happening]


class _Rendering:
    """One walk over the log."""

    def __init__(self, log: BusinessLog, now: int) -> None:
        self._log = log
        self._now = now
        self._ids = Identifiers(log.seed)
        self._catalog = catalog_objects(log.catalog, now)
        self._objects: dict[str, list[StripeObject]] = {kind: [] for kind in OBJECT_KINDS}
        self._deleted: dict[str, dict[str, StripeObject]] = {kind: {} for kind in OBJECT_KINDS}
        self._unlisted: dict[str, dict[str, StripeObject]] = {}
        self._grants = _customer_grants(log)
        self._deleted_at = {
            each.customer_id: each.at
            for each in log.customer_happenings
            if isinstance(each, CustomerDeleted)
        }
        self._discounts = DiscountPrinter(log.catalog.coupons, _all_grants(log), now)
        self._subscriptions = SubscriptionPrinter(
            self._catalog, self._discounts, {each.id: each.channel for each in log.customers}
        )

    def account(self) -> StripeAccount:
        self._render_catalog()
        histories = self._histories()
        for number, customer in enumerate(self._log.customers):
            if customer.created <= self._now:
                self._render_customer(number, customer, histories.pop(customer.id, []))
        for objects in self._objects.values():
            objects.sort(key=_newest_first)
        return StripeAccount(
            account_id=self._ids.account_id,
            now=self._now,
            livemode=False,
            objects=self._objects,
            deleted=self._deleted,
            unlisted=self._unlisted,
        )

    def _render_catalog(self) -> None:
        catalog, now = self._log.catalog, self._now
        self._objects["products"] = [
            product_object(product, catalog, now)
            for product in catalog.products
            if product.created <= now
        ]
        prices = [price for price in catalog.prices if price.created <= now]
        self._objects["prices"] = [
            price_object(price, now) for price in prices if not price.is_inline
        ]
        self._unlisted["prices"] = {
            price.id: price_object(price, now) for price in prices if price.is_inline
        }
        self._objects["coupons"] = self._discounts.coupons()

    def _histories(self) -> dict[str, list[_History]]:
        """What happened to every subscription until now, by customer."""
        histories: dict[str, _History] = {}
        by_customer: dict[str, list[_History]] = {}
        for happening in self._log.happenings:
            if happening.at > self._now:
                break
            if isinstance(happening, Subscribed):
                history = _History(owner=len(histories), started=happening, later=[])
                histories[happening.subscription_id] = history
                by_customer.setdefault(happening.customer_id, []).append(history)
            else:
                histories[happening.subscription_id].later.append(happening)
        return by_customer

    def _play(self, history: _History) -> SubscriptionBilling:
        billing = SubscriptionBilling(
            history.started,
            self._log.catalog,
            PartNumbering(self._ids, history.owner),
            watched_from=self._now - EVENT_WINDOW,
            customer_discounts=self._grants.get(history.started.customer_id, ()),
        )
        billing.play(history.later, self._now)
        return billing

    def _render_customer(self, number: int, customer: Customer, histories: list[_History]) -> None:
        owner = _CUSTOMER_OWNERS + number
        billings = [(history.owner, self._play(history)) for history in histories]
        invoices = [invoice for _, billing in billings for invoice in billing.invoices]
        payment_method_id = self._ids.long("pm", part_number(owner, 0))
        account = settle(
            customer,
            payment_method_id,
            invoices,
            self._now,
            currency=histories[0].started.currency if histories else None,
            discount=self._discount_of(customer),
        )
        self._show_customer(account, has_bought=bool(billings))
        if customer.created >= self._now - EVENT_WINDOW:
            created = customer_object(account, has_bought=False)
            self._add_event(owner, 0, "customer.created", customer.created, created)
        for history in histories:
            self._render_discount_events(history)
        for subscription_owner, billing in billings:
            self._render_subscription(billing)
            printer = InvoicePrinter(billing.state.id, account, self._catalog, self._discounts)
            self._render_invoices(subscription_owner, billing.invoices, printer)

    def _discount_of(self, customer: Customer) -> StripeObject | None:
        """The discount that the customer has now."""
        running = [
            self._discounts.show(grant, customer.id, None)
            for grant in self._grants.get(customer.id, ())
            if grant.start <= self._now and (grant.end is None or grant.end > self._now)
        ]
        return running[-1] if running else None

    def _show_customer(self, account: CustomerAccount, *, has_bought: bool) -> None:
        """List a customer, or keep what Stripe keeps of a deleted one."""
        customer_id = account.customer.id
        if self._deleted_at.get(customer_id, self._now + 1) > self._now:
            self._objects["customers"].append(customer_object(account, has_bought=has_bought))
        else:
            stub = {"id": customer_id, "object": "customer", "deleted": True}
            self._deleted["customers"][customer_id] = stub

    def _render_subscription(self, billing: SubscriptionBilling) -> None:
        shown = self._subscriptions.show(billing.state)
        for schedule in billing.schedules:
            mode = billing_mode(billing.state)
            scheduled = schedule_object(schedule, billing.state, mode)
            self._objects["subscription_schedules"].append(scheduled)
        self._objects["subscriptions"].append(shown)
        self._objects["subscription_items"] += shown["items"]["data"]
        for moment in billing.moments:
            self._objects["events"].append(self._subscription_event(moment))

    def _subscription_event(self, moment: Moment) -> StripeObject:
        is_update = moment.event_type.endswith(".updated")
        before = moment.before if is_update else None
        return event_object(
            moment.event_id,
            moment.event_type,
            moment.at,
            self._subscriptions.show(moment.after),
            before=before and self._subscriptions.show(before),
            request_id=moment.event_id.replace("evt_1", "req_") if moment.is_request else None,
        )

    def _render_discount_events(self, history: _History) -> None:
        """Tell of the discounts of a subscription that were lately given later, or taken away."""
        started = history.started
        grants = {grant.id: grant for grant in started.grants}
        for part, each in enumerate(history.later, start=_DISCOUNT_EVENTS_BASE):
            if isinstance(each, DiscountGiven):
                grant, event_type = each.grant, "customer.discount.created"
                grants[grant.id] = grant
            elif isinstance(each, DiscountRemoved):
                grant, event_type = grants[each.discount_id], "customer.discount.deleted"
            else:
                continue
            if each.at >= self._now - EVENT_WINDOW:
                shown = self._discounts.show(grant, started.customer_id, started.subscription_id)
                self._add_event(history.owner, part, event_type, each.at, shown)

    def _render_invoices(
        self, owner: int, invoices: Sequence[Invoice], printer: InvoicePrinter
    ) -> None:
        for index, invoice in enumerate(invoices):
            lines = printer.lines(invoice)
            self._objects["invoices"].append(printer.show(invoice, lines, self._now))
            for part, at, event_type in invoice_moments(invoice, index, self._now):
                self._add_event(owner, part, event_type, at, printer.show(invoice, lines, at))

    def _add_event(
        self, owner: int, part: int, event_type: str, at: int, shown: StripeObject
    ) -> None:
        event_id = self._ids.long("evt", part_number(owner, part))
        self._objects["events"].append(event_object(event_id, event_type, at, shown))


def _newest_first(shown: StripeObject) -> tuple[int, str]:
    return -shown["created"], shown["id"]


def _customer_grants(log: BusinessLog) -> dict[str, list[Grant]]:
    """The discounts of customers as a whole."""
    grants: dict[str, list[Grant]] = {}
    for each in log.customer_happenings:
        if isinstance(each, CustomerDiscounted):
            grants.setdefault(each.customer_id, []).append(each.grant)
    return grants


def _all_grants(log: BusinessLog) -> list[Grant]:
    """Every discount that was ever given."""
    given = [each.grant for each in log.happenings if isinstance(each, DiscountGiven)]
    for each in log.happenings:
        if isinstance(each, Subscribed):
            given += each.grants
    return given + [grant for grants in _customer_grants(log).values() for grant in grants]

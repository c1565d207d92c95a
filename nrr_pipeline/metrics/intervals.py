"""Prices history under the policy and rounds it to days: MRR intervals, O(changes) of them.

An interval counts on day D when ``valid_from <= D < valid_to``. Customers, sums and periods do not
belong here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from nrr_pipeline.metrics.currencies import minor_to_micros
from nrr_pipeline.metrics.evidence import BillingState, Finding, LineAmount, Terms
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.money import round_half_even
from nrr_pipeline.metrics.pricing import (
    Normalization,
    Price,
    UnpriceableError,
    interval_amount,
    item_mrr_micros,
)

FOREVER_DAY = date(9999, 12, 31)
"""The end of an interval that has not ended."""

EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class CountingRules:
    """Which stretches of history have MRR: the policy as far as pricing asks."""

    normalization: Normalization = field(default_factory=Normalization)
    churn_at_request: bool = False
    paused_collection_counts: bool = False


@dataclass(frozen=True, slots=True)
class MrrInterval:
    """Consecutive days on which one item has the same MRR and the same flags.

    ``mrr_micros`` is positive and in ``currency``; ``valid_to`` is exclusive. An item that cannot
    be priced has ``mrr_micros`` of ``None`` and says why in ``held_out``.
    """

    subscription_item_id: str
    subscription_id: str
    customer_id: str
    account_id: str
    product_id: str | None
    price_id: str
    billing_interval: str | None
    billing_interval_count: int | None
    quantity: int | None
    currency: str
    mrr_micros: int | None
    is_at_risk: bool
    is_scheduled_churn: bool
    is_approximate: bool
    approximation: str | None
    max_error_micros: int | None
    end_reason: str | None
    held_out: str | None
    valid_from: date
    valid_to: date


class DayClock:
    """Turns instants into local days of the reporting time zone."""

    def __init__(self, timezone: str) -> None:
        self._zone = None if timezone == "UTC" else ZoneInfo(timezone)

    def day(self, at: int | None) -> date:
        """The local day of an instant; ``FOREVER_DAY`` where there is none.

        >>> DayClock("UTC").day(1_775_001_600), DayClock("America/New_York").day(1_775_001_600)
        (datetime.date(2026, 4, 1), datetime.date(2026, 3, 31))
        """
        if at is None:
            return FOREVER_DAY
        if self._zone is None:
            return EPOCH_DAY + timedelta(days=at // 86_400)
        return datetime.fromtimestamp(at, UTC).astimezone(self._zone).date()


class IntervalBuilder:
    """Prices segments under one policy, remembering each price x quantity it has computed."""

    def __init__(self, prices: Mapping[str, Price], rules: CountingRules, clock: DayClock) -> None:
        self._prices = prices
        self._rules = rules
        self._clock = clock
        self._known: dict[tuple[Terms, str], int] = {}

    def build(self, segments: Iterable[HistorySegment]) -> tuple[list[MrrInterval], list[Finding]]:
        """The intervals of one subscription's segments, and what must be known about them.

        An item that cannot be priced is held out with an ``error`` finding; the others go on.
        """
        intervals: list[MrrInterval] = []
        remarks: dict[tuple[str, str], MrrInterval] = {}
        for segment in segments:
            interval = self._interval(segment)
            if interval is not None and interval.valid_from < interval.valid_to:
                if interval.mrr_micros != 0:
                    _append(intervals, interval)
                _remark(remarks, interval)
            elif interval is not None and intervals:
                _end_within_a_day(intervals, interval)
        return intervals, [_finding(remark) for remark in remarks.values()]

    def check_lines(self, lines: Iterable[LineAmount], currency: str) -> list[Finding]:
        """Hold prices against what ordinary invoice lines charged for a full period."""
        findings: list[Finding] = []
        for line in lines:
            price = self._prices.get(line.terms.price_id)
            if price is None or price.is_metered or price.unsupported is not None:
                continue
            try:
                expected = interval_amount(price, line.terms.quantity, currency=currency)
            except UnpriceableError:
                continue
            difference = line.subtotal_minor - expected
            if abs(difference) >= 1:
                findings.append(_mismatch(line, difference, currency))
        return findings

    def mrr_micros(self, terms: Terms, currency: str) -> int:
        """MRR of these terms in micros of ``currency``.

        Raises:
            UnpriceableError: The price is unknown or has no rule.
        """
        key = (terms, currency)
        if key not in self._known:
            self._known[key] = item_mrr_micros(
                self._price(terms.price_id),
                terms.quantity,
                currency=currency,
                normalization=self._rules.normalization,
            )
        return self._known[key]

    def _price(self, price_id: str) -> Price:
        price = self._prices.get(price_id)
        if price is None:
            raise UnpriceableError(
                f"{price_id}: Stripe no longer has this price; add it again in Stripe, or correct "
                "the item that uses it"
            )
        return price

    def _interval(self, segment: HistorySegment) -> MrrInterval | None:
        """The segment in days; ``None`` where it does not count. May be 0, or within one day."""
        mrr_micros, max_error, held_out = None, None, None
        try:
            if not self._counts(segment):
                return None
            mrr_micros = self.mrr_micros(segment.terms, segment.currency)
            max_error = self._max_error(segment, mrr_micros)
        except UnpriceableError as error:
            held_out = str(error)
        price = self._prices.get(segment.terms.price_id)
        return MrrInterval(
            subscription_item_id=segment.subscription_item_id,
            subscription_id=segment.subscription_id,
            customer_id=segment.customer_id,
            account_id=segment.customer_id,
            product_id=price.product_id if price else None,
            price_id=segment.terms.price_id,
            billing_interval=price.billing_interval if price else None,
            billing_interval_count=price.billing_interval_count if price else None,
            quantity=segment.terms.quantity,
            currency=segment.currency,
            mrr_micros=mrr_micros,
            is_at_risk=segment.is_at_risk,
            is_scheduled_churn=segment.is_scheduled_churn,
            is_approximate=segment.approximation is not None,
            approximation=segment.approximation,
            max_error_micros=max_error,
            end_reason=segment.end_reason,
            held_out=held_out,
            valid_from=self._clock.day(segment.valid_from),
            valid_to=self._clock.day(segment.valid_to),
        )

    def _counts(self, segment: HistorySegment) -> bool:
        if segment.held_out is not None:
            raise UnpriceableError(segment.held_out)
        if segment.is_scheduled_churn and self._rules.churn_at_request:
            return False
        if segment.state is BillingState.COLLECTION_PAUSED:
            return self._rules.paused_collection_counts
        return segment.state is BillingState.ACTIVE

    def _max_error(self, segment: HistorySegment, mrr_micros: int) -> int | None:
        if segment.approximation is None:
            return None
        if segment.alternative is None:
            return mrr_micros
        try:
            alternative = self.mrr_micros(segment.alternative, segment.currency)
        except UnpriceableError:
            return None
        return abs(mrr_micros - alternative)


def _remark(remarks: dict[tuple[str, str], MrrInterval], interval: MrrInterval) -> None:
    """Note that an interval is held out or approximate: once per item and reason."""
    reason = interval.held_out or interval.approximation
    if reason is None:
        return
    key = (interval.subscription_item_id, reason)
    before = remarks.get(key, interval)
    remarks[key] = replace(
        interval,
        valid_from=min(before.valid_from, interval.valid_from),
        valid_to=max(before.valid_to, interval.valid_to),
        max_error_micros=_larger(before.max_error_micros, interval.max_error_micros),
    )


def _larger(first: int | None, second: int | None) -> int | None:
    """The larger of two errors; one that is not known leaves the whole unknown."""
    return None if first is None or second is None else max(first, second)


def _finding(remark: MrrInterval) -> Finding:
    item_id, until = remark.subscription_item_id, f"until {remark.valid_to}"
    days = f"from {remark.valid_from} {'on' if remark.valid_to == FOREVER_DAY else until}"
    if remark.held_out is not None:
        detail = f"{remark.held_out}. The item is held out of every figure {days}"
        return Finding("unpriceable_item", "error", item_id, detail)
    detail = f"{remark.approximation} ({days})"
    return Finding(
        "approximate_history",
        "warning",
        item_id,
        detail,
        remark.max_error_micros,
        remark.currency,
    )


def _append(intervals: list[MrrInterval], interval: MrrInterval) -> None:
    """Add an interval, joining it to the one before where only the days differ."""
    if intervals:
        last = intervals[-1]
        joined = replace(last, valid_to=interval.valid_to, end_reason=interval.end_reason)
        if last.valid_to == interval.valid_from and joined == replace(
            interval, valid_from=last.valid_from
        ):
            intervals[-1] = joined
            return
    intervals.append(interval)


def _end_within_a_day(intervals: list[MrrInterval], empty: MrrInterval) -> None:
    """Terms that changed and ended within one day still tell why the item's MRR ended."""
    last = intervals[-1]
    if (
        last.subscription_item_id == empty.subscription_item_id
        and last.valid_to == empty.valid_from
    ):
        intervals[-1] = replace(last, end_reason=empty.end_reason)


def _mismatch(line: LineAmount, difference: Fraction, currency: str) -> Finding:
    return Finding(
        "line_amount",
        "warning",
        line.line_id,
        f"the line charges {line.subtotal_minor} minor units for {line.terms.quantity} x "
        f"{line.terms.price_id}, the price says {float(line.subtotal_minor - difference):.12g}",
        amount_micros=round_half_even(minor_to_micros(difference, currency)),
        currency=currency,
    )

"""Prices history under the policy and rounds it to days: MRR intervals, O(changes) of them.

An interval counts on day D when ``valid_from <= D < valid_to``. Customers, sums and periods do not
belong here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from nrr_pipeline.metrics.counting import CountingRules, doubtful_gaps
from nrr_pipeline.metrics.evidence import Finding, LineAmount
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.line_checks import check_lines
from nrr_pipeline.metrics.pricing import Price, UnpriceableError
from nrr_pipeline.metrics.valuation import Valuation

FOREVER_DAY = date(9999, 12, 31)
"""The end of an interval that has not ended."""

EPOCH_DAY = date(1970, 1, 1)


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

    def last_second(self, day: date) -> int:
        """The last second of a local day, the instant of its snapshot, in unix seconds.

        >>> DayClock("America/New_York").last_second(date(2026, 3, 31))
        1775015999
        """
        midnight = datetime.combine(day + timedelta(days=1), time(), self._zone or UTC)
        return int(midnight.timestamp()) - 1


class IntervalBuilder:
    """Prices segments under one policy, remembering each amount that it has computed."""

    def __init__(self, prices: Mapping[str, Price], rules: CountingRules, clock: DayClock) -> None:
        self._prices = prices
        self._rules = rules
        self._clock = clock
        self._valuation = Valuation(prices, rules)

    def build(self, segments: Iterable[HistorySegment]) -> tuple[list[MrrInterval], list[Finding]]:
        """The intervals of one whole subscription's segments, and what must be known about them.

        An item that cannot be priced is held out with an ``error`` finding; the others go on.
        """
        intervals: list[MrrInterval] = []
        remarks: dict[tuple[str, str], MrrInterval] = {}
        usage: dict[str, Finding] = {}
        segments = list(segments)
        pieces = self._valuation.pieces(segments)
        for piece, mates in self._valuation.slices(pieces):
            price = self._prices.get(piece.terms.price_id)
            if price is not None and price.is_metered:
                usage.setdefault(piece.subscription_item_id, _usage(piece))
                continue
            interval = self._interval(piece, mates)
            if interval.valid_from < interval.valid_to:
                if interval.mrr_micros != 0:
                    _append(intervals, interval)
                _remark(remarks, interval)
            elif intervals:
                _end_within_a_day(intervals, interval)
        for gap in doubtful_gaps(segments):
            interval = self._interval(gap, [])
            if interval.mrr_micros and interval.valid_from < interval.valid_to:
                _remark(remarks, interval)
        return intervals, [*(_finding(remark) for remark in remarks.values()), *usage.values()]

    def check_lines(self, lines: Iterable[LineAmount], currency: str) -> list[Finding]:
        """Hold prices and discounts against what ordinary full-period lines charged."""
        return check_lines(lines, self._prices, currency, self._rules.normalization.decimals)

    def _interval(self, piece: HistorySegment, mates: list[HistorySegment]) -> MrrInterval:
        """The piece in days; may be worth 0, or lie within one day."""
        worth, held_out = None, None
        try:
            worth = self._valuation.worth(piece, mates)
        except UnpriceableError as error:
            held_out = str(error)
        price = self._prices.get(piece.terms.price_id)
        approximation = worth.approximation if worth else piece.approximation
        return MrrInterval(
            subscription_item_id=piece.subscription_item_id,
            subscription_id=piece.subscription_id,
            customer_id=piece.customer_id,
            account_id=piece.customer_id,
            product_id=price.product_id if price else None,
            price_id=piece.terms.price_id,
            billing_interval=price.billing_interval if price else None,
            billing_interval_count=price.billing_interval_count if price else None,
            quantity=piece.terms.quantity,
            currency=piece.currency,
            mrr_micros=worth.micros if worth else None,
            is_at_risk=piece.is_at_risk,
            is_scheduled_churn=piece.is_scheduled_churn,
            is_approximate=approximation is not None,
            approximation=approximation,
            max_error_micros=worth.max_error if worth else None,
            end_reason=piece.end_reason,
            held_out=held_out,
            valid_from=self._clock.day(piece.valid_from),
            valid_to=self._clock.day(piece.valid_to),
        )


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


def _usage(piece: HistorySegment) -> Finding:
    detail = f"{piece.terms.price_id} bills what was used, which is not MRR; it counts as 0"
    return Finding("usage_not_in_mrr", "info", piece.subscription_item_id, detail)


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
        if last.valid_to == interval.valid_from and last.mrr_micros == interval.mrr_micros:
            joined = replace(interval, valid_from=last.valid_from)
            if joined == replace(last, valid_to=joined.valid_to, end_reason=joined.end_reason):
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

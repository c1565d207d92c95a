"""A board report made by hand: fourteen customers over 24 months, whose figures add up.

What each of them pays at each month's end stands in ``CUSTOMERS``; everything else follows from it
by the definitions. Four of the names are hostile, one customer has no name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from nrr_pipeline.metrics.attribution import rate_and_mix
from nrr_pipeline.metrics.bridge import Parts, Retention
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import Period, add_months
from nrr_pipeline.reporting.board_report import BoardReport, CustomerMonth
from nrr_pipeline.reporting.explanation import (
    CustomerMove,
    PeriodExplanation,
    Restated,
    TrendPoint,
)

MONTHS = 24
LAST_MONTH = date(2026, 9, 1)
FIRST_MONTH = add_months(LAST_MONTH, 1 - MONTHS)
LONG_NAME = "The Most Honorable and Extraordinarily Long-Named Trading Company of " * 5


@dataclass(frozen=True)
class _Customer:
    """A customer and its seats from each snapshot on; snapshot 0 is the first month's opening."""

    account_id: str
    name: str
    product: str
    country: str
    currency: str
    seat_price: int
    seats: dict[int, int]

    def micros(self, snapshot: int) -> int:
        """MRR in its own currency; seats times whole units."""
        past = [start for start in self.seats if start <= snapshot]
        return self.seats[max(past)] * self.seat_price * 1_000_000 if past else 0


CUSTOMERS = (
    _Customer("cus_01", "Northwind Traders", "prod_team", "US", "usd", 25, {0: 400, 9: 520}),
    _Customer("cus_02", "=cmd|' /C calc'!A0", "prod_team", "US", "usd", 25, {0: 200, 24: 120}),
    _Customer(
        "cus_03", "<script>alert(1)</script>", "prod_scale", "DE", "eur", 40, {0: 90, 8: 140}
    ),
    _Customer(
        "cus_04", "*bold* _it_ `code` & Söhne", "prod_scale", "DE", "eur", 40, {0: 60, 24: 0}
    ),
    _Customer(
        "cus_05", "شركة النور للتجارة", "prod_team", "unknown", "usd", 25, {0: 30, 10: 0, 16: 36}
    ),
    _Customer("cus_06", LONG_NAME[:300], "prod_scale", "GB", "gbp", 35, {0: 80, 24: 104}),
    _Customer("cus_07", "🚀 Rocket & Co 🧯", "prod_team", "GB", "gbp", 22, {0: 15, 23: 12, 24: 0}),
    _Customer("cus_08", "cus_08", "prod_team", "US", "usd", 25, {0: 8}),
    _Customer("cus_09", "Acme", "prod_scale", "US", "usd", 45, {4: 110, 24: 82}),
    _Customer("cus_10", "Globex", "prod_scale", "US", "usd", 45, {7: 20, 13: 60, 24: 75}),
    _Customer("cus_11", "Initech", "prod_team", "US", "usd", 25, {12: 24}),
    _Customer("cus_12", "Umbrella", "prod_team", "DE", "eur", 24, {15: 18, 22: 30}),
    _Customer("cus_13", "Hooli", "prod_team", "US", "usd", 25, {24: 40}),
    _Customer("cus_14", "Stark", "prod_scale", "GB", "gbp", 35, {2: 12, 20: 0, 24: 14}),
)

REASONS = {
    "cus_02": ("seats", "seats 200 -> 120"),
    "cus_04": ("voluntary", "canceled: too expensive"),
    "cus_06": ("seats", "seats 80 -> 104"),
    "cus_07": ("involuntary", "payment failed"),
    "cus_09": ("seats", "seats 110 -> 82"),
    "cus_10": ("seats", "seats 60 -> 75"),
}

SEGMENT_NAMES = {("product", "prod_team"): "Team", ("product", "prod_scale"): "=Scale"}


def example_report() -> BoardReport:
    """The report of September 2026: NRR of the month and the quarter below 100 %."""
    return BoardReport(
        month=_explained(Period.month(LAST_MONTH)),
        quarter=_explained(Period.quarter(LAST_MONTH)),
        trailing=_rows(Period.trailing_12_months(LAST_MONTH))[0],
        trend=tuple(_point(add_months(FIRST_MONTH, index)) for index in range(MONTHS)),
        customer_months=tuple(
            each
            for index in range(MONTHS)
            for each in _customers_of(add_months(FIRST_MONTH, index))
        ),
        edition=2,
        issued_at=datetime(2026, 10, 5, 8, 30, tzinfo=UTC),
        data_as_of=datetime(2026, 10, 5, 0, 31, 12, tzinfo=UTC),
        timezone="Europe/Berlin",
        policy_version="3-0a1b2c3d",
        policy=(("discounts", "all"), ("reporting_currency", "usd")),
        notes=(
            "Approximate: the MRR of 2 items, by at most USD 12.00 in all.",
            "Exchange rates of 31 August 2026: EUR 1.09; GBP 1.26.",
            "Exchange rates of 30 September 2026: EUR 1.1; GBP 1.25.",
            "Left out by the policy: 1 customer.",
        ),
        changes=("NRR of September 2026 is 89.0 %, it was 89.8 %: restated because of late data.",),
    )


def _snapshot(day: date) -> int:
    """The number of the snapshot on a month's last day."""
    following = add_months(day, 1)
    return (following.year - FIRST_MONTH.year) * 12 + following.month - FIRST_MONTH.month


def _rate(currency: str, snapshot: int) -> int:
    """Hundredths of a dollar for one unit of a currency, which move from month to month."""
    return {"usd": 100, "eur": 106 + snapshot % 5, "gbp": 129 - snapshot % 5}[currency]


def _measured(period: Period) -> tuple[list[_Customer], Parts]:
    opening, closing = _snapshot(period.opening_date), _snapshot(period.closing_date)
    present = [each for each in CUSTOMERS if each.micros(opening) or each.micros(closing)]
    sides = [
        (
            each.micros(opening) * _rate(each.currency, opening) // 100,
            each.micros(closing) * _rate(each.currency, opening) // 100,
            each.micros(closing) * _rate(each.currency, closing) // 100,
        )
        for each in present
    ]
    held, kept, worth = (np.array(side, dtype=np.int64) for side in zip(*sides, strict=True))
    before = np.array([min(each.seats) < opening for each in present], dtype=bool)
    return present, Parts.of(held, kept, worth - kept, before)


def _rows(period: Period) -> tuple[Retention, ...]:
    present, parts = _measured(period)
    rows = [parts.whole("usd")]
    for dimension in ("country", "currency", "product"):
        values = np.array([getattr(each, dimension) for each in present], dtype=object)
        rows += parts.by_segment(dimension, values, "usd")
    return tuple(rows)


def _customers_of(month: date) -> list[CustomerMonth]:
    present, parts = _measured(Period.month(month))
    frame = parts.frame(np.array([each.account_id for each in present], dtype=object))
    return [
        CustomerMonth(
            month,
            customer.account_id,
            customer.name,
            Movement(row["movement"]),
            int(row["opening_mrr_micros"]),
            int(row["closing_mrr_micros"]),
            int(row["fx_micros"]),
        )
        for customer, (_, row) in zip(present, frame.iterrows(), strict=True)
    ]


def _moves(period: Period) -> tuple[CustomerMove, ...]:
    present, parts = _measured(period)
    frame = parts.frame(np.array([each.account_id for each in present], dtype=object))
    moves = [
        CustomerMove(
            customer.account_id,
            customer.name,
            Movement(row["movement"]),
            int(row["opening_mrr_micros"]),
            int(row["closing_mrr_micros"]),
            int(row["fx_micros"]),
            *REASONS.get(customer.account_id, ("other", "")),
        )
        for customer, (_, row) in zip(present, frame.iterrows(), strict=True)
        if row["opening_mrr_micros"] != row["closing_mrr_micros"]
    ]
    cohort = [each for each in moves if each.opening_mrr_micros]
    others = [each for each in moves if not each.opening_mrr_micros]
    return (
        *sorted(cohort, key=lambda each: (each.change_micros, each.account_id)),
        *sorted(others, key=lambda each: (-each.change_micros, each.account_id)),
    )


def _explained(period: Period) -> PeriodExplanation:
    rows, before = _rows(period), _rows(period.previous)
    return PeriodExplanation(
        period=period,
        rows=rows,
        before=before,
        moves=_moves(period),
        effects=rate_and_mix(before, rows),
        segment_names=_segment_names(rows),
        edition=2,
        is_final=True,
        is_historical=False,
        policy_version="3-0a1b2c3d",
        known_at=datetime(2026, 10, 5, 0, 32, tzinfo=UTC),
        restated=(Restated(1, 2, "late_data", 0.8989, 0.8900, "contraction changed"),),
        at_risk_mrr_micros=200_000_000,
        scheduled_churn_mrr_micros=600_000_000,
        approximate_items=2,
        approximate_error_micros=12_000_000,
    )


def _segment_names(rows: Sequence[Retention]) -> dict[tuple[str, str], str]:
    keys = [(row.dimension, row.segment) for row in rows[1:]]
    return {key: SEGMENT_NAMES.get(key, key[1]) for key in keys}


def _point(month: date) -> TrendPoint:
    has_year = _snapshot(month) >= 12
    trailing = _rows(Period.trailing_12_months(month))[0] if has_year else None
    return TrendPoint(month, _rows(Period.month(month))[0], trailing, is_final=True, edition=1)

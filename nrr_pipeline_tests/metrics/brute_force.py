"""The rules once more, in plain loops over plain rows, to hold the frames' arithmetic against."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction

from nrr_pipeline.metrics.movements import classify
from nrr_pipeline_tests.metrics.snapshots import Row, on_day

Rates = Mapping[str, Fraction]


def mrr_by(rows: Iterable[Row], column: str, rates: Rates) -> dict[str, int]:
    """MRR by the value of a column, each item converted and rounded for itself."""
    sums: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        sums[row[column]] += round(row["mrr_micros"] * rates[row["currency"]])
    return dict(sums)


def native_mrr(rows: Iterable[Row]) -> dict[tuple[str, str], int]:
    """MRR by account and currency, not converted."""
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        sums[row["account_id"], row["currency"]] += row["mrr_micros"]
    return dict(sums)


def movements_of_day(
    rows: list[Row], day: date, rates: Rates, *, window_days: int | None
) -> list[tuple[str, str, int, int]]:
    """Account, movement, opening and closing MRR of every account that moved on a day."""
    opening, closing = on_day(rows, day - timedelta(days=1)), on_day(rows, day)
    before, after = native_mrr(opening), native_mrr(closing)
    moved = {key[0] for key in before | after if before.get(key) != after.get(key)}
    at_opening, at_closing = (mrr_by(side, "account_id", rates) for side in (opening, closing))
    return [
        (
            account,
            classify(
                at_opening.get(account, 0),
                at_closing.get(account, 0),
                paid_before=paid_before(rows, account, day, window_days),
            ).value,
            at_opening.get(account, 0),
            at_closing.get(account, 0),
        )
        for account in sorted(moved)
    ]


def paid_before(rows: list[Row], account: str, day: date, window_days: int | None) -> bool:
    """Whether an account paid on a day before, not longer ago than the window."""
    mine = [row for row in rows if row["account_id"] == account]
    earliest = min((row["valid_from"] for row in mine), default=day)
    gap = 0
    asked = day - timedelta(days=1)
    while asked >= earliest:
        if on_day(mine, asked):
            return window_days is None or gap <= window_days
        gap += 1
        asked -= timedelta(days=1)
    return False


def totals_of_day(rows: list[Row], day: date, currency: str) -> dict[str, int]:
    """The totals of one currency on one day."""
    return _totals([row for row in on_day(rows, day) if row["currency"] == currency])


def reporting_totals_of_day(rows: list[Row], day: date, rates: Rates) -> dict[str, int]:
    """The totals of all currencies on one day, each item converted and rounded for itself."""
    return _totals(
        [
            {**row, "mrr_micros": round(row["mrr_micros"] * rates[row["currency"]])}
            for row in on_day(rows, day)
        ]
    )


def _totals(holding: list[Row]) -> dict[str, int]:
    def flagged(flag: str) -> int:
        return sum(row["mrr_micros"] for row in holding if row[flag])

    return {
        "mrr_micros": sum(row["mrr_micros"] for row in holding),
        "customers": len({row["account_id"] for row in holding}),
        "subscriptions": len({row["subscription_id"] for row in holding}),
        "at_risk_mrr_micros": flagged("is_at_risk"),
        "scheduled_churn_mrr_micros": flagged("is_scheduled_churn"),
    }

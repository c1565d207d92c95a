"""How long retention takes: every period of thirty months, straight from intervals.

Beside the least numpy that gives the same figures, and beside the usual way in SQL: one row per
customer and month (a "month spine"), joined to itself. All must be equal.
Run it with ``.venv/bin/python benchmarks/retention.py``; ``--help`` shows the sizes.
"""

import argparse
import platform
import sqlite3
import sys
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
from made_up import LAST_DAY, START, intervals_frame
from timing import timed

from nrr_pipeline.metrics.frames import day_number
from nrr_pipeline.metrics.interval_arrays import IntervalArrays
from nrr_pipeline.metrics.periods import PeriodKind, periods_closing_within
from nrr_pipeline.metrics.retention import measure_retention

RATES = {"usd": Fraction(1)}
PERIODS = [
    period for kind in PeriodKind for period in periods_closing_within(kind, START, LAST_DAY)
]
FIGURES = (
    "starting_mrr_micros",
    "expansion_micros",
    "contraction_micros",
    "churned_mrr_micros",
    "new_business_micros",
    "reactivation_micros",
    "ending_mrr_micros",
    "nrr_numerator",
    "grr_numerator",
    "starting_customers",
    "churned_customers",
    "ending_customers",
)
Table = list[tuple[int, ...]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many counts")
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, one process, CPU time")
    failed = False
    for subscriptions in arguments.subscriptions:
        frame = intervals_frame(subscriptions, arguments.seed)
        print(
            f"\n{subscriptions:,} subscriptions, {len(frame):,} intervals, "
            f"{frame['account_id'].nunique():,} customers, {len(PERIODS)} periods"
        )
        failed |= not compare(frame, arguments.repeat)
    return 1 if failed else 0


def compare(frame: pd.DataFrame, repeat: int) -> bool:
    encoding, intervals = timed(lambda: IntervalArrays.of(frame), 1)
    ours, measured = timed(lambda: all_periods(intervals), repeat)
    bare, by_kernel = timed(lambda: kernel(intervals), repeat)
    with sqlite3.connect(":memory:") as connection:
        filling, _ = timed(lambda: fill(connection, frame), 1)
        spine, by_spine = timed(lambda: month_spine(connection), 1)
    print(f"{'':46} {'seconds':>9} {'ours is':>12}")
    print(f"{'this pipeline, all periods':46} {ours:9.3f}")
    print(f"{'the least numpy, all periods':46} {bare:9.3f} {ours / bare:9.2f} x it")
    print(f"{'month spine in SQLite, all periods':46} {spine:9.3f} {spine / ours:5.0f} x faster")
    print(f"{'once: encoding intervals / filling SQLite':46} {encoding:9.3f} / {filling:.3f}")
    months = [n for n, period in enumerate(PERIODS) if period.kind is PeriodKind.MONTH]
    equal = measured == by_kernel == by_spine
    print("all figures are equal" if equal else f"FIGURES DIFFER, e.g. in {PERIODS[months[0]]}")
    return equal


def all_periods(intervals: IntervalArrays) -> Table:
    """Every period as the pipeline measures it."""
    rows = (
        measure_retention(
            intervals,
            period.opening_date,
            period.closing_date,
            opening_rates=RATES,
            closing_rates=RATES,
            reporting_currency="usd",
        ).whole
        for period in PERIODS
    )
    return [tuple(getattr(row, name) for name in FIGURES) for row in rows]


def kernel(intervals: IntervalArrays) -> Table:
    """The least numpy: no currencies, no checks, no customers; the same figures."""
    account, start, end = intervals.account_of, intervals.valid_from, intervals.valid_to
    micros = intervals.native
    first = np.full(len(intervals.accounts), np.iinfo(np.int64).max)
    np.minimum.at(first, account, start)
    table: Table = []
    for period in PERIODS:
        sums = []
        for day in (day_number(period.opening_date), day_number(period.closing_date)):
            holds = (start <= day) & (end > day)
            by_account = np.zeros(len(first), dtype=np.int64)
            np.add.at(by_account, account[holds], micros[holds])
            sums.append(by_account)
        opening, closing = sums
        change, pays, stays = closing - opening, opening > 0, closing > 0
        both, enters = pays & stays, ~pays & stays
        returns = enters & (first <= day_number(period.opening_date))
        table.append(
            tuple(
                int(total)
                for total in (
                    opening.sum(),
                    change[both & (change > 0)].sum(),
                    -change[both & (change < 0)].sum(),
                    opening[pays & ~stays].sum(),
                    closing[enters & ~returns].sum(),
                    closing[returns].sum(),
                    closing.sum(),
                    closing[pays].sum(),
                    np.minimum(opening, closing).sum(),
                    pays.sum(),
                    (pays & ~stays).sum(),
                    stays.sum(),
                )
            )
        )
    return table


def fill(connection: sqlite3.Connection, frame: pd.DataFrame) -> None:
    """What the way in SQL works on, with the index that helps it."""
    connection.execute("CREATE TABLE intervals (account_id, mrr_micros, valid_from, valid_to)")
    rows = zip(
        frame["account_id"],
        frame["mrr_micros"].tolist(),
        map(date.isoformat, frame["valid_from"]),
        map(date.isoformat, frame["valid_to"]),
        strict=True,
    )
    connection.executemany("INSERT INTO intervals VALUES (?, ?, ?, ?)", rows)
    connection.execute("CREATE INDEX by_day ON intervals (valid_from, valid_to, account_id)")
    connection.execute("CREATE TABLE days (day PRIMARY KEY)")
    days = {day for period in PERIODS for day in (period.opening_date, period.closing_date)}
    connection.executemany("INSERT INTO days VALUES (?)", [(f"{day}",) for day in sorted(days)])


def month_spine(connection: sqlite3.Connection) -> Table:
    """One row per customer and month end, then each period joins two of them."""
    connection.execute(
        "CREATE TABLE spine AS SELECT d.day, i.account_id, sum(i.mrr_micros) AS mrr "
        "FROM days AS d JOIN intervals AS i ON i.valid_from <= d.day AND i.valid_to > d.day "
        "GROUP BY d.day, i.account_id"
    )
    connection.execute("CREATE UNIQUE INDEX spine_key ON spine (day, account_id, mrr)")
    connection.execute(
        "CREATE TABLE firsts AS SELECT account_id, min(valid_from) AS first FROM intervals "
        "GROUP BY account_id"
    )
    connection.execute("CREATE UNIQUE INDEX firsts_key ON firsts (account_id, first)")
    return [
        tuple(
            connection.execute(
                BRIDGE, {"opening": f"{each.opening_date}", "closing": f"{each.closing_date}"}
            ).fetchone()
        )
        for each in PERIODS
    ]


BRIDGE = """
WITH b AS (
  SELECT o.mrr AS o, coalesce(c.mrr, 0) AS c, 1 AS before
  FROM spine AS o LEFT JOIN spine AS c ON c.day = :closing AND c.account_id = o.account_id
  WHERE o.day = :opening
  UNION ALL
  SELECT 0, c.mrr, f.first <= :opening
  FROM spine AS c JOIN firsts AS f ON f.account_id = c.account_id
  LEFT JOIN spine AS o ON o.day = :opening AND o.account_id = c.account_id
  WHERE c.day = :closing AND o.account_id IS NULL
)
SELECT coalesce(sum(o), 0),
       coalesce(sum(CASE WHEN o > 0 AND c > o THEN c - o END), 0),
       coalesce(sum(CASE WHEN c > 0 AND c < o THEN o - c END), 0),
       coalesce(sum(CASE WHEN c = 0 THEN o END), 0),
       coalesce(sum(CASE WHEN o = 0 AND NOT before THEN c END), 0),
       coalesce(sum(CASE WHEN o = 0 AND before THEN c END), 0),
       coalesce(sum(c), 0),
       coalesce(sum(CASE WHEN o > 0 THEN c END), 0),
       coalesce(sum(min(o, c)), 0),
       coalesce(sum(o > 0), 0),
       coalesce(sum(o > 0 AND c = 0), 0),
       coalesce(sum(c > 0), 0)
FROM b
"""


if __name__ == "__main__":
    sys.exit(main())

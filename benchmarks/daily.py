"""How long days take: totals of every day, and the snapshot of one day through the view.

Totals from a difference array beside asking every interval on every day; the view ``daily_mrr`` of
a real SQLite database beside the same question without its index. All must be equal.
Run it with ``.venv/bin/python benchmarks/daily.py``; ``--help`` shows the sizes.
"""

import argparse
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from made_up import LAST_DAY, START, intervals_frame
from timing import timed

from nrr_pipeline.metrics.frames import day_number, day_numbers
from nrr_pipeline.metrics.totals import daily_totals
from nrr_pipeline.warehouse.bulk import insert_rows
from nrr_pipeline.warehouse.daily import publish_days
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.tables import mrr_intervals
from nrr_pipeline.warehouse.transactions import FOREVER, Warehouse

CURRENCIES = ("usd", "eur")
DAYS = [date.fromordinal(START.toordinal() + n) for n in range((LAST_DAY - START).days + 1)]
SAMPLED = (DAYS[0], DAYS[len(DAYS) // 2], DAYS[-1])
IN_ALL = "SELECT sum(mrr_micros), count(*) FROM {source}"
BY_CURRENCY = (
    "SELECT currency, sum(mrr_micros), count(*) FROM {source} GROUP BY currency ORDER BY 1"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    frame = intervals_frame(arguments.subscriptions, arguments.seed, CURRENCIES)
    frame = frame.assign(
        subscription_id=frame["subscription_item_id"], is_at_risk=False, is_scheduled_churn=False
    )
    print(f"Python {platform.python_version()}, {platform.machine()}, one process, CPU time")
    print(
        f"{arguments.subscriptions:,} subscriptions, {len(frame):,} intervals, {len(DAYS)} days\n"
    )
    is_equal = totals(frame)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_warehouse(f"sqlite:///{Path(folder) / 'nrr.db'}") as warehouse,
    ):
        fill(warehouse, frame)
        is_equal &= views(warehouse)
    print("\nall figures are equal" if is_equal else "\nFIGURES DIFFER")
    return 0 if is_equal else 1


def totals(frame: pd.DataFrame) -> bool:
    """MRR and customers of every day in both currencies."""
    ours, found = timed(lambda: daily_totals(frame, START, LAST_DAY))
    by_day, expected = timed(lambda: list(asked_day_by_day(frame)))
    print(f"{'totals of all days, difference array':52} {ours:9.3f} s")
    print(f"{'the same, asking every interval on every day':52} {by_day:9.3f} s")
    names = ["as_of_date", "currency", "mrr_micros", "customers"]
    return found[names].to_records(index=False).tolist() == expected


def asked_day_by_day(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    start, end = day_numbers(frame["valid_from"]), day_numbers(frame["valid_to"])
    customers = pd.factorize(frame["account_id"])[0]
    micros = frame["mrr_micros"].to_numpy()
    in_currency = {code: (frame["currency"] == code).to_numpy() for code in sorted(CURRENCIES)}
    for day in DAYS:
        number = day_number(day)
        holds = (start <= number) & (end > number)
        for currency, mine in in_currency.items():
            chosen = holds & mine
            yield day, currency, int(micros[chosen].sum()), len(np.unique(customers[chosen]))


def fill(warehouse: Warehouse, frame: pd.DataFrame) -> None:
    """Store the intervals as the pipeline does, and publish every day."""
    known_from = datetime(2026, 10, 1, tzinfo=UTC)
    same: dict[str, Any] = dict.fromkeys(
        ("approximation", "max_error_micros", "end_reason", "held_out")
    )
    same |= dict.fromkeys(("is_at_risk", "is_scheduled_churn", "is_approximate"), False)
    same |= {"product_id": "prod", "price_id": "price", "policy_version": "made-up"}
    same |= {"billing_interval": "month", "billing_interval_count": 1, "quantity": 1}
    same |= {"known_from": known_from, "known_to": FOREVER}
    own = ["subscription_item_id", "subscription_id", "account_id", "currency", "mrr_micros"]
    rows = frame[[*own, "valid_from", "valid_to"]].to_dict("records")
    with warehouse.write("history", clock=lambda: known_from) as tx:
        insert_rows(
            tx.connection,
            mrr_intervals,
            [{**row, "customer_id": row["account_id"], **same} for row in rows],
        )
        publish_days(tx, DAYS)


def views(warehouse: Warehouse) -> bool:
    """Sum and number of items by currency of one day."""
    is_equal = True
    with warehouse.read() as connection:
        for day in SAMPLED:
            view = f"daily_mrr WHERE as_of_date = '{day}'"
            table = (
                f"mrr_intervals NOT INDEXED WHERE valid_from <= '{day}' AND valid_to > '{day}' "
                "AND held_out IS NULL AND known_to > '9999-01-01'"
            )
            in_all, _ = timed(rows_of(connection, IN_ALL.format(source=view)))
            by_currency, found = timed(rows_of(connection, BY_CURRENCY.format(source=view)))
            scanned, expected = timed(rows_of(connection, BY_CURRENCY.format(source=table)))
            every_row, _ = timed(rows_of(connection, f"SELECT * FROM {view}"))  # noqa: S608
            print(
                f"\nsnapshot of {day}: {sum(row[2] for row in found):,} items\n"
                f"{'  sum and number of items through the view':52} {in_all * 1e3:9.1f} ms\n"
                f"{'  the same by currency':52} {by_currency * 1e3:9.1f} ms\n"
                f"{'  the same without its index':52} {scanned * 1e3:9.1f} ms\n"
                f"{'  every column of every item, fetched':52} {every_row * 1e3:9.1f} ms"
            )
            is_equal &= found == expected
    return is_equal


def rows_of(connection: sa.Connection, query: str) -> Callable[[], list[Any]]:
    return lambda: list(connection.exec_driver_sql(query).all())


if __name__ == "__main__":
    sys.exit(main())

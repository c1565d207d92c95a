"""Snapshots and intervals as frames, from rows that say only what matters to a test."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import pandas as pd

from nrr_pipeline.metrics.frames import ITEM_COLUMNS
from nrr_pipeline.metrics.intervals import FOREVER_DAY

Row = dict[str, Any]


def row(account_id: str, mrr_micros: int, **fields: object) -> Row:
    """One item; by default the only one of its account, in dollars."""
    return {
        "subscription_item_id": f"si_{account_id}",
        "subscription_id": f"sub_{account_id}",
        "customer_id": account_id,
        "account_id": account_id,
        "product_id": "prod_team",
        "price_id": "price_team",
        "billing_interval": "month",
        "billing_interval_count": 1,
        "quantity": 1,
        "currency": "usd",
        "mrr_micros": mrr_micros,
        "is_at_risk": False,
        "is_scheduled_churn": False,
        "end_reason": None,
        "valid_from": date(2020, 1, 1),
        "valid_to": FOREVER_DAY,
        **fields,
    }


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """A frame of such rows with the right types, also when there are none."""
    made = pd.DataFrame(list(rows), columns=pd.Index(ITEM_COLUMNS))
    return made.astype({"mrr_micros": "int64", "is_at_risk": bool, "is_scheduled_churn": bool})


def on_day(rows: Iterable[Row], day: date) -> list[Row]:
    """The rows whose interval holds on a day."""
    return [each for each in rows if each["valid_from"] <= day < each["valid_to"]]

"""Intervals of a made-up business of any size, from a seed: quick to make, plain to look at."""

from datetime import date

import numpy as np
import pandas as pd

START, LAST_DAY = date(2024, 4, 1), date(2026, 9, 30)
FOREVER_DAY = date(9999, 12, 31)
SHARE_WITH_GAP, SHARE_GOING_ON = 0.05, 0.6
EPOCH = np.datetime64("1970-01-01", "D")


def intervals_frame(
    subscriptions: int, seed: int, currencies: tuple[str, ...] = ("usd",)
) -> pd.DataFrame:
    """About two and a half intervals for each subscription, some with gaps, four in ten ended.

    One customer in ten has two subscriptions.
    """
    dice = np.random.default_rng(seed)
    first, last = (np.datetime64(day, "D") - EPOCH for day in (START, LAST_DAY))
    begins = dice.integers(int(first.astype(int)) - 300, int(last.astype(int)), subscriptions)
    pieces = dice.integers(1, 5, subscriptions)
    owner = np.repeat(np.arange(subscriptions), pieces)
    lengths = dice.integers(20, 400, len(owner))
    gaps = np.where(dice.random(len(owner)) < SHARE_WITH_GAP, dice.integers(1, 90, len(owner)), 0)
    first_rows = np.concatenate([[0], np.cumsum(pieces)[:-1]])
    steps = np.cumsum(lengths + gaps) - (lengths + gaps)
    starts = begins[owner] + steps - np.repeat(steps[first_rows], pieces)
    ends = starts + lengths
    is_last = np.append(owner[1:] != owner[:-1], True)
    goes_on = is_last & (dice.random(len(owner)) < SHARE_GOING_ON)
    within = starts <= int(last.astype(int))
    days = EPOCH + np.where(goes_on, 0, ends).astype("timedelta64[D]")
    valid_to = days.astype(object)
    valid_to[goes_on] = FOREVER_DAY
    customer = owner * 10 // 11
    frame = pd.DataFrame(
        {
            "subscription_item_id": [f"si_{number:07d}" for number in owner],
            "account_id": [f"cus_{number:07d}" for number in customer],
            "currency": np.array(currencies, dtype=object)[customer % len(currencies)],
            "mrr_micros": dice.integers(1, 500, len(owner)) * 1_000_000,
            "valid_from": (EPOCH + starts.astype("timedelta64[D]")).astype(object),
            "valid_to": valid_to,
        }
    )
    return frame[within].reset_index(drop=True)

"""Classifies changes of customers' MRR between two snapshots, and lists those of every day.

Ratios over a period do not belong here: see ``retention``.
"""

from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from nrr_pipeline.metrics.conversion import (
    MissingRateError,
    MissingRates,
    RateTable,
    reporting_micros,
)
from nrr_pipeline.metrics.frames import IntArray, day_number, day_numbers, micros_of, sum_by_group
from nrr_pipeline.metrics.money import guard_sum


class Movement(StrEnum):
    """Why a customer's MRR moved."""

    UNCHANGED = "unchanged"
    NEW_BUSINESS = "new_business"
    REACTIVATION = "reactivation"
    CHURN = "churn"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"


MOVEMENT_COLUMNS = (
    "as_of_date",
    "account_id",
    "movement",
    "reason",
    "opening_mrr_micros",
    "closing_mrr_micros",
    "change_micros",
    "currency",
)


def classify(opening_micros: int, closing_micros: int, *, paid_before: bool) -> Movement:
    """Classify one customer's change in MRR between two snapshots.

    Zero-to-positive is decided first: a returning customer also has ``closing > opening`` and
    would otherwise count as expansion, which overstates NRR.

    Args:
        opening_micros: MRR at opening, at the opening day's rates.
        closing_micros: MRR at closing, at the opening day's rates.
        paid_before: Whether MRR was positive on any day up to the opening snapshot.

    >>> classify(0, 500, paid_before=True)
    <Movement.REACTIVATION: 'reactivation'>
    """
    if opening_micros == closing_micros:
        return Movement.UNCHANGED
    if opening_micros == 0:
        return Movement.REACTIVATION if paid_before else Movement.NEW_BUSINESS
    if closing_micros == 0:
        return Movement.CHURN
    return Movement.EXPANSION if closing_micros > opening_micros else Movement.CONTRACTION


def daily_movements(
    intervals: pd.DataFrame,
    first_day: date,
    last_day: date,
    *,
    rates: RateTable,
    window_days: int | None = None,
) -> tuple[pd.DataFrame, MissingRates]:
    """The movements between each day's snapshot and the one before it.

    Args:
        intervals: All intervals with MRR, as known now (columns of ``frames.ITEM_COLUMNS``).
        first_day: First closing day.
        last_day: Last closing day, included.
        rates: Rates into the currency of the result; both sides use the opening day's.
        window_days: A gap longer than this makes a return new business (``None``: any gap).

    Returns:
        One row per (``as_of_date``, ``account_id``) whose native MRR changed, in that order, with
        the columns ``MOVEMENT_COLUMNS``; and by day that is left out the opening day's rate that
        somebody who moved on it lacks.

    Raises:
        MicrosOverflowError: A sum would not fit 64 bits.
    """
    items = _with_days(intervals)
    pairs = _changed_pairs(items, day_number(first_day), day_number(last_day))
    joined = pairs.merge(items, on="account_id")
    missing = _missing_rates(joined, rates)
    if missing:
        is_left_out = pairs["day"].isin([day_number(day) for day in missing])
        pairs = pairs[~is_left_out].drop(columns="pair").reset_index(drop=True)
        pairs["pair"] = np.arange(len(pairs))
        joined = pairs.merge(items, on="account_id")
    if pairs.empty:
        return pd.DataFrame(columns=list(MOVEMENT_COLUMNS)), missing
    at_opening = _at_opening_rates(_holding(joined, joined["day"] - 1), rates)
    at_closing = _at_opening_rates(_holding(joined, joined["day"]), rates)
    opening = _sum_by_pair(at_opening, len(pairs))
    closing = _sum_by_pair(at_closing, len(pairs))
    paid_before = _paid_before(joined, len(pairs), window_days)
    movements = [
        classify(start, end, paid_before=paid)
        for start, end, paid in zip(
            opening.tolist(), closing.tolist(), paid_before.tolist(), strict=True
        )
    ]
    reasons = churn_reasons(at_opening)
    frame = pd.DataFrame(
        {
            "as_of_date": [_date(day) for day in pairs["day"].tolist()],
            "account_id": pairs["account_id"],
            "movement": [movement.value for movement in movements],
            "reason": [
                reasons.get(pair, "other") if movement is Movement.CHURN else None
                for pair, movement in enumerate(movements)
            ],
            "opening_mrr_micros": opening,
            "closing_mrr_micros": closing,
            "change_micros": closing - opening,
            "currency": rates.reporting_currency,
        },
        columns=list(MOVEMENT_COLUMNS),
    )
    return frame, missing


def _paid_before(
    joined: pd.DataFrame, count: int, window_days: int | None
) -> npt.NDArray[np.bool_]:
    """By pair: whether the account had MRR before the day, and not too long ago."""
    paid = joined["start"] < joined["day"]
    if window_days is not None:
        paid &= joined["day"] - joined["end"] <= window_days
    found = np.zeros(count, dtype=bool)
    found[joined.loc[paid, "pair"].to_numpy()] = True
    return found


def churn_reasons(lost: pd.DataFrame) -> dict[int, str]:
    """By ``pair``: why the subscription with the most lost MRR ended (ties: smallest id).

    Of its items the largest speaks (ties: the first reason by name).

    Args:
        lost: Items with ``pair``, ``subscription_id``, ``reporting`` micros and ``end_reason``.
    """
    by_size = lost.sort_values(
        ["pair", "reporting", "end_reason"], ascending=[True, False, True], kind="stable"
    )
    subscriptions = by_size.groupby(["pair", "subscription_id"], sort=True).agg(
        lost=("reporting", "sum"), reason=("end_reason", "first")
    )
    largest = subscriptions.sort_values("lost", ascending=False, kind="stable")
    first = largest.groupby(level="pair").head(1)
    pairs = first.index.get_level_values("pair").tolist()
    reasons = first["reason"].tolist()
    return {
        pair: reason for pair, reason in zip(pairs, reasons, strict=True) if isinstance(reason, str)
    }


_EPOCH = date(1970, 1, 1).toordinal()


def _with_days(intervals: pd.DataFrame) -> pd.DataFrame:
    items = intervals[
        ["account_id", "subscription_id", "currency", "mrr_micros", "end_reason"]
    ].reset_index(drop=True)
    items["start"] = day_numbers(intervals["valid_from"])
    items["end"] = day_numbers(intervals["valid_to"])
    return items


def _changed_pairs(items: pd.DataFrame, first_day: int, last_day: int) -> pd.DataFrame:
    """The (account, day) pairs on which an account's native MRR differs from the day before."""
    micros = micros_of(items)
    guard_sum(micros)
    events = pd.concat(
        [
            items[["account_id", "currency"]].assign(day=items["start"], delta=micros),
            items[["account_id", "currency"]].assign(day=items["end"], delta=-micros),
        ]
    )
    events = events[(events["day"] >= first_day) & (events["day"] <= last_day)]
    deltas = events.groupby(["day", "account_id", "currency"], sort=True)["delta"].sum()
    moved = deltas[deltas != 0].reset_index()[["day", "account_id"]].drop_duplicates()
    return moved.reset_index(drop=True).assign(pair=np.arange(len(moved)))


def _missing_rates(joined: pd.DataFrame, rates: RateTable) -> MissingRates:
    """By day on which somebody moved: an opening rate that is needed and missing."""
    sides = [_holding(joined, joined["day"] - 1), _holding(joined, joined["day"])]
    needed = (
        pd.concat(sides)[["day", "currency"]].drop_duplicates().sort_values(["day", "currency"])
    )
    missing: MissingRates = {}
    for day, currency in needed.itertuples(index=False, name=None):
        try:
            rates.of(str(currency), _date(day - 1))
        except MissingRateError as error:
            missing.setdefault(_date(day), error)
    return missing


def _at_opening_rates(rows: pd.DataFrame, rates: RateTable) -> pd.DataFrame:
    reporting = micros_of(rows).copy()
    for day, chosen in rows.groupby("day", sort=False).indices.items():
        reporting[chosen] = reporting_micros(rows.iloc[chosen], rates.on(_date(int(str(day)) - 1)))
    guard_sum(reporting)
    return rows.assign(reporting=reporting)


def _date(number: int) -> date:
    return date.fromordinal(_EPOCH + number)


def _holding(joined: pd.DataFrame, days: "pd.Series[int]") -> pd.DataFrame:
    """The items whose interval holds on the given day of their row."""
    holds = (joined["start"] <= days) & (days < joined["end"])
    return joined[holds.to_numpy(dtype=bool)]


def _sum_by_pair(rows: pd.DataFrame, count: int) -> IntArray:
    return sum_by_group(rows["pair"].to_numpy(), rows["reporting"].to_numpy(), count)

"""Which segment of a dimension a customer belongs to in a period.

A customer's value is the one at opening, that of its item with the largest reporting MRR; a
customer without opening MRR takes its value at closing. So segments add up to the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from nrr_pipeline.metrics.dimensions import (
    OTHER_SEGMENT,
    UNKNOWN_SEGMENT,
    billing_interval_segment,
    size_band,
)
from nrr_pipeline.metrics.frames import IntArray
from nrr_pipeline.metrics.interval_arrays import NOBODY, BoolArray, IntervalArrays

_ITEM_COLUMNS = {"product": "product_id", "price": "price_id", "currency": "currency"}


@dataclass(frozen=True, slots=True)
class AttributeValues:
    """A property of customers or of subscriptions, by id, on a period's two days."""

    of: Literal["customer_id", "subscription_id"]
    at_opening: Mapping[str, str]
    at_closing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """What figures are broken down by, and into how many segments at most.

    Attributes:
        dimensions: Their names, built in or of ``attributes``.
        attributes: The dimensions that are properties of customers or subscriptions.
        size_bands: Where the bands of ``company_size`` begin, in whole units, ascending.
        max_segments: More values than this share the segment "other".
    """

    dimensions: Sequence[str] = ()
    attributes: Mapping[str, AttributeValues] = field(default_factory=dict[str, AttributeValues])
    size_bands: Sequence[int] = ()
    max_segments: int = 50


@dataclass(frozen=True, slots=True)
class Side:
    """A snapshot: which intervals hold, their micros, and the sums by account."""

    holds: BoolArray
    micros: IntArray
    by_account: IntArray


def segment_of_accounts(
    dimension: str,
    rules: SegmentRules,
    intervals: IntervalArrays,
    accounts: IntArray,
    opening: Side,
    closing: Side,
) -> npt.NDArray[np.object_]:
    """The segment of each of the accounts, by number, before small segments are joined."""
    at_opening = opening.by_account[accounts] > 0
    values = np.empty(len(accounts), dtype=object)
    if dimension == "company_size":
        sizes = np.where(at_opening, opening.by_account[accounts], closing.by_account[accounts])
        values[:] = [size_band(size, rules.size_bands) for size in sizes.tolist()]
        return values
    if dimension == "signup_cohort":
        months = intervals.first_days[accounts].astype("datetime64[D]").astype("datetime64[M]")
        values[:] = months.astype(str)
        return values
    largest = intervals.largest_rows(closing.micros, closing.holds)[accounts]
    at_opening |= largest == NOBODY
    opened = intervals.largest_rows(opening.micros, opening.holds)[accounts[at_opening]]
    values[at_opening] = _values(dimension, rules, intervals, opened, is_opening=True)
    closed = largest[~at_opening]
    values[~at_opening] = _values(dimension, rules, intervals, closed, is_opening=False)
    return values


def joined_segments(
    segments: npt.NDArray[np.object_], amounts: Sequence[IntArray], most: int
) -> npt.NDArray[np.object_]:
    """The same with all but the largest segments as "other", so that there are ``most`` at most.

    Args:
        segments: Each account's segment.
        amounts: Each account's opening and closing micros, which decide in this order; of equal
            segments the first by name stays.
        most: How many segments there may be, "other" included.
    """
    codes, names = pd.factorize(segments, sort=True)
    if len(names) <= most:
        return segments
    sums = [np.zeros(len(names), dtype=np.int64) for _ in amounts]
    for total, each in zip(sums, amounts, strict=True):
        np.add.at(total, codes, each)
    by_size = np.lexsort((np.arange(len(names)), *(-total for total in reversed(sums))))
    is_kept = np.zeros(len(names), dtype=bool)
    is_kept[by_size[: most - 1]] = True
    return np.where(is_kept[codes], segments, OTHER_SEGMENT)


def _values(
    dimension: str,
    rules: SegmentRules,
    intervals: IntervalArrays,
    rows: IntArray,
    *,
    is_opening: bool,
) -> list[str]:
    """The dimension's value of some rows of the intervals."""
    frame = intervals.frame
    if dimension == "billing_interval":
        names = frame["billing_interval"].to_numpy(dtype=object)[rows]
        counts = frame["billing_interval_count"].to_numpy()[rows]
        pairs = zip(names, counts, strict=True)
        return [billing_interval_segment(str(name), int(count)) for name, count in pairs]
    if dimension in _ITEM_COLUMNS:
        values = frame[_ITEM_COLUMNS[dimension]].to_numpy(dtype=object)[rows]
        return [value or UNKNOWN_SEGMENT for value in values]
    attribute = rules.attributes[dimension]
    known = attribute.at_opening if is_opening else attribute.at_closing
    ids = frame[attribute.of].to_numpy(dtype=object)[rows]
    return [known.get(object_id, UNKNOWN_SEGMENT) for object_id in ids]

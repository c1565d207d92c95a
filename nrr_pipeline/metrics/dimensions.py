"""What figures are broken down by, and what its segments are called.

Names only, so that a command can list them at once; who belongs where is decided in ``segments``.
"""

from bisect import bisect_right
from collections.abc import Sequence

from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR

UNKNOWN_SEGMENT = "unknown"
"""The segment of customers for whom a dimension has no value."""

OTHER_SEGMENT = "other"
"""The segment of all values beyond the allowed number."""

DIMENSIONS = (
    "product",
    "price",
    "billing_interval",
    "country",
    "currency",
    "company_size",
    "signup_cohort",
    "collection_method",
)
"""What retention is always broken down by; a policy's ``segments`` come on top."""


LONGEST_SEGMENT = 500
"""Characters of a segment's name; the rest of a longer value is left out."""

NOT_DIMENSIONS = (
    "all",
    "account_id",
    "name",
    "customer_currency",
    "customer_ids",
    "dashboard_urls",
    "movement",
    "opening_mrr",
    "closing_mrr",
    "change",
    "opening_mrr_micros",
    "closing_mrr_micros",
    "change_micros",
    "fx_micros",
)
"""Names that mean something else where customers are listed with their segments."""


def segment_name(value: str) -> str:
    """A value as the name of a segment, such as every database can keep and index.

    >>> segment_name("retail"), segment_name("a" * 501) == "a" * 499 + "…"
    ('retail', True)
    """
    name = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return name if len(name) <= LONGEST_SEGMENT else f"{name[: LONGEST_SEGMENT - 1]}…"


def size_band(micros: int, bands: Sequence[int]) -> str:
    """The band of a customer's MRR.

    >>> [size_band(units * 1_000_000, (100, 2_000)) for units in (99, 100, 1_999, 2_000)]
    ['under 100', '100 to 1,999', '100 to 1,999', '2,000 and more']
    """
    reached = bisect_right(bands, micros // MICROS_PER_MAJOR)
    if reached == 0:
        return f"under {bands[0]:,}" if bands else "any"
    if reached == len(bands):
        return f"{bands[-1]:,} and more"
    return f"{bands[reached - 1]:,} to {bands[reached] - 1:,}"


def band_names(bands: Sequence[int]) -> list[str]:
    """What the bands are called, the smallest first.

    >>> band_names((100, 500))
    ['under 100', '100 to 499', '500 and more']
    """
    return [size_band(units * MICROS_PER_MAJOR, bands) for units in (0, *bands)]


def billing_interval_segment(billing_interval: str, billing_interval_count: int) -> str:
    """How a billing interval is called as a segment.

    >>> billing_interval_segment("year", 1), billing_interval_segment("month", 3)
    ('year', '3 months')
    """
    if billing_interval_count == 1:
        return billing_interval
    return f"{billing_interval_count} {billing_interval}s"

"""What metered usage brings in an average month: a line of its own beside MRR, never part of it.

Which invoice lines there are does not belong here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from nrr_pipeline.metrics.counting import CountingRules
from nrr_pipeline.metrics.currencies import minor_to_micros
from nrr_pipeline.metrics.discounts import Discount
from nrr_pipeline.metrics.money import round_half_even
from nrr_pipeline.metrics.pricing import Price

TRAILING_MONTHS = 3
"""Over how many months usage is averaged (setting ``usage``)."""


@dataclass(frozen=True, slots=True)
class UsageLine:
    """What one paid invoice line charged for a whole billing interval of a metered item.

    Times are unix seconds; ``subtotal_minor`` is before discounts, and each of ``discounts`` says
    how many minor units it took off. ``tax_rate`` is the tax that the amount contains.
    """

    line_id: str
    price_id: str
    starts_at: int
    ends_at: int
    subtotal_minor: int
    discounts: tuple[tuple[Discount, int], ...] = ()
    tax_rate: Fraction | None = None


@dataclass(frozen=True, slots=True)
class AverageUsage:
    """An average month of usage in micros, and the time that it is taken from.

    ``months`` says how many months that time has; fewer than three where no more were billed.
    """

    micros: int
    months: Fraction
    starts_at: int
    ends_at: int


def average_usage(
    lines: Iterable[UsageLine],
    *,
    at: int,
    currency: str,
    prices: Mapping[str, Price],
    rules: CountingRules,
) -> AverageUsage | None:
    """An item's average month of usage at an instant; ``None`` where no whole interval was paid.

    The newest billing intervals that had ended by then are taken until they make three months; what
    they charged, after the discounts that the policy subtracts and without contained tax, is
    divided by their months, which come from the price as for MRR.

    Args:
        lines: What paid lines charged the item for whole billing intervals.
        at: The instant, in unix seconds.
        currency: The currency of the lines.
        prices: All prices by id; those of the lines have a known billing interval.
        rules: The policy's rules.

    Raises:
        MicrosOverflowError: The amounts are too large for 64 bits.
    """
    ended = sorted((line for line in lines if line.ends_at <= at), key=_newest_first)
    taken: list[UsageLine] = []
    months = Fraction(0)
    for _, group in groupby(ended, key=_period):
        if months >= TRAILING_MONTHS:
            break
        interval = list(group)
        price = prices[interval[0].price_id]
        months += rules.normalization.months(price.billing_interval, price.billing_interval_count)
        taken.extend(interval)
    if not months:
        return None
    total = sum((_net(line, rules) for line in taken), Fraction(0))
    micros = minor_to_micros(total / months, currency, rules.normalization.decimals)
    starts_at = min(line.starts_at for line in taken)
    return AverageUsage(round_half_even(micros), months, starts_at, taken[0].ends_at)


def _net(line: UsageLine, rules: CountingRules) -> Fraction:
    subtracted = rules.subtracted(tuple(discount for discount, _ in line.discounts))
    off = sum(amount for discount, amount in line.discounts if discount in subtracted)
    return Fraction(line.subtotal_minor - off) / (1 + (line.tax_rate or 0))


def _period(line: UsageLine) -> tuple[int, int]:
    return line.starts_at, line.ends_at


def _newest_first(line: UsageLine) -> tuple[int, int, str]:
    return -line.ends_at, -line.starts_at, line.line_id

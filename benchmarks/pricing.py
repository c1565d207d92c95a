"""How long pricing takes: intervals of many subscriptions, beside the plainest arithmetic.

Run it with ``.venv/bin/python benchmarks/pricing.py``; ``--help`` shows the sizes.
"""

import argparse
import platform
import random
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction

import oracle

from nrr_pipeline.metrics.counting import CountingRules
from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration, in_order
from nrr_pipeline.metrics.evidence import BillingState, Finding, Source, Terms
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.intervals import DayClock, IntervalBuilder, MrrInterval
from nrr_pipeline.metrics.pricing import Amounts, Price, Tier

DAY = 86_400
FIRST_DAY = 20_000
CURRENCIES = ("usd", "usd", "usd", "eur", "jpy")
TAX_RATE = Fraction(19, 100)
INTERVALS = (("month", 1), ("month", 1), ("month", 1), ("year", 1), ("month", 3), ("week", 1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)  # noqa: S311
    prices = price_list(dice)
    accounts = [
        subscription(dice, number, list(prices.values()))
        for number in range(arguments.subscriptions)
    ]
    started = time.process_time()
    builder = IntervalBuilder(prices, CountingRules(), DayClock("UTC"))
    built = [builder.build(mine) for mine in accounts]
    pipeline_seconds = time.process_time() - started

    started = time.process_time()
    clock = DayClock("UTC")
    different = 0
    for mine, (found, _) in zip(accounts, built, strict=True):
        for each in found:
            at = clock.last_second(each.valid_from)
            truth = oracle.mrr_micros(mine, each.subscription_item_id, at, prices)
            different += truth != each.mrr_micros
    oracle_seconds = time.process_time() - started

    report(accounts, built, pipeline_seconds, oracle_seconds, different)
    return 1 if different else 0


def report(
    accounts: Sequence[Sequence[HistorySegment]],
    built: Sequence[tuple[list[MrrInterval], list[Finding]]],
    pipeline_seconds: float,
    oracle_seconds: float,
    different: int,
) -> None:
    items = sum(len({each.subscription_item_id for each in mine}) for mine in accounts)
    intervals = sum(len(found) for found, _ in built)
    print(f"Python {platform.python_version()}, {platform.machine()}, one process, CPU time")
    print(
        f"{len(accounts):,} subscriptions, {items:,} items, {sum(map(len, accounts)):,} segments; "
        f"{share(accounts, lambda each: each.discounts)} with discounts, "
        f"{share(accounts, lambda each: any(one.is_spread for one in each.discounts))} with a "
        "fixed amount to share"
    )
    print()
    print(f"{'':30} {'seconds':>9} {'µs/item':>9} {'µs/interval':>12}")
    for name, seconds in (
        ("pricing and interval building", pipeline_seconds),
        ("fractions, every price anew", oracle_seconds),
    ):
        print(
            f"{name:30} {seconds:9.2f} {seconds / items * 1e6:9.1f} "
            f"{seconds / intervals * 1e6:12.1f}"
        )
    print()
    findings = sum(len(found) for _, found in built)
    print(f"{intervals:,} intervals, {different:,} of them different, {findings:,} findings")


def share(
    accounts: Sequence[Sequence[HistorySegment]], holds: Callable[[HistorySegment], object]
) -> str:
    having = sum(any(holds(each) for each in mine) for mine in accounts)
    return f"{having / len(accounts):.0%}"


def price_list(dice: random.Random) -> dict[str, Price]:
    """Sixty prices of every form, each in three currencies."""
    prices = {}
    for number in range(60):
        form = dice.choices(["unit", "graduated", "volume", "packs"], (60, 15, 10, 15))[0]
        is_tax_inclusive = happens(dice, 0.1)
        interval, count = dice.choice(INTERVALS)
        price_id = f"price_{number}"
        prices[price_id] = Price(
            price_id=price_id,
            product_id=f"prod_{number % 12}",
            currency="usd",
            billing_interval=interval,
            billing_interval_count=count,
            amounts=amounts(dice, form, is_tax_inclusive=is_tax_inclusive),
            options={
                currency: amounts(dice, form, is_tax_inclusive=is_tax_inclusive)
                for currency in ("eur", "jpy")
            },
            tiers_mode=form if form in {"graduated", "volume"} else None,
            divide_by=dice.choice([5, 10, 100]) if form == "packs" else None,
            round_up=happens(dice, 0.7),
        )
    return prices


def amounts(dice: random.Random, form: str, *, is_tax_inclusive: bool) -> Amounts:
    if form in {"unit", "packs"}:
        unit_amount = Fraction(dice.randrange(100, 20_000), dice.choice([1, 1, 1, 100]))
        return Amounts(unit_amount, is_tax_inclusive=is_tax_inclusive)
    ends = sorted(dice.sample(range(2, 200), dice.randrange(1, 4)))
    tiers = tuple(
        Tier(end, Fraction(dice.randrange(50, 5_000)), Fraction(dice.choice([0, 0, 1_000])))
        for end in [*ends, None]
    )
    return Amounts(None, tiers, is_tax_inclusive=is_tax_inclusive)


def subscription(dice: random.Random, number: int, prices: Sequence[Price]) -> list[HistorySegment]:
    """One to four items over two and a half years; some change, some are discounted."""
    currency = dice.choice(CURRENCIES)
    start = FIRST_DAY + dice.randrange(700)
    shared = discounts(dice, f"{number}", DiscountLevel.SUBSCRIPTION) if happens(dice, 0.25) else []
    segments = []
    for item in range(dice.choices([1, 2, 3, 4], (70, 18, 8, 4))[0]):
        own = discounts(dice, f"{number}_{item}", DiscountLevel.ITEM) if happens(dice, 0.03) else []
        at = start + (dice.randrange(100) if item else 0)
        for left in reversed(range(dice.choices([1, 2, 3, 5], (40, 30, 20, 10))[0])):
            until = None if left == 0 and happens(dice, 0.8) else at + dice.randrange(1, 200)
            price = dice.choice(prices)
            segments.append(
                HistorySegment(
                    subscription_item_id=f"si_{number}_{item}",
                    subscription_id=f"sub_{number}",
                    customer_id=f"cus_{number}",
                    currency=currency,
                    valid_from=at * DAY,
                    valid_to=None if until is None else until * DAY,
                    terms=Terms(price.price_id, seats(dice)),
                    state=BillingState.ACTIVE,
                    source=Source.INVOICE_LINE,
                    source_id="il_1",
                    discounts=in_order([*own, *shared]),
                    tax_rate=TAX_RATE if price.amounts.is_tax_inclusive else None,
                )
            )
            at = until
    return segments


def happens(dice: random.Random, chance: float) -> bool:
    return dice.random() < chance


def seats(dice: random.Random) -> int:
    """Mostly a few, sometimes hundreds."""
    return 1 + int(dice.expovariate(1 / 12))


def discounts(dice: random.Random, name: str, level: DiscountLevel) -> list[Discount]:
    return [
        Discount(
            f"di_{name}_{position}",
            f"coupon_{position}",
            level,
            position,
            dice.choice([Duration.FOREVER, Duration.REPEATING, Duration.ONCE]),
            percent_off=Fraction(dice.choice([10, 20, 25, 50])) if is_percent else None,
            amounts_off=()
            if is_percent
            else tuple((currency, Fraction(2_000)) for currency in ("eur", "jpy", "usd")),
            product_ids=frozenset({"prod_1", "prod_2"}) if happens(dice, 0.2) else None,
        )
        for position in range(dice.choice([1, 1, 2]))
        for is_percent in [happens(dice, 0.6)]
    ]


if __name__ == "__main__":
    sys.exit(main())

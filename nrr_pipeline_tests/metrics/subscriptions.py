"""Subscriptions written in a few words: ``a=team/3month/9000x2`` and ``sub 20%@addon once``."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction

from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration
from nrr_pipeline.metrics.evidence import BillingState, Finding, Source, Terms
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.intervals import CountingRules, DayClock, IntervalBuilder, MrrInterval
from nrr_pipeline.metrics.pricing import Amounts, Price, Tier

ITEM = re.compile(r"(\w+)=(\w+)/(\d*)(\w+)/([\d.]+)(?:x(\d+))?")
DISCOUNT = re.compile(r"(\w+) ([\d.]+)(%?)(?:@([\w+]*))?(?: (\w+))?")
LEVELS = {"sub": DiscountLevel.SUBSCRIPTION, "cus": DiscountLevel.CUSTOMER}


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def discounts(text: str, currency: str = "usd") -> dict[str, Discount]:
    """Discounts by their ids, which begin with what they are attached to: ``sub``, an item."""
    found: dict[str, Discount] = {}
    for position, words in enumerate(filter(None, text.split("; "))):
        match = DISCOUNT.fullmatch(words)
        assert match, words
        who, amount, percent, products, duration = match.groups()
        identity = f"{who}:{position}"
        found[identity] = Discount(
            identity,
            f"coupon_{position}",
            LEVELS.get(who, DiscountLevel.ITEM),
            position,
            Duration(duration or "forever"),
            percent_off=Fraction(amount) if percent else None,
            amounts_off=() if percent else ((currency, Fraction(amount)),),
            product_ids=None if products is None else frozenset(products.split("+")),
        )
    return found


def tiers(text: str, sign: str = " ") -> tuple[Tier, ...]:
    """Tiers such as ``5:700 10:650+1000 *:600``: end, unit amount, flat amount."""
    found: list[Tier] = []
    for words in filter(None, text.split(sign)):
        end, amounts = words.split(":")
        unit_amount, _, flat_amount = amounts.partition("+")
        found.append(
            Tier(
                None if end == "*" else int(end),
                Fraction(0 if unit_amount == "-" else unit_amount),
                Fraction(flat_amount or 0),
            )
        )
    return tuple(found)


def price_of(
    amount: Fraction | int | str | None, interval: str = "month", count: int = 1, **fields: object
) -> Price:
    """A price of these minor units an interval."""
    known: dict[str, object] = {
        "price_id": "price_1",
        "product_id": "team",
        "currency": "usd",
        "amounts": Amounts(None if amount is None else Fraction(amount)),
        **fields,
    }
    return Price(
        billing_interval=interval,
        billing_interval_count=count,
        **known,  # pyright: ignore[reportArgumentType]
    )


def tiered(mode: str | None, steps: tuple[Tier, ...], **fields: object) -> Price:
    """A monthly price with tiers."""
    known: dict[str, object] = {"amounts": Amounts(None, steps), "tiers_mode": mode, **fields}
    return price_of(None, **known)  # pyright: ignore[reportArgumentType]


def items(text: str, currency: str = "usd") -> tuple[dict[str, Price], dict[str, Terms]]:
    """Prices by id, and terms by item id, of items such as ``a=team/month/1000x2``."""
    prices: dict[str, Price] = {}
    terms: dict[str, Terms] = {}
    for words in text.split():
        match = ITEM.fullmatch(words)
        assert match, words
        item_id, product_id, count, interval, amount, quantity = match.groups()
        price_id = f"price_{item_id}"
        prices[price_id] = price_of(
            amount,
            interval,
            int(count or 1),
            price_id=price_id,
            product_id=product_id,
            currency=currency,
        )
        terms[item_id] = Terms(price_id, int(quantity or 1))
    return prices, terms


def segment(
    item_id: str, terms: Terms, start: str = "2026-01-01", end: str | None = None, **fields: object
) -> HistorySegment:
    """An active stretch of an item."""
    known: dict[str, object] = {"currency": "usd", "state": BillingState.ACTIVE, **fields}
    return HistorySegment(
        subscription_item_id=item_id,
        subscription_id="sub_1",
        customer_id="cus_1",
        valid_from=at(start),
        valid_to=None if end is None else at(end),
        terms=terms,
        source=Source.INVOICE_LINE,
        source_id="il_1",
        **known,  # pyright: ignore[reportArgumentType]
    )


def segments(
    terms: Mapping[str, Terms], off: Mapping[str, Discount], currency: str = "usd"
) -> list[HistorySegment]:
    """One stretch for every item, each with the discounts that are attached to it or to all."""
    return [
        segment(
            item_id,
            mine,
            currency=currency,
            discounts=tuple(
                each
                for each in off.values()
                if each.discount_id.partition(":")[0] in {"sub", "cus", item_id}
            ),
        )
        for item_id, mine in terms.items()
    ]


def build(
    stretches: list[HistorySegment], prices: Mapping[str, Price], **rules: object
) -> tuple[list[MrrInterval], list[Finding]]:
    """The intervals of one subscription and what must be known about them."""
    counting = CountingRules(**rules)  # pyright: ignore[reportArgumentType]
    return IntervalBuilder(prices, counting, DayClock("UTC")).build(stretches)

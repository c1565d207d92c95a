"""Tiers of a price in other currencies: Stripe shows them for currencies named one by one."""

from __future__ import annotations

from fractions import Fraction

from nrr_pipeline.metrics.pricing import Normalization, item_mrr_micros
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.payloads import read_price
from nrr_pipeline.stripe_source.pull import pull
from nrr_pipeline_tests.stripe_source.fake_stripe import FakeStripe, error
from nrr_pipeline_tests.stripe_source.objects import customer, price
from nrr_pipeline_tests.stripe_source.sinks import MemorySink

IN_DOLLARS = [{"up_to": 2, "unit_amount": 1000}, {"up_to": None, "unit_amount": 700}]
IN_EUROS = [{"up_to": 2, "unit_amount": 900}, {"up_to": None, "unit_amount": 500}]


def tiered(currency_options: object) -> dict[str, object]:
    return price(
        "price_tiers",
        currency="usd",
        billing_scheme="tiered",
        tiers_mode="graduated",
        tiers=IN_DOLLARS,
        recurring={"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        currency_options=currency_options,
    )


LISTED = tiered({"usd": {"unit_amount": None}, "eur": {"unit_amount": None}})
WHOLE = tiered({"usd": {"tiers": IN_DOLLARS}, "eur": {"tiers": IN_EUROS}})


def test_a_tiered_price_in_several_currencies_is_read_with_the_tiers_of_each(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.add("customers", customer("cus_1"))
    stripe_account.add("prices", LISTED)
    stripe_account.unlisted["price_tiers"] = WHOLE
    pull(source, sink)
    (asked,) = stripe_account.asked("/v1/prices/price_tiers")
    expanded = [value for name, value in asked.params.items() if name.startswith("expand")]
    assert expanded == [
        "tiers",
        "currency_options",
        "currency_options.eur.tiers",
        "currency_options.usd.tiers",
    ]
    found = read_price(sink["prices", "price_tiers"].payload)
    assert found is not None
    assert found.options["eur"].tiers[1].unit_amount == Fraction(500)
    mrr = item_mrr_micros(found, 3, currency="eur", normalization=Normalization())
    assert mrr == (2 * 9 + 1 * 5) * 1_000_000


def test_a_price_whose_tiers_are_shown_is_not_read_again(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.add("customers", customer("cus_1"))
    stripe_account.add("prices", WHOLE)
    pull(source, sink)
    assert not stripe_account.asked("/v1/prices/price_tiers")


def test_where_stripe_refuses_the_price_is_kept_and_has_no_tiers_in_that_currency(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    refusal = error(400, "This property cannot be expanded (currency_options.eur.tiers).")
    stripe_account.hook = lambda request: (
        refusal if request.path == "/v1/prices/price_tiers" else None
    )
    stripe_account.add("customers", customer("cus_1"))
    stripe_account.add("prices", LISTED)
    pull(source, sink)
    found = read_price(sink["prices", "price_tiers"].payload)
    assert found is not None
    assert found.amounts.tiers[0].unit_amount == Fraction(1000)
    assert found.options["eur"].unsupported == "it has no tiers"

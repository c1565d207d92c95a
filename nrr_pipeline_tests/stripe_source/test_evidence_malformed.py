"""Objects that lack something, and the same objects in another order."""

import contextlib
import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.evidence import SubscriptionEvidence
from nrr_pipeline.metrics.history import fold_subscription
from nrr_pipeline.stripe_source.evidence import subscription_evidence
from nrr_pipeline.stripe_source.payloads import MalformedObjectError, read_price
from nrr_pipeline_tests.stripe_source.payload_sets import (
    PRICES,
    Payload,
    at,
    credit,
    debit,
    event,
    evidence,
    history,
    invoice,
    item,
    items_before,
    line,
    months,
    record,
    seen,
    subscription,
)

Json = Any
Place = tuple[str | int, ...]
"""The way to a field or an entry, from the outside inwards."""

DROPPED = object()
JSON = st.sampled_from(
    [
        DROPPED,
        None,
        True,
        -1,
        0,
        7,
        2.5,
        1e300,
        "",
        "x",
        [],
        ["x"],
        {},
        {"id": 3},
        {"data": [1, {}]},
    ]
)


def whole_story() -> Payload:
    """A subscription with every kind of evidence, as plain JSON."""
    after = subscription(
        item("monthly", 5),
        item("addon", 1, item_id="si_2", created="2026-02-15"),
        status="past_due",
        trial_start=at("2026-01-01"),
        trial_end=at("2026-01-08"),
        cancel_at_period_end=True,
        canceled_at=at("2026-03-05"),
        pause_collection={"behavior": "void"},
        status_details={"paused": {"transitioned_at": at("2026-03-01")}},
    )
    before = subscription(item("monthly", 3))
    changes = invoice(
        "2026-03-01",
        credit("monthly", 3, "2026-02-11", "2026-03-01", credited=["il_monthly_3_2026-02-01"]),
        debit("monthly", 5, "2026-02-11", "2026-03-01", item_id=None),
        debit("addon", 1, "2026-02-15", "2026-03-01", item_id=None),
        line("monthly", 5, "2026-03-01", "2026-04-01"),
        status="open",
        attempt_count=2,
    )
    return {
        "versions": [before, after],
        "invoices": [*months("monthly", 3, "2026-01-01", 2), changes],
        "events": [
            event("2026-02-11", after, "evt_1", items=items_before(item("monthly", 3))),
            event("2026-03-02", after, "evt_2", status="active", pause_collection=None),
        ],
    }


def fold_story(story: Payload) -> SubscriptionEvidence | None:
    before, after = story["versions"]
    return subscription_evidence(
        record(
            seen(before, "2026-01-10"),
            seen(after, "2026-03-10"),
            invoices=story["invoices"],
            events=story["events"],
        ),
        PRICES,
    )


def places(value: Json, path: Place = ()) -> Iterator[Place]:
    """The path of every field and entry."""
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


PLACES = [path for path in places(whole_story()) if len(path) > 2]


@given(path=st.sampled_from(PLACES), wrong=JSON)
def test_whatever_one_field_holds_it_is_read_or_reported_and_never_crashes(
    path: Place, wrong: object
) -> None:
    story = whole_story()
    holder: Any = story
    for key in path[:-1]:
        holder = holder[key]
    if wrong is DROPPED:
        del holder[path[-1]]
    else:
        holder[path[-1]] = wrong
    with contextlib.suppress(MalformedObjectError):
        found = fold_story(story)
        assert found is not None
        fold_subscription(found)


@given(seed=st.integers(0, 2**32))
def test_the_order_of_fields_and_lists_does_not_matter(seed: int) -> None:
    story = whole_story()
    shuffled = shuffle(story, random.Random(seed))
    shuffled["versions"] = [reordered(version, seed) for version in story["versions"]]
    expected = fold_story(story)
    found = fold_story(shuffled)
    assert expected is not None
    assert found is not None
    assert fold_subscription(found) == fold_subscription(expected)
    assert found.items == expected.items
    assert found.spans == expected.spans
    assert found.at_risk == expected.at_risk
    assert sorted(map(repr, found.problems)) == sorted(map(repr, expected.problems))


def reordered(value: Json, seed: int) -> Json:
    return shuffle(copy.deepcopy(value), random.Random(seed))


def shuffle(value: Json, dice: random.Random) -> Json:
    if isinstance(value, dict):
        keys = list(value)
        dice.shuffle(keys)
        return {key: shuffle(value[key], dice) for key in keys}
    if isinstance(value, list):
        entries = [shuffle(entry, dice) for entry in value]
        dice.shuffle(entries)
        return entries
    return value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customer", None),
        ("currency", None),
        ("start_date", None),
        ("created", "yesterday"),
        ("ended_at", "soon"),
        ("trial_end", True),
    ],
)
def test_a_subscription_that_cannot_be_read_names_itself_and_the_field(
    field: str, value: object
) -> None:
    broken = {**subscription(item("monthly", 3), trial_start=1), field: value}
    with pytest.raises(MalformedObjectError, match=f"sub_1.*{field}"):
        subscription_evidence(record(seen(broken, "2026-01-10")), PRICES)


def test_canceled_without_any_date_is_malformed() -> None:
    broken = subscription(item("monthly", 3), status="canceled")
    with pytest.raises(MalformedObjectError, match="canceled_at"):
        subscription_evidence(record(seen(broken, "2026-01-10")), PRICES)


def test_an_unreadable_line_is_listed_and_hides_no_other() -> None:
    broken = line("monthly", 3, "2026-02-01", "2026-03-01", line_id="il_broken")
    del broken["pricing"]
    invoices = [*months("monthly", 3, "2026-01-01", 1), invoice("2026-02-01", broken)]
    found = evidence(seen(subscription(item("monthly", 3)), "2026-02-10"), invoices=invoices)
    assert [(each.check_name, each.severity, each.object_id) for each in found.problems] == [
        ("unreadable_line", "error", "il_broken")
    ]
    assert history(seen(subscription(item("monthly", 3)), "2026-02-10"), invoices=invoices) == [
        "si_1 2026-01-01.. 3 x monthly"
    ]


def test_an_event_of_an_old_version_that_cannot_be_read_is_listed_and_left_out() -> None:
    old = subscription({"id": "si_1", "plan": {"id": "monthly"}})
    found = evidence(
        seen(subscription(item("monthly", 3)), "2026-01-10"),
        invoices=months("monthly", 3, "2026-01-01", 1),
        events=[event("2026-01-05", old, "evt_old")],
    )
    assert [(each.check_name, each.object_id) for each in found.problems] == [
        ("unreadable_event", "evt_old")
    ]
    assert len(fold_subscription(found)) == 1


def test_references_are_read_expanded_or_not() -> None:
    expanded = subscription(item("monthly", 3), customer={"id": "cus_1", "object": "customer"})
    expanded_line = line("monthly", 3, "2026-01-01", "2026-02-01")
    details = expanded_line["parent"]["subscription_item_details"]
    details["subscription"] = {"id": "sub_1", "object": "subscription"}
    expanded_line["pricing"]["price_details"]["price"] = {"id": "monthly"}
    found = subscription_evidence(
        record(seen(expanded, "2026-01-10"), invoices=[invoice("2026-01-01", expanded_line)]),
        PRICES,
    )
    assert found is not None
    assert found.customer_id == "cus_1"
    assert len(fold_subscription(found)) == 1


def price_payload(**fields: object) -> Payload:
    return {
        "id": "price_1",
        "product": "prod_1",
        "currency": "usd",
        "type": "recurring",
        "billing_scheme": "per_unit",
        "unit_amount": 1_000,
        "unit_amount_decimal": "1000",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        **fields,
    }


def test_a_price_is_read_to_all_its_decimals() -> None:
    price = read_price(price_payload(unit_amount=None, unit_amount_decimal="0.000000000001"))
    assert price is not None
    assert price.amounts.unit_amount is not None
    assert price.amounts.unit_amount * 10**12 == 1


def test_a_one_time_price_has_no_mrr() -> None:
    assert read_price(price_payload(type="one_time", recurring=None)) is None


@pytest.mark.parametrize("field", ["id", "product", "currency"])
def test_a_price_without_an_identity_is_malformed(field: str) -> None:
    with pytest.raises(MalformedObjectError, match=field):
        read_price(price_payload(**{field: None}))

"""Objects of every kind with one field broken: no crash, and no figure that says nothing of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrr_pipeline_tests.stripe_source.fuzzed_story import Place, broken, outcome, places, story

STORY = story()
EXPECTED = outcome(STORY)

PLACES = [path for path in places(STORY) if len(path) > 2]

PLAUSIBLE = [None, 0, 7, 2.5, [], {}, {"id": 3}, {"data": [1, {}]}]
"""Values that Stripe might send: what they change need not be pointed out."""

IMPOSSIBLE = [True, -1, 10**30, 1e300, "", "x", ["x"], {"unknown": 1}]
"""Values of which none fits where figures come from."""

NAMES = frozenset({"id", "subscription", "subscription_item", "parent"})
"""Fields in which another text is simply another object."""


def test_the_story_itself_is_without_doubt() -> None:
    assert EXPECTED.figures
    assert not EXPECTED.is_flagged


@settings(max_examples=400)
@given(path=st.sampled_from(PLACES), value=st.sampled_from([*PLAUSIBLE, *IMPOSSIBLE]))
def test_nothing_in_one_field_makes_it_crash(path: Place, value: object) -> None:
    outcome(broken(STORY, path, value))


@settings(max_examples=400)
@given(path=st.sampled_from(PLACES))
def test_a_missing_field_makes_nothing_crash(path: Place) -> None:
    outcome(broken(STORY, path, None, drop=True))


@settings(max_examples=400)
@given(path=st.sampled_from(PLACES), value=st.sampled_from(IMPOSSIBLE))
def test_what_cannot_be_changes_no_figure_silently(path: Place, value: object) -> None:
    if path[-1] in NAMES or (path[-2] == "data" and isinstance(value, dict)):
        return
    found = outcome(broken(STORY, path, value))
    assert found.figures == EXPECTED.figures or found.is_flagged


@settings(max_examples=100)
@given(
    first=st.tuples(st.sampled_from(PLACES), st.sampled_from(IMPOSSIBLE)),
    second=st.tuples(st.sampled_from(PLACES), st.sampled_from([*PLAUSIBLE, *IMPOSSIBLE])),
)
def test_two_broken_fields_do_not_crash_either(
    first: tuple[Place, object], second: tuple[Place, object]
) -> None:
    objects = broken(STORY, *first)
    try:
        objects = broken(objects, *second)
    except (KeyError, IndexError, TypeError):
        return  # the second place lay within the first
    outcome(objects)


MATERIAL = [
    ("prices", 0, "unit_amount_decimal"),
    ("prices", 0, "recurring", "interval"),
    ("prices", 0, "recurring", "interval_count"),
    ("prices", 0, "billing_scheme"),
    ("prices", 0, "currency"),
    ("prices", 1, "tiers"),
    ("prices", 1, "tiers_mode"),
    ("prices", 1, "tiers", 0, "up_to"),
    ("coupons", 0, "percent_off"),
    ("coupons", 0, "duration"),
    ("coupons", 1, "amount_off"),
    ("coupons", 1, "currency"),
    ("versions", 1, "status"),
    ("versions", 1, "items", "data", 0, "price"),
    ("versions", 1, "items", "data", 0, "discounts", 0, "source"),
    ("versions", 1, "discounts", 0, "end"),
    ("customers", 0, "discount", "end"),
    ("invoices", 0, "lines", "data", 1, "period"),
    ("invoices", 0, "lines", "data", 1, "discount_amounts"),
]
"""Fields that every figure of an item rests on."""


@pytest.mark.parametrize("path", MATERIAL, ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize("value", IMPOSSIBLE, ids=repr)
def test_what_figures_rest_on_is_flagged_when_it_cannot_be(path: Place, value: object) -> None:
    assert outcome(broken(STORY, path, value)).is_flagged

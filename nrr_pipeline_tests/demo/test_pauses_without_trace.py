"""A pause of collection within one billing cycle cannot be known: the account looks the same."""

from __future__ import annotations

import pytest

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.catalog import Plan
from nrr_pipeline.demo.log import CollectionPaused, CollectionResumed, PauseBehavior, Subscribed
from nrr_pipeline.demo.rendering import render
from nrr_pipeline_tests.demo.tiny_logs import at, item, tiny_log

STARTED = Subscribed(
    at=at("2025-01-10 10:00"),
    subscription_id="sub_1",
    customer_id="cus_1",
    items=(item("si_1", Plan.TEAM, 3),),
)


@pytest.mark.parametrize("behavior", ["void", "mark_uncollectible"])
@pytest.mark.parametrize(
    ("resumed_at", "leaves_a_trace"), [("2025-03-30 12:00", False), ("2025-04-20 12:00", True)]
)
def test_an_old_pause_leaves_a_trace_only_where_an_invoice_falls_into_it(
    behavior: PauseBehavior, resumed_at: str, *, leaves_a_trace: bool
) -> None:
    paused = CollectionPaused(at=at("2025-03-12 12:00"), subscription_id="sub_1", behavior=behavior)
    resumed = CollectionResumed(at=at(resumed_at), subscription_id="sub_1")
    with_pause = shown(render(tiny_log(STARTED, paused, resumed)))
    assert (with_pause != shown(render(tiny_log(STARTED)))) is leaves_a_trace


def shown(account: StripeAccount) -> dict[str, object]:
    """Everything that an account shows; the ids of its events and requests say nothing."""
    found: dict[str, object] = {**account.objects}
    nameless = {"id": None, "request": None}
    found["events"] = [{**event, **nameless} for event in account.objects["events"]]
    return found

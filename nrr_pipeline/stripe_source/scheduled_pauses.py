"""Pauses that a schedule carried out: of old ones nothing else tells, as events are forgotten.

What a schedule will do belongs to ``planned``.
"""

from collections.abc import Iterable, Iterator

from nrr_pipeline.metrics.evidence import BillingState, Source, StateSpan
from nrr_pipeline.stripe_source.payloads import Payload, entries, readable_moment


def scheduled_pauses(schedules: Iterable[Payload]) -> Iterator[StateSpan]:
    """The pauses that began and ended as planned; one that lasts stands on the subscription."""
    for schedule in schedules:
        for each in entries(schedule, "pause_schedules"):
            start = step_at(each, "pause", "succeeded")
            end = step_at(each, "resume", "succeeded")
            if start is not None and end is not None and start < end:
                source_id = str(schedule.get("id"))
                yield StateSpan(start, end, BillingState.PAUSED, Source.SUBSCRIPTION, source_id)


def step_at(planned: Payload, step: str, status: str) -> int | None:
    """When a planned pause takes a step, ``pause`` or ``resume``; ``None`` in another status."""
    found = planned.get(step)
    if not isinstance(found, dict) or not isinstance(found.get("status"), dict):
        return None
    is_so = found["status"].get("type") == status
    return readable_moment(found, f"{step}_at") if is_so else None

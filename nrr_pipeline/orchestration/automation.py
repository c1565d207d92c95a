"""When periods are measured again by themselves."""

from datetime import timedelta

import dagster as dg

LOOK_BACK = timedelta(days=400)
"""How old a period may be that a corrected day measures again."""


def follows_its_days() -> dg.AutomationCondition:
    """Measure a period when its last day lands, and again when one of its days is corrected.

    ``eager`` alone looks at the latest period only. Periods that were never measured are due
    however old they are, so a first connection publishes all of them.
    """
    is_recent = dg.AutomationCondition.in_latest_time_window(LOOK_BACK)
    is_due = is_recent | dg.AutomationCondition.missing()
    return (
        dg.AutomationCondition.eager()
        .replace("in_latest_time_window", is_due.with_label("recent_or_never_measured"))
        .with_label("follows_its_days")
    )


def period_automation() -> dg.AutomationConditionSensorDefinition:
    """The sensor that asks the conditions above; it runs unless somebody stops it."""
    return dg.AutomationConditionSensorDefinition(
        "periods_follow_their_days",
        target=dg.AssetSelection.groups("retention"),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Measures a month, quarter or trailing year as soon as its last day is "
        "published, and again when one of its days is corrected.",
    )

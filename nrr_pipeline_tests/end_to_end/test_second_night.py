"""What changed between two pulls: an event dates it, else the pull that first saw it."""

import copy
from dataclasses import replace
from datetime import date
from pathlib import Path

from nrr_pipeline_tests.end_to_end.forms import Object, at
from nrr_pipeline_tests.end_to_end.pipeline import connected
from nrr_pipeline_tests.end_to_end.state_cases import ALWAYS, VOID, ended, paused
from nrr_pipeline_tests.end_to_end.states_account import HandMadeAccount
from nrr_pipeline_tests.end_to_end.test_states_account import rows_by_item

DAY_OF_CHANGE, NEXT_DAY, FOREVER = "2026-11-05", "2026-11-06", "9999-12-31"


def test_a_change_between_two_pulls_counts_from_its_event_or_from_the_second_pull(
    tmp_path: Path,
) -> None:
    account = HandMadeAccount()
    names = ("seats", "silent_seats", "silent_pause", "leaves", "pauses", "stays")
    shown: dict[str, Object] = {name: account.billed(name, ALWAYS) for name in names}
    with connected(copy.deepcopy(account.account()), tmp_path) as pipeline:
        pipeline.advance(date(2026, 11, 4))

        before = copy.deepcopy(shown["seats"]["items"]["data"])
        for name in ("seats", "silent_seats"):
            shown[name]["items"]["data"][0]["quantity"] = 3
        account.changed(shown["seats"], at("2026-11-05 15:00:00"), {"items": {"data": before}})
        shown["silent_pause"]["pause_collection"] = VOID
        shown["leaves"] |= ended("2026-11-05 20:00:00")
        shown["pauses"] |= paused("2026-11-05 08:00:00")
        pipeline.show(replace(account.account(), now=at("2026-11-06 06:00:00")))
        pipeline.advance(date(2026, 11, 5))

        rows = rows_by_item(pipeline.warehouse)
    found = {
        name: [
            (str(row.valid_from), str(row.valid_to), row.mrr_micros, row.max_error_micros)
            for row in rows[f"si_{name}_0"]
        ]
        for name in names
    }
    ten, thirty = 10_000_000, 30_000_000
    until_then = ("2026-08-10", DAY_OF_CHANGE, ten, None)
    assert found == {
        "seats": [until_then, (DAY_OF_CHANGE, FOREVER, thirty, None)],
        "silent_seats": [until_then, (DAY_OF_CHANGE, NEXT_DAY, ten, thirty - ten)],
        "silent_pause": [until_then, (DAY_OF_CHANGE, NEXT_DAY, ten, ten)],
        "leaves": [until_then],
        "pauses": [until_then],
        "stays": [("2026-08-10", FOREVER, ten, None)],
    }

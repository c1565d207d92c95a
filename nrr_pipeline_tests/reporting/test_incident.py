"""What is said about the pipeline itself: the trouble first, then what to do."""

from __future__ import annotations

from datetime import date

from nrr_pipeline.reporting.incident import (
    complete_message,
    failure_message,
    overdue_message,
    success_message,
)
from nrr_pipeline.reporting.links import Link
from nrr_pipeline.reporting.message import LONGEST_TEXT

RUN = (Link("Run", "http://127.0.0.1:3000/runs/1"),)


def test_a_failure_names_the_job_its_own_words_the_fix_and_the_run() -> None:
    message = failure_message("daily_close", "STRIPE_API_KEY is not set. Set it.", RUN)
    lines = message.text.splitlines()
    assert lines[0] == "The run of daily_close failed."
    assert lines[1] == "It said: STRIPE_API_KEY is not set. Set it."
    assert "nrr run" in lines[2]
    assert lines[-1] == "Run: http://127.0.0.1:3000/runs/1"
    assert "STRIPE_API_KEY is not set" in str(message.blocks)


def test_an_error_of_any_length_and_content_stays_one_short_line() -> None:
    message = failure_message("daily_close", "broken\x1b[2J\n\u202e" + "x" * 5_000, RUN)
    assert len(message.text) <= LONGEST_TEXT
    assert message.text.isprintable() or "\n" in message.text
    assert "\x1b" not in message.text + str(message.blocks)
    assert len(message.text.splitlines()) == 4


def test_missing_days_are_named_with_where_to_look() -> None:
    text = overdue_message(date(2026, 10, 2), date(2026, 10, 4)).text
    assert text.startswith("No figures since 2 October 2026.\nThe days through 4 October 2026")
    assert "nrr doctor" in text
    assert "nrr run" in text


def test_the_end_of_a_trouble_is_good_news() -> None:
    assert success_message("daily_close", RUN).text.startswith("daily_close works again.")
    assert "complete again" in complete_message(date(2026, 10, 4)).text

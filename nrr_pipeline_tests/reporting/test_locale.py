"""How numbers and dates are written, and that nothing is rounded toward 100 %."""

from datetime import UTC, date, datetime

import pytest

from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.reporting.locale import MINUS, NO_BREAK, Notation
from nrr_pipeline.reporting.ratios import ratio_tenths


@pytest.mark.parametrize(
    ("locale", "shown"),
    [
        ("en_US", f"{MINUS}USD{NO_BREAK}1,234.50"),
        ("de_DE", f"{MINUS}1.234,50{NO_BREAK}USD"),
        ("hi_IN", f"{MINUS}USD{NO_BREAK}1,234.50"),
        ("ar_EG", f"{MINUS}1,234.50{NO_BREAK}USD"),
    ],
)
def test_an_amount_has_its_code_where_the_locale_puts_it(locale: str, shown: str) -> None:
    assert Notation(locale).money(-1_234_500_000, "usd") == shown


def test_an_amount_has_the_decimals_of_its_currency_and_is_rounded_half_to_even() -> None:
    english = Notation("en_US")
    assert english.amount(2_500_000, "jpy") == "2"
    assert english.amount(3_500_000, "jpy") == "4"
    assert english.amount(1_234_567, "kwd") == "1.235"
    assert english.amount(-4_000, "usd") == "0.00"
    assert english.money(-4_000, "usd") == f"USD{NO_BREAK}0.00"


def test_a_ratio_is_rounded_toward_zero_and_never_up_to_100() -> None:
    english, german = Notation("en_US"), Notation("de_DE")
    assert english.ratio(99_969, 100_000) == f"99.9{NO_BREAK}%"
    assert german.ratio(99_969, 100_000) == f"99,9{NO_BREAK}%"
    assert english.ratio(0, 0) == "n/a"
    assert ratio_tenths(16_666_666, 16_666_667, currency="usd") == 1_000
    assert ratio_tenths(16_656_667, 16_666_667, currency="usd") == 999


def test_points_have_a_sign_unless_they_are_nothing() -> None:
    english = Notation("en_US")
    assert [english.points(each) for each in (12, -9, 0)] == ["+1.2", f"{MINUS}0.9", "0.0"]


def test_days_months_and_moments_are_written_in_the_locale_and_time_zone() -> None:
    german = Notation("de_DE")
    assert german.day(date(2026, 9, 30)) == "30. September 2026"
    assert german.period(Period.parse("2026-Q3")) == "Q3 2026"
    assert german.period(Period.parse("ttm-2026-03")) == "twelve months to März 2026"
    late = datetime(2026, 9, 30, 22, 30, tzinfo=UTC)
    assert german.moment(late, "Europe/Berlin") == "1. Oktober 2026, 00:30 (Europe/Berlin)"


def test_paper_is_what_the_country_uses() -> None:
    assert [Notation(each).paper for each in ("en_US", "de_DE", "fr")] == ["us-letter", "a4", "a4"]

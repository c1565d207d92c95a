from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from nrr_pipeline.metrics.pricing import Amounts, Price, item_mrr_micros
from nrr_pipeline.policy import MetricPolicy, PolicyError, load_policy


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(tmp_path: Path, text: str) -> MetricPolicy:
    return load_policy(written(tmp_path, text))


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(PolicyError) as raised:
        loaded(tmp_path, text)
    assert raised.value.exit_status == 2
    return str(raised.value)


def test_without_a_file_the_defaults_hold() -> None:
    policy = load_policy(None)
    assert policy == MetricPolicy()
    assert policy.choices() == {}
    assert policy.version == "3-default"


def test_every_setting_is_read(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        """
        reporting_currency = "eur"
        timezone = "Europe/Berlin"
        start_date = 2024-04-01
        fiscal_year_start_month = 2
        pause_collection = "count"
        churn_at = "request"
        discounts = "forever"
        usage = "trailing_3_months"
        [past_due]
        max_days = 30
        [normalization]
        week = "1461/28"
        day = 365.25
        [currencies.minor_units]
        isk = 0
        [close]
        after_days = 5
        [reactivation]
        window_days = 90
        [privacy]
        drop = ["name"]
        [alerts]
        nrr_below = 0.95
        """,
    )
    assert policy.start_date == date(2024, 4, 1)
    assert policy.normalization.week == Fraction(1461, 28)
    assert policy.normalization.day == Fraction(1461, 4)
    assert policy.alerts.nrr_below == Fraction(19, 20)
    rules = policy.counting_rules()
    assert rules.churn_at_request
    assert rules.paused_collection_counts
    assert rules.discounts == "forever"
    assert rules.past_due_max_seconds == 30 * 86_400
    assert rules.normalization.weeks_per_year == Fraction(1461, 28)
    assert policy.choices() == {
        "reporting_currency": "eur",
        "timezone": "Europe/Berlin",
        "start_date": "2024-04-01",
        "fiscal_year_start_month": "2",
        "pause_collection": "count",
        "churn_at": "request",
        "discounts": "forever",
        "past_due.max_days": "30",
        "normalization.week": "1461/28",
        "normalization.day": "1461/4",
        "usage": "trailing_3_months",
        "currencies.minor_units": "isk = 0",
        "close.after_days": "5",
        "reactivation.window_days": "90",
        "privacy.drop": "name",
        "alerts.nrr_below": "19/20",
    }
    assert policy.settings().keys() >= policy.choices().keys()


def test_the_default_rules_are_the_definitions() -> None:
    rules = MetricPolicy().counting_rules()
    assert (rules.normalization.weeks_per_year, rules.normalization.days_per_year) == (52, 365)
    assert not rules.churn_at_request
    assert not rules.paused_collection_counts
    assert rules.discounts == "recurring"
    assert rules.past_due_max_seconds is None


def test_the_version_follows_every_choice_that_moves_a_figure(tmp_path: Path) -> None:
    texts = (
        "",
        'churn_at = "request"',
        'discounts = "none"',
        'discounts = "all"',
        "[past_due]\nmax_days = 0",
        'timezone = "Europe/Berlin"',
        "[normalization]\nweek = 50",
        "[normalization]\nday = 360",
        "[currencies.minor_units]\nisk = 0",
        "[currencies.minor_units]\nisk = 0\nugx = 0",
    )
    versions = [loaded(tmp_path, text).version for text in texts]
    assert len(set(versions)) == len(texts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[normalization]\nweek = 52.0",
        '[privacy]\ndrop = ["name"]',
        'churn_at = "end"',
        'usage = "trailing_3_months"',
        '[alerts]\nreason = "subscription.metadata.change_reason"',
    ],
)
def test_the_version_stays_where_no_figure_moves(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text).version == MetricPolicy().version


def test_equal_choices_have_equal_versions_however_they_are_written(tmp_path: Path) -> None:
    written_otherwise = ("[normalization]\nweek = 52.5", '[normalization]\nweek = "105/2"')
    versions = {loaded(tmp_path, text).version for text in written_otherwise}
    assert len(versions) == 1


def test_the_policy_may_say_how_many_decimals_a_currency_has(tmp_path: Path) -> None:
    price = Price("price_1", "prod_1", "isk", "month", 1, Amounts(Fraction(500)))

    def worth(text: str) -> int:
        rules = loaded(tmp_path, text).counting_rules()
        return item_mrr_micros(price, 1, currency="isk", normalization=rules.normalization)

    assert worth("") == 5_000_000
    assert worth("[currencies.minor_units]\nisk = 0") == 500_000_000
    assert worth("[currencies.minor_units]\nugx = 0") == 5_000_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ISK = 0", "ISK"),
        ("krona = 0", "krona"),
        ("isk = 4", "Input should be 0, 1, 2 or 3"),
        ("isk = 'none'", "Input should be 0, 1, 2 or 3"),
    ],
)
def test_decimals_that_no_currency_has_are_refused(tmp_path: Path, text: str, says: str) -> None:
    assert says in refusal(tmp_path, f"[currencies.minor_units]\n{text}")


def test_an_unknown_setting_lists_the_valid_ones(tmp_path: Path) -> None:
    message = refusal(tmp_path, "currency = 'eur'")
    assert "currency: there is no such setting; valid here: reporting_currency" in message
    assert "nrr policy" in message


def test_an_unknown_setting_of_a_section_lists_those_of_the_section(tmp_path: Path) -> None:
    message = refusal(tmp_path, "[normalization]\nmonth = 12")
    assert "normalization.month: there is no such setting; valid here: week, day" in message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("churn_at = 'never'", ["churn_at = 'never'", "'end' or 'request'"]),
        ("discounts = 'repeating'", ["discounts = 'repeating'", "'forever'", "'none'"]),
        ("[past_due]\nmax_days = -1", ["past_due.max_days = -1"]),
        ("[past_due]\nmax_days = 1.5", ["past_due.max_days = 1.5"]),
        ("[past_due]\ndays = 3", ["past_due.days: there is no such setting", "max_days"]),
        ("timezone = 'Europe/Berlinn'", ["did you mean Europe/Berlin"]),
        ("timezone = 'Mars'", ["not a time zone"]),
        ("reporting_currency = 'EUR'", ["reporting_currency = 'EUR'"]),
        ("fiscal_year_start_month = 13", ["fiscal_year_start_month = 13", "12"]),
        ("start_date = 'soon'", ["start_date = 'soon'"]),
        ("[normalization]\nweek = 0", ["normalization.week = 0", "must be positive"]),
        ("[normalization]\nweek = true", ["normalization.week = True"]),
        ("[normalization]\nday = 'many'", ["normalization.day = 'many'"]),
        ("[normalization]\nday = '1/0'", ["normalization.day = '1/0'"]),
        ("[normalization]\nday = inf", ["normalization.day = inf"]),
        ("[normalization]\nday = nan", ["normalization.day = nan"]),
        ("[close]\nafter_days = -1", ["close.after_days = -1"]),
        ("close = 3", ["close = 3"]),
        ("[reactivation]\nwindow_days = 0", ["reactivation.window_days = 0"]),
        ("[alerts]\nreason = 'change_reason'", ["alerts.reason", "subscription.metadata.KEY"]),
        ("[alerts]\nreason = 'customer.metadata.why'", ["alerts.reason", "no field of a sub"]),
    ],
)
def test_a_value_that_cannot_be_names_its_key(tmp_path: Path, text: str, named: list[str]) -> None:
    message = refusal(tmp_path, text)
    assert str(tmp_path / "policy.toml") in message
    for part in named:
        assert part in message


def test_all_mistakes_are_listed_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, "churn_at = 'never'\ncurrency = 'eur'\n[close]\nafter_days = -1")
    assert "3 mistake(s)" in message


def test_a_file_that_is_not_toml_names_the_line(tmp_path: Path) -> None:
    assert "line 2" in refusal(tmp_path, "churn_at = 'end'\n= broken")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(path)


def test_paths_begin_at_the_folder_of_the_policy_file_and_addresses_stay(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('[fx]\necb = "rates.zip"\n[files]\ncustomer_map = "lists/map.csv"\n')
    policy = load_policy(path)
    assert policy.fx.ecb == str(tmp_path / "rates.zip")
    assert policy.files.customer_map == tmp_path / "lists" / "map.csv"
    path.write_text('[fx]\necb = "https://www.ecb.europa.eu/eurofxref-hist.zip"\n')
    assert load_policy(path).fx.ecb == "https://www.ecb.europa.eu/eurofxref-hist.zip"


def test_a_folder_and_a_missing_file_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path)
    with pytest.raises(PolicyError, match="unset NRR_POLICY"):
        load_policy(tmp_path / "none.toml")


def test_a_policy_cannot_be_changed_once_made() -> None:
    with pytest.raises(ValidationError):
        MetricPolicy().churn_at = "request"


@pytest.mark.parametrize("bands", ["[500, 100]", "[100, 100, 500]"])
def test_bands_that_do_not_ascend_are_refused_with_the_order_to_write(
    tmp_path: Path, bands: str
) -> None:
    said = refusal(tmp_path, f"[company_size]\nbands = {bands}")
    assert "company_size.bands" in said
    assert "write [100, 500], the smallest first" in said


@pytest.mark.parametrize("bands", ["[0, 100]", "[-1]"])
def test_the_first_band_begins_above_nothing(tmp_path: Path, bands: str) -> None:
    assert "greater than 0" in refusal(tmp_path, f"[company_size]\nbands = {bands}")


def test_there_is_at_least_one_segment(tmp_path: Path) -> None:
    assert loaded(tmp_path, "max_segments = 1").max_segments == 1
    said = refusal(tmp_path, "max_segments = 0")
    assert "max_segments = 0: Input should be greater than or equal to 1" in said


@pytest.mark.parametrize(
    ("segments", "says"),
    [
        ('country = "attributes.land"', "'country' cannot name a dimension"),
        ('all = "attributes.land"', "none of all, account_id, name"),
        ('movement = "attributes.land"', "'movement' cannot name a dimension"),
        ('"Sales Region" = "attributes.land"', "small letters, digits and _"),
        ('land = "attributes."', "attributes.COLUMN"),
        ('land = "industry"', "customer.metadata.KEY"),
        ('land = "invoice.metadata.land"', "subscription.metadata.KEY"),
    ],
)
def test_a_dimension_that_cannot_be_is_refused_with_the_forms_there_are(
    tmp_path: Path, segments: str, says: str
) -> None:
    assert says in refusal(tmp_path, f"[segments]\n{segments}")


def test_dimensions_of_ones_own_come_after_the_built_in_ones(tmp_path: Path) -> None:
    policy = loaded(tmp_path, '[segments]\nindustry = "attributes.industry"')
    assert policy.dimensions[-2:] == ("collection_method", "industry")
    assert policy.attribute_sources == {
        "country": "customer.address.country",
        "collection_method": "subscription.collection_method",
        "industry": "attributes.industry",
    }
    assert policy.version != MetricPolicy().version


def test_a_watched_segment_of_a_dimension_that_there_is_not_is_refused(tmp_path: Path) -> None:
    says = refusal(tmp_path, '[alerts]\nwatch = ["country:DE", "countri:DE"]')
    assert "alerts.watch = 'countri:DE': there is no such dimension; valid here: product," in says

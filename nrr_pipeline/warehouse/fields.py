"""The field dictionary: which columns every table and view has, with type, unit and sentence.

Tables, column comments, documentation and the UI's column schema come from here. The sentences
stand in ``sentences``; keys, indexes and how a type is stored stand in ``tables``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from nrr_pipeline.raw import KINDS
from nrr_pipeline.warehouse.sentences import DICTIONARY


@dataclass(frozen=True, slots=True)
class Field:
    """One column: ``type`` is text, bytes, integer, bigint, real, boolean, date or timestamp."""

    name: str
    type: str
    description: str
    unit: str | None = None
    is_nullable: bool = False


_RAW = """
    object_id known_from observed_at pull_id content_hash is_deleted subscription_id? payload
"""
_DAILY = """
    as_of_date subscription_item_id subscription_id customer_id account_id product_id price_id
    billing_interval billing_interval_count quantity currency mrr_micros is_at_risk
    is_scheduled_churn is_approximate approximation? max_error_micros?
"""
_RETENTION = """
    period_start period_end opening_date closing_date dimension segment currency
    starting_mrr_micros expansion_micros contraction_micros churned_mrr_micros new_business_micros
    reactivation_micros fx_micros ending_mrr_micros nrr? nrr_numerator nrr_denominator
    grr? grr_numerator grr_denominator starting_customers churned_customers ending_customers
    logo_churn? is_final is_historical policy_version edition known_at
"""

# name: (sentence, columns in order; "?" marks a column that may be empty)
_TABLES: dict[str, tuple[str, str]] = {
    "account": (
        "The Stripe account and mode that this database is bound to; one row.",
        "account_row livemode connected_at start_date? connected_through?",
    ),
    "pulls": (
        "Every pull from Stripe; the running one holds the lease.",
        """pull_id status started_at observed_at? heartbeat_at finished_at? host process_id
        object_counts? error?""",
    ),
    "knowledge": (
        "Every moment at which something was learned; one row per write transaction.",
        "known_at cause pull_id? policy_version? changed_from?",
    ),
    "stage_progress": (
        "How far each stage has worked in what is known.",
        "stage known_at raw_known_at? policy_version?",
    ),
    **{
        f"stripe_{kind}": (f"Every version of Stripe's {kind} as they came; append-only.", _RAW)
        for kind in KINDS
    },
    "subscription_history": (
        "What was true of every subscription item when, and when that was known.",
        """history_id subscription_item_id subscription_id customer_id valid_from valid_to state
        price_id quantity? currency discounts? tax_rate? is_scheduled_churn is_at_risk
        at_risk_since? approximation? alternative_price_id? alternative_quantity? held_out?
        end_reason? source source_id known_from known_to""",
    ),
    "mrr_intervals": (
        "MRR of every subscription item by valid days and by knowledge; held-out items have none.",
        """interval_id subscription_item_id subscription_id customer_id account_id product_id?
        price_id billing_interval? billing_interval_count? quantity? currency mrr_micros?
        is_at_risk is_scheduled_churn is_approximate approximation? max_error_micros? end_reason?
        held_out? valid_from valid_to policy_version known_from known_to""",
    ),
    "customer_attributes": (
        "Properties of customers by valid days and by knowledge.",
        """customer_attribute_id customer_id attribute value valid_from valid_to
        known_from known_to""",
    ),
    "subscription_attributes": (
        "Properties of subscriptions by valid days and by knowledge.",
        """subscription_attribute_id subscription_id attribute value valid_from valid_to
        known_from known_to""",
    ),
    "fx_rates": (
        "Exchange rates into the reporting currency, from a file, a bank or entered by hand.",
        "fx_rate_id as_of_date currency rate source? known_from? known_to?",
    ),
    "customer_map": (
        "Stripe customers that count as one account, from a file or entered by hand.",
        "customer_map_id customer_id account_id source? known_from? known_to?",
    ),
    "attributes": (
        "Properties of customers that Stripe does not know, from a file or entered by hand.",
        """attribute_id customer_id attribute value valid_from? valid_to? source? known_from?
        known_to?""",
    ),
    "published_days": (
        "The days whose snapshot is published, with the knowledge time of the first publication.",
        "as_of_date known_at",
    ),
    "daily_mrr_totals": (
        "MRR of each published day per native currency, and in all in the reporting currency.",
        """as_of_date currency is_reporting mrr_micros customers subscriptions at_risk_mrr_micros
        scheduled_churn_mrr_micros""",
    ),
    "mrr_movements": (
        "Movements of customers between consecutive days, where their MRR changed.",
        """as_of_date account_id movement reason? opening_mrr_micros closing_mrr_micros
        change_micros currency""",
    ),
    "monthly_nrr": ("Retention of calendar months, by dimension and edition.", _RETENTION),
    "quarterly_nrr": ("Retention of quarters, by dimension and edition.", _RETENTION),
    "trailing_12_month_nrr": (
        "Retention of the twelve months that end with a month, by dimension and edition.",
        _RETENTION,
    ),
    "evaluated_periods": (
        "When each period was last computed, whether or not its figures changed.",
        "table_name period_start closing_date policy_version known_at",
    ),
    "restatements": (
        "Published retention figures that a later edition changed, and why.",
        """period period_start dimension segment from_edition to_edition cause nrr_before?
        nrr_after? detail known_at""",
    ),
    "alerts": (
        "Alerts that were raised; one row per condition.",
        """alert_key kind metric period period_start dimension segment edition threshold? value?
        severity text raised_at delivered_at? delivery_attempts last_error? blocks? run_id?
        attempted_at? next_attempt_at? held_until? is_possible_repeat acknowledged_at?
        acknowledged_by? silenced_until?""",
    ),
    "alert_silences": (
        "Alerts that are not to be sent for a while; an empty column stands for any value.",
        "silence_id metric? period? dimension? segment? until reason? created_at",
    ),
    "board_report": (
        "Board reports as they were issued; an edition is never changed, a later one may follow.",
        """period_start edition issued_at data_as_of known_at policy_version changes? content
        content_sha256 location? files? written_at?""",
    ),
    "data_quality": (
        "Findings about the account's data; open until resolved.",
        """finding_id found_at stage scope_id check_name severity object_id detail amount_micros?
        currency? resolved_at?""",
    ),
}

_VIEWS: dict[str, tuple[str, str]] = {
    "daily_mrr": (
        "MRR of every item on every published day in native currency, as known now.",
        _DAILY,
    ),
    "daily_mrr_as_reported": (
        "MRR of every item on every published day, as known when the day was published.",
        _DAILY,
    ),
    "retention": (
        "Latest edition of every month, quarter and trailing twelve months.",
        f"period {_RETENTION}",
    ),
}

TABLE_NAMES = tuple(_TABLES)
VIEW_NAMES = tuple(_VIEWS)
RETENTION_TABLES: tuple[str, ...] = ("monthly_nrr", "quarterly_nrr", "trailing_12_month_nrr")
PERIOD_OF_TABLE: dict[str, str] = dict(
    zip(RETENTION_TABLES, ("month", "quarter", "trailing_12_months"), strict=True)
)


def description_of(table_name: str) -> str:
    """Return the sentence that says what the rows of a table or view are."""
    return _layout(table_name)[0]


@cache
def columns_of(table_name: str) -> list[Field]:
    """Return the columns of a table or view, in order."""
    return [_field(table_name, word) for word in _layout(table_name)[1].split()]


@cache
def column_names(table_name: str) -> tuple[str, ...]:
    """Return the names of the columns of a table or view, in order."""
    return tuple(field.name for field in columns_of(table_name))


def _layout(table_name: str) -> tuple[str, str]:
    return _TABLES[table_name] if table_name in _TABLES else _VIEWS[table_name]


def _field(table_name: str, word: str) -> Field:
    name = word.removesuffix("?")
    kind, unit, sentence = DICTIONARY.get(f"{table_name}.{name}") or DICTIONARY[name]
    return Field(name, kind, sentence, unit, is_nullable=word.endswith("?"))

"""Which fields the figures cannot do without, so that no privacy rule takes them away.

What is left out by default stands in ``redaction``.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.stripe_source.redaction import PrivacyRules, redact

_KIND_OF_WORD = {"customer": "customers", "subscription": "subscriptions"}

NEEDED = frozenset(
    {
        # what an object is, and what it belongs to
        *("id", "object", "type", "livemode", "created", "deleted", "data", "has_more", "parent"),
        *("customer", "subscription", "subscription_item", "subscription_item_details", "invoice"),
        *("latest_invoice", "invoice_item", "invoice_line_items", "previous_attributes"),
        # when it counts
        *("status", "status_transitions", "start_date", "end_date", "start", "end", "period"),
        *("ended_at", "canceled_at", "cancel_at", "cancel_at_period_end", "cancellation_details"),
        *("reason", "current_trial", "trial_start", "trial_end", "pause_collection", "behavior"),
        *("paused", "pending_update", "phases", "attempt_count", "billing_reason"),
        # what it is worth
        *("items", "lines", "price", "product", "products", "quantity", "quantity_decimal"),
        *("currency", "currency_options", "amount", "subtotal", "pricing", "price_details"),
        *("unit_amount", "unit_amount_decimal", "flat_amount", "flat_amount_decimal", "tiers"),
        *("tiers_mode", "up_to", "billing_scheme", "transform_quantity", "divide_by", "round"),
        *("recurring", "interval", "interval_count", "usage_type", "proration"),
        *("proration_details", "credited_items"),
        # what is taken off it
        *("discount", "discounts", "discount_amounts", "total_discount_amounts", "source"),
        *("coupon", "percent_off", "amount_off", "duration", "duration_in_months", "applies_to"),
        *("taxes", "tax_behavior", "tax_rate", "tax_rates", "tax_rate_details", "inclusive"),
        *("default_tax_rates", "percentage", "taxable_amount"),
    }
)
"""Names of fields that history and prices are read from."""


def refuse_blinding(privacy: PrivacyRules, sources: Iterable[tuple[str, str]]) -> None:
    """See that privacy rules leave what the figures and the policy need.

    Args:
        privacy: The rules.
        sources: Settings, and the field that each reads: ``customer.metadata.internal``.

    Raises:
        SettingsError: A rule drops a field that is needed; the message names both and the fix.
    """
    for rule in sorted(privacy.drop):
        *around, name = rule.split(".")
        if name in NEEDED and "metadata" not in around:
            raise SettingsError(
                f"privacy.drop names {rule}, without which nothing can be priced. Remove it from "
                "policy.toml, or name the field within it that is to go"
            )
    for setting, source in sources:
        word, _, path = source.partition(".")
        kind = _KIND_OF_WORD.get(word)
        if kind is not None and not _is_kept(kind, _words(path), privacy):
            raise SettingsError(
                f"{setting} reads {source}, which is left out before anything is stored. Put it "
                "into privacy.keep of policy.toml, take it out of privacy.drop, or remove "
                f"{setting}"
            )


def _words(path: str) -> Sequence[str]:
    """The fields on a path; a key of metadata may have dots."""
    first, _, key = path.partition(".")
    return (first, key) if first == "metadata" else path.split(".")


def _is_kept(kind: str, path: Sequence[str], privacy: PrivacyRules) -> bool:
    example: Any = "kept"
    for name in reversed(path):
        example = {name: example}
    kept: Any = redact(kind, example, privacy)
    for name in path:
        kept = kept.get(name) if isinstance(kept, dict) else None
    return kept is not None

"""Which account a customer counts as, and who is left out: the map and the rules, as known.

What a customer pays is not asked here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from nrr_pipeline.inputs.csv_files import Fact, InputError
from nrr_pipeline.metrics.customers import Accounts, CustomerMapError, ExclusionRules
from nrr_pipeline.metrics.intervals import MrrInterval
from nrr_pipeline.stripe_source.redaction import EMAIL_DOMAIN
from nrr_pipeline.warehouse import given, quality, raw_objects
from nrr_pipeline.warehouse.transactions import Connection

EXCLUDED = "customer_excluded"
"""Check name of the findings about customers that a rule leaves out."""

UNKNOWN_NAMED = 5
"""How many customers that nobody knows a finding lists."""

_STRIPE_ID = "cus_"
_SOURCES = {"file": "the file", "table": "the table customer_map"}


def accounts_known(connection: Connection, known_at: datetime | None = None) -> Accounts:
    """The accounts as believed at a time (default: now)."""
    return _accounts(given.facts_of(connection, given.CUSTOMER_MAP, known_at))


def judge_customer_map(connection: Connection, facts: Sequence[Fact]) -> list[quality.Finding]:
    """Refuse a map that contradicts itself; remark on customers that Stripe does not know.

    Raises:
        InputError: Two sources disagree about a customer, or customers are joined in a circle.
    """
    _accounts(facts)
    if not facts:
        return []
    named = {fact["customer_id"] for fact in facts}
    own_names = {into for fact in facts if not (into := fact["account_id"]).startswith(_STRIPE_ID)}
    named |= {fact["account_id"] for fact in facts}
    known = raw_objects.known_ids(connection, "customers")
    unknown = sorted(named - own_names - known - raw_objects.deleted_ids(connection, "customers"))
    if not unknown:
        return []
    rest = len(unknown) - UNKNOWN_NAMED
    listed = ", ".join(unknown[:UNKNOWN_NAMED]) + (f" and {rest} more" if rest > 0 else "")
    finding = quality.Finding(
        check_name="unknown_customer",
        severity="warning",
        object_id=given.CUSTOMER_MAP.table.name,
        detail=f"this Stripe account has no customer {listed}. Correct the id, or remove the line",
        scope_id=given.CUSTOMER_MAP.table.name,
    )
    return [finding]


def excluded_now(connection: Connection) -> list[quality.Finding]:
    """Whom the policy left out when their subscriptions were last priced, why, and their MRR."""
    return [each.finding for each in quality.open_findings(connection, check_name=EXCLUDED)]


def _accounts(facts: Iterable[Fact]) -> Accounts:
    by_customer: dict[str, Fact] = {}
    for fact in facts:
        other = by_customer.setdefault(fact["customer_id"], fact)
        if other["account_id"] != fact["account_id"]:
            said = " and ".join(
                f"{_SOURCES[each['source']]} into {each['account_id']}" for each in (other, fact)
            )
            raise InputError(f"{fact['customer_id']} is joined by {said}. Keep one of them")
    try:
        return Accounts({each: fact["account_id"] for each, fact in by_customer.items()})
    except CustomerMapError as error:
        raise InputError(f"In the customer map {error}") from error


def excluded_customers(
    connection: Connection,
    rules: ExclusionRules,
    accounts: Accounts,
    customer_ids: Iterable[str],
    raw_known_at: datetime,
) -> dict[str, str]:
    """Those of the customers that a rule leaves out, and which rule.

    A customer that Stripe no longer has is judged by what it was last.
    """
    excluded: dict[str, str] = {}
    wanted = sorted(customer_ids)
    payloads: dict[str, Mapping[str, object]] = {}
    if rules.look_into_customers:
        versions = raw_objects.versions_of(connection, "customers", wanted, raw_known_at)
        payloads = {each.object_id: each.payload for each in versions if not each.is_deleted}
    for customer_id in wanted:
        payload = payloads.get(customer_id, {})
        domain, metadata = payload.get(EMAIL_DOMAIN), payload.get("metadata")
        reason = rules.reason(
            accounts.way_of(customer_id),
            domain if isinstance(domain, str) else None,
            metadata if isinstance(metadata, Mapping) else {},
        )
        if reason is not None:
            excluded[customer_id] = reason
    return excluded


class Exclusions:
    """The customers that a rule leaves out, and what they would bring at present.

    Args:
        reasons: By customer, which rule leaves it out.
    """

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self._reasons = reasons
        self._present: dict[str, Counter[str]] = {each: Counter() for each in reasons}

    def add(self, customer_id: str, intervals: Iterable[MrrInterval], today: date | None) -> None:
        """Note what a subscription of a left out customer brings today."""
        for each in intervals:
            if today is not None and each.valid_from <= today < each.valid_to:
                self._present[customer_id][each.currency] += each.mrr_micros or 0

    def findings(self) -> list[quality.Finding]:
        """One for each customer, with its MRR; one for each currency where there are several."""
        return [
            quality.Finding(
                check_name=EXCLUDED,
                severity="info",
                object_id=customer_id,
                detail=f"it is in no figure: {reason}",
                scope_id=customer_id,
                amount_micros=micros,
                currency=currency,
            )
            for customer_id, reason in sorted(self._reasons.items())
            for currency, micros in sorted(self._present[customer_id].items()) or [(None, None)]
        ]

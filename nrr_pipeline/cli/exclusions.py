"""How many customers are in no figure, in a line below every output.

Who they are, and why, stands in ``data_quality`` and beside each customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nrr_pipeline.metrics.money import format_money
from nrr_pipeline.warehouse.quality import Finding


def exclusion_lines(excluded: Sequence[Finding]) -> list[str]:
    """Say how many customers are left out and what they bring at present; nothing for none."""
    document = exclusion_document(excluded)
    if not document["customers"]:
        return []
    customers = document["customers"]
    sums = [format_money(each["mrr_micros"], each["currency"]) for each in document["totals"]]
    money = f" with {' and '.join(sums)} of MRR" if sums else " without MRR at present"
    counted = f"{customers:,} customer{'' if customers == 1 else 's'}"
    return [f"excluded by the policy, in no figure: {counted}{money}; listed in data_quality"]


def exclusion_document(excluded: Sequence[Finding]) -> dict[str, Any]:
    """Return the same for JSON."""
    totals: dict[str, int] = {}
    for each in excluded:
        if each.currency is not None:
            totals[each.currency] = totals.get(each.currency, 0) + (each.amount_micros or 0)
    return {
        "customers": len({each.object_id for each in excluded}),
        "totals": [
            {"currency": currency, "mrr_micros": micros}
            for currency, micros in sorted(totals.items())
        ],
    }

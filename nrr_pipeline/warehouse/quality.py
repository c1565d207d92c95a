"""Data quality: findings that stay open until a computation no longer makes them.

What counts as a finding is decided where it is found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from nrr_pipeline.warehouse.bulk import insert_rows
from nrr_pipeline.warehouse.chunks import in_chunks
from nrr_pipeline.warehouse.tables import data_quality
from nrr_pipeline.warehouse.transactions import WriteTransaction

_COMPARED = (
    "scope_id",
    "check_name",
    "severity",
    "object_id",
    "detail",
    "amount_micros",
    "currency",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about an object; ``scope_id`` is what has to be computed again to confirm it."""

    check_name: str
    severity: str
    object_id: str
    detail: str
    scope_id: str
    amount_micros: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A finding that still holds."""

    finding_id: int
    found_at: datetime
    stage: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """What recording findings did."""

    new: int = 0
    resolved: int = 0
    unchanged: int = 0


def record_findings(
    tx: WriteTransaction,
    scope_ids: Collection[str] | None,
    findings: Iterable[Finding],
    *,
    stage: str,
) -> FindingCounts:
    """Make ``findings`` all that a stage finds about ``scope_ids``; ``None`` is everything.

    Open findings that are not among them are resolved, new ones opened, the others stay.
    """
    wanted = set(findings)
    if scope_ids is not None:
        stray = {finding.scope_id for finding in wanted} - set(scope_ids)
        if stray:
            raise ValueError(f"{min(stray)} has findings but is not in the scope")
    present = {
        item.finding: item.finding_id
        for item in open_findings(tx.connection, stage=stage, scope_ids=scope_ids)
    }
    resolved = [number for finding, number in present.items() if finding not in wanted]
    fresh = sorted(wanted - set(present), key=lambda finding: (finding.scope_id, finding.detail))
    update = sa.update(data_quality).values(resolved_at=tx.known_at)
    for chunk in in_chunks(resolved):
        tx.connection.execute(update.where(data_quality.c.finding_id.in_(chunk)))
    stamp = {"found_at": tx.known_at, "stage": stage}
    insert_rows(tx.connection, data_quality, [{**asdict(finding), **stamp} for finding in fresh])
    return FindingCounts(len(fresh), len(resolved), len(present) - len(resolved))


def open_findings(
    connection: sa.Connection,
    *,
    stage: str | None = None,
    check_name: str | None = None,
    scope_ids: Collection[str] | None = None,
) -> list[OpenFinding]:
    """Return the findings that still hold, oldest first."""
    columns = data_quality.c
    query = sa.select(
        columns.finding_id,
        columns.found_at,
        columns.stage,
        *(columns[name] for name in _COMPARED),
    )
    query = query.where(columns.resolved_at.is_(None)).order_by(columns.finding_id)
    if stage is not None:
        query = query.where(columns.stage == stage)
    if check_name is not None:
        query = query.where(columns.check_name == check_name)
    queries = [query]
    if scope_ids is not None:
        queries = [query.where(columns.scope_id.in_(chunk)) for chunk in in_chunks(scope_ids)]
    return [
        OpenFinding(
            row["finding_id"],
            row["found_at"],
            row["stage"],
            Finding(**{name: row[name] for name in _COMPARED}),
        )
        for chunk in queries
        for row in connection.execute(chunk).mappings()
    ]

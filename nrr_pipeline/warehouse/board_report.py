"""Board reports: what was issued, edition by edition, and where its files are.

What a report holds and when a new edition is due is the business of ``stages.reports``.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from nrr_pipeline.errors import NrrError
from nrr_pipeline.warehouse import tables


class DamagedReportError(NrrError):
    """What was kept of an edition is not what was issued."""


@dataclass(frozen=True, slots=True)
class IssuedReport:
    """One edition of a month's report, without its content.

    ``files`` holds by name the SHA-256 of each file; empty until all of them were written.
    """

    period_start: date
    edition: int
    issued_at: datetime
    data_as_of: datetime
    known_at: datetime
    policy_version: str
    changes: tuple[str, ...]
    content_sha256: str
    location: str | None
    files: Mapping[str, str]
    written_at: datetime | None


_NAMES = IssuedReport.__slots__


def add_report(
    connection: sa.Connection, row: Mapping[str, Any], content: bytes
) -> IssuedReport | None:
    """Keep the next edition of a month, unless somebody else was faster.

    Args:
        connection: Under the write lock.
        row: The columns but for the content and the files.
        content: All that its files are made of.

    Returns:
        The edition; ``None`` where it is not the next one.
    """
    before = reports(connection, row["period_start"])
    if row["edition"] != (before[-1].edition if before else 0) + 1:
        return None
    kept = {
        "content": gzip.compress(content, mtime=0),
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "changes": "\n".join(row["changes"]) or None,
    }
    connection.execute(sa.insert(tables.board_report).values({**row, **kept}))
    return reports(connection, row["period_start"])[-1]


def note_files(
    connection: sa.Connection,
    issued: IssuedReport,
    location: str,
    files: Mapping[str, str],
    *,
    at: datetime,
) -> None:
    """Note that all files of an edition were written; the first time stands."""
    columns = tables.board_report.c
    mine = sa.and_(
        columns.period_start == issued.period_start,
        columns.edition == issued.edition,
        columns.written_at.is_(None),
    )
    listed = orjson.dumps(dict(files), option=orjson.OPT_SORT_KEYS).decode()
    values = {"location": location, "files": listed, "written_at": at}
    connection.execute(sa.update(tables.board_report).where(mine).values(values))


def reports(connection: sa.Connection, period_start: date | None = None) -> list[IssuedReport]:
    """Return every edition, of one month or of all, by month and edition."""
    columns = tables.board_report.c
    query = sa.select(*(columns[name] for name in _NAMES))
    if period_start is not None:
        query = query.where(columns.period_start == period_start)
    rows = connection.execute(query.order_by(columns.period_start, columns.edition)).mappings()
    return [_issued({**row}) for row in rows]


def content_of(connection: sa.Connection, issued: IssuedReport) -> bytes:
    """Return the content of an edition as it was issued.

    Raises:
        DamagedReportError: It was changed since.
    """
    columns = tables.board_report.c
    mine = sa.and_(columns.period_start == issued.period_start, columns.edition == issued.edition)
    packed = connection.execute(sa.select(columns.content).where(mine)).scalar_one()
    try:
        content = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error):
        content = b""
    if hashlib.sha256(content).hexdigest() != issued.content_sha256:
        raise DamagedReportError(
            f"The content of the report of {issued.period_start:%Y-%m}, edition {issued.edition}, "
            "is not what was issued: somebody or something changed it in the table board_report. "
            "Restore that row from a backup of the database"
        )
    return content


def _issued(row: Mapping[str, Any]) -> IssuedReport:
    return IssuedReport(
        **{
            **row,
            "changes": tuple((row["changes"] or "").splitlines()),
            "files": orjson.loads(row["files"] or "{}"),
        }
    )

"""The views for readers of the database: their SQL, in words that every dialect understands.

A migration creates them from text of its own; a test holds it to this. What their columns mean
stands in ``fields``.
"""

from __future__ import annotations

from nrr_pipeline.warehouse.fields import PERIOD_OF_TABLE, column_names

_STILL_BELIEVED = "9999-12-31 00:00:00.000000"
"""As SQLite stores the end of such knowledge; equality, unlike a range, finds it by the index."""


def _daily(name: str, known: str) -> str:
    columns = ", ".join(f"i.{column}" for column in column_names(name)[1:])
    return (
        f"SELECT d.as_of_date, {columns} "  # noqa: S608
        "FROM published_days AS d JOIN mrr_intervals AS i "
        f"ON i.valid_from <= d.as_of_date AND i.valid_to > d.as_of_date "
        f"AND i.held_out IS NULL AND {known}"
    )


def _latest_edition(table: str, period: str) -> str:
    columns = ", ".join(f"r.{column}" for column in column_names(table))
    return (
        f"SELECT '{period}' AS period, {columns} FROM {table} AS r "  # noqa: S608
        f"WHERE r.edition = (SELECT max(e.edition) FROM {table} AS e "
        "WHERE e.period_start = r.period_start)"
    )


VIEWS: dict[str, str] = {
    "daily_mrr": _daily("daily_mrr", f"i.known_to = '{_STILL_BELIEVED}'"),
    "daily_mrr_as_reported": _daily(
        "daily_mrr_as_reported", "i.known_from <= d.known_at AND i.known_to > d.known_at"
    ),
    "retention": " UNION ALL ".join(
        _latest_edition(table, period) for table, period in PERIOD_OF_TABLE.items()
    ),
}

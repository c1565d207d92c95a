"""The tables: how the field dictionary's columns are stored, with keys, indexes and rules.

Sentences and column lists stand in ``fields``; the views' SQL stands in ``views``; what a dialect
does differently stands in ``engine``. A change here needs a migration.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, TypeEngine

from nrr_pipeline.raw import KINDS
from nrr_pipeline.warehouse.fields import RETENTION_TABLES, columns_of, description_of


class UtcTimestamp(TypeDecorator[datetime]):
    """An aware UTC datetime; in SQLite fixed-width text, so that text order is time order."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Take aware datetimes of any zone, and only those."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"A time without a time zone cannot be stored: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give aware UTC datetimes."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Text is ordered by its code points everywhere, as Python and SQLite do it.
_TYPES: dict[str, TypeEngine[Any]] = {
    "text": sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
    "bytes": sa.LargeBinary(),
    "integer": sa.Integer(),
    "bigint": sa.BigInteger(),
    "real": sa.Double().with_variant(sa.REAL(), "sqlite"),
    "boolean": sa.Boolean(),
    "date": sa.Date(),
    "timestamp": UtcTimestamp(),
}
_FOREIGN_KEYS = {"pull_id": "pulls.pull_id"}

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _table(
    name: str,
    primary_key: str,
    *,
    indexes: tuple[str, ...] = (),
    checks: dict[str, str] | None = None,
) -> sa.Table:
    keys = primary_key.split()
    table = sa.Table(
        name,
        metadata,
        *(
            sa.Column(
                field.name,
                _TYPES[field.type],
                *_references(name, field.name),
                primary_key=field.name in keys,
                nullable=field.is_nullable,
                comment=field.description,
            )
            for field in columns_of(name)
        ),
        *(sa.CheckConstraint(rule, name=rule_name) for rule_name, rule in (checks or {}).items()),
        comment=description_of(name),
    )
    for columns in indexes:
        sa.Index(None, *(table.c[column] for column in columns.split()))
    return table


def _references(table_name: str, column_name: str) -> tuple[sa.ForeignKey, ...]:
    target = _FOREIGN_KEYS.get(column_name)
    if target is None or target.startswith(f"{table_name}."):
        return ()
    return (sa.ForeignKey(target),)


_ORDERED = {"valid": "valid_from < valid_to", "known": "known_from < known_to"}
_BITEMPORAL_INDEXES = ("subscription_id known_to", "customer_id known_to")

account = _table("account", "account_row", checks={"single": "account_row = 1"})
pulls = _table("pulls", "pull_id", indexes=("status",))
knowledge = _table("knowledge", "known_at", indexes=("pull_id",))
stage_progress = _table("stage_progress", "stage")

RAW = {
    kind: _table(
        f"stripe_{kind}", "object_id known_from", indexes=("subscription_id", "known_from")
    )
    for kind in KINDS
}

subscription_history = _table(
    "subscription_history", "history_id", indexes=_BITEMPORAL_INDEXES, checks=_ORDERED
)
mrr_intervals = _table(
    "mrr_intervals",
    "interval_id",
    indexes=(*_BITEMPORAL_INDEXES, "account_id valid_from"),
    checks={
        **_ORDERED,
        "priced": "(mrr_micros IS NOT NULL AND mrr_micros > 0 AND held_out IS NULL) "
        "OR (mrr_micros IS NULL AND held_out IS NOT NULL)",
    },
)
_SNAPSHOT = "known_to valid_to valid_from held_out currency mrr_micros account_id"
sa.Index("ix_mrr_intervals_snapshot", *(mrr_intervals.c[name] for name in _SNAPSHOT.split()))
customer_attributes = _table(
    "customer_attributes",
    "customer_attribute_id",
    indexes=("customer_id known_to", "attribute known_to"),
    checks=_ORDERED,
)
subscription_attributes = _table(
    "subscription_attributes",
    "subscription_attribute_id",
    indexes=("subscription_id known_to", "attribute known_to"),
    checks=_ORDERED,
)

_GIVEN = {"known": "known_from < known_to"}
fx_rates = _table("fx_rates", "fx_rate_id", indexes=("currency as_of_date",), checks=_GIVEN)
customer_map = _table("customer_map", "customer_map_id", indexes=("customer_id",), checks=_GIVEN)
attributes = _table("attributes", "attribute_id", indexes=("customer_id",), checks=_GIVEN)

published_days = _table("published_days", "as_of_date")
daily_mrr_totals = _table("daily_mrr_totals", "as_of_date currency is_reporting")
mrr_movements = _table("mrr_movements", "as_of_date account_id", indexes=("account_id",))

RETENTION = {
    name: _table(name, "period_start dimension segment edition") for name in RETENTION_TABLES
}
evaluated_periods = _table("evaluated_periods", "table_name period_start")
restatements = _table("restatements", "period period_start dimension segment to_edition")

alerts = _table("alerts", "alert_key")
alert_silences = _table("alert_silences", "silence_id")
board_report = _table("board_report", "period_start edition")
data_quality = _table("data_quality", "finding_id", indexes=("stage scope_id", "object_id"))

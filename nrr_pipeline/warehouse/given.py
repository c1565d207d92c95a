"""What users give: exchange rates, joined customers, attributes; by source and by knowledge.

A file or a bank is a whole list: what it no longer says is no longer believed. Rows that somebody
entered into a table by hand carry no knowledge time until ``take_up`` gives them one. How the
facts are read, checked and used is not said here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa

from nrr_pipeline.warehouse.bulk import insert_rows
from nrr_pipeline.warehouse.chunks import in_chunks
from nrr_pipeline.warehouse.knowledge import known
from nrr_pipeline.warehouse.tables import attributes, customer_map, fx_rates
from nrr_pipeline.warehouse.transactions import FOREVER, WriteTransaction

Source = Literal["file", "ecb", "table"]
Fact = dict[str, Any]

Check = Callable[[Fact], Fact]
"""Gives what an entered row says; raises ``ValueError`` with what is wrong with it."""

ENTERED: Source = "table"
"""The source of rows that somebody entered by hand."""


PRECEDENCE: tuple[Source, ...] = ("ecb", "table", "file")
"""Of rates for the same currency and day the one from the last of these counts."""


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A table of given facts; within a source a ``key`` has one believed row."""

    table: sa.Table
    key: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that say something."""
        number = next(iter(self.table.primary_key.columns)).name
        told = {number, "source", "known_from", "known_to"}
        return tuple(name for name in self.table.c.keys() if name not in told)  # noqa: SIM118


FX_RATES = GivenTable(fx_rates, ("currency", "as_of_date"))
CUSTOMER_MAP = GivenTable(customer_map, ("customer_id",))
ATTRIBUTES = GivenTable(attributes, ("customer_id", "attribute", "valid_from"))


def replace_facts(
    tx: WriteTransaction, kind: GivenTable, source: Source, facts: Iterable[Mapping[str, Any]]
) -> list[Fact]:
    """Make ``facts`` all that is believed from a source; equal ones stay as they are.

    Returns:
        The facts that are no longer believed and those that are newly believed.
    """
    wanted = {_said(kind, fact): fact for fact in facts}
    present = _believed(tx.connection, kind, source)
    vanished = [number for said, number in present.items() if said not in wanted]
    fresh = [said for said in wanted if said not in present]
    _end(tx, kind, vanished)
    stamp = {"source": source, "known_from": tx.known_at, "known_to": FOREVER}
    rows = [dict(zip(kind.columns, said, strict=True)) | stamp for said in fresh]
    insert_rows(tx.connection, kind.table, rows)
    changed = [*(said for said in present if said not in wanted), *fresh]
    return [dict(zip(kind.columns, said, strict=True)) for said in changed]


@dataclass(frozen=True, slots=True)
class Entered:
    """Rows entered by hand that wait; ``refused`` says by row what is wrong with it."""

    facts: dict[int, Fact]
    refused: dict[str, str]


def entered(connection: sa.Connection, kind: GivenTable, check: Check) -> Entered:
    """Return the rows that somebody entered by hand and that nobody believes yet."""
    number = next(iter(kind.table.primary_key.columns))
    raw = (sa.type_coerce(kind.table.c[name], sa.Text).label(name) for name in kind.columns)
    query = sa.select(number, *raw).where(kind.table.c.known_from.is_(None)).order_by(number)
    facts: dict[int, Fact] = {}
    refused: dict[str, str] = {}
    for row in connection.execute(query):
        try:
            facts[row[0]] = check(dict(zip(kind.columns, row[1:], strict=True)))
        except ValueError as error:
            refused[f"{kind.table.name} row {row[0]}"] = str(error)
    return Entered(facts, refused)


def take_up(tx: WriteTransaction, kind: GivenTable, check: Check) -> list[Fact]:
    """Believe from now on what was entered by hand, instead of earlier rows of the same key.

    Rows that the check refuses stay as they are, and wait.

    Returns:
        The facts that are no longer believed and those that are newly believed.
    """
    rows = entered(tx.connection, kind, check).facts
    if not rows:
        return []
    said_by_key = {
        _key(kind, said): said
        for said in (
            *_believed(tx.connection, kind, ENTERED),
            *(_said(kind, row) for row in rows.values()),
        )
    }
    number = next(iter(kind.table.primary_key.columns))
    tx.connection.execute(
        sa.delete(kind.table).where(number == sa.bindparam("taken_up")),
        [{"taken_up": each} for each in rows],
    )
    facts = [dict(zip(kind.columns, said, strict=True)) for said in said_by_key.values()]
    return replace_facts(tx, kind, ENTERED, facts)


def says_the_same(
    connection: sa.Connection, kind: GivenTable, source: Source, facts: Iterable[Mapping[str, Any]]
) -> bool:
    """Say whether ``facts`` are what is believed from a source already."""
    return {_said(kind, fact) for fact in facts} == set(_believed(connection, kind, source))


def facts_of(
    connection: sa.Connection, kind: GivenTable, known_at: datetime | None = None
) -> list[Fact]:
    """Return what was believed at a time (default: now), with its ``source``, by key."""
    columns = (*kind.columns, "source")
    query = sa.select(*(kind.table.c[name] for name in columns))
    query = query.where(known(kind.table, known_at))
    order = (*kind.key, "source")
    query = query.order_by(*(kind.table.c[name].nulls_first() for name in order))
    return [dict(row) for row in connection.execute(query).mappings()]


def rates_of_day(
    connection: sa.Connection, as_of_date: date, known_at: datetime | None = None
) -> dict[str, Fact]:
    """Return by currency the newest rate up to a day, however old, as known at a time."""
    facts = (
        fact
        for fact in facts_of(connection, FX_RATES, known_at)
        if fact["as_of_date"] <= as_of_date
    )
    ordered = sorted(facts, key=lambda fact: (fact["as_of_date"], PRECEDENCE.index(fact["source"])))
    return {fact["currency"]: fact for fact in ordered}


def _said(kind: GivenTable, fact: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(fact[name] for name in kind.columns)


def _key(kind: GivenTable, said: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(said[kind.columns.index(name)] for name in kind.key)


def _believed(
    connection: sa.Connection, kind: GivenTable, source: Source
) -> dict[tuple[Any, ...], int]:
    number = next(iter(kind.table.primary_key.columns))
    query = sa.select(number, *(kind.table.c[name] for name in kind.columns))
    query = query.where(known(kind.table, None), kind.table.c.source == source)
    return {tuple(row[1:]): row[0] for row in connection.execute(query)}


def _end(tx: WriteTransaction, kind: GivenTable, numbers: Collection[int]) -> None:
    number = next(iter(kind.table.primary_key.columns))
    update = sa.update(kind.table).values(known_to=tx.known_at)
    for chunk in in_chunks(numbers):
        tx.connection.execute(update.where(number.in_(chunk)))

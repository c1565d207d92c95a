"""Given facts: whole lists by source, rows entered by hand, and what was believed when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from nrr_pipeline.warehouse.given import (
    CUSTOMER_MAP,
    FX_RATES,
    entered,
    facts_of,
    replace_facts,
    take_up,
)
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock

MARCH = date(2026, 3, 31)


def rate(value: str, currency: str = "eur", day: date = MARCH) -> dict[str, Any]:
    return {"as_of_date": day, "currency": currency, "rate": value}


def rates(warehouse: Warehouse, known_at: datetime | None = None) -> list[tuple[str, str, str]]:
    with warehouse.read() as connection:
        facts = facts_of(connection, FX_RATES, known_at)
    return [(fact["currency"], fact["rate"], fact["source"]) for fact in facts]


def test_a_list_replaces_what_its_source_said_before(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.write("fx", clock=clock) as tx:
        assert len(replace_facts(tx, FX_RATES, "file", [rate("1.1"), rate("1.3", "gbp")])) == 2
    before = clock.now
    clock.advance(hours=1)
    with warehouse.write("fx", clock=clock) as tx:
        changed = replace_facts(tx, FX_RATES, "file", [rate("1.2")])
    assert changed == [rate("1.1"), rate("1.3", "gbp"), rate("1.2")]
    assert rates(warehouse) == [("eur", "1.2", "file")]
    assert rates(warehouse, known_at=before) == [("eur", "1.1", "file"), ("gbp", "1.3", "file")]


def test_sources_stand_beside_each_other(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.write("fx", clock=clock) as tx:
        replace_facts(tx, FX_RATES, "file", [rate("1.1")])
        replace_facts(tx, FX_RATES, "ecb", [rate("1.2")])
        assert replace_facts(tx, FX_RATES, "ecb", [rate("1.2")]) == []
    assert rates(warehouse) == [("eur", "1.2", "ecb"), ("eur", "1.1", "file")]


def test_rows_entered_by_hand_count_from_the_next_run_on(
    warehouse: Warehouse, clock: Clock
) -> None:
    def enter(customer_id: str, account_id: str) -> None:
        row = {"customer_id": customer_id, "account_id": account_id}
        with warehouse.bookkeeping() as connection:
            connection.execute(sa.insert(CUSTOMER_MAP.table), [row])

    def joined(known_at: datetime | None = None) -> dict[str, str]:
        with warehouse.read() as connection:
            facts = facts_of(connection, CUSTOMER_MAP, known_at)
        assert {fact["source"] for fact in facts} <= {"table"}
        return {fact["customer_id"]: fact["account_id"] for fact in facts}

    enter("cus_1", "cus_9")
    enter("cus_2", "cus_9")
    assert joined() == {}
    with warehouse.write("correction", clock=clock) as tx:
        assert len(take_up(tx, CUSTOMER_MAP, dict)) == 2
        assert take_up(tx, CUSTOMER_MAP, dict) == []
    before = clock.now
    assert joined() == {"cus_1": "cus_9", "cus_2": "cus_9"}

    enter("cus_2", "cus_8")
    with warehouse.read() as connection:
        assert len(entered(connection, CUSTOMER_MAP, dict).facts) == 1
    clock.advance(hours=1)
    with warehouse.write("correction", clock=clock) as tx:
        changed = take_up(tx, CUSTOMER_MAP, dict)
        assert not entered(tx.connection, CUSTOMER_MAP, dict).facts
    assert [fact["account_id"] for fact in changed] == ["cus_9", "cus_8"]
    assert joined() == {"cus_1": "cus_9", "cus_2": "cus_8"}
    assert joined(known_at=before) == {"cus_1": "cus_9", "cus_2": "cus_9"}


def test_a_row_that_the_check_refuses_waits_and_stops_no_other(
    warehouse: Warehouse, clock: Clock
) -> None:
    def checked(row: dict[str, Any]) -> dict[str, Any]:
        if row["currency"] == "xxx":
            raise ValueError("xxx is no currency")
        return row | {"as_of_date": date.fromisoformat(str(row["as_of_date"]))}

    with warehouse.bookkeeping() as connection:
        connection.execute(sa.insert(FX_RATES.table), [rate("1", "xxx"), rate("1.2")])
    with warehouse.write("fx", clock=clock) as tx:
        assert take_up(tx, FX_RATES, checked) == [rate("1.2")]
        assert entered(tx.connection, FX_RATES, checked).refused == {
            "fx_rates row 1": "xxx is no currency"
        }
    assert rates(warehouse) == [("eur", "1.2", "table")]

"""Alerts: one row per condition, however often it is raised."""

from __future__ import annotations

from datetime import date
from typing import Any

from nrr_pipeline.warehouse.alerts import alerts, raise_alert
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock


def alert(key: str = "nrr month 2026-03", **values: object) -> dict[str, Any]:
    return {
        "alert_key": key,
        "kind": "raised",
        "metric": "nrr",
        "period": "month",
        "period_start": date(2026, 3, 1),
        "dimension": "all",
        "segment": "all",
        "edition": 1,
        "threshold": 1.0,
        "value": 0.97,
        "severity": "warning",
        "text": "NRR of March 2026 is 97.0 %",
        **values,
    }


def test_an_alert_is_raised_once_per_key(warehouse: Warehouse, clock: Clock) -> None:
    first = clock.now
    with warehouse.write("publication", clock=clock) as tx:
        assert raise_alert(tx, alert()) is True
    clock.advance(hours=1)
    with warehouse.write("publication", clock=clock) as tx:
        assert raise_alert(tx, alert(value=0.5)) is False
        assert raise_alert(tx, alert("nrr quarter 2026-Q1")) is True
    with warehouse.read() as connection:
        found = alerts(connection)
    assert [row["value"] for row in found] == [0.97, 0.97]
    assert found[0]["raised_at"] == first


def test_a_new_alert_is_undelivered(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.write("publication", clock=clock) as tx:
        raise_alert(tx, alert())
        (row,) = alerts(tx.connection)
    assert (row["delivered_at"], row["delivery_attempts"], row["last_error"]) == (None, 0, None)

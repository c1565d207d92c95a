"""A warehouse in both kinds of databases, a stand-in for Slack, and a time that only tests move."""

from __future__ import annotations

import pytest

from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.delivery.outgoing import Outgoing
from nrr_pipeline_tests.notify.conftest import slack
from nrr_pipeline_tests.notify.slack_stand_in import SlackStandIn
from nrr_pipeline_tests.warehouse.conftest import database_url, template_url, warehouse

__all__ = ["database_url", "slack", "template_url", "warehouse"]


@pytest.fixture
def outgoing(
    warehouse: Warehouse,
    slack: SlackStandIn,
) -> Outgoing:
    return Outgoing(warehouse, slack)

"""Slack, as it is when nobody may reach the real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nrr_pipeline_tests.notify.slack_stand_in import SlackStandIn, slack_stand_in


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with slack_stand_in() as running:
        yield running

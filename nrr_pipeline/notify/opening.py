"""Which way to Slack the settings name."""

from __future__ import annotations

import re

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.notify.slack import Bot, SlackSender, Webhook
from nrr_pipeline.settings import Settings


def slack_sender(settings: Settings) -> SlackSender | None:
    """Return where alerts are sent to; ``None`` when nothing about Slack is set.

    Raises:
        SettingsError: What is set cannot work; the message says what to do.
    """
    url, token = settings.slack_webhook_url, settings.slack_bot_token
    channel = settings.slack_channel
    if url is not None and token is not None:
        raise SettingsError(
            "SLACK_WEBHOOK_URL and SLACK_BOT_TOKEN are both set, and alerts go one way only. "
            "Unset one: unset SLACK_WEBHOOK_URL keeps the bot, which can add charts"
        )
    if url is not None:
        return Webhook(_webhook_address(url.get_secret_value()))
    if token is None and channel is None:
        return None
    if token is None or channel is None:
        given, missing = (
            ("SLACK_CHANNEL", "SLACK_BOT_TOKEN")
            if token is None
            else ("SLACK_BOT_TOKEN", "SLACK_CHANNEL")
        )
        raise SettingsError(
            f"{given} is set and {missing} is not; a bot needs both. Set it, or unset {given}"
        )
    return Bot(_bot_token(token.get_secret_value()), channel, settings.slack_api_base)


def _webhook_address(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+/\S+", value.strip()):
        raise SettingsError(
            "SLACK_WEBHOOK_URL is not the address of a webhook, such as "
            "https://hooks.slack.com/services/T…/B…/…  Copy it from the Slack app, under Incoming "
            "Webhooks"
        )
    return value.strip()


def _bot_token(value: str) -> str:
    if not re.fullmatch(r"\S+", value.strip()):
        raise SettingsError(
            "SLACK_BOT_TOKEN is not a token, such as xoxb-…  Copy it from the Slack app, under "
            "OAuth & Permissions"
        )
    return value.strip()

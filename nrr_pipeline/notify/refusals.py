"""What Slack's refusals mean, and what to do about each.

The codes are those of Slack's reference of ``chat.postMessage`` and of incoming webhooks.
"""

from __future__ import annotations

MESSAGE_ERRORS = frozenset(
    {
        "cannot_parse_attachment",
        "invalid_arguments",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_payload",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
"""What is wrong with a message, not with the way to Slack."""

_REVOKED = {"invalid_token", "no_active_hooks", "no_service", "no_service_id", "no_team"}
_NO_CHANNEL = {"channel_is_archived", "channel_not_found"}
_NO_TOKEN = {
    "account_inactive",
    "invalid_auth",
    "not_allowed_token_type",
    "not_authed",
    "token_expired",
    "token_revoked",
}
_NOT_ALLOWED = {
    "access_denied",
    "action_prohibited",
    "ekm_access_denied",
    "org_login_required",
    "posting_to_general_channel_denied",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "team_access_not_granted",
    "team_disabled",
}
_GONE = {403, 404, 410}


def webhook_fix(status: int, code: str) -> str:
    """Say what to do when a webhook refuses a message."""
    said = code or f"HTTP {status}"
    if code in _NO_CHANNEL:
        return (
            f"The webhook's channel is archived or deleted ({said}). Create a webhook for another "
            "channel and set SLACK_WEBHOOK_URL to it."
        )
    if code in _NOT_ALLOWED:
        return _ask_administrator(said)
    if code in _REVOKED or status in _GONE:
        return (
            f"The webhook was revoked, or never existed ({said}). Create a new one in the Slack "
            "app, under Incoming Webhooks, and set SLACK_WEBHOOK_URL to it."
        )
    return (
        f"The webhook refused the message ({said}). Compare SLACK_WEBHOOK_URL with the address "
        "that the Slack app shows under Incoming Webhooks."
    )


def bot_fix(code: str, channel: str) -> str:
    """Say what to do when a bot may not post to a channel."""
    if code in _NO_TOKEN:
        return (
            f"Slack no longer accepts the token ({code}). Install the app to the workspace again "
            "and set SLACK_BOT_TOKEN to its Bot User OAuth Token."
        )
    if code in _NOT_ALLOWED:
        return _ask_administrator(code)
    fixes = {
        "not_in_channel": f"The app is not in {channel} ({code}). Invite the app to it: "
        "/invite @app",
        "channel_not_found": f"Slack shows the app no channel {channel} ({code}). Correct "
        "SLACK_CHANNEL, best to the channel's id; if the channel is private, invite the app to "
        "it: /invite @app",
        "is_archived": f"{channel} is archived ({code}). Unarchive it, or set SLACK_CHANNEL to "
        "another.",
        "missing_scope": f"The app may not do this ({code}). Give it the scopes chat:write and "
        "files:write under OAuth & Permissions, then install it to the workspace again.",
    }
    return fixes.get(code) or (
        f"Slack refused the message ({code}). Look the word up in Slack's reference of "
        "chat.postMessage, then check SLACK_BOT_TOKEN and SLACK_CHANNEL with: nrr alerts test"
    )


def _ask_administrator(code: str) -> str:
    return (
        f"The workspace does not allow it ({code}). Ask an administrator of the Slack workspace to "
        "let the app post to the channel, or choose another channel."
    )

"""Sending to Slack: one message at a time, and what became of it, in words that say what to do.

The webhook's address and the bot's token are secrets. The SDK logs addresses and its errors quote
what they were given, so its log is silent here, and nothing of an error but its name is passed on.
When to send, and again, is decided by the caller: the SDK's own repeating is switched off.
"""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.error import URLError

from slack_sdk.errors import SlackApiError
from slack_sdk.web import WebClient
from slack_sdk.webhook import WebhookClient

from nrr_pipeline.notify.refusals import MESSAGE_ERRORS, bot_fix, webhook_fix

TIMEOUT_SECONDS = 8
"""How long Slack may take to accept a connection, and again to answer."""

USUAL_WAIT_SECONDS = 30.0
"""How long to wait when Slack asks for it without saying how long."""

PICTURE_TITLE = "NRR and GRR, month by month"

SLACK_API = "https://slack.com/api/"

_TRANSIENT = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
_RATE_LIMITED = {"ratelimited", "rate_limited", "message_limit_exceeded"}
_HTTP_TOO_MANY = 429
_HTTP_SERVER_ERROR = 500

_SILENT = logging.Logger("silent", logging.CRITICAL + 1)  # noqa: LOG001 - nobody can turn it up

Blocks = Sequence[Mapping[str, Any]]


class Result(StrEnum):
    """What became of a message."""

    CONFIRMED = "confirmed"
    RATE_LIMITED = "rate_limited"  # not accepted; to be sent again after a while
    REFUSED = "refused"  # no message will be accepted until somebody mends a setting
    REJECTED = "rejected"  # this message will never be accepted
    NOT_REACHED = "not_reached"  # it did not get there; sending it again is safe
    UNKNOWN = "unknown"  # it may have been posted or not


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message, and why: ``reason`` says what to do about it.

    ``wait_seconds`` is what Slack asked for; ``posted`` is the message that the chart is put under.
    """

    result: Result
    reason: str = ""
    wait_seconds: float = 0.0
    posted: Posted | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """Slack's own names of a message that it accepted from a bot."""

    channel_id: str
    timestamp: str


class SlackSender(ABC):
    """Somewhere in Slack that messages can be sent to; ``place`` names it without a secret."""

    place: str

    def send(self, text: str, blocks: Blocks = ()) -> Outcome:
        """Send a message; where Slack does not like its layout, send the plain text instead.

        Args:
            text: The whole message in plain words.
            blocks: The same, laid out in Slack's Block Kit.
        """
        outcome = self._try(text, blocks)
        if outcome.result is Result.REJECTED and blocks:
            return self._try(text, ())
        return outcome

    def add_picture(self, posted: Posted, picture: bytes) -> str | None:
        """Put a picture under a message; say what went wrong, if anything did."""
        del posted, picture
        return None

    def _try(self, text: str, blocks: Blocks) -> Outcome:
        body: dict[str, Any] = {"text": _plain(text), "mrkdwn": False, "unfurl_links": False}
        if blocks:
            body["blocks"] = list(blocks)
        return _guarded(lambda: self._post(body))

    @abstractmethod
    def _post(self, body: Mapping[str, Any]) -> Outcome: ...


class Webhook(SlackSender):
    """An incoming webhook; the channel is a part of it."""

    place = "the channel of SLACK_WEBHOOK_URL"

    def __init__(self, url: str) -> None:
        """Take the address, which is a secret."""
        self._client = WebhookClient(
            url, timeout=TIMEOUT_SECONDS, logger=_SILENT, retry_handlers=[]
        )
        self._client.proxy = None  # urllib takes it from the environment, NO_PROXY included

    def _post(self, body: Mapping[str, Any]) -> Outcome:
        answer = self._client.send_dict(dict(body))
        code = _code(answer.body)
        if answer.status_code < 300 and not answer.body.lstrip().startswith("<"):  # noqa: PLR2004
            return Outcome(Result.CONFIRMED)
        if answer.status_code < 300:  # noqa: PLR2004
            return _unknown("an answer that is not Slack's; is a proxy in between?")
        if answer.status_code == _HTTP_TOO_MANY:
            return _rate_limited(answer.headers)
        if answer.status_code >= _HTTP_SERVER_ERROR:
            return _unknown(f"HTTP {answer.status_code}")
        if code in MESSAGE_ERRORS:
            return Outcome(Result.REJECTED, _rejected(code))
        return Outcome(Result.REFUSED, webhook_fix(answer.status_code, code))


class Bot(SlackSender):
    """A bot that posts to a channel; it can put pictures under its messages."""

    def __init__(self, token: str, channel: str, base_url: str | None = None) -> None:
        """Take the token, which is a secret, and the name or id of a channel."""
        self.place = channel
        self._client = WebClient(
            token,
            base_url=base_url or SLACK_API,
            timeout=TIMEOUT_SECONDS,
            logger=_SILENT,
            retry_handlers=[],
        )
        self._client.proxy = None  # urllib takes it from the environment, NO_PROXY included

    def check(self) -> Outcome:
        """Ask Slack whose token it is; nothing is posted."""

        def check() -> Outcome:
            answer = self._client.auth_test()
            return Outcome(Result.CONFIRMED, f"{answer.get('user')} of {answer.get('team')}")

        return _guarded(lambda: self._explained(check))

    def add_picture(self, posted: Posted, picture: bytes) -> str | None:
        """Put a picture into the thread of a message; say what went wrong, if anything did."""

        def upload() -> Outcome:
            self._client.files_upload_v2(
                channel=posted.channel_id,
                thread_ts=posted.timestamp,
                filename="trend.png",
                content=picture,
                title=PICTURE_TITLE,
                alt_txt=PICTURE_TITLE,
            )
            return Outcome(Result.CONFIRMED)

        outcome = _guarded(lambda: self._explained(upload))
        return None if outcome.result is Result.CONFIRMED else outcome.reason

    def _post(self, body: Mapping[str, Any]) -> Outcome:
        def post() -> Outcome:
            answer = self._client.chat_postMessage(channel=self.place, **body)
            posted = Posted(str(answer.get("channel", self.place)), str(answer.get("ts", "")))
            return Outcome(Result.CONFIRMED, posted=posted)

        return self._explained(post)

    def _explained(self, call: Callable[[], Outcome]) -> Outcome:
        try:
            return call()
        except SlackApiError as error:
            answer: Any = error.response
        code = _code(answer.get("error"))
        if answer.status_code == _HTTP_TOO_MANY or code in _RATE_LIMITED:
            return _rate_limited(answer.headers)
        if answer.status_code >= _HTTP_SERVER_ERROR or code in _TRANSIENT or not code:
            return _unknown(code or f"HTTP {answer.status_code}, not an answer of Slack's")
        if code in MESSAGE_ERRORS:
            return Outcome(Result.REJECTED, _rejected(code))
        return Outcome(Result.REFUSED, bot_fix(code, self.place))


def _guarded(call: Callable[[], Outcome]) -> Outcome:
    """Make a call; whatever goes wrong on the way to Slack and back is an outcome too.

    urllib wraps what happens before the whole request was handed over in a ``URLError``; what
    happens while waiting for the answer comes as it is.
    """
    try:
        return call()
    except URLError as error:
        return Outcome(
            Result.NOT_REACHED,
            f"Slack could not be reached ({_named(error.reason)}). Check the network of this "
            "machine and its proxy. It is tried again by itself.",
        )
    except Exception as error:  # what it quotes may hold a secret
        return _unknown(_named(error))


def _plain(text: str) -> str:
    """Text that Slack shows as it is: no link, mention or command of Slack's is read in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(said: object) -> str:
    """Slack's own short word for what went wrong; empty for anything else that was answered."""
    found = re.fullmatch(r"[a-z][a-z_]{1,60}", str(said).strip())
    return found[0] if found else ""


def _named(error: object) -> str:
    """The system's own words for an error, else its kind: nothing that it quotes."""
    words = error.strerror if isinstance(error, OSError) else None
    return words or type(error).__name__


def _unknown(what: str) -> Outcome:
    return Outcome(
        Result.UNKNOWN,
        f"Slack did not confirm it ({what}), so it may have arrived or not. It is sent again by "
        "itself, marked as a possible repeat.",
    )


def _rejected(code: str) -> str:
    return (
        f"Slack does not accept the message itself ({code}). Read it here: nrr alerts show; then "
        "take note of it: nrr alerts ack"
    )


def _rate_limited(headers: Mapping[str, str]) -> Outcome:
    asked = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    seconds = float(asked) if re.fullmatch(r"\d{1,6}", asked.strip()) else USUAL_WAIT_SECONDS
    return Outcome(
        Result.RATE_LIMITED,
        f"Slack asked to wait for {seconds:.0f} s. It is sent again by itself.",
        wait_seconds=max(1.0, seconds),
    )

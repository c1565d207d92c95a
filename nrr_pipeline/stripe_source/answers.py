"""What an answer, or the lack of one, means for us, and what to do about it.

Here belongs the translation of the SDK's errors into ours, with words that name the fix. Whether
to try again is decided in ``client``, from the type that is returned here.
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping

import requests
import stripe

from nrr_pipeline.errors import NrrError
from nrr_pipeline.stripe_source.errors import (
    NEEDED_PERMISSIONS,
    BadApiBaseError,
    MissingPermissionError,
    ObjectMissingError,
    StripeRefusedError,
    StripeUnavailableError,
    WrongKeyError,
)
from nrr_pipeline.stripe_source.settings_check import KEYS_PAGE, STRIPE_API_BASE

CONFLICT = 409
NOT_FOUND = 404
SERVER_ERROR = 500


class TransientError(Exception):
    """Something that may pass: worth another attempt.

    Attributes:
        retry_after: The seconds that Stripe asked us to wait, if it did.
        slow_down_reason: Which rate was exceeded, if one was.
        is_nothing_of_stripes: There was no answer, or one that Stripe does not give.
    """

    def __init__(
        self,
        what: str,
        *,
        fix: str,
        retry_after: float | None = None,
        slow_down_reason: str | None = None,
        is_unreachable: bool = False,
        is_foreign: bool = False,
    ) -> None:
        super().__init__(what)
        self.fix = fix
        self.retry_after = retry_after
        self.slow_down_reason = slow_down_reason
        self.is_nothing_of_stripes = is_unreachable or is_foreign
        self._is_foreign = is_foreign

    def final(self, api_base: str, *, answered: bool) -> NrrError:
        """The error to end with when it did not pass."""
        if self._is_foreign and not answered:
            return not_stripe(api_base, str(self))
        return StripeUnavailableError(f"{self} at {api_base}. {self.fix}")


def what_it_means(error: stripe.StripeError, path: str, api_base: str, api_key: str) -> Exception:
    """Translate an error of the SDK."""
    text = (error.user_message or "").replace(api_key, "…").strip()
    if isinstance(error, stripe.APIConnectionError):
        return _no_connection(error, api_base)
    if isinstance(error, stripe.AuthenticationError):
        return _wrong_key(text)
    if isinstance(error, stripe.PermissionError):
        return missing_permission(text)
    if isinstance(error, stripe.RateLimitError):
        return _too_fast(error, text)
    if isinstance(error, stripe.InvalidRequestError):
        return _invalid(error, path, text)
    return _by_status(error, path, api_base, text)


def unparsable(path: str) -> TransientError:
    """A success whose body is not JSON: cut off, or not Stripe."""
    return TransientError(
        f"The answer to GET {path} is not JSON",
        fix="Run the same command again; what was landed is kept.",
        is_foreign=True,
    )


def unusable_answer(path: str, api_base: str) -> BadApiBaseError:
    """JSON, but nothing that Stripe would say."""
    return not_stripe(api_base, f"The answer to GET {path} is not a JSON object")


def not_stripe(api_base: str, what: str) -> BadApiBaseError:
    """Something else than Stripe's API lives at the address."""
    return BadApiBaseError(
        f"{what}: {api_base} does not speak Stripe's API. Correct STRIPE_API_BASE, or unset it "
        f"to use {STRIPE_API_BASE}, then check it: nrr doctor"
    )


def missing_permission(stripe_text: str) -> MissingPermissionError:
    """A restricted key that may not read something; Stripe's text names what."""
    return MissingPermissionError(
        f"Stripe refuses the key in STRIPE_API_KEY: {stripe_text} "
        f"The key needs Read on: {', '.join(NEEDED_PERMISSIONS)}. Edit it at {KEYS_PAGE}, then "
        "check it: nrr doctor"
    )


def _wrong_key(text: str) -> WrongKeyError:
    return WrongKeyError(
        f"Stripe does not accept the key in STRIPE_API_KEY: {text} "
        f"Copy the key again from {KEYS_PAGE}, then check it: nrr doctor"
    )


def _too_fast(error: stripe.StripeError, text: str) -> TransientError:
    headers = error.headers or {}
    reason = _header(headers, "Stripe-Rate-Limited-Reason")
    return TransientError(
        f"Stripe limits our requests ({reason or 'locked'}): {text}",
        fix="Other programs use the same account's allowance, or Stripe asks to come back later. "
        "Run the same command again; what was landed is kept.",
        retry_after=_retry_after(headers),
        slow_down_reason=reason,
    )


def _invalid(error: stripe.InvalidRequestError, path: str, text: str) -> Exception:
    if error.code == "resource_missing":
        return ObjectMissingError(text, error.param)
    if error.http_status == NOT_FOUND and text.startswith("No such "):
        return ObjectMissingError(text, error.param)
    return StripeRefusedError(f"Stripe refuses GET {path}: {text}")


def _by_status(error: stripe.StripeError, path: str, api_base: str, text: str) -> Exception:
    status = error.http_status or 0
    if status == CONFLICT or status >= SERVER_ERROR:
        return TransientError(
            f"Stripe answers GET {path} with status {status}",
            fix="See https://status.stripe.com and run the same command again; what was landed "
            "is kept.",
            retry_after=_retry_after(error.headers or {}),
        )
    if "from API:" in text:
        return not_stripe(api_base, f"GET {path} is answered with status {status} and no JSON")
    return StripeRefusedError(f"Stripe refuses GET {path} with status {status}: {text}")


def _no_connection(error: stripe.APIConnectionError, api_base: str) -> Exception:
    cause = error.__cause__
    if isinstance(cause, requests.exceptions.SSLError):
        return StripeUnavailableError(
            f"The certificate of {api_base} cannot be verified. A proxy may intercept the "
            "connection; ask for an exception for Stripe, then check it: nrr doctor"
        )
    if isinstance(cause, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return not_stripe(api_base, "The address cannot be used")
    return TransientError(
        f"Stripe cannot be reached ({_reason(cause)})",
        fix="Check the network, a proxy, and STRIPE_API_BASE if it is set, then: nrr doctor",
        is_unreachable=True,
    )


def _reason(cause: BaseException | None) -> str:
    """The plainest words in a chain of network errors."""
    if isinstance(cause, requests.exceptions.Timeout):
        return "no answer in time"
    reason = "the connection broke"
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            reason = cause.strerror
        cause = cause.__cause__ or cause.__context__
    return reason


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((v for k, v in headers.items() if k.lower() == name.lower()), None)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = _header(headers, "Retry-After")
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        return _seconds_until(text)


def _seconds_until(http_date: str) -> float | None:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(http_date).timestamp() - time.time())
    except ValueError:
        return None

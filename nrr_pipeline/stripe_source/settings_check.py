"""The two settings that lead to Stripe, looked at before any request is made.

Here belongs what can be said about a key or an address from its text alone. What only an answer
shows is in ``answers`` and ``account_check``.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from nrr_pipeline.stripe_source.errors import BadApiBaseError, WrongKeyError

STRIPE_API_BASE = "https://api.stripe.com"

KEYS_PAGE = "https://dashboard.stripe.com/apikeys"

_MODES = {"live": True, "test": False}


def checked_api_base(api_base: str | None) -> str:
    """The base address without a trailing slash.

    >>> checked_api_base(None), checked_api_base("http://127.0.0.1:12111/")
    ('https://api.stripe.com', 'http://127.0.0.1:12111')
    """
    if api_base is None or not api_base.strip():
        return STRIPE_API_BASE
    base = api_base.strip().rstrip("/")
    try:
        parts = urlsplit(base)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise _bad_base(_without_userinfo(base), "is not an address such as http://127.0.0.1:12111")
    if re.search(r"/v\d+$", parts.path):
        raise _bad_base(base, "must end before the version: leave out the /v1")
    return base


def checked_api_key(api_key: str, api_base: str) -> str:
    """The key without surrounding space, once it can be one."""
    key = api_key.strip()
    if not key:
        raise WrongKeyError(
            "STRIPE_API_KEY is not set. Make a restricted key that may only read, at "
            f"{KEYS_PAGE}, and set it: export STRIPE_API_KEY=rk_live_…"
        )
    if not re.fullmatch(r"[!-~]+", key):
        raise WrongKeyError(
            "STRIPE_API_KEY holds characters that no key has (space, line break or letters beyond "
            f"ASCII). Copy it again from {KEYS_PAGE}, then check it: nrr doctor"
        )
    if not key.startswith(("sk_", "rk_")):
        raise WrongKeyError(
            "STRIPE_API_KEY is not a secret or restricted key: those begin with sk_ or rk_. Make "
            f"a restricted key at {KEYS_PAGE}, then check it: nrr doctor"
        )
    if livemode_of_key(key) and api_base.startswith("http://") and not is_loopback(api_base):
        raise _bad_base(api_base, "would send a live key unencrypted; use https://")
    return key


def livemode_of_key(api_key: str) -> bool | None:
    """Whether a key is for live mode; ``None`` when its form does not say.

    >>> livemode_of_key("rk_test_1"), livemode_of_key("sk_live_1"), livemode_of_key("sk_1")
    (False, True, None)
    """
    parts = api_key.split("_")
    return _MODES.get(parts[1]) if len(parts) > 1 else None


def is_loopback(api_base: str) -> bool:
    """Whether the address is on this machine."""
    host = urlsplit(api_base).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _bad_base(base: str, what: str) -> BadApiBaseError:
    return BadApiBaseError(
        f"STRIPE_API_BASE={base} {what}. Correct it, or unset it to use {STRIPE_API_BASE}."
    )


def _without_userinfo(base: str) -> str:
    return re.sub(r"//[^/]*@", "//…@", base)

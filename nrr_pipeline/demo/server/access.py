"""Who may read what: API keys, their mode, and the permissions of restricted ones.

Here belongs the judgment of a request's key. Rate limits, which are about how often one asks,
belong to ``traffic``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from nrr_pipeline.demo.server.errors import ApiError
from nrr_pipeline.demo.server.resources import PERMISSIONS

KeyPermissions = Mapping[str, Collection[str] | None]
"""The keys that exist, each with the kinds it may read; ``None`` allows all of them."""

_SHOWN_PREFIX = len("sk_test_")
_SHOWN_SUFFIX = 4


@dataclass(frozen=True)
class Key:
    """A key that was accepted, and the permissions it has; ``None`` stands for all."""

    shown: str
    permissions: frozenset[str] | None

    def require(self, kind: str, account_id: str) -> None:
        """Refuse the request unless the key may read objects of a kind."""
        needed = PERMISSIONS.get(kind)
        if needed is None or self.permissions is None or needed in self.permissions:
            return
        message = (
            f"The provided key '{self.shown}' does not have the required permissions for this "
            f"endpoint on account '{account_id}'. Having the 'rak_{needed}_read' permission "
            "would allow this request to continue."
        )
        raise ApiError(403, message)


class KeyRing:
    """The keys that a server knows.

    Without a table of keys, every secret or restricted key of the account's mode is accepted and
    may read everything.
    """

    def __init__(self, keys: KeyPermissions | None) -> None:
        self._permissions = None if keys is None else {key: _names(keys[key]) for key in keys}

    def accept(self, authorization: str, *, livemode: bool) -> Key:
        """Return the key in an Authorization header, or refuse the request."""
        secret = _secret(authorization)
        if not secret:
            message = "You did not provide an API key: send one in the Authorization header."
            raise ApiError(401, message)
        mode = "live" if livemode else "test"
        is_known = len(secret) > _SHOWN_PREFIX
        permissions = None
        if self._permissions is not None:
            is_known = secret in self._permissions
            permissions = self._permissions.get(secret)
        if not is_known or not secret.startswith((f"sk_{mode}_", f"rk_{mode}_")):
            raise ApiError(401, f"Invalid API Key provided: {redacted(secret)}")
        return Key(redacted(secret), permissions)


def _names(kinds: Collection[str] | None) -> frozenset[str] | None:
    return None if kinds is None else frozenset(PERMISSIONS[kind] for kind in kinds)


def redacted(secret: str) -> str:
    """Return what of a key may be shown: its prefix and its last four characters.

    >>> redacted("sk_test_0123456789abcdef")
    'sk_test_************cdef'
    """
    if len(secret) <= _SHOWN_PREFIX + _SHOWN_SUFFIX:
        return "*" * len(secret)
    stars = "*" * (len(secret) - _SHOWN_PREFIX - _SHOWN_SUFFIX)
    return f"{secret[:_SHOWN_PREFIX]}{stars}{secret[-_SHOWN_SUFFIX:]}"


def _secret(authorization: str) -> str:
    """Return the key in an Authorization header, sent as a Bearer token or as a user name."""
    scheme, _, credentials = authorization.strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "bearer":
        return credentials
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""

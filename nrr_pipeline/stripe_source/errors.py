"""What can go wrong between us and Stripe, in words that name the fix.

Here belong the exceptions of this room. When which of them is raised is decided in ``client``
(from an answer or a broken connection), ``account_check`` and ``windows``. No message ever holds
the API key.
"""

from __future__ import annotations

from nrr_pipeline.errors import NrrError, SettingsError

NEEDED_PERMISSIONS = (
    "Customers",
    "Products",
    "Prices",
    "Coupons",
    "Subscriptions",
    "Invoices",
    "Subscription schedules",
    "Events",
)
"""What a restricted key must be allowed to read, in the words of Stripe's dashboard."""


class StripeSettingsError(SettingsError):
    """The key or the address in the settings cannot work with this account or database."""


class WrongKeyError(StripeSettingsError):
    """The key is missing, not a secret key, or Stripe does not know it."""


class MissingPermissionError(StripeSettingsError):
    """The restricted key may not read something that is needed."""


class WrongAccountError(StripeSettingsError):
    """The key belongs to another account than the one in the database."""


class WrongModeError(StripeSettingsError):
    """Test and live mode would be mixed in one database."""


class BadApiBaseError(StripeSettingsError):
    """The API's base address is malformed, or something else answers there."""


class StripeUnavailableError(NrrError):
    """Stripe cannot be reached, fails, or limits us for too long."""


class StripeRefusedError(NrrError):
    """Stripe understood a request and refuses it."""


class PagingError(NrrError):
    """A list cannot be read to its end."""


class ObjectMissingError(NrrError):
    """Stripe has no object of that id; ``param`` says which parameter named it."""

    def __init__(self, message: str, param: str | None) -> None:
        super().__init__(message)
        self.param = param


class StoppedError(NrrError):
    """The pull was told to stop; not an error of its own."""

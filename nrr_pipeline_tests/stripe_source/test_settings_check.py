from __future__ import annotations

import pytest

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import BadApiBaseError, WrongKeyError

SECRET = "51secretsecret"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "is not set"),
        ("  ", "is not set"),
        (f"pk_live_{SECRET}", "not a secret or restricted key"),
        (f"whsec_{SECRET}", "not a secret or restricted key"),
        (f"rk_test_{SECRET}\nrk_test_other", "characters that no key has"),
        (f"rk_test_{SECRET}…", "characters that no key has"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key: str, words: str) -> None:
    with pytest.raises(WrongKeyError, match=words) as caught:
        StripeSource(key)
    assert SECRET not in str(caught.value)
    assert "STRIPE_API_KEY" in str(caught.value)
    assert caught.value.exit_status == 2


def test_space_around_a_key_is_forgiven() -> None:
    with StripeSource(f" rk_test_{SECRET}\n") as source:
        assert source.livemode is False


@pytest.mark.parametrize(
    "base",
    [
        *("localhost:12111", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999"),
        *("http://127.0.0.1:12111/v1", "http://127.0.0.1?x=1", "nonsense"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_and_named(base: str) -> None:
    with pytest.raises(BadApiBaseError, match="STRIPE_API_BASE") as caught:
        StripeSource(f"rk_test_{SECRET}", base)
    assert base in str(caught.value)
    assert isinstance(caught.value, SettingsError)


def test_credentials_in_an_address_are_not_repeated() -> None:
    with pytest.raises(BadApiBaseError) as caught:
        StripeSource(f"rk_test_{SECRET}", "http://user:hunter2@127.0.0.1")
    assert "hunter2" not in str(caught.value)


def test_a_live_key_never_leaves_unencrypted() -> None:
    with pytest.raises(BadApiBaseError, match="https"):
        StripeSource(f"rk_live_{SECRET}", "http://stripe.example.com")
    with StripeSource(f"rk_live_{SECRET}", "http://localhost:12111") as source:
        assert source.livemode is True

"""How single values of a policy file are read; what they decide is said in ``policy``.

Every error says which values there are.
"""

import difflib
import re
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from nrr_pipeline.metrics.dimensions import DIMENSIONS, NOT_DIMENSIONS


def _timezone(name: str) -> str:
    if name not in available_timezones():
        close = difflib.get_close_matches(name, available_timezones(), n=3)
        hint = f", did you mean {', '.join(close)}?" if close else ""
        raise ValueError(f"{name!r} is not a time zone of the IANA database{hint}")
    return name


def _positive_number(value: object) -> object:
    """Read 52, "365.25" or "1461/4" exactly; a TOML float is taken by its decimal digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        raise ValueError("write a number such as 52, or a fraction in quotes such as '1461/4'")  # noqa: TRY004
    try:
        number = Fraction(str(value))
    except ZeroDivisionError:
        raise ValueError("must not divide by zero") from None
    if number <= 0:
        raise ValueError("must be positive")
    return number


def _email_domain(name: object) -> object:
    """Read ``@Example.com`` as ``example.com``."""
    domain = str(name).strip().lower().removeprefix("@")
    if not isinstance(name, str) or not domain or "@" in domain or " " in domain:
        raise ValueError("write the part of an address behind the @, such as example.com")
    return domain


def _sources(sources: dict[str, str]) -> dict[str, str]:
    for name, source in sources.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in _TAKEN:
            raise ValueError(
                f"{name!r} cannot name a dimension: use small letters, digits and _, and none of "
                f"{', '.join(_TAKEN)}"
            )
        if not re.fullmatch(_SOURCE, source):
            raise ValueError(
                f"{source!r} says not where {name} is read: write customer.metadata.KEY, "
                "subscription.metadata.KEY, a field such as customer.tax_exempt, or "
                "attributes.COLUMN for a column of [files] attributes"
            )
    return sources


def _reason_source(source: str) -> str:
    if not re.fullmatch(r"subscription(\.metadata\..+|(\.[a-z_]+)+)", source):
        raise ValueError(
            f"{source!r} names no field of a subscription: write subscription.metadata.KEY"
        )
    return source


def _watched(segments: tuple[str, ...]) -> tuple[str, ...]:
    for segment in segments:
        if not re.fullmatch(r"[a-z][a-z0-9_]*:.+", segment):
            raise ValueError(
                f"{segment!r} names no segment: write the dimension, a colon and the segment, such "
                "as country:DE"
            )
    return segments


def _locale(name: str) -> str:
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - only who sets it waits for it

    try:
        return str(Locale.parse(name))
    except (ValueError, UnknownLocaleError):
        raise ValueError(
            f"{name!r} is no locale: write language and country, such as en_US or de_DE"
        ) from None


_TAKEN = (*NOT_DIMENSIONS, *DIMENSIONS)
_SOURCE = (
    r"(customer|subscription)\.metadata\..+|(customer|subscription)(\.[a-z_]+)+|attributes\..+"
)


def _bands(bands: tuple[int, ...]) -> tuple[int, ...]:
    if any(upper <= lower for lower, upper in pairwise(bands)):
        raise ValueError(
            "each band must begin above the one before it: write "
            f"{sorted(set(bands))}, the smallest first and each once"
        )
    return bands


TimezoneName = Annotated[str, AfterValidator(_timezone)]
PositiveNumber = Annotated[Fraction, BeforeValidator(_positive_number)]
EmailDomain = Annotated[str, BeforeValidator(_email_domain)]
CurrencyCode = Annotated[str, Field(pattern="^[a-z]{3}$")]
Decimals = Literal[0, 1, 2, 3]
Sources = Annotated[dict[str, str], AfterValidator(_sources)]
ReasonSource = Annotated[str, AfterValidator(_reason_source)]
WatchedSegments = Annotated[tuple[str, ...], AfterValidator(_watched)]
LocaleName = Annotated[str, AfterValidator(_locale)]
Bands = Annotated[tuple[Annotated[int, Field(gt=0)], ...], AfterValidator(_bands)]

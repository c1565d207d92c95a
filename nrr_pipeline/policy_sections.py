"""The sections of a policy file, each with its defaults; what they mean: docs/metrics.md.

The policy as a whole, its version and how a file is read stand in ``policy``.
"""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from nrr_pipeline.policy_values import (
    Bands,
    CurrencyCode,
    Decimals,
    EmailDomain,
    LocaleName,
    PositiveNumber,
    ReasonSource,
    WatchedSegments,
)


class Section(BaseModel):
    """Frozen; a key that it does not have is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class NormalizationPolicy(Section):
    """How weekly and daily billing becomes a month: periods of billing a year."""

    week: PositiveNumber = Fraction(52)
    day: PositiveNumber = Fraction(365)


class CurrencyPolicy(Section):
    """How many decimals Stripe's amounts have, where the built-in table does not hold."""

    minor_units: Mapping[CurrencyCode, Decimals] = Field(default_factory=dict[str, Decimals])


class ClosePolicy(Section):
    """When a period's figures become final."""

    after_days: Annotated[int, Field(ge=0, le=366)] = 2


class PastDuePolicy(Section):
    """For how long a subscription counts whose payment is late."""

    max_days: Annotated[int, Field(ge=0, le=3_660)] | None = None


class ReactivationPolicy(Section):
    """When a customer that returns counts as returned, not as new."""

    window_days: Annotated[int, Field(ge=1)] | None = None


class FxPolicy(Section):
    """Exchange rates: how old one may be, which days' rates retention uses, a bank's file."""

    max_age_days: Annotated[int, Field(ge=0, le=366)] = 7
    nrr: Literal["constant", "daily"] = "constant"
    ecb: str | None = None


class FilesPolicy(Section):
    """Lists that you keep, as CSV; a relative path starts at the policy file's folder."""

    fx_rates: Path | None = None
    customer_map: Path | None = None
    attributes: Path | None = None


class ExcludePolicy(Section):
    """Internal and test customers, who are in no figure."""

    customers: tuple[str, ...] = ()
    email_domains: tuple[EmailDomain, ...] = ()
    metadata: dict[str, str] = {}


class CompanySizePolicy(Section):
    """Where the bands of customers' MRR begin, in whole units of the reporting currency."""

    bands: Bands = (100, 500, 2_000, 10_000)


class PrivacyPolicy(Section):
    """Which fields are dropped before anything is stored, beside the built-in list."""

    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


class ByPeriod(Section):
    """A limit for months and one for quarters; without one nothing is watched."""

    month: PositiveNumber | None = None
    quarter: PositiveNumber | None = None


class AlertPolicy(Section):
    """When a period's retention raises an alert, and what is said beside alerts."""

    nrr_below: PositiveNumber = Fraction(1)
    nrr_drop_points: ByPeriod = ByPeriod()
    logo_churn_above: ByPeriod = ByPeriod()
    hidden_churn_above: ByPeriod = ByPeriod(month=Fraction(1, 20), quarter=Fraction(1, 10))
    watch: WatchedSegments = ()
    customer_names: bool = True
    reason: ReasonSource | None = None
    digests: tuple[Literal["weekly", "monthly"], ...] = ("weekly", "monthly")


class ReportPolicy(Section):
    """What a board report is called and looks like, and how far back it shows."""

    title: str = "Net revenue retention"
    logo: Path | None = None
    locale: LocaleName = "en_US"
    months: Annotated[int, Field(ge=12, le=24)] = 24
    customer_names: bool = True

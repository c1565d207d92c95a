"""The metric policy: every choice that moves a figure, as one frozen, validated, versioned model.

Settings of the installation (keys, addresses, folders) do not belong here: see ``settings``.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.metrics.counting import CountingRules
from nrr_pipeline.metrics.customers import ExclusionRules
from nrr_pipeline.metrics.dimensions import DIMENSIONS
from nrr_pipeline.metrics.pricing import Normalization
from nrr_pipeline.policy_sections import (
    AlertPolicy,
    ClosePolicy,
    CompanySizePolicy,
    CurrencyPolicy,
    ExcludePolicy,
    FilesPolicy,
    FxPolicy,
    NormalizationPolicy,
    PastDuePolicy,
    PrivacyPolicy,
    ReactivationPolicy,
    ReportPolicy,
    Section,
)
from nrr_pipeline.policy_values import CurrencyCode, Sources, TimezoneName

RULES_VERSION = 3
"""Counts up whenever the rules themselves change a figure under unchanged settings."""

STRIPE_ATTRIBUTES = {
    "country": "customer.address.country",
    "collection_method": "subscription.collection_method",
}
"""The built-in dimensions that are fields of Stripe's objects."""


class PolicyError(SettingsError):
    """The policy file cannot be used; the message names the key, the value and the fix."""


class MetricPolicy(Section):
    """Every choice that moves a figure. Defaults and meanings: docs/metrics.md."""

    reporting_currency: CurrencyCode | None = None
    timezone: TimezoneName = "UTC"
    start_date: date | None = None
    fiscal_year_start_month: Annotated[int, Field(ge=1, le=12)] = 1
    pause_collection: Literal["zero", "count"] = "zero"
    churn_at: Literal["end", "request"] = "end"
    discounts: Literal["recurring", "forever", "all", "none"] = "recurring"
    usage: Literal["exclude", "trailing_3_months"] = "exclude"
    past_due: PastDuePolicy = PastDuePolicy()
    normalization: NormalizationPolicy = NormalizationPolicy()
    currencies: CurrencyPolicy = CurrencyPolicy()
    close: ClosePolicy = ClosePolicy()
    reactivation: ReactivationPolicy = ReactivationPolicy()
    fx: FxPolicy = FxPolicy()
    files: FilesPolicy = FilesPolicy()
    exclude: ExcludePolicy = ExcludePolicy()
    segments: Sources = Field(default_factory=dict[str, str])
    max_segments: Annotated[int, Field(ge=1, le=10_000)] = 50
    company_size: CompanySizePolicy = CompanySizePolicy()
    privacy: PrivacyPolicy = PrivacyPolicy()
    alerts: AlertPolicy = AlertPolicy()
    report: ReportPolicy = ReportPolicy()

    @property
    def version(self) -> str:
        """Names these rules: equal for equal figures, different as soon as a choice differs.

        >>> MetricPolicy().version
        '3-default'
        """
        choices = {key: value for key, value in self.choices().items() if _moves_figures(key)}
        if not choices:
            return f"{RULES_VERSION}-default"
        canonical = json.dumps(choices, sort_keys=True).encode()
        return f"{RULES_VERSION}-{hashlib.sha256(canonical).hexdigest()[:8]}"

    def choices(self) -> dict[str, str]:
        """The choices that are not the default, by dotted name.

        >>> MetricPolicy(churn_at="request").choices()
        {'churn_at': 'request'}
        """
        mine, default = _flat(self), _flat(MetricPolicy())
        return {key: value for key, value in mine.items() if value != default[key]}

    def settings(self) -> dict[str, str]:
        """All settings in force, by dotted name."""
        return _flat(self)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Everything that figures are broken down by."""
        return (*DIMENSIONS, *self.segments)

    @property
    def attribute_sources(self) -> dict[str, str]:
        """Where each dimension that is a property of customers or subscriptions is read."""
        return {**STRIPE_ATTRIBUTES, **self.segments}

    def counting_rules(self) -> CountingRules:
        """The part of the policy that pricing asks for."""
        max_days = self.past_due.max_days
        return CountingRules(
            normalization=Normalization(
                self.normalization.week, self.normalization.day, self.currencies.minor_units
            ),
            churn_at_request=self.churn_at == "request",
            paused_collection_counts=self.pause_collection == "count",
            discounts=self.discounts,
            past_due_max_seconds=None if max_days is None else max_days * 86_400,
        )

    def exclusion_rules(self) -> ExclusionRules:
        """Who is in no figure."""
        names, domains = self.exclude.customers, self.exclude.email_domains
        return ExclusionRules(frozenset(names), frozenset(domains), self.exclude.metadata)


def load_policy(path: Path | None) -> MetricPolicy:
    """Read a policy file; the defaults where there is none.

    Raises:
        PolicyError: The file is missing, not TOML, or has an unknown key or value; the message
            lists the valid ones.
    """
    if path is None:
        return MetricPolicy()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PolicyError(
            f"There is no policy file {path}. Create it, or unset NRR_POLICY to use the defaults"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"The policy file {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(
            f"The policy file {path} is not valid TOML: {error}. Correct that line, then check it "
            "with: nrr policy"
        ) from error
    try:
        policy = MetricPolicy.model_validate(_with_absolute_files(content, path.parent))
    except ValidationError as error:
        raise PolicyError(_explain(path, error)) from error
    _require_dimensions(path, policy)
    return policy


def _require_dimensions(path: Path, policy: MetricPolicy) -> None:
    """Refuse to watch a segment of a dimension that there is not: it would never alert."""
    for watched in policy.alerts.watch:
        if watched.partition(":")[0] not in policy.dimensions:
            raise PolicyError(
                f"The policy file {path} has a mistake:\n"
                f"  alerts.watch = {watched!r}: there is no such dimension; valid here: "
                f"{', '.join(policy.dimensions)}\n"
                "Correct the file, then check it with: nrr policy"
            )


def _with_absolute_files(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The content with every path beginning at the policy file's folder; addresses stay."""
    found = dict(content)
    for section, names in (
        ("files", FilesPolicy.model_fields),
        ("fx", ("ecb",)),
        ("report", ("logo",)),
    ):
        settings = content.get(section)
        if isinstance(settings, dict):
            found[section] = {
                name: _absolute(value, folder) if name in names else value
                for name, value in settings.items()
            }
    return found


def _absolute(place: object, folder: Path) -> object:
    if not isinstance(place, str) or "://" in place:
        return place
    return str((folder / Path(place).expanduser()).absolute())


def names_a_place(name: str) -> bool:
    """Whether a setting only says where something lies; what it says there is knowledge."""
    return name.startswith(("files.", "fx.ecb"))


def _moves_figures(name: str) -> bool:
    shown = ("privacy.", "alerts.", "report.", "close.", "usage")
    return not names_a_place(name) and not name.startswith(shown)


def _flat(section: BaseModel, prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = _text(value)
    return flat


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {value[key]}" for key in sorted(value)) or "none"
    if isinstance(value, tuple):
        return ", ".join(str(entry) for entry in value) or "none"
    return str(value)


def _explain(path: Path, error: ValidationError) -> str:
    lines = [f"The policy file {path} has {error.error_count()} mistake(s):"]
    for detail in error.errors():
        name = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            valid = ", ".join(_valid_keys(detail["loc"][:-1]))
            lines.append(f"  {name}: there is no such setting; valid here: {valid}")
        else:
            lines.append(
                f"  {name} = {detail['input']!r}: {detail['msg'].removeprefix('Value error, ')}"
            )
    lines.append("Correct the file, then check it with: nrr policy")
    return "\n".join(lines)


def _valid_keys(location: tuple[Any, ...]) -> list[str]:
    section: type[BaseModel] = MetricPolicy
    for part in location:
        section = type(section.model_fields[part].default)
    return list(section.model_fields)

"""Folds the facts about one item's price and quantity into the terms that held when.

States, flags and the other items of a subscription do not belong here: see ``history``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nrr_pipeline.metrics.evidence import ItemEvidence, Source, Terms, TermsFact

ONE_DAY_SECONDS = 86_400

UNPROVEN_CHANGE = "price or quantity changed at a time that no invoice line or event tells"
UNPROVEN_START = "no invoice line or event tells the terms before this time"
UNPROVEN_REMOVAL = "the item was removed at a time that no invoice line or event tells"


@dataclass(frozen=True, slots=True)
class TermsStretch:
    """Terms that hold from ``starts_at`` to ``ends_at``, and the fact that says so."""

    starts_at: int
    ends_at: int | None
    terms: Terms
    source: Source
    source_id: str
    approximation: str | None = None
    alternative: Terms | None = None


def fold_terms(item: ItemEvidence, *, starts_at: int, ends_at: int | None) -> list[TermsStretch]:
    """One item's terms over its life within ``[starts_at, ends_at)``.

    The strongest fact of a second decides it. A change that only a weaker fact shows (a renewal's
    line, an observation) is dated there, and the time since the last confirmation is marked as
    approximate with the new terms as the alternative.
    """
    folding = _TermsFolding(item, starts_at)
    for at, until, since in _by_time(item.facts):
        if until is not None:
            folding.had_until(at, until)
        if since is not None:
            folding.has_from(at, since, is_exact=since.is_exact or until is not None)
    stretches = folding.finish()
    return [clipped for stretch in stretches if (clipped := _clip(stretch, starts_at, ends_at))]


class _TermsFolding:
    """The state of one pass over an item's facts in order of time."""

    def __init__(self, item: ItemEvidence, subscription_starts_at: int) -> None:
        self.stretches: list[TermsStretch] = []
        self.joined_at = item.starts_at
        self.subscription_starts_at = subscription_starts_at
        self.running: TermsFact | None = None
        self.since = 0
        self.confirmed_at = 0
        self.covered_until = 0
        self.credited_at: int | None = None

    def had_until(self, at: int, fact: TermsFact) -> None:
        """The item had these terms up to ``at``."""
        if self.running is None:
            start = self.joined_at if self.joined_at is not None else self.subscription_starts_at
            self._start(min(start, at), fact)
        elif fact.terms != self.running.terms and fact.terms is not None:
            self._close(at, changed_to=fact.terms, is_exact=False)
            self._start(at, fact)
        self.confirmed_at = at
        self.credited_at = at

    def has_from(self, at: int, fact: TermsFact, *, is_exact: bool) -> None:
        """The item has these terms, or is gone, from ``at`` on."""
        credited_at, self.credited_at = self.credited_at, None
        if fact.terms is None:
            self._gone(at, credited_at, is_exact=is_exact)
            return
        if self.running is None:
            self._first(at, fact)
        elif fact.terms != self.running.terms:
            changes_at = at
            if credited_at is not None and credited_at < at and not is_exact:
                changes_at = credited_at
            self._close(changes_at, changed_to=fact.terms, is_exact=is_exact or changes_at < at)
            self._start(changes_at, fact)
        self.confirmed_at = at
        self.covered_until = max(self.covered_until, fact.covers_until or at)

    def finish(self) -> list[TermsStretch]:
        """All stretches; the last one is open-ended unless the item is gone."""
        if self.running is not None:
            self._emit(self.since, None)
        return self.stretches

    def _start(self, at: int, fact: TermsFact) -> None:
        self.running, self.since, self.confirmed_at = fact, at, at

    def _first(self, at: int, fact: TermsFact) -> None:
        joined_at = self.joined_at if self.joined_at is not None else at
        if at - joined_at > ONE_DAY_SECONDS:
            self.running = fact
            self._emit(joined_at, at, UNPROVEN_START, None)
            joined_at = at
        self._start(min(joined_at, at), fact)

    def _close(self, at: int, *, changed_to: Terms | None, is_exact: bool) -> None:
        if is_exact or self.confirmed_at >= at:
            self._emit(self.since, at)
            return
        self._emit(self.since, self.confirmed_at)
        self._emit(max(self.since, self.confirmed_at), at, UNPROVEN_CHANGE, changed_to)

    def _gone(self, at: int, credited_at: int | None, *, is_exact: bool) -> None:
        if self.running is None:
            return
        if is_exact or credited_at is not None:
            self._emit(self.since, at if is_exact or credited_at is None else credited_at)
        else:
            ends_at = min(at, max(self.covered_until, self.confirmed_at))
            self._emit(self.since, self.confirmed_at)
            self._emit(max(self.since, self.confirmed_at), ends_at, UNPROVEN_REMOVAL, None)
        self.running = None
        self.joined_at = at

    def _emit(
        self,
        starts_at: int,
        ends_at: int | None,
        approximation: str | None = None,
        alternative: Terms | None = None,
    ) -> None:
        if self.running is None or self.running.terms is None:
            return
        if ends_at is None or starts_at < ends_at:
            self.stretches.append(
                TermsStretch(
                    starts_at,
                    ends_at,
                    self.running.terms,
                    self.running.source,
                    self.running.source_id,
                    approximation,
                    alternative,
                )
            )


def _by_time(
    facts: Sequence[TermsFact],
) -> Iterator[tuple[int, TermsFact | None, TermsFact | None]]:
    """For every second with facts: the strongest "until" and the strongest "from" fact.

    Of several changes within one second the first "until" and the last "from" are meant: those
    whose terms are not also the other side of a change.
    """
    times: dict[int, list[TermsFact]] = {}
    for fact in facts:
        times.setdefault(fact.at, []).append(fact)
    for at in sorted(times):
        until = [fact for fact in times[at] if fact.is_until]
        since = [fact for fact in times[at] if not fact.is_until]
        yield at, _strongest(until, since), _strongest(since, until)


def _strongest(facts: list[TermsFact], others: list[TermsFact]) -> TermsFact | None:
    if len(facts) < 2:  # noqa: PLR2004
        return facts[0] if facts else None
    on_the_other = {fact.terms for fact in others}
    meant = [fact for fact in facts if fact.terms not in on_the_other] or facts
    return max(meant, key=lambda fact: (fact.strength, fact.source_id))


def _clip(stretch: TermsStretch, starts_at: int, ends_at: int | None) -> TermsStretch | None:
    start = max(stretch.starts_at, starts_at)
    end = _earlier(stretch.ends_at, ends_at)
    if end is not None and end <= start:
        return None
    if (start, end) == (stretch.starts_at, stretch.ends_at):
        return stretch
    return replace(stretch, starts_at=start, ends_at=end)


def _earlier(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return first if second is None else second
    return min(first, second)

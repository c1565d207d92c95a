"""Takes a given list into the warehouse: from its sources, and from rows entered by hand.

What the lists are, and from where, stands in ``inputs``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from nrr_pipeline.errors import NrrError
from nrr_pipeline.inputs.csv_files import Fact
from nrr_pipeline.warehouse import given, quality
from nrr_pipeline.warehouse.transactions import Cause, Clock, Connection, Warehouse

UNUSABLE_INPUT = "unusable_input"
"""Check name of findings about lists, or rows of them, that are not used."""

Listing = Callable[[], list[Fact]]
"""Reads a whole list; an ``NrrError`` says why it cannot be used."""

Judge = Callable[[Connection, Sequence[Fact]], Sequence[quality.Finding]]
"""Looks at all that would be believed, of every source: remarks on it, or an ``NrrError``."""


@dataclass(frozen=True, slots=True)
class InputReport:
    """What taking up a list changed, and what of it cannot be used."""

    changed: int
    problems: tuple[str, ...]


def _no_remarks(connection: Connection, facts: Sequence[Fact]) -> Sequence[quality.Finding]:
    del connection, facts
    return ()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be believed of which source, and what there is to say about it."""

    lists: Mapping[given.Source, list[Fact]]
    takes_up: bool
    findings: Sequence[quality.Finding]
    is_known: bool


@dataclass(frozen=True)
class GivenList:
    """A list that users give: where it is kept, how it is checked and from when it counts.

    ``changed_from`` is the first day whose figures facts can change; ``severity`` is that of a
    source that cannot be used. What was believed of such a source is believed further; of all of
    them, where ``judge`` refuses what they say together.
    """

    kind: given.GivenTable
    cause: Cause
    check: given.Check
    changed_from: Callable[[Connection, Sequence[Fact]], date | None]
    severity: Mapping[given.Source, str]
    judge: Judge = _no_remarks

    @property
    def stage(self) -> str:
        """Under which name its findings are kept."""
        return self.kind.table.name

    def sync(
        self, warehouse: Warehouse, sources: Mapping[given.Source, Listing], *, clock: Clock
    ) -> InputReport:
        """Believe what the sources say now; write nothing when that is nothing new."""
        lists: dict[given.Source, list[Fact]] = {}
        unread: list[quality.Finding] = []
        for source, listing in sources.items():
            try:
                lists[source] = listing()
            except NrrError as error:
                unread.append(self._finding(source, self.severity[source], str(error)))
        with warehouse.read() as connection:
            plan = self._plan(connection, lists, unread)
        if plan.is_known:
            return InputReport(0, tuple(each.detail for each in plan.findings))
        with warehouse.write(self.cause, clock=clock) as tx:
            plan = self._plan(tx.connection, lists, unread)
            changed: list[Fact] = []
            for source, facts in plan.lists.items():
                changed += given.replace_facts(tx, self.kind, source, facts)
            if plan.takes_up:
                changed += given.take_up(tx, self.kind, self.check)
            quality.record_findings(tx, None, plan.findings, stage=self.stage)
            if changed:
                tx.note_change(self.changed_from(tx.connection, changed))
        return InputReport(len(changed), tuple(each.detail for each in plan.findings))

    def _plan(
        self,
        connection: Connection,
        lists: Mapping[given.Source, list[Fact]],
        unread: Iterable[quality.Finding],
    ) -> _Plan:
        """Decide what to believe; the same question gets the same answer under the write lock."""
        waiting = given.entered(connection, self.kind, self.check)
        takes_up = bool(waiting.facts)
        findings = [
            *unread,
            *(
                self._finding(row, "error", f"{why}. Correct the row, or delete it")
                for row, why in waiting.refused.items()
            ),
        ]
        try:
            findings += self.judge(connection, self._together(connection, lists, waiting))
        except NrrError as error:
            lists, takes_up = {}, False
            detail = f"{error}. Until then nothing new of the list is believed"
            findings.append(self._finding(self.stage, "error", detail))
        is_known = not takes_up and self._is_known(connection, lists, findings)
        return _Plan(lists, takes_up, findings, is_known)

    def _together(
        self,
        connection: Connection,
        lists: Mapping[given.Source, list[Fact]],
        waiting: given.Entered,
    ) -> list[Fact]:
        """All that would be believed, with its source."""
        if self.judge is _no_remarks:
            return []
        entered = {self._key(fact): fact for fact in waiting.facts.values()}
        stays = (
            fact
            for fact in given.facts_of(connection, self.kind)
            if fact["source"] not in lists
            and not (fact["source"] == given.ENTERED and self._key(fact) in entered)
        )
        return [
            *stays,
            *({**fact, "source": source} for source, facts in lists.items() for fact in facts),
            *({**fact, "source": given.ENTERED} for fact in entered.values()),
        ]

    def _key(self, fact: Fact) -> tuple[Any, ...]:
        return tuple(fact[name] for name in self.kind.key)

    def _is_known(
        self,
        connection: Connection,
        lists: Mapping[given.Source, list[Fact]],
        findings: Iterable[quality.Finding],
    ) -> bool:
        known = {each.finding for each in quality.open_findings(connection, stage=self.stage)}
        return known == set(findings) and all(
            given.says_the_same(connection, self.kind, source, facts)
            for source, facts in lists.items()
        )

    def _finding(self, name: str, severity: str, detail: str) -> quality.Finding:
        return quality.Finding(
            check_name=UNUSABLE_INPUT,
            severity=severity,
            object_id=name if name.startswith(self.stage) else f"{self.stage} ({name})",
            detail=detail,
            scope_id=self.stage,
        )

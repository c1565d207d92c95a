"""Takes a given list into the warehouse: from its sources, and from rows entered by hand.

What the lists are, and from where, stands in ``inputs``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from nrr_pipeline.errors import NrrError
from nrr_pipeline.inputs.csv_files import Fact
from nrr_pipeline.warehouse import given, quality
from nrr_pipeline.warehouse.transactions import Cause, Clock, Connection, Warehouse

UNUSABLE_INPUT = "unusable_input"
"""Check name of findings about lists, or rows of them, that are not used."""

Listing = Callable[[], list[Fact]]
"""Reads a whole list; an ``NrrError`` says why it cannot be used."""


@dataclass(frozen=True, slots=True)
class InputReport:
    """What taking up a list changed, and what of it cannot be used."""

    changed: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class GivenList:
    """A list that users give: where it is kept, how it is checked and from when it counts.

    ``changed_from`` is the first day whose figures facts can change; ``severity`` is that of a
    source that cannot be used. What was believed of such a source is believed further.
    """

    kind: given.GivenTable
    cause: Cause
    check: given.Check
    changed_from: Callable[[Connection, Sequence[Fact]], date | None]
    severity: Mapping[given.Source, str]

    @property
    def stage(self) -> str:
        """Under which name its findings are kept."""
        return self.kind.table.name

    def sync(
        self, warehouse: Warehouse, sources: Mapping[given.Source, Listing], *, clock: Clock
    ) -> InputReport:
        """Believe what the sources say now; write nothing when that is nothing new."""
        lists: dict[given.Source, list[Fact]] = {}
        findings: list[quality.Finding] = []
        for source, listing in sources.items():
            try:
                lists[source] = listing()
            except NrrError as error:
                findings.append(self._finding(source, self.severity[source], str(error)))
        with warehouse.read() as connection:
            waiting = given.entered(connection, self.kind, self.check)
            findings += [
                self._finding(row, "error", f"{why}. Correct the row, or delete it")
                for row, why in waiting.refused.items()
            ]
            problems = tuple(finding.detail for finding in findings)
            if not waiting.facts and self._is_known(connection, lists, findings):
                return InputReport(0, problems)
        with warehouse.write(self.cause, clock=clock) as tx:
            changed: list[Fact] = []
            for source, facts in lists.items():
                changed += given.replace_facts(tx, self.kind, source, facts)
            changed += given.take_up(tx, self.kind, self.check)
            quality.record_findings(tx, None, findings, stage=self.stage)
            if changed:
                tx.note_change(self.changed_from(tx.connection, changed))
        return InputReport(len(changed), problems)

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

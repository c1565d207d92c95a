"""Addresses in the Dagster UI, for messages and reports."""

from collections.abc import Iterator
from dataclasses import dataclass

from nrr_pipeline.metrics.periods import Period, PeriodKind, add_months

_ASSETS = {
    PeriodKind.MONTH: "monthly_nrr",
    PeriodKind.QUARTER: "quarterly_nrr",
    PeriodKind.TRAILING_12_MONTHS: "trailing_12_month_nrr",
}
REPORT = "board_report"


def page_of(period: Period) -> str:
    """Where a period's figures are, below the address of the UI."""
    return _partition(_ASSETS[period.kind], period)


def report_page_of(period: Period) -> str:
    """Where the board report of a period's last month is, below the address of the UI."""
    return _partition(REPORT, last_month_of(period))


def last_month_of(period: Period) -> Period:
    """The month with which a period ends."""
    return Period.month(add_months(period.period_end, -1))


def _partition(asset: str, period: Period) -> str:
    return f"assets/{asset}?view=partitions&partition={period.period_start}"


@dataclass(frozen=True, slots=True)
class Link:
    """Words and where they lead."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Links:
    """Where the UI is, and the run that speaks; without an address there are no links."""

    ui_url: str | None = None
    run_id: str | None = None

    def of_period(self, period: Period) -> Iterator[Link]:
        """A period's page, the board report of its last month, and the run."""
        yield from self._page("Figures", page_of(period))
        yield from self._page("Board report", report_page_of(period))
        yield from self.of_run()

    def of_run(self) -> Iterator[Link]:
        """The run alone."""
        if self.run_id is not None:
            yield from self._page("Run", f"runs/{self.run_id}")

    def _page(self, label: str, path: str) -> Iterator[Link]:
        if self.ui_url is not None:
            yield Link(label, f"{self.ui_url}/{path}")


NOWHERE = Links()

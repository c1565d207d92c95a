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
        last_month = add_months(period.period_end, -1)
        yield from self._page("Figures", f"assets/{_partition(_ASSETS[period.kind], period)}")
        yield from self._page(
            "Board report", f"assets/{_partition(REPORT, Period.month(last_month))}"
        )
        yield from self.of_run()

    def of_run(self) -> Iterator[Link]:
        """The run alone."""
        if self.run_id is not None:
            yield from self._page("Run", f"runs/{self.run_id}")

    def _page(self, label: str, path: str) -> Iterator[Link]:
        if self.ui_url is not None:
            yield Link(label, f"{self.ui_url}/{path}")


def _partition(asset: str, period: Period) -> str:
    return f"{asset}?view=partitions&partition={period.period_start}"


NOWHERE = Links()

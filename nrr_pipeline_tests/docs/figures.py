"""The figures that documents quote from the simulated account, and how they are brought up to date.

After a change of the simulated business run ``python -m nrr_pipeline_tests.docs.figures``, and read
the sentences around what has changed.
"""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

from nrr_pipeline.demo.business import LAST_DAY, simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.metrics.money import format_money
from nrr_pipeline_tests.docs.pages import DECISIONS, README, ROOT, text_of
from nrr_pipeline_tests.end_to_end.pipeline import connected, owners_policy

ARCHITECTURE = ROOT / "docs" / "architecture.md"

_RATIO = r"\d+\.\d\d %"
_MONEY = r"[A-Z]{3} [\d,]+\.\d\d"
_COUNT = r"\d+,\d{3}"
_SHOWN = re.compile(r"(?<=```console\n\$ nrr show\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_EFFECT = re.compile(r"(?<=\*\*Effect\.\*\*).*?(?=\*\*To change it\.\*\*)", re.DOTALL)
_ROWS_OF_INTERVALS = re.compile(r"(?<=row of\n`mrr_intervals`;).*?(?=such rows)", re.DOTALL)


def publish_demo(home: Path) -> None:
    """Fill a home as ``make demo`` does, but for Dagster's records."""
    log = simulate()
    with connected(render(log), home, owners_policy(log, home)) as pipeline:
        pipeline.advance(LAST_DAY)


def updated(home: Path) -> Iterator[tuple[Path, str]]:
    """Every page that quotes figures, with the text that it should have."""
    yield README, _SHOWN.sub(lambda _: _shown(home), text_of(README))
    with closing(sqlite3.connect(f"file:{home / 'nrr.db'}?mode=ro", uri=True)) as connection:
        account = Account(connection)
        for page in sorted(DECISIONS.glob("0*.md")):
            if quoted := DECIDED.get(page.name[:4]):
                pattern, values = "|".join((_RATIO, _MONEY)), quoted(account)
                yield page, _replaced(text_of(page), _EFFECT, pattern, values)
        counts = [f"{account.count(name):,}" for name in ("daily_mrr", "mrr_intervals")]
        yield ARCHITECTURE, _replaced(text_of(ARCHITECTURE), _ROWS_OF_INTERVALS, _COUNT, counts)


class Account:
    """The published figures of the simulated account."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def nrr(self, table: str, first: str, last: str | None = None) -> str:
        """NRR of a period, or the product of several."""
        query = (
            f"SELECT nrr_numerator, nrr_denominator FROM {table} "  # noqa: S608
            "WHERE dimension = 'all' AND period_start BETWEEN ? AND ?"
        )
        product = Fraction(1)
        for kept, starting in self._connection.execute(query, [first, last or first]):
            product *= Fraction(kept, starting)
        return _percent(product)

    def nrr_without(self, flag: str, opening: str, closing: str) -> str:
        """NRR between two days of the MRR that does not carry a flag."""
        before, after = (
            self._by_customer(f"NOT {flag}", day, opening) for day in (opening, closing)
        )
        kept = sum(after.get(each, 0) for each in before)
        return _percent(Fraction(kept, sum(before.values())))

    def mrr_with(self, flag: str, day: str) -> str:
        """All MRR of a day that carries a flag."""
        return format_money(sum(self._by_customer(flag, day, day).values()), "usd")

    def count(self, table: str) -> int:
        return self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608

    def _by_customer(self, condition: str, day: str, day_of_rates: str) -> Counter[str]:
        """MRR in the reporting currency, at the rates of a day."""
        rates = self._rates(day_of_rates)
        found: Counter[str] = Counter()
        query = (
            "SELECT account_id, currency, mrr_micros FROM daily_mrr "  # noqa: S608
            f"WHERE as_of_date = ? AND {condition}"
        )
        for account_id, currency, micros in self._connection.execute(query, [day]):
            found[account_id] += round(micros * rates[currency])
        return found

    def _rates(self, day: str) -> dict[str, Fraction]:
        query = "SELECT currency, rate FROM fx_rates WHERE as_of_date <= ? ORDER BY as_of_date"
        rates = self._connection.execute(query, [day])
        return {currency: Fraction(rate) for currency, rate in rates}


DECIDED = {
    "0001": lambda account: [
        account.nrr("monthly_nrr", "2026-09-01"),
        account.nrr_without("is_at_risk", "2026-08-31", "2026-09-30"),
        account.mrr_with("is_at_risk", "2026-09-30"),
    ],
    "0002": lambda account: [
        account.nrr("monthly_nrr", "2026-09-01"),
        account.nrr_without("is_scheduled_churn", "2026-08-31", "2026-09-30"),
    ],
    "0005": lambda account: [
        account.nrr("trailing_12_month_nrr", "2026-09-01"),
        account.nrr("monthly_nrr", "2025-10-01", "2026-09-01"),
        account.nrr("quarterly_nrr", "2026-07-01"),
        account.nrr("monthly_nrr", "2026-07-01", "2026-09-01"),
    ],
}
"""By decision: what the part that tells its effect quotes, in order."""


def _percent(ratio: Fraction) -> str:
    """A ratio with two decimals, toward zero as everywhere."""
    hundredths = ratio.numerator * 10_000 // ratio.denominator
    return f"{hundredths // 100}.{hundredths % 100:02} %"


def _replaced(text: str, part: re.Pattern[str], pattern: str, values: list[str]) -> str:
    """The text with the n-th match within a part replaced by the n-th value."""
    following = iter(values)
    return part.sub(lambda found: re.sub(pattern, lambda _: next(following), found[0]), text)


def _shown(home: Path) -> str:
    """What ``nrr show`` prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NRR_")}
    program = [sys.executable, "-m", "nrr_pipeline.cli", "show"]
    environment = {**kept, "NRR_HOME": str(home)}
    return subprocess.run(
        program, cwd=home, env=environment, check=True, capture_output=True, encoding="utf-8"
    ).stdout


def _rewrite() -> None:
    with tempfile.TemporaryDirectory() as folder:
        publish_demo(Path(folder))
        for page, text in updated(Path(folder)):
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _rewrite()

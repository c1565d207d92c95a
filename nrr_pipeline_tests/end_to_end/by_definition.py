"""Totals, movements and retention in one currency, straight from their definitions.

Nothing of the pipeline is used, and nothing is clever: every question walks over all items. What
an account holds, and what the pipeline made of it, belongs to the tests.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

Rates = Mapping[tuple[date, str], Fraction]
Figures = Counter[str]

FIGURES = (
    *("starting", "expansion", "contraction", "churned", "new_business", "reactivation", "fx"),
    *("ending", "kept", "kept_without_growth"),
    *("starting_customers", "churned_customers", "ending_customers"),
)


class RateIsMissingError(Exception):
    """A day cannot be reported."""


@dataclass(frozen=True)
class Sold:
    """One subscription item, its whole life long at one price; seconds, and micros a month."""

    item_id: str
    customer_id: str
    currency: str
    micros: int
    start: int
    end: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Definitions:
    """What was sold, and what is believed about rates and accounts."""

    sold: Iterable[Sold]
    rates: Rates = field(default_factory=dict[tuple[date, str], Fraction])
    accounts: Mapping[str, str] = field(default_factory=dict[str, str])
    timezone: str = "UTC"
    max_age_days: int = 7

    def day(self, second: int) -> date:
        return datetime.fromtimestamp(second, ZoneInfo(self.timezone)).date()

    def on(self, day: date) -> list[Sold]:
        """The items that count: begun by the end of the day, and not ended by then."""
        return [
            each
            for each in self.sold
            if self.day(each.start) <= day and (each.end is None or day < self.day(each.end))
        ]

    def account(self, each: Sold) -> str:
        found = each.customer_id
        while found in self.accounts:
            found = self.accounts[found]
        return found

    def worth(self, each: Sold, rate_day: date) -> int:
        """An item's MRR in US dollars, rounded once, half to even."""
        if each.currency == "usd":
            return each.micros
        for age in range(self.max_age_days + 1):
            rate = self.rates.get((rate_day - timedelta(days=age), each.currency))
            if rate is not None:
                return round(each.micros * rate)
        raise RateIsMissingError(each.currency, rate_day)

    def native(self, day: date) -> dict[str, int]:
        totals: Counter[str] = Counter()
        for each in self.on(day):
            totals[each.currency] += each.micros
        return dict(totals)

    def reported(self, day: date) -> int:
        return sum(self.worth(each, day) for each in self.on(day))

    def by_account(self, day: date, rate_day: date) -> Counter[str]:
        found: Counter[str] = Counter()
        for each in self.on(day):
            found[self.account(each)] += self.worth(each, rate_day)
        return found

    def movements(self, opening: date, closing: date) -> Iterator[tuple[str, str, int, int]]:
        """Every account with MRR on one of two days: account, movement, opening, closing."""
        before, after = self.by_account(opening, opening), self.by_account(closing, opening)
        old = {self.account(each) for each in self.sold if self._ever_counted(each, opening)}
        for account in before | after:
            start, end = before[account], after[account]
            if start == end:
                movement = "unchanged"
            elif start == 0:
                movement = "reactivation" if account in old else "new_business"
            elif end == 0:
                movement = "churned"
            else:
                movement = "expansion" if end > start else "contraction"
            yield account, movement, start, end

    def retention(
        self, opening: date, closing: date, segment: Callable[[Sold, date], str] | None = None
    ) -> dict[str, Figures]:
        """The figures by segment: of the largest item at opening, else of the one at closing."""
        reported = self.by_account(closing, closing)
        found: defaultdict[str, Figures] = defaultdict(Counter)
        for account, movement, start, end in self.movements(opening, closing):
            day = opening if start else closing
            name = "all" if segment is None else segment(self._largest(account, day, opening), day)
            figures = found[name]
            if movement != "unchanged":
                is_return = movement in ("new_business", "reactivation")
                figures[movement] += end if is_return else abs(end - start)
            figures["starting"] += start
            figures["ending"] += reported[account]
            figures["fx"] += reported[account] - end
            figures["starting_customers"] += start > 0
            figures["ending_customers"] += end > 0
            figures["churned_customers"] += start > 0 and end == 0
            figures["kept"] += end if start else 0
            figures["kept_without_growth"] += min(start, end)
        return found

    def _largest(self, account: str, day: date, rate_day: date) -> Sold:
        mine = (each for each in self.on(day) if self.account(each) == account)
        return min(mine, key=lambda each: (-self.worth(each, rate_day), each.item_id))

    def _ever_counted(self, each: Sold, by: date) -> bool:
        end = date.max if each.end is None else self.day(each.end)
        return self.day(each.start) <= by and self.day(each.start) < end

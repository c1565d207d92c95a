"""The sentences of a board report: each is found from the figures that it stands beside.

Numbers are written as the report's locale writes them; where figures stand is decided in
``report_pages``.
"""

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.policy_sections import AlertPolicy
from nrr_pipeline.reporting.bridge_lines import cohort_points
from nrr_pipeline.reporting.causes import reason_named
from nrr_pipeline.reporting.concentration import LARGEST, Concentration
from nrr_pipeline.reporting.explanation import CustomerMove, PeriodExplanation, TrendPoint
from nrr_pipeline.reporting.hidden_churn import hides_churn
from nrr_pipeline.reporting.legible import legible
from nrr_pipeline.reporting.locale import Notation, listed
from nrr_pipeline.reporting.points import HUNDRED, nrr_tenths, tenths
from nrr_pipeline.reporting.ratios import logo_churn_of, nrr_of
from nrr_pipeline.reporting.reasons import by_cause
from nrr_pipeline.reporting.segment_tables import segment_label

CAUSES_NAMED = 3
LONGEST_NAME = 48
NO_COHORT = "No customer had MRR at opening, so there was nothing to retain."


def isolated(name: str) -> str:
    """A name in a sentence: one that is written from right to left turns nothing beside it."""
    return f"\u2068{legible(name, LONGEST_NAME)}\u2069"


class Words:
    """Sentences about figures, written in one locale; ``rules`` say which churn is hidden."""

    def __init__(self, notation: Notation, rules: AlertPolicy) -> None:
        self._in, self._rules = notation, rules

    def headline(self, explained: PeriodExplanation) -> str:
        """NRR, what it means in money, and how it stands against the period before."""
        whole, label = explained.whole, self._in.period(explained.period)
        if whole.starting_mrr_micros == 0:
            return f"{label}: {NO_COHORT}"
        opening, kept = (
            self._money(micros, whole.currency)
            for micros in (whole.starting_mrr_micros, whole.nrr_numerator)
        )
        said = (
            f"NRR of {label} is {self.nrr(whole)}: of {opening} of MRR at opening, {kept} is kept"
        )
        before = explained.whole_before
        if before is None or before.starting_mrr_micros == 0:
            return f"{said}."
        change = nrr_tenths(whole) - nrr_tenths(before)
        earlier = f"{self._in.period(explained.period.previous)} ({self.nrr(before)})"
        if change == 0:
            return f"{said}, as much as in {earlier}."
        way = "more" if change > 0 else "less"
        return f"{said}. That is {self._plain(change)} points {way} than in {earlier}."

    def parts(self, explained: PeriodExplanation) -> str:
        """What expansion, contraction and churn add to NRR, and the causes that cost most."""
        whole = explained.whole
        expansion, contraction, churn = cohort_points(whole)
        if expansion is None or contraction is None or churn is None:
            return ""
        lost = [each for each in by_cause(explained.moves, whole) if each.points < 0]
        causes = listed(
            [
                f"{each.label} ({self._plain(tenths(each.points))} points, "
                f"{self.people(each.customers)})"
                for each in lost[:CAUSES_NAMED]
            ]
        )
        said = (
            f"Expansion adds {self._plain(expansion)} points; contraction costs "
            f"{self._plain(contraction)} and churn {self._plain(churn)}."
        )
        if not causes:
            return f"{said} No customer pays less than at opening."
        costly = [each for each in explained.moves if each.points_of(whole) < 0]
        rest = " most" if len(lost) > CAUSES_NAMED else ""
        return f"{said} What cost{rest}: {causes}.{self._named(costly, whole)}"

    def customers(self, explained: PeriodExplanation) -> str:
        """The customer that cost most, and how many left; loudly where NRR hides it."""
        whole = explained.whole
        if whole.starting_customers == 0:
            return ""
        left = self._left(whole, self._in.period(explained.period))
        costly = min(explained.moves, key=lambda move: move.points_of(whole), default=None)
        said = ""
        if costly is not None and costly.points_of(whole) < 0:
            points = self._plain(tenths(costly.points_of(whole)))
            said = f"{isolated(costly.name)} alone cost {points} points{_why(costly)}. "
        hidden = (
            " NRR alone does not show it: growth of those who stayed made up for it."
            if self._hides_churn(explained)
            else ""
        )
        return f"{said}{left}.{hidden}"

    def monthly_trend(self, points: Sequence[TrendPoint]) -> str:
        """How often NRR was at 100 % or more, and its lowest and highest months."""
        known = [
            (nrr_tenths(each.figures), each) for each in points if each.figures.starting_mrr_micros
        ]
        if not known:
            return "In none of these months was there anything to retain."
        full = sum(value >= HUNDRED for value, _ in known)
        if len(known) == 1:
            value, only = known[0]
            return f"One month so far: {self._month(only)} with NRR {self._in.per_cent(value)}."
        low, high = (chosen(known, key=lambda each: each[0]) for chosen in (min, max))
        return (
            f"NRR was {self._in.per_cent(HUNDRED, 0)} or more in {full} of {len(known)} months; "
            f"it was lowest in {self._month(low[1])} ({self._in.per_cent(low[0])}) and highest in "
            f"{self._month(high[1])} ({self._in.per_cent(high[0])})."
        )

    def trailing_trend(self, points: Sequence[TrendPoint]) -> str:
        """Where NRR of trailing twelve months stands, and where it came from."""
        known = [
            (each, nrr_tenths(each.trailing))
            for each in points
            if each.trailing is not None and each.trailing.starting_mrr_micros
        ]
        if not known:
            return "There are no twelve months with figures yet."
        last, value = known[-1]
        said = f"In the twelve months to {self._month(last)} NRR is {self._in.per_cent(value)}"
        if len(known) == 1:
            return f"{said}."
        first, was = known[max(0, len(known) - 13)]
        way = "up from" if value > was else "down from" if value < was else "as in those to"
        earlier = f"{self._in.per_cent(was)} in those to {self._month(first)}"
        return f"{said}, {way} {earlier if value != was else self._month(first)}."

    def bridge(self, explained: PeriodExplanation) -> str:
        """From starting to ending MRR, and what did most on the way."""
        row = explained.whole
        start, end = row.starting_mrr_micros, row.ending_mrr_micros
        ended = f"ends {self._in.period(explained.period)} at {self._money(end, row.currency)}"
        if start == 0:
            return f"MRR {ended}; there was none at opening."
        change = tenths(Fraction(100 * (end - start), start))
        way = "above" if change > 0 else "below" if change < 0 else "level with"
        by = f"{self._in.per_cent(abs(change))} " if change else ""
        steps = {
            "expansion": row.expansion_micros,
            "contraction": -row.contraction_micros,
            "churn": -row.churned_mrr_micros,
            "new business": row.new_business_micros,
            "reactivation": row.reactivation_micros,
            "exchange rates": row.fx_micros,
        }
        name = max(steps, key=lambda each: abs(steps[each]))
        largest = (
            f" The largest step is {name}, {self._money(abs(steps[name]), row.currency)}."
            if steps[name]
            else " Nothing moved."
        )
        return f"MRR {ended}, {by}{way} where it started.{largest}"

    def movements(self, points: Sequence[TrendPoint]) -> str:
        """In how many months expansion outweighed what was lost, and the last month's parts."""
        rows = [each.figures for each in points if each.figures.starting_mrr_micros]
        more = sum(row.nrr_numerator > row.starting_mrr_micros for row in rows)
        less = sum(row.nrr_numerator < row.starting_mrr_micros for row in rows)
        said = (
            f"Expansion outweighed contraction and churn in {more} of {len(rows)} months and fell "
            f"short of them in {less}."
        )
        expansion, contraction, churn = cohort_points(points[-1].figures)
        if expansion is None or contraction is None or churn is None:
            return said
        return (
            f"{said} In {self._month(points[-1])} it added {self._plain(expansion)} points against "
            f"{self._plain(contraction + churn)} lost."
        )

    def logo_churn(self, points: Sequence[TrendPoint]) -> str:
        """How many customers left in the last month, and when most of them did."""
        known = [each for each in points if each.figures.starting_customers]
        if not known:
            return "In none of these months was there a customer to lose."
        last = known[-1]
        said = f"{self._left(last.figures, self._month(last))}."
        worst = max(known, key=lambda each: each.figures.logo_churn or 0)
        if worst is last or not worst.figures.churned_customers:
            return f"{said} In none of these {len(known)} months was it more."
        return f"{said} Most left in {self._month(worst)}: {self._churn(worst.figures)}."

    def hidden(self, explained: PeriodExplanation) -> str:
        """A remark where customers leave although NRR looks healthy; nothing elsewhere."""
        if not self._hides_churn(explained):
            return ""
        whole = explained.whole
        return (
            f"Hidden churn in {self._in.period(explained.period)}: {self._churn(whole)} of "
            f"{self.people(whole.starting_customers)} left although NRR is {self.nrr(whole)}."
        )

    def concentration(self, of: Concentration, month: Period) -> str:
        """What the largest customers have of the month's ending MRR and of its expansion."""
        if of.share_of_ending_mrr is None:
            return "Nobody has MRR at closing."
        label, count = self._in.period(month), len(of.largest)
        who = f"The {LARGEST} largest customers" if count == LARGEST else f"All {count} customers"
        share = self._in.per_cent(tenths(100 * of.share_of_ending_mrr))
        first = of.largest[0]
        ending = first.closing_mrr_micros + first.fx_micros
        said = (
            f"{who} have {share} of the ending MRR of {label}; the largest, "
            f"{isolated(first.name)}, {self._in.ratio(ending, of.ending_mrr_micros)}."
        )
        if of.share_of_expansion is None:
            return f"{said} Nobody expanded."
        brought = self._in.per_cent(tenths(100 * of.share_of_expansion))
        return f"{said} The {LARGEST} largest at opening brought {brought} of the expansion."

    def effects(self, explained: PeriodExplanation, dimension: str) -> str:
        """Which segment of a dimension did most for the change of NRR; nothing without a change."""
        effects = explained.effects.get(dimension, ())
        largest = max(
            effects, key=lambda each: abs(each.rate_points + each.mix_points), default=None
        )
        if largest is None or explained.whole_before is None:
            return ""
        points = tenths(largest.rate_points + largest.mix_points)
        change = nrr_tenths(explained.whole) - nrr_tenths(explained.whole_before)
        before = self._in.period(explained.period.previous)
        name = segment_label(explained, dimension, largest.segment)
        return (
            f"NRR moved by {self._in.points(change)} points against {before}; "
            f"{isolated(name)} did most: {self._in.points(points)}."
        )

    def nrr(self, row: Retention) -> str:
        """NRR as it is shown."""
        return self._in.per_cent(nrr_of(row))

    def people(self, count: int) -> str:
        """A number of customers."""
        return f"{self._in.number(count)} customer{'' if count == 1 else 's'}"

    def _left(self, row: Retention, label: str) -> str:
        left, of = row.churned_customers, self.people(row.starting_customers)
        if left == 0:
            return f"None of {of} left in {label}"
        return f"{self._in.number(left)} of {of} left in {label} ({self._churn(row)})"

    def _churn(self, row: Retention) -> str:
        return self._in.per_cent(logo_churn_of(row))

    def _named(self, moves: Sequence[CustomerMove], whole: Retention) -> str:
        """The reason that customers gave for most of the points, where any gave one."""
        if (found := reason_named(moves, whole)) is None:
            return ""
        reason, named = found
        points = self._plain(tenths(sum((each.points_of(whole) for each in named), Fraction(0))))
        return (
            f" Reason given for {points} points: \u2068{reason}\u2069 ({self.people(len(named))})."
        )

    def _hides_churn(self, explained: PeriodExplanation) -> bool:
        return hides_churn(self._rules, explained.period.kind, asdict(explained.whole))

    def _plain(self, in_tenths: int) -> str:
        return self._in.points(abs(in_tenths)).removeprefix("+")

    def _money(self, micros: int, currency: str) -> str:
        return self._in.money(micros, currency, whole=True)

    def _month(self, point: TrendPoint) -> str:
        return self._in.month(point.month)


def _why(move: CustomerMove) -> str:
    words = {Movement.CHURN: "left", Movement.CONTRACTION: "reduced"}.get(move.movement, "")
    reason = legible(move.reason, LONGEST_NAME) if move.reason else words
    return f" ({reason})" if reason else ""

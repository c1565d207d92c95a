"""What stands on the pages of a board report, in order: figures, sentences, charts and tables.

Everything is text as it is shown; how it looks is decided in ``board_report.typ``.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from nrr_pipeline.metrics.attribution import most_telling
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.policy_sections import AlertPolicy
from nrr_pipeline.reporting import charts
from nrr_pipeline.reporting.bands import reading
from nrr_pipeline.reporting.board_report import BoardReport, Presentation
from nrr_pipeline.reporting.concentration import concentration
from nrr_pipeline.reporting.explanation import PeriodExplanation
from nrr_pipeline.reporting.glossary import DEFINITIONS
from nrr_pipeline.reporting.legible import legible
from nrr_pipeline.reporting.links import Links
from nrr_pipeline.reporting.locale import Notation, listed
from nrr_pipeline.reporting.points import HUNDRED
from nrr_pipeline.reporting.ratios import grr_of, logo_churn_of, nrr_of, ratio_tenths
from nrr_pipeline.reporting.report_tables import Tables
from nrr_pipeline.reporting.report_words import Words
from nrr_pipeline.reporting.segment_tables import SegmentTables

LONGEST_TITLE, LONGEST_NOTE = 120, 1_200
DIMENSIONS_LISTED = 5
Data = dict[str, Any]


class Pages:
    """A report put on pages, in the look that it is issued in."""

    def __init__(self, report: BoardReport, presentation: Presentation) -> None:
        self._report, self._look = report, presentation
        self._in = Notation(presentation.locale)
        self._words, self._tables = Words(self._in, _rules(report)), Tables(self._in)
        self._by_segment = SegmentTables(self._in)

    def as_data(self) -> Data:
        """What the template reads."""
        report, month = self._report, self._report.month
        issued = report.issued_at.astimezone(ZoneInfo(report.timezone)).date()
        data_as_of = self._in.moment(report.data_as_of, report.timezone)
        edition = f"Edition {report.edition}"
        return {
            "title": legible(self._look.title, LONGEST_TITLE),
            "paper": self._in.paper,
            "logo": self._logo(),
            "period": self._in.period(month.period),
            "issued": f"{edition}, issued {self._in.day(issued)}. Data as of {data_as_of}.",
            "foot": f"{edition} · data as of {data_as_of}",
            "links": [
                {"label": f"{link.label}: {label}", "url": link.url}
                for label, link in self._links()
            ],
            "cards": self._cards(),
            "changes": [legible(each, LONGEST_NOTE) for each in report.changes],
            "summary": self._summary(),
            "trend": self._trend(),
            "sections": [
                self._bridges(),
                self._movements(),
                *self._movers(),
                self._concentration(),
                self._segments(),
            ],
            "notes": self._notes(),
        }

    def _logo(self) -> Data | None:
        if self._look.logo is None:
            return None
        content, form = self._look.logo
        return {"bytes": list(content), "format": form.lower()}

    def _links(self) -> list[tuple[str, Any]]:
        links = Links(self._look.ui_url or None)
        return [
            (self._in.period(each.period), link)
            for each in self._explained
            for link in list(links.of_period(each.period))[:1]
        ]

    @property
    def _explained(self) -> list[PeriodExplanation]:
        """The quarter beside the month, where there is one."""
        return [each for each in (self._report.month, self._report.quarter) if each is not None]

    def _cards(self) -> list[Data]:
        month, quarter = self._report.month, self._report.quarter
        whole, before = month.whole, month.whole_before
        period = self._in.period(month.period)
        cards = [self._nrr_card(f"NRR, {period}", whole, before)]
        if quarter is not None:
            label = f"NRR, {self._in.period(quarter.period)}"
            cards.append(self._nrr_card(label, quarter.whole, quarter.whole_before))
        if self._report.trailing is not None:
            earlier = self._report.trend[-2].trailing if len(self._report.trend) > 1 else None
            label = "NRR, trailing twelve months"
            cards.append(self._nrr_card(label, self._report.trailing, earlier))
        grr = grr_of(whole), grr_of(before)
        cards.append(self._card(f"GRR, {period}", self._in.per_cent(grr[0]), grr))
        churn = logo_churn_of(whole), logo_churn_of(before)
        left = f"{self._in.number(whole.churned_customers)} of "
        note = f"{left}{self._words.people(whole.starting_customers)}"
        cards.append(self._card(f"Logo churn, {period}", self._in.per_cent(churn[0]), churn, note))
        cards.append(self._mrr_card(whole))
        return cards

    def _nrr_card(self, label: str, row: Retention, before: Retention | None) -> Data:
        sides = nrr_of(row), nrr_of(before)
        band = reading(row.nrr_numerator, row.starting_mrr_micros, row.currency)
        return self._card(label, self._in.per_cent(sides[0]), sides, band.split(":")[0], tone=band)

    def _mrr_card(self, row: Retention) -> Data:
        start, end = row.starting_mrr_micros, row.ending_mrr_micros
        grown = ratio_tenths(end - start, start)
        change = "" if grown is None else f"{self._in.signed_per_cent(grown)} against opening"
        people = self._words.people(row.ending_customers)
        return {
            "label": "Ending MRR",
            "value": self._in.money(end, row.currency, whole=True),
            "change": change,
            "note": f"{people} at closing",
            "tone": "plain",
        }

    def _card(
        self,
        label: str,
        value: str,
        sides: tuple[int | None, int | None],
        note: str = "",
        *,
        tone: str = "plain",
    ) -> Data:
        now, was = sides
        change = "no figure before"
        if now is not None and was is not None:
            change = f"{self._in.points(now - was)} points, was {self._in.per_cent(was)}"
        tone = tone.split(":", maxsplit=1)[0].replace(" ", "-")
        return {"label": label, "value": value, "change": change, "note": note, "tone": tone}

    def _summary(self) -> list[str]:
        paragraphs: list[str] = []
        for each in self._explained:
            said = (
                self._words.headline(each),
                self._words.parts(each),
                self._words.customers(each),
            )
            paragraphs.append(" ".join(filter(None, said)))
        return paragraphs

    def _chart(self, title: str, svg: str, sentence: str) -> Data:
        return {"title": title, "svg": svg, "alt": f"{title}. {sentence}", "sentence": sentence}

    def _trend(self) -> list[Data]:
        points = self._report.trend
        monthly = self._chart(
            "NRR and GRR of each month",
            charts.monthly_trend_svg(points, self._in),
            self._words.monthly_trend(points),
        )
        if not any(point.trailing and point.trailing.starting_mrr_micros for point in points):
            return [monthly]
        trailing = self._chart(
            "NRR and GRR of trailing twelve months",
            charts.trailing_trend_svg(points, self._in),
            self._words.trailing_trend(points),
        )
        return [monthly, trailing]

    def _bridges(self) -> Data:
        drawn = [
            self._chart(
                f"{self._in.period(each.period)}, {each.whole.currency.upper()}",
                charts.bridge_svg(each.whole, self._in),
                self._words.bridge(each),
            )
            for each in self._explained
        ]
        table = self._tables.bridge(self._explained)
        return _section("From starting to ending MRR", charts=drawn, tables=[("", table)])

    def _movements(self) -> Data:
        points = self._report.trend
        moved = self._chart(
            "Points of NRR by month: expansion above, contraction and churn below the line",
            charts.movements_svg(points, self._in),
            self._words.movements(points),
        )
        left = self._chart(
            "Logo churn by month",
            charts.logo_churn_svg(points, self._in),
            self._words.logo_churn(points),
        )
        section = _section("What was won and lost", charts=[moved, left])
        section["remarks"] = [
            said for each in self._explained if (said := self._words.hidden(each))
        ]
        return section

    def _movers(self) -> list[Data]:
        sections: list[Data] = []
        for each in self._explained:
            tables = [
                ("Who cost most", self._tables.losses(each)),
                ("Who added most", self._tables.gains(each)),
            ]
            if each is self._report.month:
                tables.append(("New and returned, not in NRR", self._tables.came(each)))
            words = [] if any(table.rows for _, table in tables) else ["Nobody's MRR moved."]
            title = f"Customers behind {self._in.period(each.period)}"
            sections.append(_section(title, words, tables=tables))
        return sections

    def _concentration(self) -> Data:
        month = self._report.month
        customers = [
            each for each in self._report.customer_months if each.month == month.period.period_start
        ]
        if not customers:
            return _section("Concentration", ["The customers of this month are not listed."])
        found = concentration(customers)
        words = [self._words.concentration(found, month.period)]
        table = self._tables.largest(found, month.whole.currency)
        return _section("Concentration", words, tables=[("", table)])

    def _segments(self) -> Data:
        tables: list[tuple[str, Any, str]] = []
        explained = self._report.quarter or self._report.month
        dimensions = list(dict.fromkeys(row.dimension for row in explained.rows[1:]))
        before = explained.whole_before
        if before is not None and explained.effects:
            telling = most_telling(explained.effects, before, explained.whole)
            dimensions = [*telling, *(each for each in dimensions if each not in telling)]
        for dimension in dimensions[:DIMENSIONS_LISTED]:
            title = dimension.replace("_", " ").capitalize()
            words = self._words.effects(explained, dimension)
            tables.append((legible(title, 60), self._by_segment.table(explained, dimension), words))
        rest = listed([each.replace("_", " ") for each in dimensions[DIMENSIONS_LISTED:]])
        words = [f"The dimensions that tell most. The workbook also has {rest}."] if rest else []
        if not tables:
            words = ["There are no segments."]
        title = f"Segments of {self._in.period(explained.period)}"
        return _section(title, words, tables=tables)

    def _notes(self) -> Data:
        report, full = self._report, self._in.per_cent(HUNDRED, 0)
        choices = [f"{name} = {value}" for name, value in report.policy]
        chosen = "; ".join(choices) or "every choice is the default"
        currency = report.month.whole.currency.upper()
        periods = "; ".join(
            f"{self._in.period(each.period)} edition {each.edition}, "
            f"{'final' if each.is_final else 'provisional'}"
            for each in self._explained
        )
        own = (
            f"Policy in force: version {report.policy_version} ({chosen}).",
            f"Figures as published: {periods}.",
            f"Amounts are in {currency}; days end in {report.timezone}.",
        )
        return {
            "definitions": [
                {"term": term, "words": words.format(full=full)}
                for term, words in DEFINITIONS.items()
            ],
            "notes": [legible(each, LONGEST_NOTE) for each in (*own, *report.notes)],
        }


def _rules(report: BoardReport) -> AlertPolicy:
    """The limits of hidden churn that were in force, from the choices that the report names."""
    prefix, choices = "alerts.hidden_churn_above.", dict(report.policy)
    limits = AlertPolicy().hidden_churn_above.model_dump()
    chosen = {name: choices.get(prefix + name, limit) for name, limit in limits.items()}
    return AlertPolicy.model_validate({"hidden_churn_above": chosen})


def _section(
    title: str,
    words: Sequence[str] = (),
    *,
    charts: Sequence[Data] = (),
    tables: Sequence[tuple[Any, ...]] = (),
) -> Data:
    shown = [
        {"title": name, "table": data, "sentence": sentence[0] if sentence else ""}
        for name, table, *sentence in tables
        if (data := table.as_data()) is not None
    ]
    return {"title": title, "words": words, "charts": charts, "tables": shown, "remarks": []}

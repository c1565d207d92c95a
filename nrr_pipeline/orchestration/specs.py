"""What people read about each asset: sentences, owner, kinds, columns and what it is made from.

What an asset does stands in ``assets``; the sentences about columns in ``warehouse.fields``.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from nrr_pipeline.raw import KINDS
from nrr_pipeline.settings import OWN_TAG, Settings
from nrr_pipeline.warehouse.fields import Field, columns_of

STRIPE_ASSETS = tuple(f"stripe_{kind}" for kind in KINDS)

CODE_VERSION = "1"
"""Counts up when an asset's code gives other results from the same data."""

SENTENCES = {
    "stripe_customers": "Who pays: every customer as Stripe shows it, without e-mail, phone and "
    "street. A new version is kept whenever something about it changed.",
    "stripe_products": "What is sold, as Stripe shows it.",
    "stripe_prices": "What things cost and how often they are billed, old prices included.",
    "stripe_coupons": "The discounts that exist, as Stripe shows them.",
    "stripe_subscriptions": "Who is subscribed to what, ended subscriptions included. The starting "
    "point of every figure.",
    "stripe_invoices": "Every invoice with its lines: they prove what a subscription was in the "
    "past, which Stripe itself no longer says.",
    "stripe_subscription_schedules": "Changes that are planned for later; they count when they "
    "happen.",
    "stripe_events": "What happened in the last 30 days, to the second. Stripe forgets older ones.",
    "subscription_history": "What was true of every subscription item when: paying or not, which "
    "price, how many seats, with the evidence for it. Rebuilt from Stripe's objects wherever they "
    "changed; what was believed before is kept.",
    "mrr_intervals": "The monthly recurring revenue of every subscription item over time: the "
    "history, priced under the metric policy. An item that cannot be priced is held out and listed "
    "by a check, never counted as 0.",
    "fx_rates": "Exchange rates into the reporting currency: from your file, a bank's history, or "
    "entered by hand. A rate counts until the next one, for a few days at most.",
    "customer_map": "Which Stripe customers count as one customer: subsidiaries, second accounts, "
    "mergers. From your file, or entered by hand.",
    "attributes": "What Stripe does not know about customers, such as their industry: from your "
    "file, or entered by hand.",
    "daily_mrr": "Monthly recurring revenue at the end of each day, item by item. A day is "
    "published once; when its figures are corrected later, both can be read.",
    "daily_mrr_totals": "MRR, customers and subscriptions of each day in one line per currency: "
    "for charts.",
    "mrr_movements": "Who started, grew, shrank, left or came back on which day, and by how much.",
    "monthly_nrr": "Net revenue retention of each month: of the recurring revenue at its opening, "
    "how much is there at its end, growth of the same customers included. 100 % and more means "
    "that existing customers alone make the business grow.",
    "quarterly_nrr": "Net revenue retention of each quarter, from the day before it to its last "
    "day. It is measured afresh and not compounded from its months.",
    "board_report": "A final month as it is put before a board: a PDF, a workbook whose ratios are "
    "formulas, and CSV files. Frozen when issued: the same figures come out of it however often "
    "it is made. When a figure changes later, the next edition says which.",
    "trailing_12_month_nrr": "Net revenue retention over the twelve months that end with a month: "
    "the usual figure for boards and investors.",
    "alerts": "What somebody should know: a figure below its limit, a figure that was restated, a "
    "run that failed. Kept here first and sent to Slack from here, once each; what could not be "
    "sent says why, and is tried again.",
}
"""What each asset is, for somebody who does not program."""


OVERDUE = (
    "Overdue means that nothing was published in time: see that the daemon runs, that the schedule "
    "`nightly` is on and has a key, or run `nrr run`."
)
"""Stands below the sentence of every asset that has a deadline."""


@dataclass(frozen=True)
class Sheet:
    """Makes asset specs that carry everything the pages of the UI show.

    ``deadlines`` are those of the assets that are expected at some time.
    """

    settings: Settings
    deadlines: Mapping[str, dg.FreshnessPolicy]

    def spec(
        self,
        table: str,
        *,
        group: str,
        deps: Sequence[dg.AssetDep | str] = (),
        kinds: Sequence[str] = ("python",),
        partitions_def: dg.PartitionsDefinition | None = None,
        automation_condition: dg.AutomationCondition | None = None,
    ) -> dg.AssetSpec:
        """The spec of the asset that fills a table."""
        deadline = self.deadlines.get(table)
        sentence = SENTENCES[table]
        return dg.AssetSpec(
            table,
            group_name=group,
            deps=deps,
            description=f"{sentence}\n\n{OVERDUE}" if deadline else sentence,
            owners=[self.settings.nrr_owner],
            kinds={*kinds, self._storage()},
            tags={**self.settings.asset_tags, OWN_TAG: group},
            code_version=CODE_VERSION,
            metadata={"dagster/column_schema": column_schema(table), "dagster/table_name": table},
            partitions_def=partitions_def,
            automation_condition=automation_condition,
            freshness_policy=deadline,
        )

    def _storage(self) -> str:
        is_file = self.settings.database_url.startswith("sqlite")
        return "sqlite" if is_file else "postgres"


def column_schema(table: str) -> dg.TableSchema:
    """The columns of a table with type, sentence and unit, from the field dictionary."""
    return dg.TableSchema(columns=[_column(field) for field in columns_of(table)])


@contextmanager
def settled_parameters() -> Iterator[None]:
    """Use a parameter that Dagster calls beta; its version is pinned, so it cannot change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield


def _column(field: Field) -> dg.TableColumn:
    sentence = f"{field.description} ({field.unit})" if field.unit else field.description
    constraints = dg.TableColumnConstraints(nullable=field.is_nullable)
    return dg.TableColumn(field.name, field.type, sentence, constraints)

"""One invoice line, as far as it speaks of a subscription item. Reading it is ``lines``'s."""

from dataclasses import dataclass

from nrr_pipeline.metrics.evidence import Terms


@dataclass(frozen=True, slots=True)
class Line:
    """One invoice line that speaks of a subscription's item.

    ``is_credit`` lines give back what was charged for the state *before* ``starts_at``, and as far
    as Stripe says so, the lines ``credited_line_ids``.
    """

    line_id: str
    item_id: str | None
    terms: Terms
    starts_at: int
    ends_at: int
    is_proration: bool
    is_credit: bool
    is_paid: bool
    subtotal_minor: int | None
    credited_line_ids: tuple[str, ...] = ()

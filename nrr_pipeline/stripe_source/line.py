"""One invoice line, as far as it speaks of a subscription item. Reading it is ``lines``'s."""

from dataclasses import dataclass
from fractions import Fraction

from nrr_pipeline.metrics.evidence import Terms


@dataclass(frozen=True, slots=True)
class Line:
    """One invoice line that speaks of a subscription's item.

    ``is_credit`` lines give back what was charged for the state *before* ``starts_at``, and as far
    as Stripe says so, the lines ``credited_line_ids``. ``discounts`` are what each discount took
    off, in minor units. ``tax_rate`` is the tax that the amount contains, as far as the line's
    rounded amounts tell; ``tax_rate_ids`` name the rates that are meant.
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
    invoice_id: str = ""
    invoiced_at: int | None = None
    discounts: tuple[tuple[str, int], ...] = ()
    tax_rate: Fraction | None = None
    tax_rate_ids: tuple[str, ...] = ()

    @property
    def discount_ids(self) -> frozenset[str]:
        """The discounts that the line shows; of a charge, those that took something off."""
        return frozenset(each for each, amount in self.discounts if amount or not self.is_charge)

    @property
    def is_charge(self) -> bool:
        """Whether there was something that a discount could have been taken off."""
        return (self.subtotal_minor or 0) > 0

    @property
    def net_minor(self) -> int | None:
        """What the line charges after discounts, before tax that comes on top."""
        if self.subtotal_minor is None:
            return None
        return self.subtotal_minor - sum(amount for _, amount in self.discounts)

"""What invoices charged for metered usage, item by item. What an average month is, is not said."""

from collections import defaultdict
from collections.abc import Mapping

from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.metrics.usage import UsageLine
from nrr_pipeline.stripe_source.coupons import CouponBook
from nrr_pipeline.stripe_source.discount_looks import Sightings
from nrr_pipeline.stripe_source.discounts import Discounts
from nrr_pipeline.stripe_source.events import read_events
from nrr_pipeline.stripe_source.line_amounts import full_lines
from nrr_pipeline.stripe_source.lines import read_lines
from nrr_pipeline.stripe_source.payloads import Payload
from nrr_pipeline.stripe_source.records import SubscriptionRecord
from nrr_pipeline.stripe_source.trials import sightings, trial_spans


def usage_lines(
    record: SubscriptionRecord, prices: Mapping[str, Price], coupons: Mapping[str, Payload]
) -> Mapping[str, list[UsageLine]]:
    """By item id: what paid lines charged for usage in whole billing intervals, trials aside.

    Args:
        record: The subscription's objects as known at one time.
        prices: All prices by id.
        coupons: The coupons that are or were listed, by id.

    Raises:
        MalformedObjectError: The subscription itself cannot be read; the message names the field.
    """
    events, _ = read_events(record)
    lines, book = read_lines(record, prices), CouponBook(coupons)
    alive = [version for version in record.versions if not version.is_deleted]
    trials = trial_spans(sightings(alive, events), starts_at=0)
    discounts = Discounts(Sightings(record, events, book), lines, book, starts_at=0)
    found: defaultdict[str, list[UsageLine]] = defaultdict(list)
    for line in full_lines(lines, prices, trials):
        price = prices[line.terms.price_id]
        if line.subtotal_minor is None or not (line.is_paid and price.is_metered):
            continue
        taken_off = tuple((discounts.discount(each), off) for each, off in line.discounts)
        usage = UsageLine(
            line.line_id,
            price.price_id,
            line.starts_at,
            line.ends_at,
            line.subtotal_minor,
            taken_off,
            line.tax_rate,
        )
        found[str(line.item_id)].append(usage)
    return found

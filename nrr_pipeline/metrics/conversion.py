"""Item MRR in the reporting currency: one rounding per item, at the rate of a named day.

Where rates come from does not belong here.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pandas as pd

from nrr_pipeline.metrics.frames import IntArray, micros_of
from nrr_pipeline.metrics.money import convert

Rates = Mapping[str, Fraction]
"""Reporting units for one native unit, by currency, on one day."""


class MissingRateError(LookupError):
    """A currency has MRR but no exchange rate."""


def reporting_micros(items: pd.DataFrame, rates: Rates) -> IntArray:
    """Each item's MRR in the reporting currency.

    Args:
        items: One row per item with ``currency`` and ``mrr_micros``.
        rates: Rates of one day; the reporting currency's own rate is 1.

    Raises:
        MissingRateError: A currency among the items has no rate; the message names it.
    """
    micros = micros_of(items)
    codes, currencies = pd.factorize(items["currency"])
    converted = micros.copy()
    for code, currency in enumerate(currencies):
        rate = rates.get(str(currency))
        if rate is None:
            raise MissingRateError(
                f"No exchange rate for {str(currency).upper()}. Native figures are published; "
                "figures in the reporting currency are not"
            )
        if rate != 1:
            chosen = codes == code
            converted[chosen] = np.array(
                [convert(int(native), rate) for native in micros[chosen]], dtype=np.int64
            )
    return converted

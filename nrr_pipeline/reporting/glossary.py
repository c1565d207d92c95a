"""What the words of a board report mean, in a line each."""

DEFINITIONS = {
    "NRR": "net revenue retention: MRR at closing of the customers that had MRR at opening, over "
    "their MRR at opening. New and returned customers never count, exchange rates neither.",
    "GRR": "gross revenue retention: the same without expansion; never above {full} or NRR.",
    "Logo churn": "customers with MRR at opening and none at closing, over all with MRR at "
    "opening.",
    "Points": "percentage points of NRR. Customers' points add up to NRR less {full}. Rate: a "
    "segment kept more or less of its MRR than before. Mix: its part of all MRR was another.",
    "TTM": "trailing twelve months, measured between two days a year apart.",
    "Rounding": "ratios and points toward zero, so that a loss never looks like {full}; parts so "
    "that what is shown adds up.",
}
"""By word; ``full`` is 100 % as the report's locale writes it."""

"""The list of what Stripe does not know about customers: one column per attribute."""

from datetime import date
from pathlib import Path

from nrr_pipeline.inputs.csv_files import Fact, InputError, Row, facts_of_rows, read_day, read_rows

VALIDITY = ("valid_from", "valid_to")


def read_attributes(path: Path) -> list[Fact]:
    """Every attribute of every customer: ``customer_id[,valid_from,valid_to],industry,…``.

    Raises:
        InputError: The file cannot be used; the message names the lines.
    """
    rows = read_rows(path, ("customer_id",), VALIDITY, any_other=True)
    names = [name for name in (rows[0].values if rows else ()) if name not in _OWN]
    if rows and not names:
        raise InputError(f"{path}, line 1: there is no attribute. Add a column, such as industry")
    return [
        {**fact, "attribute": name, "value": fact[name]}
        for fact in facts_of_rows(path, rows, _fact, ("customer_id", "valid_from"))
        for name in names
        if fact[name]
    ]


_OWN = ("customer_id", *VALIDITY)


def _fact(row: Row) -> Fact:
    if not row.values["customer_id"]:
        raise ValueError("customer_id is empty; fill it in or remove the line")
    return {**row.values, **read_validity(row.values)}


def read_validity(values: Fact) -> dict[str, date | None]:
    """From which day a value holds, and from which no more; ``None``: always.

    Raises:
        ValueError: A day is none, or no day lies between them.
    """
    since, until = (
        read_day(str(text), name) if (text := values.get(name)) else None for name in VALIDITY
    )
    if since and until and until <= since:
        raise ValueError(
            f"it ends on {until} and begins on {since}; valid_to is the first day on which a value "
            "holds no more"
        )
    return {"valid_from": since, "valid_to": until}

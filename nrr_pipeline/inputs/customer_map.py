"""The list of joined customers: ``customer_id,account_id``."""

from pathlib import Path

from nrr_pipeline.inputs.csv_files import Fact, Row, facts_of_rows, read_rows

COLUMNS = ("customer_id", "account_id")


def read_customer_map(path: Path) -> list[Fact]:
    """Which customer counts as part of which account: another customer, or a name of your own.

    Raises:
        InputError: The file cannot be used; the message names the lines.
    """
    return facts_of_rows(path, read_rows(path, COLUMNS), _fact, ("customer_id",))


def _fact(row: Row) -> Fact:
    return customer_map_fact(row.values)


def customer_map_fact(values: Fact) -> Fact:
    """What one row says, of a file or of the table.

    Raises:
        ValueError: A value is missing.
    """
    fact = {name: str(values[name] or "").strip() for name in COLUMNS}
    for name, value in fact.items():
        if not value:
            raise ValueError(f"{name} is empty; fill it in or remove the line")
    return fact

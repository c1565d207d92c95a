"""Rows of SQL to data frames and back, with the types of the field dictionary.

Integers stay int64 (an empty ``*_micros`` becomes 0), text and days are plain objects, empty text
and empty ratios are missing values. What is read stands in one module per stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

from nrr_pipeline.warehouse.fields import Field, columns_of

_DTYPES = {"integer": "int64", "bigint": "int64", "real": "float64", "boolean": "bool"}


def frame_of(rows: Sequence[Sequence[Any]], table_name: str, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows as a frame with the given columns of a table, in that order."""
    fields = {field.name: field for field in columns_of(table_name)}
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pd.DataFrame(
        {name: _series(values, fields[name]) for name, values in zip(names, columns, strict=True)}
    )


def records_of(frame: pd.DataFrame, table_name: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the frame's rows as plain Python values, ready for the columns of a table."""
    fields = {field.name: field for field in columns_of(table_name)}
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(f"The frame for {table_name} lacks {', '.join(missing)}")
    columns = {name: _plain(frame[name], fields[name]) for name in names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def plain(value: object) -> object:
    """Return a value without the wrapping of numpy or of an enumeration."""
    if isinstance(value, Enum):
        return value.value
    return value.item() if isinstance(value, np.generic) else value


def _series(values: Iterable[Any], field: Field) -> pd.Series:
    dtype = _DTYPES.get(field.type, "object")
    if dtype == "int64" and field.is_nullable:
        values = (value or 0 for value in values)
    return pd.Series(list(values), dtype=dtype)


def _plain(column: pd.Series, field: Field) -> list[Any]:
    values = [
        None if missing else plain(value)
        for value, missing in zip(column.tolist(), column.isna(), strict=True)
    ]
    if _DTYPES.get(field.type) == "int64" and any(isinstance(value, float) for value in values):
        raise TypeError(f"{field.name} holds a float; it must be whole numbers")
    if field.type == "date":
        return [value.date() if isinstance(value, datetime) else value for value in values]
    return values

"""The European Central Bank's history of euro reference rates, ``eurofxref-hist.zip``.

One CSV, zipped or not: a line per working day, a column per currency, units of it for one euro,
``N/A`` where there is none, and a comma at the end of each line
(ecb.europa.eu, "Euro foreign exchange reference rates").
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path

import requests
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from nrr_pipeline.inputs.csv_files import Fact, InputError, read_day

EURO = "eur"
TIMEOUT_SECONDS = 30
ATTEMPTS = 4
LARGEST_BYTES = 50_000_000
"""More than the whole history has in any form."""

EuroRates = dict[date, dict[str, Fraction]]
"""By day and currency: units of it for one euro."""


def read_ecb(place: str) -> EuroRates:
    """Every rate that the bank's file gives.

    Args:
        place: Path or web address of the zip file, or of the CSV in it.

    Raises:
        InputError: It cannot be reached or read; the message names the place and the line.
    """
    content = _downloaded(place) if re.match(r"https?://", place) else _file(place)
    if zipfile.is_zipfile(io.BytesIO(content)):
        content = _unzipped(place, content)
    return _parsed(place, content)


def cross_rates(rates: EuroRates, into: str, since: Mapping[str, date]) -> list[Fact]:
    """Rates into a currency as exact fractions, through the euro; its own, 1, among them.

    Args:
        rates: What the bank says.
        into: The reporting currency.
        since: The currencies that are wanted, each with the first day of which it is.

    Raises:
        InputError: The bank has no rates of the reporting currency.
    """
    if into != EURO and not any(into in of_day for of_day in rates.values()):
        raise InputError(
            f"The European Central Bank publishes no rates of {into.upper()}. Give your own: "
            "files.fx_rates in policy.toml"
        )
    return [
        {
            "as_of_date": day,
            "currency": currency,
            "rate": str(of_day[into] / of_day[currency]),
        }
        for day, named in sorted(rates.items())
        for of_day in ({**named, EURO: Fraction(1)},)
        for currency, first in sorted(since.items())
        if day >= first and into in of_day and currency in of_day
    ]


def _file(place: str) -> bytes:
    try:
        return Path(place).expanduser().read_bytes()
    except OSError as error:
        raise InputError(
            f"The European Central Bank's rates at {place} cannot be read: {error.strerror}. "
            "Correct fx.ecb in policy.toml"
        ) from error


def _downloaded(address: str) -> bytes:
    shown = address.partition("?")[0]
    try:
        return _fetch(address)
    except requests.RequestException as error:
        raise InputError(
            f"The European Central Bank's rates could not be fetched from {shown}: "
            f"{type(error).__name__}. The rates known so far are used; the next run tries again"
        ) from error


@retry(
    retry=retry_if_exception_type(requests.RequestException),
    stop=stop_after_attempt(ATTEMPTS),
    wait=wait_exponential(multiplier=0.5, max=8),
    reraise=True,
)
def _fetch(address: str) -> bytes:
    answer = requests.get(address, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    return answer.content


def _unzipped(place: str, content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inside = [each for each in archive.infolist() if each.filename.endswith(".csv")]
            if len(inside) == 1 and inside[0].file_size <= LARGEST_BYTES:
                return archive.read(inside[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{place} is a damaged zip file: {error}. Fetch it again") from error
    raise InputError(f"{place} does not hold one CSV file. Name the bank's eurofxref-hist.zip")


def _parsed(place: str, content: bytes) -> EuroRates:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is neither a zip file nor CSV text") from error
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        if header[:1] != ["date"]:
            raise InputError(
                f"{place} is not the European Central Bank's history: it does not begin with Date. "
                "Name its eurofxref-hist.zip or the CSV in it"
            )
        return {
            read_day(cells[0].strip(), "Date"): dict(_of_day(header, cells))
            for cells in lines
            if cells
        }
    except (csv.Error, ValueError) as error:
        raise InputError(f"{place}, line {lines.line_num}: {error}. Fetch it again") from error


def _of_day(header: list[str], cells: list[str]) -> Iterator[tuple[str, Fraction]]:
    for currency, cell in zip(header[1:], cells[1:], strict=False):
        rate = cell.strip()
        if not currency or rate in {"", "N/A"}:
            continue
        if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", rate, re.ASCII) or not Fraction(rate):
            raise ValueError(f"{currency.upper()} {rate!r} is no rate")
        yield currency, Fraction(rate)

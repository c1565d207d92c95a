"""The European Central Bank's file, from a path and over HTTP."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tenacity import wait_none

from nrr_pipeline.inputs import ecb
from nrr_pipeline.inputs.csv_files import InputError
from nrr_pipeline.inputs.ecb import cross_rates, read_ecb

HISTORY = (
    "Date,USD,JPY,BGN,CYP,\n"
    "2026-03-31,1.0800,162.0,1.9558,N/A,\n"
    "2026-03-30,1.1000,160.00,N/A,N/A,\n"
    "1999-01-04,1.1789,133.73,N/A,0.58231,\n"
)
MARCH = [date(2026, 3, 30), date(2026, 3, 31)]


def zipped(text: str, *names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("eurofxref-hist.csv",):
            archive.writestr(name, text)
    return file.getvalue()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecb._fetch.retry, "wait", wait_none())  # type: ignore[attr-defined]


@contextmanager
def serving(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn, the last one for good; its address, and paths."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/eurofxref-hist.zip", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    "content",
    [HISTORY.encode(), b"\xef\xbb\xbf" + HISTORY.replace("\n", "\r\n").encode(), zipped(HISTORY)],
)
def test_the_history_is_read_zipped_or_not(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "eurofxref-hist"
    path.write_bytes(content)
    rates = read_ecb(str(path))
    assert sorted(rates) == [date(1999, 1, 4), *MARCH]
    assert rates[date(2026, 3, 31)] == {
        "usd": Fraction("1.08"),
        "jpy": Fraction(162),
        "bgn": Fraction("1.9558"),
    }


def test_the_history_is_fetched_and_tried_again(tmp_path: Path) -> None:
    del tmp_path
    with serving((503, b""), (500, b""), (200, zipped(HISTORY))) as (address, asked):
        assert len(read_ecb(address)) == 3
    assert len(asked) == 3


def test_a_server_that_stays_away_is_named_without_what_may_be_secret() -> None:
    with serving((503, b"")) as (address, asked), pytest.raises(InputError) as raised:
        read_ecb(f"{address}?token=s3cret")
    assert address in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "the next run tries again" in str(raised.value)
    assert len(asked) == ecb.ATTEMPTS


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>sorry</html>", "does not begin with Date"),
        (b"", "does not begin with Date"),
        (b"\xff\xfe\x00", "neither a zip file nor CSV"),
        (zipped(HISTORY)[:200] + zipped(HISTORY)[230:], "zip"),
        (zipped(HISTORY, "a.csv", "b.csv"), "does not hold one CSV file"),
        (zipped(HISTORY, "readme.txt"), "does not hold one CSV file"),
        (b"Date,USD,\n31 March 2026,1.08,\n", "line 2: Date '31 March 2026' is no day"),
        (b"Date,USD,\n2026-03-31,-1.08,\n", "line 2: USD '-1.08' is no rate"),
        (b"Date,USD,\n2026-03-31,0,\n", "line 2: USD '0' is no rate"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_not_the_history_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_ecb(str(path))


def test_a_missing_file_names_the_setting() -> None:
    with pytest.raises(InputError, match=r"Correct fx\.ecb"):
        read_ecb("/nowhere/eurofxref-hist.zip")


@pytest.fixture
def rates(tmp_path: Path) -> ecb.EuroRates:
    path = tmp_path / "eurofxref-hist.csv"
    path.write_text(HISTORY)
    return read_ecb(str(path))


def said(rates: ecb.EuroRates, into: str, **since: date) -> list[tuple[str, str, str]]:
    return [
        (str(fact["as_of_date"]), fact["currency"], fact["rate"])
        for fact in cross_rates(rates, into, since)
    ]


def test_rates_between_two_currencies_go_through_the_euro_exactly(rates: ecb.EuroRates) -> None:
    march = MARCH[0]
    assert said(rates, "usd", eur=march, jpy=march, usd=march) == [
        ("2026-03-30", "eur", "11/10"),
        ("2026-03-30", "jpy", "11/1600"),
        ("2026-03-30", "usd", "1"),
        ("2026-03-31", "eur", "27/25"),
        ("2026-03-31", "jpy", "1/150"),
        ("2026-03-31", "usd", "1"),
    ]
    assert said(rates, "eur", jpy=MARCH[1]) == [("2026-03-31", "jpy", "1/162")]


def test_only_wanted_currencies_and_days_are_taken(rates: ecb.EuroRates) -> None:
    assert said(rates, "usd", jpy=MARCH[1]) == [("2026-03-31", "jpy", "1/150")]
    assert said(rates, "usd", chf=MARCH[0]) == []


def test_a_day_on_which_one_of_both_is_not_given_has_no_rate(rates: ecb.EuroRates) -> None:
    assert said(rates, "usd", bgn=MARCH[0]) == [("2026-03-31", "bgn", "5400/9779")]
    assert said(rates, "bgn", usd=MARCH[0]) == [("2026-03-31", "usd", "9779/5400")]


def test_a_reporting_currency_that_the_bank_does_not_publish_is_refused(
    rates: ecb.EuroRates,
) -> None:
    with pytest.raises(InputError, match="publishes no rates of KWD"):
        cross_rates(rates, "kwd", {"usd": MARCH[0]})

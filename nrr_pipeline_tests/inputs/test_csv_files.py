"""Files that people keep by hand: what is fine, and which mistake is named how."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from nrr_pipeline.inputs.csv_files import MISTAKES_NAMED, InputError
from nrr_pipeline.inputs.fx_rates import read_fx_rates


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rates.csv"


def refused(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as raised:
        read_fx_rates(path)
    message = str(raised.value)
    assert str(path) in message
    return message


@pytest.mark.parametrize(
    "content",
    [
        "date,currency,rate\n2026-03-31,eur,1.0845\n",
        "date,currency,rate\r\n2026-03-31,EUR,1.0845",
        "\ufeffdate,currency,rate\n2026-03-31,eur,1.0845\n",
        '"date","currency","rate"\n"2026-03-31","EUR","1.0845"\n',
        "\n\ndate,currency,rate\n2026-03-31,eur,1.0845\n".lstrip("\n"),
        "date,currency,rate\n\n2026-03-31,eur,1.0845\n,,\n  \n",
        " Date , Currency , Rate \n 2026-03-31 , Eur , 1.0845 \n",
        "currency,rate,date\nEUR,1.0845,2026-03-31\n",
    ],
)
def test_the_form_of_a_file_does_not_matter(path: Path, content: str) -> None:
    path.write_bytes(content.encode())
    assert read_fx_rates(path) == [
        {"as_of_date": date(2026, 3, 31), "currency": "eur", "rate": "1.0845"}
    ]


@pytest.mark.parametrize("rate", ["1", "0.0067", "10/1632", "163.2", "00.5", "123456789.123456789"])
def test_a_rate_is_kept_as_it_is_written(path: Path, rate: str) -> None:
    path.write_text(f"date,currency,rate\n2026-03-31,jpy,{rate}\n")
    assert read_fx_rates(path)[0]["rate"] == rate


def test_a_file_without_rates_says_nothing(path: Path) -> None:
    path.write_text("date,currency,rate\n")
    assert read_fx_rates(path) == []


@pytest.mark.parametrize(
    "rate",
    [
        *("0", "0.000", "-1.1", "+1.1", "nan", "NaN", "inf", "1e5", "1,08", "", "1/0", "0/5"),
        *("1.1.1", "\uff11.08", "1_000", "0x1", ".5", "1.", "9" * 41),
    ],
)
def test_what_is_no_rate_is_refused_with_its_line(path: Path, rate: str) -> None:
    message = refused(path, f'date,currency,rate\n2026-03-30,eur,1\n2026-03-31,eur,"{rate}"\n')
    assert f"line 3: {rate!r} is no rate" in message
    assert "such as 1.0843" in message


@pytest.mark.parametrize("currency", ["", "eu", "euro", "uds", "e r", "€"])
def test_what_is_no_currency_is_refused_with_its_line(path: Path, currency: str) -> None:
    message = refused(path, f"date,currency,rate\n2026-03-31,{currency},1.08\n")
    assert f"line 2: {currency!r} is no currency" in message


@pytest.mark.parametrize(
    "day", ["", "31.03.2026", "2026-3-31", "2026-02-30", "20260331", "2026-03-31T00:00", "3/31/26"]
)
def test_what_is_no_day_is_refused_with_its_line(path: Path, day: str) -> None:
    message = refused(path, f"date,currency,rate\n{day},eur,1.08\n")
    assert f"line 2: date {day!r} is no day; write it as 2026-03-31" in message


def test_two_rates_of_a_currency_and_day_are_refused(path: Path) -> None:
    message = refused(path, "date,currency,rate\n2026-03-31,eur,1.08\n2026-03-31,EUR,1.08\n")
    assert "line 3: 2026-03-31, eur stands in line 2 too" in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "line 1: date is missing, currency is missing, rate is missing"),
        ("date;currency;rate\n2026-03-31;eur;1\n", "separated by commas"),
        ("date,currency,rate,note\n2026-03-31,eur,1,x\n", "note is not known"),
        ("date,currency,rate,\n2026-03-31,eur,1,\n", "a column without a name is not known"),
        ("date,currency,rate,rate\n2026-03-31,eur,1,2\n", "rate stands there twice"),
        ("2026-03-31,eur,1.08\n", "Begin the file with the line date,currency,rate"),
        ("date,currency,rate\n2026-03-31,eur\n", "line 2: has 2 values for 3 columns"),
        ("date,currency,rate\n2026-03-31,eur,1,08\n", "line 2: has 4 values for 3 columns"),
        ('date,currency,rate\n2026-03-31,"eur,1\n', "correct the quotes"),
        (b"date,currency,rate\n2026-03-31,eur,1\xff\n", "Save it as CSV UTF-8"),
        (b"\x00\x01\x02", "is missing"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(
    path: Path, content: str | bytes, says: str
) -> None:
    assert says in refused(path, content)


def test_a_missing_file_names_the_setting(path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*correct \[files\] in policy.toml"):
        read_fx_rates(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_fx_rates(tmp_path)


def test_several_mistakes_are_named_at_once_and_the_rest_counted(path: Path) -> None:
    lines = "".join(f"2026-03-31,eur,-{number}\n" for number in range(MISTAKES_NAMED + 3))
    message = refused(path, "date,currency,rate\n" + lines)
    assert message.count("is no rate") == MISTAKES_NAMED
    assert "and 3 more. Nothing of the file is used until it is corrected" in message


def test_thousands_of_rates_are_read(path: Path) -> None:
    first = date(2000, 1, 1).toordinal()
    lines = [f"{date.fromordinal(first + number)},EUR,1.{number:05d}" for number in range(9_000)]
    path.write_text("\n".join(["date,currency,rate", *lines]))
    assert len(read_fx_rates(path)) == 9_000

"""A price sheet is right as a whole, or refused with each line that is wrong."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from app.domain.price_sheet import COLUMNS, PriceUnit, read_price_sheet
from app.errors import ValidationError

TODAY = date(2026, 12, 1)
GOOD = {
    "cloud": "aws",
    "region": "eu-west",
    "type": "aws_db_instance",
    "match": "instance_class=db.t4g.small;multi_az=false",
    "component": "compute",
    "unit": "hour",
    "quantity": "",
    "price": "0.034",
    "currency": "USD",
    "low": "",
    "typical": "",
    "high": "",
    "source": "our list",
    "date": "2026-11-30",
}


def text(*rows: dict[str, str]) -> str:
    lines = [",".join(row[name] for name in COLUMNS) for row in rows]
    return "\n".join([",".join(COLUMNS), *lines]) + "\n"


def refuse(sheet: str) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        read_price_sheet(sheet, TODAY)
    return [problem.message for problem in caught.value.problems]


def test_a_sheet_is_read() -> None:
    use = {"unit": "use", "component": "traffic", "low": "0", "typical": "50", "high": "500"}
    sheet = read_price_sheet(text(GOOD, GOOD | use | {"date": "2025-03-02"}), TODAY)
    first, second = sheet.prices
    assert (first.unit, first.price) == (PriceUnit.HOUR, Decimal("0.034"))
    assert first.match == {"instance_class": "db.t4g.small", "multi_az": "false"}
    assert second.use == (Decimal(0), Decimal(50), Decimal(500))
    assert (sheet.currency, sheet.oldest) == ("USD", date(2025, 3, 2))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unit": "fortnight"}, "unit must be one of"),
        ({"price": "-1"}, "price is negative"),
        ({"price": "=1+1"}, "price begins like a formula"),
        ({"source": "=HYPERLINK(1)"}, "source begins like a formula"),
        ({"source": "@x"}, "source begins like a formula"),
        ({"price": "much"}, "price is no number"),
        ({"price": "NaN"}, "price is no number"),
        ({"price": "Infinity"}, "price is no number"),
        ({"price": "1e30"}, "price is more than"),
        ({"price": ""}, "price is no number"),
        ({"currency": "usd"}, "currency must be"),
        ({"date": "yesterday"}, "date must be a day"),
        ({"date": "2027-01-01"}, "date is in the future"),
        ({"match": "size"}, "match must be"),
        ({"unit": "use"}, "What depends on use"),
        ({"low": "5", "typical": "1", "high": "9"}, "must grow"),
        ({"low": "5"}, "typical is no number"),
        ({"cloud": " "}, "cloud is empty"),
        ({"source": ""}, "source is empty"),
        ({"component": "x" * 400}, "more than 300 characters"),
    ],
)
def test_a_mistake_has_its_line(change: dict[str, str], said: str) -> None:
    messages = refuse(text(GOOD, GOOD | {"component": "storage"} | change))
    assert any(message.startswith("Line 3: ") and said in message for message in messages)


def test_doubles_and_two_currencies_are_refused() -> None:
    assert refuse(text(GOOD, GOOD)) == ["Line 3: Says the same as line 2."]
    other = GOOD | {"component": "storage", "currency": "EUR"}
    assert "one currency" in refuse(text(GOOD, other))[0]


@pytest.mark.parametrize(
    "sheet",
    ["", "cloud,price\n", text(), text(GOOD) + "aws,eu-west\n", text(GOOD) + '"', "\x00"],
)
def test_what_is_no_sheet_is_refused(sheet: str) -> None:
    assert refuse(sheet)

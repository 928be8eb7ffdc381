"""A price sheet: what types of resources cost, as a CSV that operators keep.

Owns the columns, the units, and every check of an import. A sheet with one mistake is refused as a
whole, with the line of each: a price that is silently left out would be a guess.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from app.errors import FieldProblem, ValidationError

COLUMNS = (
    *("cloud", "region", "type", "match", "component", "unit", "quantity"),
    *("price", "currency", "low", "typical", "high", "source", "date"),
)
ANY = "*"
POINTER = "/csv"
MAX_ROWS = 20_000
MAX_CELL = 300
MAX_PRICE = Decimal(1_000_000)
MAX_PROBLEMS = 50
FORMULA = ("=", "+", "@", "\t", "\r")
"""With what a spreadsheet begins a formula; ``-`` is told as a negative number."""


class PriceUnit(StrEnum):
    """For what a price is asked."""

    HOUR = "hour"
    MONTH = "month"
    GB_MONTH = "gb_month"
    USE = "use"


HOURS = Decimal(730)
PER_MONTH: Mapping[PriceUnit, Decimal] = {
    PriceUnit.HOUR: HOURS,
    PriceUnit.MONTH: Decimal(1),
    PriceUnit.GB_MONTH: Decimal(1),
    PriceUnit.USE: Decimal(1),
}
"""How often a unit is paid in a month; an average month has 730 hours."""


@dataclass(frozen=True)
class Price:
    """One row.

    Attributes:
        cloud: whose price it is.
        region: where, or ``*``.
        type: the type of the resource, as Terraform calls it.
        match: the attributes that the resource must have, by name.
        component: what of the resource is paid, such as ``compute``.
        unit: for what the price is asked.
        quantity: the attribute with the number of units; none is one.
        price: of one unit.
        currency: three letters.
        use: how many units a month are used (low, typical, high) where that depends on use.
        source: where the price is from.
        date: when it was read there.
    """

    cloud: str
    region: str
    type: str
    match: Mapping[str, str]
    component: str
    unit: PriceUnit
    quantity: str
    price: Decimal
    currency: str
    use: tuple[Decimal, Decimal, Decimal] = field(default=(Decimal(1),) * 3)
    source: str = ""
    date: date = date.min

    @property
    def key(self) -> tuple[object, ...]:
        """What may be in a sheet only once."""
        return self.cloud, self.region, self.type, tuple(sorted(self.match.items())), self.component


@dataclass(frozen=True)
class PriceSheet:
    """All prices; one currency."""

    prices: tuple[Price, ...]

    @property
    def currency(self) -> str:
        """The currency of all prices."""
        return self.prices[0].currency if self.prices else ""

    @property
    def oldest(self) -> date | None:
        """When the oldest price was read."""
        return min((price.date for price in self.prices), default=None)


def read_price_sheet(text: str, today: date) -> PriceSheet:
    """Read a sheet.

    Args:
        text: CSV with the columns of ``COLUMNS``, in any order.
        today: no price is from later.

    Raises:
        ValidationError: has each mistake with its line.
    """
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    reader = _Reader(today)
    try:
        named = rows.fieldnames or ()
        if sorted(named) != sorted(COLUMNS):
            reader.note(1, f"The columns must be: {', '.join(COLUMNS)}.")
        else:
            reader.read_all(rows)
    except csv.Error as error:
        reader.note(rows.line_num, f"Is no CSV: {error}.")
    if reader.problems:
        raise ValidationError(
            "The price sheet is not acceptable.", problems=tuple(reader.problems[:MAX_PROBLEMS])
        )
    return PriceSheet(tuple(reader.prices))


class _Reader:
    def __init__(self, today: date) -> None:
        self._today = today
        self._lines: dict[tuple[object, ...], int] = {}
        self.prices: list[Price] = []
        self.problems: list[FieldProblem] = []

    def note(self, line: int, message: str) -> None:
        self.problems.append(FieldProblem(POINTER, f"Line {line}: {message}"))

    def read_all(self, rows: csv.DictReader[str]) -> None:
        for row in rows:
            line = rows.line_num
            if len(self.prices) >= MAX_ROWS:
                self.note(line, f"A sheet has at most {MAX_ROWS:,} prices.")
                return
            if None in row or None in row.values():
                self.note(line, f"Has not {len(COLUMNS)} cells.")
                continue
            before = len(self.problems)
            price = self._price(row, line)
            if len(self.problems) == before and price is not None:
                self._keep(price, line)
        if not self.prices and not self.problems:
            self.note(1, "There is no price.")

    def _keep(self, price: Price, line: int) -> None:
        if price.key in self._lines:
            self.note(line, f"Says the same as line {self._lines[price.key]}.")
            return
        if self.prices and price.currency != self.prices[0].currency:
            self.note(line, f"A sheet has one currency; the first is {self.prices[0].currency}.")
            return
        self._lines[price.key] = line
        self.prices.append(price)

    def _price(self, row: Mapping[str, str], line: int) -> Price | None:
        for name, cell in row.items():
            if cell.startswith(FORMULA):
                self.note(line, f"{name} begins like a formula of a spreadsheet: {cell[:20]!r}.")
            elif len(cell) > MAX_CELL:
                self.note(line, f"{name} has more than {MAX_CELL} characters.")
        for name in ("cloud", "region", "type", "component", "source"):
            if not row[name].strip():
                self.note(line, f"{name} is empty.")
        if row["unit"] not in list(PriceUnit):
            self.note(line, f"unit must be one of: {', '.join(PriceUnit)}.")
            return None
        unit = PriceUnit(row["unit"])
        return Price(
            cloud=row["cloud"],
            region=row["region"],
            type=row["type"],
            match=self._match(row["match"], line),
            component=row["component"],
            unit=unit,
            quantity=row["quantity"],
            price=self._number(row["price"], "price", line),
            currency=self._currency(row["currency"], line),
            use=self._use(row, unit, line),
            source=row["source"],
            date=self._date(row["date"], line),
        )

    def _match(self, cell: str, line: int) -> dict[str, str]:
        parts = [part.partition("=") for part in cell.split(";") if part]
        if any(not name or not sign for name, sign, _ in parts):
            self.note(line, "match must be name=value, several with ; between them.")
        return {name: value for name, _, value in parts}

    def _use(
        self, row: Mapping[str, str], unit: PriceUnit, line: int
    ) -> tuple[Decimal, Decimal, Decimal]:
        names = ("low", "typical", "high")
        if not any(row[name] for name in names):
            if unit is PriceUnit.USE:
                self.note(line, "What depends on use has low, typical and high.")
            return (Decimal(1),) * 3
        low, typical, high = (self._number(row[name], name, line) for name in names)
        if not low <= typical <= high:
            self.note(line, "low, typical and high must grow.")
        return low, typical, high

    def _number(self, cell: str, name: str, line: int) -> Decimal:
        try:
            value = Decimal(cell)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            self.note(line, f"{name} is no number: {cell[:20]!r}.")
        elif value < 0:
            self.note(line, f"{name} is negative.")
        elif value > MAX_PRICE:
            self.note(line, f"{name} is more than {MAX_PRICE:,}.")
        else:
            return value
        return Decimal(0)

    def _currency(self, cell: str, line: int) -> str:
        if not (len(cell) == 3 and cell.isascii() and cell.isupper()):
            self.note(line, "currency must be three capital letters, such as USD.")
        return cell

    def _date(self, cell: str, line: int) -> date:
        try:
            value = date.fromisoformat(cell)
        except ValueError:
            self.note(line, "date must be a day, such as 2026-11-30.")
            return self._today
        if value > self._today:
            self.note(line, "date is in the future.")
        return value

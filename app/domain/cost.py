"""What resources cost in a month, by a price sheet: low, typical and high, and what has no price.

Nothing is guessed. A resource without a row, or whose quantity is not known, is told as unpriced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from app.domain.price_sheet import ANY, PER_MONTH, Price, PriceSheet

CENT = Decimal("0.01")
ZERO = Decimal(0)


@dataclass(frozen=True)
class PricedThing:
    """A resource to price: its type and its attributes, masked."""

    type: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Estimate:
    """What some resources cost in a month.

    ``unpriced`` counts what has no price, by type; ``priced`` what has one.
    """

    low: Decimal = ZERO
    typical: Decimal = ZERO
    high: Decimal = ZERO
    priced: int = 0
    unpriced: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; amounts as texts with two digits."""
        return {
            "low": _cents(self.low),
            "typical": _cents(self.typical),
            "high": _cents(self.high),
            "priced": self.priced,
            "unpriced": dict(sorted(self.unpriced.items())),
        }


def estimate(sheet: PriceSheet, cloud: str, region: str, things: Iterable[PricedThing]) -> Estimate:
    """Return what resources cost in a month.

    Args:
        sheet: the prices.
        cloud: where the resources are.
        region: in neutral words, as the sheet has it.
        things: the resources.
    """
    by_type: dict[str, list[Price]] = {}
    for price in sheet.prices:
        if price.cloud == cloud and price.region in (ANY, region):
            by_type.setdefault(price.type, []).append(price)
    low = typical = high = ZERO
    priced, unpriced = 0, Counter[str]()
    for thing in things:
        amounts = _amounts(by_type.get(thing.type, ()), thing)
        if amounts is None:
            unpriced[thing.type] += 1
            continue
        priced += 1
        low, typical, high = low + amounts[0], typical + amounts[1], high + amounts[2]
    return Estimate(low, typical, high, priced, unpriced)


def _amounts(
    prices: Iterable[Price], thing: PricedThing
) -> tuple[Decimal, Decimal, Decimal] | None:
    """Add up the components of a resource; nothing where one has no known quantity."""
    chosen: dict[str, Price] = {}
    for price in prices:
        if all(_text(thing.attributes.get(name)) == want for name, want in price.match.items()):
            known = chosen.get(price.component)
            if known is None or _closeness(price) > _closeness(known):
                chosen[price.component] = price
    if not chosen:
        return None
    low = typical = high = ZERO
    for price in chosen.values():
        quantity = _quantity(price, thing)
        if quantity is None:
            return None
        each = price.price * PER_MONTH[price.unit] * quantity
        low, typical, high = (
            total + each * used for total, used in zip((low, typical, high), price.use, strict=True)
        )
    return low, typical, high


def _closeness(price: Price) -> tuple[int, bool]:
    """Order prices of one component: that which says most is nearest."""
    return len(price.match), price.region != ANY


def _quantity(price: Price, thing: PricedThing) -> Decimal | None:
    if not price.quantity:
        return Decimal(1)
    value = thing.attributes.get(price.quantity)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cents(amount: Decimal) -> str:
    return str(amount.quantize(CENT, ROUND_HALF_UP))

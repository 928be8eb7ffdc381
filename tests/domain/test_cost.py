from __future__ import annotations

from datetime import date
from decimal import Decimal

from app.domain.cost import PricedThing, estimate
from app.domain.price_sheet import Price as Row
from app.domain.price_sheet import PriceSheet, PriceUnit

SHEET = PriceSheet(
    (
        Row("aws", "*", "db", {}, "compute", PriceUnit.HOUR, "", Decimal("0.10"), "USD"),
        Row("aws", "*", "db", {"size": "s"}, "compute", PriceUnit.HOUR, "", Decimal(1), "USD"),
        Row("aws", "eu", "db", {"size": "s"}, "compute", PriceUnit.HOUR, "", Decimal(2), "USD"),
        Row("aws", "*", "db", {}, "disk", PriceUnit.GB_MONTH, "gb", Decimal("0.5"), "USD"),
        Row(
            *("aws", "*", "nat", {}, "traffic", PriceUnit.USE, "", Decimal("0.1"), "USD"),
            use=(Decimal(0), Decimal(50), Decimal(500)),
            date=date(2026, 1, 1),
        ),
    )
)


def cost(*things: PricedThing, region: str = "eu") -> dict[str, object]:
    return estimate(SHEET, "aws", region, things).to_dict()


def test_the_nearest_price_of_each_component_counts() -> None:
    thing = PricedThing("db", {"size": "s", "gb": 20})
    assert cost(thing)["typical"] == "1470.00"  # 2 * 730 + 20 * 0.5
    assert cost(thing, region="us")["typical"] == "740.00"
    assert cost(PricedThing("db", {"size": "m", "gb": "20"}))["typical"] == "83.00"


def test_what_depends_on_use_has_three_amounts() -> None:
    assert cost(PricedThing("nat", {})) == {
        "low": "0.00",
        "typical": "5.00",
        "high": "50.00",
        "priced": 1,
        "unpriced": {},
    }


def test_nothing_is_guessed() -> None:
    unknown = [
        PricedThing("db", {"size": "s"}),
        PricedThing("db", {"gb": "(known after apply)"}),
        PricedThing("db", {"gb": True}),
        PricedThing("db", {"gb": -1}),
        PricedThing("db", {"gb": float("inf")}),
        PricedThing("vpc", {}),
    ]
    found = cost(*unknown)
    assert (found["high"], found["priced"]) == ("0.00", 0)
    assert found["unpriced"] == {"db": 5, "vpc": 1}
    assert estimate(SHEET, "gcp", "eu", [PricedThing("nat", {})]).unpriced == {"nat": 1}

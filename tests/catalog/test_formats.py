"""Every text format is checked: what it takes, what it refuses, and that its message says so."""

from __future__ import annotations

import pytest

from app.catalog.formats import FORMATS
from app.catalog.parameters import ParameterSchema
from app.errors import ValidationError

GOOD = {
    "cidr": ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "2001:db8::/32", "::/0"],
    "date": ["2026-11-23", "2024-02-29"],
    "date-time": ["2026-11-23T07:30:00Z", "2026-11-23t07:30:00.5+01:00", "2026-11-23T07:30:00z"],
    "duration": ["P30D", "PT1H30M", "P1Y2M3DT4H5M6S", "P2W", "PT0S"],
    "email": ["a@example.org", "first.last+tag@sub.example.org"],
    "hostname": ["example.org", "a", "a-b.example", "xn--bcher-kva.example", "1.2"],
    "ipv4": ["192.0.2.1", "0.0.0.0"],
    "ipv4-network": ["10.0.0.0/8"],
    "ipv6": ["::", "2001:db8::1", "2001:DB8:0:0:0:0:0:1", "::ffff:192.0.2.1"],
    "time": ["07:30:00Z", "07:30:00.123+02:00"],
    "uri": ["https://example.org/a?b=c#d", "urn:isbn:1", "mailto:a@example.org", "s3://b/k%20x"],
    "uuid": ["123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"],
}
BAD = {
    "cidr": ["10.0.0.1/8", "10.0.0.0", "10.0.0.0/33", "2001:db8::1/32", "2001:DB8::/32", "::/129"],
    "date": ["2026-13-01", "2026-02-30", "20261123", "2026-W01", "26-11-23"],
    "date-time": [
        "2026-11-23",
        "2026-11-23 07:30:00Z",
        "2026-11-23T07:30:00",
        "2026-11-23T25:00:00Z",
    ],
    "duration": ["P", "PT", "30D", "P1H", "P1.5D", "P-1D", "P1W1D"],
    "email": ["a", "@example.org", "a@", "a b@example.org", ".a@x.org", "a..b@x.org", "a@-x.org"],
    "hostname": ["-a", "a-", "a..b", ".a", "a.", "a_b", "a" * 64, "ä.example", "a/b"],
    "ipv4": ["192.0.2.256", "192.0.2", "192.0.2.01", "::1", "192.0.2.1/32"],
    "ipv4-network": ["2001:db8::/32"],
    "ipv6": ["192.0.2.1", "fe80::1%eth0", "1::2::3", ":::"],
    "time": ["07:30", "07:30:00", "24:00:00Z", "7:30:00Z", "07:30:00+2"],
    "uri": ["example.org", "/a", "https://", "https://a b", "https://x/%zz", "http://[::1", "x:"],
    "uuid": ["123e4567e89b12d3a456426614174000", "{123e4567-e89b-12d3-a456-426614174000}", "x"],
}
EVERYWHERE = ["", "\n", " ", "\u0661", "${x}", "'", "x" * 300]


def problems(name: str, text: str) -> list[str]:
    schema = ParameterSchema({"value": {"type": "string", "format": name}}, [])
    try:
        schema.validate({"value": text}, pointer_prefix="")
    except ValidationError as error:
        return [f"{item.pointer} {item.message}" for item in error.problems]
    return []


def test_every_format_has_its_examples() -> None:
    assert set(FORMATS) == set(GOOD) == set(BAD)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in GOOD for text in GOOD[name]])
def test_what_has_the_format_is_taken_and_nothing_around_it(name: str, text: str) -> None:
    assert problems(name, text) == []
    for spoilt in (f"{text}\n", f" {text}", f"{text} ", f"{text}\u200b"):
        assert problems(name, spoilt), repr(spoilt)


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name in BAD for text in (*BAD[name], *EVERYWHERE)]
)
def test_what_has_not_is_refused_with_its_place(name: str, text: str) -> None:
    if name == "hostname" and text == "x" * 300:
        text = ".".join("x" * 60 for _ in range(5))
    assert problems(name, text) == [f"/value Must be of the format {name}."]

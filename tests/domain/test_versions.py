"""Semantic versions have the order that semver.org gives them."""

from __future__ import annotations

import itertools

import pytest

from app.domain.versions import Version

# https://semver.org/#spec-item-11 has most of these, in this order.
ORDERED = [
    *("0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"),
    *("1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0", "10.0.0"),
]


@pytest.mark.parametrize(("older", "newer"), list(itertools.combinations(ORDERED, 2)))
def test_the_newer_one_is_newer(older: str, newer: str) -> None:
    assert Version(older) < Version(newer)
    assert not Version(newer) < Version(older)
    assert max(Version(older), Version(newer)) == Version(newer)


def test_what_it_was_built_from_does_not_count() -> None:
    assert not Version("1.0.0+a") < Version("1.0.0+b")
    assert not Version("1.0.0+b") < Version("1.0.0+a")

"""Waits grow with the failures and have a limit; what counts as one address."""

from datetime import timedelta
from itertools import pairwise

import pytest

from app.domain.sign_in_pace import OF_ADDRESS, OF_PAIR, SignInPace, origin_of


@pytest.mark.parametrize("pace", [OF_PAIR, OF_ADDRESS])
def test_the_first_failures_are_free_and_waits_grow_up_to_a_limit(pace: SignInPace) -> None:
    waits = [pace.wait_after(count) for count in range(1, 200)]
    assert waits[: pace.free] == [timedelta(0)] * pace.free
    assert waits[pace.free] == timedelta(seconds=1)
    assert all(first <= second for first, second in pairwise(waits))
    assert waits[-1] == pace.longest == pace.wait_after(10**9)


def test_failures_are_remembered_longer_than_the_longest_wait() -> None:
    assert all(pace.memory > pace.longest for pace in (OF_PAIR, OF_ADDRESS))


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("localhost", "unknown"),
        ("192.0.2.7:80", "unknown"),
    ],
)
def test_one_origin_is_an_address_or_the_network_of_one_customer(
    address: str | None, origin: str
) -> None:
    assert origin_of(address) == origin

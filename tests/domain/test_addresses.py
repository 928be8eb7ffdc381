"""Which addresses nothing is sent to, and what a network that is allowed opens."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from app.domain.addresses import refusal_of

LINK_LOCAL = ip_network("169.254.0.0/16")
METADATA = ("169.254.169.254", "169.254.170.2", "168.63.129.16", "::ffff:169.254.169.254")


@pytest.mark.parametrize("address", METADATA)
def test_a_metadata_service_is_opened_by_its_very_address_alone(address: str) -> None:
    reason = "an address of a metadata service"
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0"), LINK_LOCAL]
    assert refusal_of(address, everything) == reason
    assert refusal_of(address) is not None
    own = address.removeprefix("::ffff:")
    assert refusal_of(address, [ip_network(own)]) is None
    assert refusal_of(address, [ip_network("169.254.169.253")]) == reason


@pytest.mark.parametrize(
    ("address", "allowed", "is_refused"),
    [
        ("10.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.2.0.0/16", True),
        ("::ffff:10.1.2.3", "10.0.0.0/8", False),
        ("64:ff9b::a01:203", "10.0.0.0/8", False),
        ("64:ff9b::a01:203", "64:ff9b::/96", False),
        ("fd00::1", "10.0.0.0/8", True),
        ("169.254.1.1", "169.254.0.0/16", False),
        ("8.8.8.8", "10.0.0.0/8", False),
        ("fe80::1%eth0", "fe80::/10", True),
        ("localhost", "127.0.0.0/8", True),
        ("", "0.0.0.0/0", True),
    ],
)
def test_a_network_that_is_allowed_opens_what_is_in_it(
    address: str, allowed: str, *, is_refused: bool
) -> None:
    assert (refusal_of(address, [ip_network(allowed)]) is not None) is is_refused

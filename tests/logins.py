"""Logins as adapters of clouds get them, for servers on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

from app.clouds.login import CloudLogin
from app.outbound.client import OutboundClient

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


def login(fields: Mapping[str, str]) -> CloudLogin:
    """Return a login whose endpoint may be on loopback."""
    return CloudLogin(fields, OutboundClient(LOOPBACK))

"""The text formats that a parameter may have; every one of them is checked.

Owns what each format means here, narrower than the RFC where clouds and Terraform are: no spaces
around, no trailing newline, one way to write a network.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from urllib.parse import urlsplit

LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
)
DURATION = re.compile(
    r"P(?!$)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?!$)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)", re.ASCII
)
UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
TIME = re.compile(r"\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)
MAX_HOSTNAME, MAX_EMAIL, MAX_LOCAL_PART = 253, 254, 64


def is_ipv4_network(text: str) -> bool:
    """Tell whether ``text`` is an IPv4 network in CIDR form with no host bits set."""
    return _is_written_as(ipaddress.IPv4Network, text)


def is_network(text: str) -> bool:
    """Tell whether ``text`` is an IPv4 or IPv6 network in CIDR form with no host bits set."""
    return is_ipv4_network(text) or _is_written_as(ipaddress.IPv6Network, text)


def is_ipv4(text: str) -> bool:
    """Tell whether ``text`` is an IPv4 address."""
    return _is_written_as(ipaddress.IPv4Address, text)


def is_ipv6(text: str) -> bool:
    """Tell whether ``text`` is an IPv6 address, however abbreviated, without a zone."""
    try:
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def is_hostname(text: str) -> bool:
    """Tell whether ``text`` is a host name (RFC 1123): labels joined by dots."""
    labels = text.split(".")
    return len(text) <= MAX_HOSTNAME and all(LABEL.fullmatch(label) for label in labels)


def is_email(text: str) -> bool:
    """Tell whether ``text`` is a mail address without quotes or comments."""
    local, _, domain = text.rpartition("@")
    is_short = len(text) <= MAX_EMAIL and len(local) <= MAX_LOCAL_PART
    return is_short and LOCAL_PART.fullmatch(local) is not None and is_hostname(domain)


def is_uri(text: str) -> bool:
    """Tell whether ``text`` is a URI (RFC 3986) with a scheme, and a host after ``//``."""
    if URI.fullmatch(text) is None:
        return False
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) or "//" not in text or parts.scheme == "file"
        return has_host and parts.port != 0
    except ValueError:
        return False


def is_date(text: str) -> bool:
    """Tell whether ``text`` is a date (RFC 3339): ``2026-11-23``."""
    return DATE.fullmatch(text) is not None and _is_read_by(date.fromisoformat, text)


def is_time(text: str) -> bool:
    """Tell whether ``text`` is a time with its zone (RFC 3339): ``07:30:00Z``."""
    return TIME.fullmatch(text) is not None and _is_read_by(time.fromisoformat, text.upper())


def is_date_time(text: str) -> bool:
    """Tell whether ``text`` is a date and time with its zone (RFC 3339)."""
    day, separator, rest = text[:10], text[10:11], text[11:]
    is_shaped = separator in ("T", "t") and is_date(day) and is_time(rest)
    return is_shaped and _is_read_by(datetime.fromisoformat, text.upper())


def is_duration(text: str) -> bool:
    """Tell whether ``text`` is a duration (ISO 8601): ``P30D``, ``PT1H30M``."""
    return DURATION.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Tell whether ``text`` is a UUID in its form with hyphens (RFC 9562)."""
    return UUID.fullmatch(text) is not None


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "cidr": is_network,
    "date": is_date,
    "date-time": is_date_time,
    "duration": is_duration,
    "email": is_email,
    "hostname": is_hostname,
    "ipv4": is_ipv4,
    "ipv4-network": is_ipv4_network,
    "ipv6": is_ipv6,
    "time": is_time,
    "uri": is_uri,
    "uuid": is_uuid,
}


def _is_written_as(kind: Callable[[str], object], text: str) -> bool:
    try:
        return str(kind(text)) == text
    except ValueError:
        return False


def _is_read_by(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True

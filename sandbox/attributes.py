"""Owns the vocabulary for describing an attribute, and the check of one value against it.

Shared by service and provider, so that a value the service would refuse is already refused by
`terraform plan`. Must stay free of Flask, SQL and gRPC: the provider's start time pays for every
import here.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

Value = str | int | bool | None
Kind = Literal["string", "integer", "boolean"]

SLUG = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
LABEL = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
BUCKET_NAME = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
HOST_LABEL = r"^[a-z][a-z0-9-]{0,61}[a-z0-9]$"
SQL_NAME = r"^[a-z][a-z0-9_]{0,62}$"
VERSION = r"^[0-9]{1,3}(\.[0-9]{1,3}){0,2}$"
IMAGE = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$"
MAX_STRING_LENGTH = 16_384


@dataclass(frozen=True)
class Template:
    """A computed string made of other attributes: `"sandbox://{region}/{name}"`."""

    text: str

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(re.findall(r"{(\w+)}", self.text))


@dataclass(frozen=True)
class FirstAddress:
    """The first usable address of the CIDR block held in another attribute."""

    cidr: str

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.cidr,)


@dataclass(frozen=True)
class AllocatedAddress:
    """A free address, chosen once at creation, in the first of these references that is set.

    Each reference leads to a resource with a `cidr`. It never changes later, so it has no sources.
    """

    references: tuple[str, ...]
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Digest:
    """SHA-256 (hexadecimal) of a write-only attribute; null while that is not set."""

    source: str

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)


@dataclass(frozen=True)
class CertificateAuthority:
    """A certificate made once at creation, as PEM; what it would sign is not simulated."""

    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class GeneratedSecret:
    """A random token made once at creation; the provider marks it sensitive."""

    sources: tuple[str, ...] = ()


Computation = (
    Template | FirstAddress | AllocatedAddress | Digest | CertificateAuthority | GeneratedSecret
)


@dataclass(frozen=True)
class Reference:
    """The attribute holds the id of a resource of `type`, in the same account.

    `agrees_on`: attributes that must have the same value here and in the resource referred to.
    """

    type: str
    agrees_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attribute:
    """One attribute of a resource type.

    Parameters:
        required: must be given at creation.
        immutable: cannot be changed; the provider replaces the resource instead.
        default: value when not given. An optional attribute without default may be null.
        write_only: accepted, never returned (the provider marks it sensitive).
        unique: no two resources of the type in one account share the value.
        cidr: the value is an IPv4 network with these shortest and longest prefix lengths.
        within: name of the reference whose `cidr` must contain this one without overlap.
        minimum, maximum: bounds of an integer, inclusive.
        can_shrink: whether an integer may become smaller.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    immutable: bool = False
    default: Value = None
    write_only: bool = False
    unique: bool = False
    pattern: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    can_shrink: bool = True
    cidr: tuple[int, int] | None = None
    within: str | None = None
    reference: Reference | None = None
    computed: Computation | None = None

    @property
    def is_nullable(self) -> bool:
        return not self.required and self.default is None

    @property
    def is_secret(self) -> bool:
        return self.write_only or isinstance(self.computed, GeneratedSecret)


def find_fault(attribute: Attribute, value: object) -> str | None:
    """Say what is wrong with a value, as the end of a sentence ("must be …"), or None."""
    if attribute.computed is not None:
        return "is computed by the sandbox cloud and cannot be set"
    if value is None:
        return None if attribute.is_nullable else "must not be null"
    if attribute.kind == "boolean":
        return None if isinstance(value, bool) else "must be true or false"
    if attribute.kind == "integer":
        return _find_integer_fault(attribute, value)
    return _find_string_fault(attribute, value)


def _find_integer_fault(attribute: Attribute, value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "must be a whole number"
    if attribute.minimum is not None and value < attribute.minimum:
        return f"must be at least {attribute.minimum}"
    if attribute.maximum is not None and value > attribute.maximum:
        return f"must be at most {attribute.maximum}"
    return None


def _find_string_fault(attribute: Attribute, value: object) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    if len(value) > MAX_STRING_LENGTH:
        return f"must have at most {MAX_STRING_LENGTH} characters"
    if not is_storable_text(value):
        return "must be valid Unicode without NUL characters"
    if attribute.pattern is not None and not re.fullmatch(attribute.pattern, value):
        return f"must match {attribute.pattern}"
    if attribute.cidr is not None:
        return _find_cidr_fault(attribute.cidr, value)
    return None


def is_storable_text(value: str) -> bool:
    """False for NUL and for half a surrogate pair, which JSON can hold and no store can keep."""
    return "\x00" not in value and not any(0xD800 <= ord(char) <= 0xDFFF for char in value)


def _find_cidr_fault(prefix_lengths: tuple[int, int], value: str) -> str | None:
    shortest, longest = prefix_lengths
    try:
        block = ipaddress.IPv4Network(value)
    except ValueError as error:
        return f"must be an IPv4 network like 10.0.0.0/16: {error}"
    if str(block) != value:
        return f"must be written {block}"
    if not shortest <= block.prefixlen <= longest:
        return f"must have a prefix length between /{shortest} and /{longest}"
    return None

"""A cloud in neutral words: its regions, what it calls a size, how it is signed in to.

Owns the translation of neutral words into the provider's. It must not know any kind.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from app.domain.drift_severity import SeverityTable
from app.domain.names import NOT_STORABLE, is_storable
from app.errors import FieldProblem, ValidationError

PROVIDER_FILE_NAME = "landform_provider.tf"


@dataclass(frozen=True)
class Region:
    """A region: ``name`` is neutral (``eu-west``), ``provider_name`` and ``zones`` the cloud's."""

    name: str
    title: str
    provider_name: str
    zones: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """A neutral word (``small``) and what the cloud calls it (``provider_value``).

    ``supported_until`` is the last day on which the cloud supports it at no extra price, for
    what has such a day (a version).
    """

    name: str
    title: str
    description: str
    provider_value: str
    supported_until: date | None = None

    def support_note(self, today: date) -> str:
        """Return until when it is supported, as a phrase; empty for what has no such day."""
        if self.supported_until is None:
            return ""
        word = "supported until" if today <= self.supported_until else "out of support since"
        return f"{word} {self.supported_until.isoformat()}"


class Holds(StrEnum):
    """What a credential field holds.

    A ``file`` is a path on every host that runs workers, an ``endpoint`` an address to which the
    provider sends requests; both reach further than text, so both are judged at each use.
    """

    TEXT = "text"
    FILE = "file"
    ENDPOINT = "endpoint"


@dataclass(frozen=True)
class CredentialField:
    """One field of a cloud account, and what hands it to the provider.

    ``environment`` is a variable of the process, ``variable`` one of the provider's HCL; at least
    one of them is there. Secrets go by the environment alone.
    """

    name: str
    title: str
    description: str
    environment: str | None
    variable: str | None
    is_secret: bool
    is_required: bool
    holds: Holds = Holds.TEXT


@dataclass(frozen=True)
class SignIn:
    """One way to sign in to a cloud: the credential fields that it needs, and may have.

    With ``uses_host`` the host that Landform runs on signs in, as far as it has an identity.
    """

    name: str
    title: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    uses_host: bool = False

    def fits(self, given: Set[str]) -> bool:
        """Whether these fields are all that it needs and no more than it may have."""
        return given >= {*self.required} and given <= {*self.required, *self.optional}

    def in_words(self) -> str:
        """Return its name with its fields, those that may be left out in brackets."""
        fields = [*self.required, *(f"[{name}]" for name in self.optional)]
        return f"{self.name} ({', '.join(fields)})"


@dataclass(frozen=True)
class TagRules:
    """How resources of this cloud are tagged.

    ``untaggable`` are types that cannot be, ``described`` those that have a description instead.
    ``separator`` stands where names of tags have a colon. ``arguments`` are those of types that
    call it otherwise than ``argument``, in whichever block of theirs.
    """

    argument: str
    untaggable: frozenset[str]
    note: str
    described: frozenset[str] = frozenset()
    separator: str = ":"
    arguments: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def key(self, name: str) -> str:
        """Return what this cloud calls the tag ``name``, such as ``landform:stack``."""
        return name.replace(":", self.separator)

    def named(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return tags as this cloud takes them."""
        return {self.key(name): value for name, value in tags.items()}


@dataclass(frozen=True)
class ServingProvider:
    """How the provider of a cloud serves many runs of Terraform from one process.

    ``source`` is its address in ``required_providers``; started with ``arguments``, it prints the
    value for ``TF_REATTACH_PROVIDERS``.
    """

    source: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Cloud:
    """A provider family. ``provider_hcl`` is written beside a module as ``PROVIDER_FILE_NAME``.

    ``provider_lock`` is the dependency lock file of its providers, ``provider_sources`` has their
    whole addresses by local name: nothing else is ever installed. Without ``kept_provider``,
    Terraform starts the provider for each step. ``region_environment`` is the variable that tells
    them the region. ``memory_mib`` is what one run of Terraform takes where that is known.
    ``refreshes_after_apply`` is for providers that repeat what one resource says in another.
    ``moving`` has, by type of resource, the attributes that the cloud changes by itself,
    ``severities`` how much a change of which attribute matters, ``holds_data`` are the types of
    resource that hold what nothing brings back.
    """

    name: str
    title: str
    description: str
    regions: Mapping[str, Region]
    default_region: str | None
    vocabulary: Mapping[str, Mapping[str, Choice]]
    credential_fields: Mapping[str, CredentialField]
    tags: TagRules
    provider_hcl: str
    provider_lock: bytes
    provider_sources: Mapping[str, str]
    sign_ins: tuple[SignIn, ...] = ()
    kept_provider: ServingProvider | None = None
    region_environment: str | None = None
    memory_mib: int = 0
    refreshes_after_apply: bool = False
    moving: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    severities: SeverityTable = dataclasses.field(default_factory=dict)
    holds_data: frozenset[str] = frozenset()

    @property
    def sizes(self) -> Mapping[str, Choice]:
        """What this cloud offers of the neutral sizes."""
        return self.vocabulary.get("size", {})

    def region(self, name: str | None = None) -> Region:
        """Return the region ``name``, or the default one when it is left out.

        Raises:
            ValidationError: at ``/region``; lists what is offered.
        """
        if name is None:
            name = self.default_region or (next(iter(self.regions)) if self._has_one() else None)
        offered = ", ".join(self.regions)
        if name is None:
            raise ValidationError.at("/region", f"Choose a region of {self.name}: {offered}.")
        if name not in self.regions:
            message = f"{self.title} has no such region; it offers: {offered}."
            raise ValidationError.at("/region", message)
        return self.regions[name]

    def translate(self, vocabulary: str, word: str) -> str | None:
        """Return what this cloud calls ``word``, or ``None`` when it does not offer it."""
        choice = self.vocabulary.get(vocabulary, {}).get(word)
        return choice.provider_value if choice else None

    def given(self, credentials: Mapping[str, str], holds: Holds) -> dict[str, str]:
        """Return those of the credentials that hold such a thing, by name of the field."""
        return {
            field.name: credentials[field.name]
            for field in self.credential_fields.values()
            if field.holds is holds and credentials.get(field.name) is not None
        }

    def signs_in_as_host(self, credentials: Mapping[str, str]) -> bool:
        """Tell whether these credentials make use of the identity of the host itself."""
        return any(way.uses_host and way.fits(credentials.keys()) for way in self.sign_ins)

    def check_credentials(self, credentials: object) -> None:
        """Refuse what nobody can sign in with.

        Raises:
            ValidationError: at ``/credentials/…`` for each field that is unknown, missing or not
                text, or at ``/credentials`` when they fit no way to sign in. The message never
                repeats a value.
        """
        if not isinstance(credentials, Mapping):
            raise ValidationError.at("/credentials", "Must be an object.")
        problems = [*self._unknown_credentials(credentials)]
        for field in self.credential_fields.values():
            message = _credential_fault(field, credentials.get(field.name))
            if message:
                problems.append(FieldProblem(f"/credentials/{field.name}", message))
        given = {name for name, value in credentials.items() if value is not None}
        if not problems and self.sign_ins and not any(way.fits(given) for way in self.sign_ins):
            ways = "; ".join(way.in_words() for way in self.sign_ins)
            problems.append(FieldProblem("/credentials", f"Must be one of these ways: {ways}."))
        if problems:
            raise ValidationError("The credentials are not complete.", problems=tuple(problems))

    def environment(self, credentials: object, region: Region | None = None) -> dict[str, str]:
        """Return the environment variables that sign Terraform's provider in.

        Args:
            credentials: of a cloud account.
            region: where the stack lives; told to the provider if it takes that from its
                environment.

        Raises:
            ValidationError: as ``check_credentials``.
        """
        found = self._filled(credentials, lambda field: field.environment)
        if region is not None and self.region_environment is not None:
            found[self.region_environment] = region.provider_name
        return found

    def provider_variables(self, credentials: object) -> dict[str, str]:
        """Return the variables of ``provider_hcl`` that the credentials fill; no secrets.

        Raises:
            ValidationError: as ``check_credentials``.
        """
        return self._filled(credentials, lambda field: field.variable)

    def provider_configuration(self, credentials: object, region: Region) -> str:
        """Name what Terraform configures the provider with, by a digest.

        Raises:
            ValidationError: as ``check_credentials``.
        """
        said = [self.provider_hcl, self.provider_variables(credentials), region.provider_name]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def _filled(
        self, credentials: object, place: Callable[[CredentialField], str | None]
    ) -> dict[str, str]:
        self.check_credentials(credentials)
        given: Mapping[str, str] = credentials if isinstance(credentials, Mapping) else {}
        return {
            name: given[field.name]
            for field in self.credential_fields.values()
            if (name := place(field)) is not None and given.get(field.name) is not None
        }

    def _unknown_credentials(self, credentials: Mapping[Any, Any]) -> list[FieldProblem]:
        fields = ", ".join(self.credential_fields)
        return [
            FieldProblem("/credentials", f"Has an unknown field; the fields are: {fields}.")
            for name in credentials
            if name not in self.credential_fields
        ][:1]

    def _has_one(self) -> bool:
        return len(self.regions) == 1


def _credential_fault(field: CredentialField, value: object) -> str | None:
    if value is None:
        return "Is required." if field.is_required else None
    if not isinstance(value, str):
        return "Must be text."
    if not value and field.is_required:
        return "Must not be empty."
    # The environment of a process cannot hold NUL; line breaks are kept, a key file has them.
    return None if is_storable(value) else NOT_STORABLE

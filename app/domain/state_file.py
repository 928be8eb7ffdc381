"""A Terraform state file as typed, read-only data, and the rule which file may follow which.

Owns the judgement "is this a complete state, and may it replace that one". Pure: it is given bytes
and never opens a file, so the store, the snapshotter and the tests all use the same judgement.
The format is Terraform's state version 4, which OpenTofu shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app import exact_json
from app.domain.state_errors import StateError, StateLineageError, StateSerialError

STATE_VERSION = 4
TAINTED = "tainted"
DYNAMIC_TYPES = ("string", "number", "bool")


@dataclass(frozen=True)
class StateInstance:
    """One instance of a resource; ``index_key`` is a number (count), a text (for_each) or None.

    ``attributes`` holds secrets in plain text: it must never reach a log. ``sensitive_paths`` says
    where; an empty path means all of it. ``dependencies`` are addresses of resource blocks, also of
    those that are needed indirectly. ``private`` is the provider's own, in base64; ``identity`` is
    what it knows the instance by where that is more than an id. ``is_flat`` says that
    ``attributes`` have the form of providers before Terraform 0.12.
    """

    index_key: int | str | None
    is_tainted: bool
    attributes: Mapping[str, Any]
    deposed_key: str | None
    sensitive_paths: tuple[tuple[int | str, ...], ...] = ()
    dependencies: tuple[str, ...] = ()
    schema_version: int = 0
    private: str = ""
    identity: Any = None
    is_flat: bool = False

    def plain_attributes(self) -> dict[str, Any]:
        """Return the attributes as a plan shows them: a value of any type without its type."""
        return {name: _without_type(value) for name, value in self.attributes.items()}

    @property
    def identifier(self) -> str | None:
        """The provider's ``id`` of the instance, when it has one."""
        value = self.attributes.get("id")
        return value if isinstance(value, str) else None


@dataclass(frozen=True)
class StateResource:
    """One resource block in the state. ``mode`` is ``managed`` or ``data``."""

    mode: str
    type: str
    name: str
    module: str
    provider: str
    instances: tuple[StateInstance, ...]

    @property
    def address(self) -> str:
        """Address of the block without an index, such as ``module.a.aws_vpc.main``."""
        prefix = "data." if self.mode == "data" else ""
        local = f"{prefix}{self.type}.{self.name}"
        return f"{self.module}.{local}" if self.module else local

    def instance_address(self, instance: StateInstance) -> str:
        """Address of one instance, such as ``aws_vpc.main["eu"]``."""
        key = instance.index_key
        address = self.address if key is None else f"{self.address}[{_quote_key(key)}]"
        deposed = instance.deposed_key
        return address if deposed is None else f"{address} (deposed {deposed})"


@dataclass(frozen=True)
class StateOutput:
    """One root output. ``value`` is plain also when it is sensitive."""

    value: Any
    type: Any
    is_sensitive: bool


@dataclass(frozen=True)
class StateFile:
    """A complete state of version 4."""

    serial: int
    lineage: str
    terraform_version: str
    resources: tuple[StateResource, ...]
    outputs: Mapping[str, StateOutput]
    version: int = STATE_VERSION

    @classmethod
    def parse(cls, data: bytes) -> StateFile:
        """Read the bytes of a state file.

        Raises:
            StateError: empty, torn, not JSON, another format version, or without lineage or serial.
        """
        document = _load_object(data)
        if document.get("version") != STATE_VERSION:
            raise StateError(
                f"The state has format version {document.get('version')!r}; "
                f"Landform reads version {STATE_VERSION}."
            )
        try:
            return cls(
                serial=_read_serial(document),
                lineage=_read_lineage(document),
                terraform_version=str(document.get("terraform_version", "")),
                resources=tuple(_read_resource(item) for item in document.get("resources") or ()),
                outputs={
                    str(name): _read_output(item)
                    for name, item in (document.get("outputs") or {}).items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StateError("The state is JSON but not shaped like a Terraform state.") from error

    @property
    def is_empty(self) -> bool:
        """Whether no managed resource is left (data sources own nothing in a cloud)."""
        return not any(item.instances for item in self.resources if item.mode == "managed")

    def addresses(self) -> tuple[str, ...]:
        """Return the address of every managed instance, sorted; deposed objects say so."""
        return tuple(sorted(self.identifiers()))

    def identifiers(self) -> dict[str, str | None]:
        """Return the provider's id of each managed instance, by address."""
        return {
            resource.instance_address(instance): instance.identifier
            for resource in self.resources
            if resource.mode == "managed"
            for instance in resource.instances
        }


def known_names(data: bytes | None) -> set[str]:
    """Return every name by which a cloud may know what is in a state: ids, and ARNs of AWS.

    Raises:
        StateError: ``data`` is no state.
    """
    return names_in(StateFile.parse(data)) if data is not None else set()


def names_in(state: StateFile | None) -> set[str]:
    """Return every name by which a cloud may know what is in a state: ids, and ARNs of AWS."""
    return {
        name
        for resource in (state.resources if state is not None else ())
        if resource.mode == "managed"
        for instance in resource.instances
        for name in names_of(instance)
    }


def names_of(instance: StateInstance) -> set[str]:
    """Return every name by which a cloud may know an instance: its id, and its ARN on AWS."""
    names = (instance.identifier, instance.attributes.get("arn"))
    return {name for name in names if isinstance(name, str) and name}


def check_successor(old: bytes | None, new: bytes) -> StateFile:
    """Check that ``new`` may become the state of record after ``old``, and return it parsed.

    Args:
        old: the present state of record, or None when there is none yet.
        new: the candidate.

    Raises:
        StateError: one of the two is not a complete state.
        StateLineageError: ``new`` belongs to another state.
        StateSerialError: ``new`` is older, or has the same serial with other contents.
    """
    candidate = StateFile.parse(new)
    if old is None:
        return candidate
    present = StateFile.parse(old)
    if candidate.lineage != present.lineage:
        raise StateLineageError(
            f"The new state has lineage {candidate.lineage}, the recorded one {present.lineage}."
        )
    if candidate.serial < present.serial:
        raise StateSerialError(
            f"The new state has serial {candidate.serial}, but {present.serial} is recorded."
        )
    if candidate.serial == present.serial and not is_same_state(old, new):
        raise StateSerialError(
            f"Two different states claim serial {candidate.serial}; the recorded one was kept."
        )
    return candidate


def is_same_state(one: bytes, other: bytes) -> bool:
    """Whether the bytes are equal but for white space at the ends.

    A read that races with Terraform can miss the last newline; that copy is whole all the same.
    """
    return one.strip() == other.strip()


def _load_object(data: bytes) -> dict[str, Any]:
    if not data.strip(b"\0 \t\r\n"):
        raise StateError(f"The state is empty ({len(data)} bytes without content).")
    try:
        document = exact_json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise StateError(f"The state is torn or not JSON ({len(data)} bytes).") from error
    if not isinstance(document, dict):
        raise StateError("The state is JSON but not an object.")
    return document


def _read_serial(document: Mapping[str, Any]) -> int:
    serial = document.get("serial")
    if isinstance(serial, bool) or not isinstance(serial, int) or serial < 0:
        raise StateError("The state has no valid serial.")
    return serial


def _read_lineage(document: Mapping[str, Any]) -> str:
    lineage = document.get("lineage")
    if not isinstance(lineage, str) or not lineage.strip():
        raise StateError("The state has no lineage.")
    return lineage


def _read_resource(item: Mapping[str, Any]) -> StateResource:
    return StateResource(
        mode=str(item["mode"]),
        type=str(item["type"]),
        name=str(item["name"]),
        module=str(item.get("module") or ""),
        provider=str(item.get("provider") or ""),
        instances=tuple(_read_instance(instance) for instance in item.get("instances") or ()),
    )


def _read_instance(item: Mapping[str, Any]) -> StateInstance:
    attributes = item.get("attributes") or item.get("attributes_flat") or {}
    key = item.get("index_key")
    if not isinstance(attributes, dict) or not isinstance(key, int | str | None):
        raise TypeError("an instance is not shaped like one")
    # The flat form of old providers has other paths than the marks: all of it counts as sensitive.
    marks = item.get("sensitive_attributes") or ()
    paths = tuple(_read_path(path) for path in marks) if item.get("attributes") else ((),)
    return StateInstance(
        index_key=key,
        is_tainted=item.get("status") == TAINTED,
        attributes=attributes,
        deposed_key=item.get("deposed"),
        sensitive_paths=paths,
        dependencies=tuple(str(name) for name in item.get("dependencies") or ()),
        schema_version=int(item.get("schema_version") or 0),
        private=str(item.get("private") or ""),
        identity=item.get("identity"),
        is_flat=bool(item.get("attributes_flat")),
    )


def _read_path(steps: Any) -> tuple[int | str, ...]:
    """Return the path of a mark, cut short before a step of unknown form, so that it covers more.

    Terraform writes ``{"type": "get_attr", "value": name}`` and ``{"type": "index", "value":
    {"value": key, "type": …}}`` (internal/states/statefile/version4.go).
    """
    path: list[int | str] = []
    for step in steps if isinstance(steps, list) else ():
        value = step.get("value") if isinstance(step, dict) else None
        if isinstance(value, dict):
            value = value.get("value")
        if isinstance(value, bool) or not isinstance(value, int | str):
            break
        path.append(value)
    return tuple(path)


def _without_type(value: Any) -> Any:
    """Unwrap what Terraform writes as ``{"value": …, "type": …}``, as only the type can tell."""
    if isinstance(value, dict) and value.keys() == {"value", "type"}:
        kind = value["type"]
        if kind in DYNAMIC_TYPES or (isinstance(kind, list) and len(kind) > 1):
            return value["value"]
    return value


def _read_output(item: Mapping[str, Any]) -> StateOutput:
    return StateOutput(item["value"], item.get("type"), bool(item.get("sensitive", False)))


def _quote_key(key: int | str) -> str:
    return str(key) if isinstance(key, int) else exact_json.dumps(key, ensure_ascii=False)

"""A typed view of the lines that Terraform prints with ``-json``, and what they prove.

Owns the reading of one line into an ``Event`` that is safe to store and show. What is not a JSON
event line never becomes one: when it cannot write its state, Terraform prints the raw state, with
every secret in it, to standard output. Types that are not known here are kept, so a newer
Terraform does no harm. Source: the "machine-readable UI" page of Terraform's internals.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from app.domain.redaction import Redactor
from app.domain.state_file import StateFile

CREATE = "create"
# What Terraform says when a provider died or hung up instead of answering (its ``grpcErr``).
NO_ANSWER = ("Plugin did not respond", "Plugin error", "Request cancelled")
# What providers say when the cloud was asked and its answer was lost on the way.
LOST_ANSWER = re.compile(
    r"closed connection|connection (?:reset|was closed|closed|aborted)|broken pipe|\bEOF\b"
    r"|time[d ]*out|deadline exceeded|cannot be reached|may exist without",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Diagnostic:
    """An error or a warning. The source snippet is left out on purpose: it can hold values."""

    severity: str
    summary: str
    detail: str
    address: str | None
    file: str | None
    line: int | None

    @property
    def is_error(self) -> bool:
        """Whether it is an error rather than a warning."""
        return self.severity == "error"

    @property
    def is_unanswered(self) -> bool:
        """Whether no answer came, of the provider or of its cloud: nobody knows what was done."""
        is_lost = LOST_ANSWER.search(f"{self.summary} {self.detail}") is not None
        return self.is_error and (is_lost or self.summary.startswith(NO_ANSWER))

    def in_words(self) -> str:
        """Return summary, detail and place as one readable text."""
        text = f"{self.summary}: {self.detail}" if self.detail else self.summary
        place = self.address or (f"{self.file} line {self.line}" if self.file else None)
        return f"{text} ({place})" if place else text

    def redacted(self, redactor: Redactor) -> Diagnostic:
        """Return a copy without secrets in its words."""
        return replace(
            self,
            summary=redactor.text(self.summary),
            detail=redactor.text(self.detail),
            address=redactor.value(self.address),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ChangeSummary:
    """Counts as Terraform gives them: a replacement is one ``add`` and one ``remove``."""

    add: int
    change: int
    remove: int
    operation: str


@dataclass(frozen=True)
class Event:
    """One line. ``type`` is ``apply_start``, ``apply_complete``, ``diagnostic``, ``log``, …

    ``action`` is ``create``, ``update``, ``delete``, ``replace``, ``read``, …; ``id_value`` is the
    provider's id of the resource, ``outputs`` holds the values that are not sensitive.
    """

    type: str
    level: str
    message: str
    timestamp: str
    address: str | None = None
    resource_type: str | None = None
    action: str | None = None
    id_key: str | None = None
    id_value: str | None = None
    elapsed_seconds: float | None = None
    diagnostic: Diagnostic | None = None
    summary: ChangeSummary | None = None
    outputs: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the fields that say nothing."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def redacted(self, redactor: Redactor) -> Event:
        """Return a copy without secrets in what a provider or a client may have put into it.

        Terraform's own words (type, action, level) stay, also when a short secret is like them.
        """
        return replace(
            self,
            message=redactor.text(self.message),
            address=redactor.value(self.address),
            id_value=redactor.value(self.id_value),
            diagnostic=self.diagnostic and self.diagnostic.redacted(redactor),
            outputs=redactor.value(self.outputs),
        )


@dataclass(frozen=True)
class OrphanCandidate:
    """A resource that may exist in the cloud although no state knows it."""

    address: str
    type: str
    id: str | None
    reason: str


def parse_event(line: str) -> Event | None:
    """Read one line, or return None when it is torn, no event, or a dump of the state."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or "@message" not in data or "state" in data:
        return None
    hook = _object(data, "hook") or _object(data, "change")
    resource = _object(hook, "resource")
    return Event(
        type=str(data.get("type", "log")),
        level=str(data.get("@level", "info")),
        message=str(data["@message"]),
        timestamp=str(data.get("@timestamp", "")),
        address=_text(resource, "addr"),
        resource_type=_text(resource, "resource_type"),
        action=_text(hook, "action"),
        id_key=_text(hook, "id_key"),
        id_value=_text(hook, "id_value"),
        elapsed_seconds=_number(hook, "elapsed_seconds"),
        diagnostic=parse_diagnostic(_object(data, "diagnostic")),
        summary=_read_summary(_object(data, "changes")),
        outputs=_read_outputs(data) if data.get("type") == "outputs" else None,
    )


def parse_events(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events among ``lines``, in order."""
    for line in lines:
        event = parse_event(line)
        if event is not None:
            yield event


def parse_diagnostic(data: Mapping[str, Any]) -> Diagnostic | None:
    """Read the ``diagnostic`` object of a line (also found in ``validate -json``)."""
    if not data:
        return None
    place = _object(data, "range")
    line = _object(place, "start").get("line")
    return Diagnostic(
        severity=str(data.get("severity", "error")),
        summary=str(data.get("summary", "")),
        detail=str(data.get("detail", "")),
        address=_text(data, "address"),
        file=_text(place, "filename"),
        line=line if isinstance(line, int) else None,
    )


def possibly_orphaned(events: Iterable[Event], state: StateFile | None) -> list[OrphanCandidate]:
    """Name what Terraform created, or began to create, and the state does not hold.

    A creation that began and whose end was not seen is always named: with
    ``create_before_destroy`` the state shows the old object under the same address. One that
    ended is named unless the state holds that id (or, for a resource without id, that address).
    One that failed and that no state holds is named unless an error of its own explains it: none
    does when no answer came from its provider or its cloud, or when Terraform ended before it could
    say why. What Terraform says of itself ("operation canceled", at a second interrupt) explains
    no resource: the cloud may well have made it.

    Args:
        events: all events of the apply, in order.
        state: the newest valid state afterwards, or None when there is none.
    """
    started: dict[str, Event] = {}
    failed: dict[str, Event] = {}
    created: list[Event] = []
    unanswered: set[str | None] = set()
    explained: set[str | None] = set()
    for event in events:
        if event.diagnostic is not None and event.diagnostic.is_error:
            is_answer = not event.diagnostic.is_unanswered
            (explained if is_answer else unanswered).add(event.diagnostic.address)
        if event.address is None or event.action != CREATE:
            continue
        if event.type == "apply_start":
            started[event.address] = event
        elif event.type == "apply_complete":
            started.pop(event.address, None)
            created.append(event)
        elif event.type == "apply_errored":
            started.pop(event.address, None)
            failed[event.address] = event
    lost = [_candidate(event, "created, but not in the state") for event in created]
    known = _known(state)
    present = state.identifiers() if state else {}
    return [
        *(item for item in lost if (item.address, item.id) not in known),
        *(
            _candidate(event, "its creation began, its end was not seen")
            for event in started.values()
        ),
        *(
            _candidate(event, "no answer came to its creation")
            for address, event in failed.items()
            if address not in present and ({address, None} & unanswered or address not in explained)
        ),
    ]


def _known(state: StateFile | None) -> set[tuple[str, str | None]]:
    """Return (address, id) of what the state holds; (address, None) stands for "any id"."""
    if state is None:
        return set()
    known: set[tuple[str, str | None]] = set()
    for address, identifier in state.identifiers().items():
        known.update({(address.split(" (deposed ")[0], identifier), (address, None)})
    return known


def _candidate(event: Event, reason: str) -> OrphanCandidate:
    return OrphanCandidate(event.address or "", event.resource_type or "", event.id_value, reason)


def _read_summary(data: Mapping[str, Any]) -> ChangeSummary | None:
    if not data:
        return None
    counts = [int(_number(data, name) or 0) for name in ("add", "change", "remove")]
    return ChangeSummary(counts[0], counts[1], counts[2], str(data.get("operation", "")))


def _read_outputs(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: output.get("value")
        for name, output in _object(data, "outputs").items()
        if isinstance(output, dict) and output.get("sensitive") is False
    }


def _object(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) and value else None


def _number(data: Mapping[str, Any], name: str) -> float | None:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None

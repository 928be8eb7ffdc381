"""The body and the headers of one message, in the format that the webhook wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from app import exact_json
from app.clock import rfc3339
from app.domain.drift import Severity
from app.domain.plain_words import in_words
from app.domain.stacks import OnExpiry
from app.domain.webhook_signature import sign
from app.domain.webhooks import TEST_EVENT, EventType, WebhookFormat
from app.models import WebhookEvent

JSON = "application/json"
PAYLOAD_VERSION = 1
MAX_PAYLOAD_BYTES = 16 * 1024
"""Receivers refuse large bodies; whoever wants all of it follows the link."""

NAMED = 5
"""Stacks that a line of a digest names."""

CUT_TO = ((2000, 200), (500, 50), (200, 20), (200, 5))
"""Letters of a text and entries of a list that stay, tried in this order; links are shorter."""

_NO_EMPHASIS = str.maketrans("*~`\n\r", " " * 5)


def body_of(event: WebhookEvent, format_: WebhookFormat) -> bytes:
    """Return the bytes to send; the same for the same event and format."""
    if format_ is WebhookFormat.SLACK:
        return exact_json.dumps({"text": sentence_of(event)}).encode()
    payload = {
        "type": event.type,
        "version": PAYLOAD_VERSION,
        "timestamp": rfc3339(event.created_at),
        "data": event.data,
    }
    body = _bytes_of(payload)
    for letters, entries in CUT_TO:
        if len(body) <= MAX_PAYLOAD_BYTES:
            break
        # The links in it lead to the whole.
        short = _shortened(event.data, letters, entries)
        body = _bytes_of({**payload, "data": short, "is_cut": True})
    return body


def _bytes_of(payload: dict[str, Any]) -> bytes:
    text = exact_json.dumps(payload, large_as_text=True, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")


def _shortened(value: Any, letters: int, entries: int) -> Any:
    """Return the same form with at most so many letters in a text and entries in a list."""
    if isinstance(value, str):
        return value if len(value) <= letters else value[: letters - 1] + "…"
    if isinstance(value, list):
        return [_shortened(item, letters, entries) for item in value[:entries]]
    if isinstance(value, dict):
        return {name: _shortened(item, letters, entries) for name, item in value.items()}
    return value


def headers_of(
    event_id: str, timestamp: int, body: bytes, secrets: Sequence[str]
) -> dict[str, str]:
    """Return the headers of Standard Webhooks.

    Args:
        event_id: the same for every attempt to tell the event.
        timestamp: seconds since 1970, of this attempt.
        body: what is sent.
        secrets: those that are good now.
    """
    return {
        "Content-Type": JSON,
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, event_id, timestamp, body),
    }


def sentence_of(event: WebhookEvent) -> str:
    """Say an event in one line of Slack's markup; names of users' making cannot add any."""
    if event.type == TEST_EVENT:
        return "A test message of Landform."
    if event.type == EventType.DRIFT_DIGEST:
        return _say_digest(event.data)
    data, stack = event.data, event.data["stack"]
    say = _SAID.get(event.type)
    said = say(data) if say else event.type.replace(".", " ")
    kind, name, project = map(_plain, (stack["kind"], stack["name"], stack["project"]["name"]))
    return f"{kind} *{name}* in {project}: {said}"


def _say_ended(data: dict[str, Any]) -> str:
    operation = data["operation"]
    said = f"{in_words(operation['type'])} ended as {in_words(operation['status'])}"
    error = operation["error"] or {}
    return f"{said}. {_plain(error['title'])}." if error.get("title") else said


def _say_approval(data: dict[str, Any]) -> str:
    plan = data["operation"]["plan"] or {}
    verbs = ("add", "change", "replace", "destroy", "import", "move", "forget")
    counts = [f"{plan[verb]} to {verb}" for verb in verbs if plan.get(verb)]
    return f"a plan waits for approval ({', '.join(counts) or 'no changes'})"


def _say_drift(data: dict[str, Any]) -> str:
    counts = [f"{count} {_plain(kind)}" for kind, count in data["drift"]["changes"].items()]
    return f"was changed outside Landform ({', '.join(counts)})"


def _say_changed(data: dict[str, Any]) -> str:
    return _say_drift(data).replace("was changed", "has changed again", 1)


def _say_digest(data: dict[str, Any]) -> str:
    digest, project = data["digest"], _plain(data["project"]["name"])
    drifted, unknown = digest["drifted"], digest["unknown"]
    high = digest["severities"].get(Severity.HIGH.value)
    news = [f"{digest[word]} {word}" for word in ("new", "changed", "gone") if digest[word]]
    parts = [
        f"{digest['open']} open" + f", {high} of them high" * bool(high),
        *([", ".join(news)] if news else []),
        *([f"drifted: {_name_some(drifted)}"] if drifted else []),
        *([f"could not be checked: {_name_some(unknown)}"] if unknown else []),
    ]
    days = digest["to"] if digest["from"] == digest["to"] else f"{digest['from']} to {digest['to']}"
    return f"drift in *{project}*, {days}: {'; '.join(parts)}"


def _name_some(stacks: Sequence[dict[str, Any]]) -> str:
    names = ", ".join(_plain(stack["name"]) for stack in stacks[:NAMED])
    return names + (f" and {len(stacks) - NAMED} more" if len(stacks) > NAMED else "")


def _say_off(data: dict[str, Any]) -> str:
    return f"is no longer reconciled by itself. {_plain(data.get('reason') or '')}".rstrip()


def _say_attention(data: dict[str, Any]) -> str:
    return f"needs attention. {_plain(data.get('reason') or '')}".rstrip()


def _say_expiring(data: dict[str, Any]) -> str:
    then = "a person is asked" if data.get("on_expiry") == OnExpiry.ASK else "it is destroyed"
    return f"expires at {data.get('expires_at')}; then {then}"


_SAID: dict[str, Callable[[dict[str, Any]], str]] = {
    EventType.OPERATION_ENDED: _say_ended,
    EventType.APPROVAL_WANTED: _say_approval,
    EventType.DRIFT_FOUND: _say_drift,
    EventType.DRIFT_CHANGED: _say_changed,
    EventType.DRIFT_UNKNOWN: lambda data: (
        f"could not be checked for drift since {data['drift'].get('since')}"
    ),
    EventType.AUTO_RECONCILE_OFF: _say_off,
    EventType.DRIFT_GONE: lambda _: "is again as Landform left it",
    EventType.NEEDS_ATTENTION: _say_attention,
    EventType.STACK_EXPIRING: _say_expiring,
}


def _plain(text: str) -> str:
    """Escape what Slack takes for links and mentions; leave out what it takes for emphasis."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.translate(_NO_EMPHASIS)

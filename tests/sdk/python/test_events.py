"""The event stream of the Python client: read, cut off, resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from landform_client import Landform, ProblemError, Retry, UnreachableError
from landform_client import events as events_module
from landform_client.events import read_messages


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr(events_module.time, "sleep", made.append)
    return made


def message(event: str, data: object, event_id: int | None = None) -> str:
    head = f"id: {event_id}\n" if event_id is not None else ""
    return f"{head}event: {event}\ndata: {json.dumps(data)}\n\n"


class Broken(httpx.SyncByteStream):
    """A stream that ends with an error."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __iter__(self) -> Iterator[bytes]:
        yield self._text.encode()
        raise httpx.ReadError("cut off")


def connect(*streams: httpx.SyncByteStream | str | httpx.Response | Exception) -> Landform:
    waiting = list(streams)
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Last-Event-ID"])
        stream = waiting.pop(0)
        if isinstance(stream, Exception):
            raise stream
        if isinstance(stream, httpx.Response):
            return stream
        if isinstance(stream, str):
            return httpx.Response(200, text=stream)
        return httpx.Response(200, stream=stream)

    http = httpx.Client(transport=httpx.MockTransport(answer))
    landform = Landform("http://landform.test", http=http, retry=Retry(attempts=3))
    landform.seen = seen  # type: ignore[attr-defined]  # what the test asks about
    return landform


PENDING = message("operation", {"status": "pending"})
APPLIED = message("operation", {"status": "applied"})
END = message("end", {"status": "applied"})


def test_a_stream_that_breaks_is_resumed_and_nothing_is_told_twice() -> None:
    landform = connect(
        Broken(PENDING + message("event", {"message": "one"}, 7) + "id: 8\nevent: event\nda"),
        httpx.ConnectError("restarting"),
        PENDING,  # ends by itself, as a stream does whose time is over
        PENDING + message("event", {"message": "two"}, 8) + APPLIED + END + message("event", {}, 9),
    )
    told = list(landform.events("op_1", after=3))
    assert [(item.event, item.id) for item in told] == [
        ("operation", None),
        ("event", 7),
        ("event", 8),
        ("operation", None),
        ("end", None),
    ]
    assert landform.seen == ["3", "7", "7", "7"]  # type: ignore[attr-defined]


def test_it_gives_up_where_nothing_comes_any_more() -> None:
    with pytest.raises(UnreachableError, match="broke off"):
        list(connect(*[httpx.ConnectError("gone") for _ in range(5)]).events("op_1"))


def test_a_refusal_ends_it_and_too_many_streams_are_waited_for() -> None:
    def refusal(status: int) -> httpx.Response:
        return httpx.Response(status, json={"code": "x", "detail": "no"})

    with pytest.raises(ProblemError) as refused:
        list(connect(refusal(404)).events("op_1"))
    assert refused.value.status == 404
    assert [m.event for m in connect(refusal(429), END).events("op_1")] == ["end"]


def test_a_stream_is_read_as_the_standard_says() -> None:
    lines = [": heartbeat", "", "retry: 5", "id: no", "id: 4", "data:1", "data", "", "event: x"]
    (only,) = read_messages(lines)
    assert (only.event, only.data, only.id) == ("message", 1, 4)

"""Nobody has more than a share of the event streams, and every place comes back."""

from __future__ import annotations

from werkzeug.test import TestResponse

from app.limits.stream_places import StreamPlaces
from app.web.stream_places import EXTENSION
from tests.api.conftest import MakeApp
from tests.api.rest import Rest, problem


def follow(rest: Rest, operation: str, **how: str) -> TestResponse:
    headers = {"Accept": "text/event-stream"}
    return rest.call("GET", f"/operations/{operation}/events", headers=headers, **how)


def test_one_user_has_a_share_whatever_it_comes_with(make_app: MakeApp) -> None:
    rest = Rest(make_app(streams_per_user=3, streams_per_address=50))
    operation = rest.create("networks", "a")["operation"]["id"]
    viewer = rest.as_member("viewer")
    callers = [viewer, Rest(rest.app, viewer.user), viewer.as_token("stack:read")]
    held = [follow(caller, operation) for caller in callers]
    assert [answer.status_code for answer in held] == [200] * 3
    for caller in (*callers, Rest(rest.app, viewer.user)):
        told = problem(follow(caller, operation), 429, "rate_limited")
        assert told["detail"] == "You have 3 event streams open already."
        assert "Close pages" in told["advice"]
    other = follow(rest.as_member("viewer"), operation)
    assert other.status_code == 200
    held.pop().close()
    again = follow(viewer, operation)
    assert again.status_code == 200
    for answer in (*held, other, again):
        answer.close()
    places: StreamPlaces = rest.app.extensions[EXTENSION]
    assert places.taken() == 0


def test_one_address_has_a_share_too(make_app: MakeApp) -> None:
    rest = Rest(make_app(streams_per_user=2, streams_per_address=3))
    operation = rest.create("networks", "a")["operation"]["id"]
    people = [rest.as_member("viewer") for _ in range(4)]
    held = [follow(person, operation) for person in people]
    assert [answer.status_code for answer in held] == [200, 200, 200, 429]
    for answer in held:
        answer.close()

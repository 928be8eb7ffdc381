"""Build answers: pages with links, single resources with ETags, what was made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, jsonify, request

from app import exact_json
from app.api.http.blueprint import PREFIX
from app.api.http.dry_run import is_dry_run, perform_as_asked
from app.api.http.requests import request_identity
from app.services import idempotency
from app.services.idempotency import Reply
from app.services.paging import Page
from app.services.work import Work
from app.web.context import current_context

T = TypeVar("T")


def page(found: Page[Any], present_item: Callable[[Any], dict[str, Any]], **more: Any) -> Response:
    """Reply with one page of a list, a Link to the next one, and ``more`` in the body."""
    body = {
        **more,
        "items": [present_item(item) for item in found.items],
        "next_cursor": found.next_cursor,
    }
    return linked(jsonify(body), found)


def linked(response: Response, found: Page[Any]) -> Response:
    """Add a Link to the next page, if there is one."""
    if found.next_cursor is not None:
        query = {**request.args.to_dict(flat=False), "cursor": [found.next_cursor]}
        text = urlencode(query, doseq=True)
        response.headers["Link"] = f'<{request.path}?{text}>; rel="next"'
    return response


def single(body: dict[str, Any], version: int | None = None) -> Response:
    """Reply with one resource, or with 304 to who has it as it is (If-None-Match)."""
    response = jsonify(body)
    response.set_etag(tag_of(body, version))
    response.make_conditional(request)
    return response


def tag_of(body: dict[str, Any], version: int | None = None) -> str:
    """Return the ETag of what is shown: a digest, behind the version if it has one.

    It changes whenever the body does; If-Match asks for the version alone, so that what changes
    without a person (drift, outputs) keeps nobody from a change.
    """
    text = exact_json.dumps(body, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return digest[:32] if version is None else f"{version}.{digest[:16]}"


def examine_first(examine: Callable[[], T]) -> Callable[[], T]:
    """Examine a request before its transaction, unless its answer is kept already.

    For what asks a cloud, which must not happen while a transaction is open.

    Returns:
        What gives the result of ``examine`` to the transaction.
    """
    once = cache(examine)
    if is_dry_run() or not idempotency.is_answered(current_context(), request_identity()):
        once()
    return once


@dataclass(frozen=True)
class Created:
    """A new thing: as it is shown, its path below ``/api/v1``, and its version if it has one.

    ``shown_once`` names the members that are secrets, which no repeated request is given.
    """

    body: dict[str, Any]
    path: str
    version: int | None = None
    shown_once: tuple[str, ...] = ()


def create(act: Callable[[Work], Created]) -> Response:
    """Do ``act`` once for its Idempotency-Key and answer 201 with what it made."""

    def answer(work: Work) -> Reply:
        made = act(work)
        headers = {"Location": f"{PREFIX}/{made.path}"}
        if made.version is not None:
            seen = {name: part for name, part in made.body.items() if name not in made.shown_once}
            headers["ETag"] = f'"{tag_of(seen, made.version)}"'
        return Reply(201, made.body, headers, shown_once=made.shown_once)

    return perform_once(answer)


def perform_once(act: Callable[[Work], Reply]) -> Response:
    """Do ``act`` once for its Idempotency-Key and send its answer, or the one that was kept.

    With ``dry_run=true`` it is only tried out.
    """
    return respond(perform_as_asked(act))


def respond(given: Reply) -> Response:
    """Send an answer that may be a replay."""
    response = jsonify(given.body)
    response.status_code = given.status
    response.headers.extend(given.headers)
    if given.is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return response

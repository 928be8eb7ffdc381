"""Owns the provider's conversation with the sandbox cloud over HTTP.

Only reads are repeated; a create whose answer was lost may have been recorded and must not be.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from sandbox.attributes import Value
from sandbox.provider.transport import CloudUnreachableError, Transport

READ_RETRY_PAUSES_SECONDS = (0.2, 0.5, 1.0)


@dataclass(frozen=True)
class CloudResource:
    """A resource as the cloud answered it."""

    id: str
    type: str
    attributes: dict[str, Value]
    tags: dict[str, str]
    status: str


class CloudError(Exception):
    """The cloud refused a call.

    Parameters:
        status: HTTP status.
        code: stable code of the problem; empty when the answer was no problem+json.
        detail: what the cloud said.
        faults: JSON pointer and message of each field to blame.
    """

    def __init__(
        self, status: int, code: str, detail: str, faults: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = faults


class ResourceGoneError(CloudError):
    """The cloud itself says that the resource does not exist.

    A 404 from anything else is not this: with a mistyped endpoint, every resource would otherwise
    vanish from state.
    """


class InvalidEndpointError(ValueError):
    """The endpoint is not an http or https URL with a host."""


class CloudClient:
    """Calls the sandbox cloud for one account.

    Parameters:
        endpoint: base URL with version, for example `http://127.0.0.1:8090/v1`.
        token: the account's token.
    """

    def __init__(self, endpoint: str, token: str) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._token = token
        url = _split_endpoint(self.endpoint)
        self._path = url.path
        self._transport = Transport(url)

    def create(
        self, type_name: str, attributes: Mapping[str, Value], tags: Mapping[str, str]
    ) -> CloudResource:
        """Ask for a resource; the answer is usually still `creating`."""
        body = {"type": type_name, "attributes": dict(attributes), "tags": dict(tags)}
        return _read_resource(self._call("POST", "/resources", body))

    def get(self, resource_id: str) -> CloudResource:
        """Read a resource, trying again when the connection fails."""
        path = f"/resources/{quote(resource_id, safe='')}"
        for pause_seconds in READ_RETRY_PAUSES_SECONDS:
            try:
                return _read_resource(self._call("GET", path))
            except CloudUnreachableError:
                time.sleep(pause_seconds)
        return _read_resource(self._call("GET", path))

    def update(
        self, resource_id: str, attributes: Mapping[str, Value], tags: Mapping[str, str]
    ) -> CloudResource:
        """Merge attributes and replace all tags."""
        path = f"/resources/{quote(resource_id, safe='')}"
        body = {"attributes": dict(attributes), "tags": dict(tags)}
        return _read_resource(self._call("PATCH", path, body))

    def delete(self, resource_id: str) -> None:
        """Delete a resource."""
        self._call("DELETE", f"/resources/{quote(resource_id, safe='')}")

    def close(self) -> None:
        """Close the connections that are kept."""
        self._transport.close()

    def _call(self, method: str, path: str, body: object = None) -> Any:
        content, headers = self._encode(body)
        return _read_answer(*self._transport.send(method, self._path + path, content, headers))

    def _encode(self, body: object) -> tuple[bytes | None, dict[str, str]]:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if body is None:
            return None, headers
        return json.dumps(body).encode(), {**headers, "Content-Type": "application/json"}


def _split_endpoint(endpoint: str) -> SplitResult:
    try:
        url = urlsplit(endpoint)
        is_usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError as error:
        raise InvalidEndpointError(f"{endpoint} is not a URL: {error}") from error
    if not is_usable:
        raise InvalidEndpointError(f"{endpoint} is not an http or https URL")
    return url


def _read_answer(status: int, content: bytes) -> Any:
    if status == 204:
        return None
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if 200 <= status < 300 and isinstance(answer, dict):
        return answer
    problem = answer if isinstance(answer, dict) else {}
    code = str(problem.get("code", ""))
    kind = ResourceGoneError if code == "resource_not_found" else CloudError
    faults = tuple(
        (str(fault.get("pointer", "")), str(fault.get("message", "")))
        for fault in problem.get("errors", [])
        if isinstance(fault, dict)
    )
    raise kind(status, code, str(problem.get("detail", "no explanation was given")), faults)


def _read_resource(answer: Any) -> CloudResource:
    try:
        return CloudResource(
            id=answer["id"],
            type=answer["type"],
            attributes=dict(answer["attributes"]),
            tags=dict(answer["tags"]),
            status=answer["status"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CloudError(200, "", f"the answer is not a resource ({error})") from error

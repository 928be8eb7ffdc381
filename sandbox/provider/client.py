"""Owns the provider's conversation with the sandbox cloud over HTTP.

Uses http.client: importing httpx would cost more than a whole plan call does (80 ms against 12 ms).
Only reads are repeated; a create whose answer was lost may have been recorded and must not be.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from sandbox.attributes import Value

REQUEST_TIMEOUT_SECONDS = 90.0
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


class CloudUnreachableError(Exception):
    """No answer came.

    Parameters:
        reason: what the connection said.
        was_sent: the request may have reached the cloud and been carried out.
    """

    def __init__(self, reason: str, *, was_sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.was_sent = was_sent


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
        self._url = _split_endpoint(self.endpoint)

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

    def _call(self, method: str, path: str, body: object = None) -> Any:
        connection = self._connect()
        try:
            connection.request(method, self._url.path + path, *self._encode(body))
            response = connection.getresponse()
            status, content = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise CloudUnreachableError(_explain(error), was_sent=True) from error
        finally:
            connection.close()
        return _read_answer(status, content)

    def _connect(self) -> http.client.HTTPConnection:
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=REQUEST_TIMEOUT_SECONDS)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise CloudUnreachableError(_explain(error), was_sent=False) from error
        return connection

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


def _explain(error: Exception) -> str:
    return str(error) or type(error).__name__

"""Owns the HTTP views: parse, one call, present. Must not hold rules or touch the database."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, current_app, g, request, url_for
from flask.views import MethodView
from flask_smorest import Blueprint

from sandbox.service.accounts import Accounts
from sandbox.service.errors import InvalidTokenError, UnsupportedMediaTypeError
from sandbox.service.faults import Faults, FaultSettings
from sandbox.service.paging import parse_tags, read_cursor, write_cursor
from sandbox.service.resources import Resources
from sandbox.service.schemas import (
    DeleteQuerySchema,
    FaultsSchema,
    HealthSchema,
    ProblemSchema,
    ResourceChangeSchema,
    ResourceCreateSchema,
    ResourcePageSchema,
    ResourceQuerySchema,
    ResourceSchema,
    StrictParser,
    present_resource,
)
from sandbox.service.validation import get_type
from sandbox.version import VERSION

SERVICES = "sandbox"

_TOKEN_DOC: dict[str, Any] = {"security": [{"token": []}]}


class SandboxBlueprint(Blueprint):
    """flask-smorest's blueprint with the strict parser."""

    ARGUMENTS_PARSER = StrictParser()


health = SandboxBlueprint("health", __name__, description="Is the service up")
resources = SandboxBlueprint("resources", __name__, url_prefix="/v1", description="Resources")
faults = SandboxBlueprint("faults", __name__, url_prefix="/v1", description="Faults on purpose")


class Services:
    """What the views call; one per application, in `app.extensions["sandbox"]`."""

    def __init__(self, accounts: Accounts, resources: Resources, faults: FaultSettings) -> None:
        self.accounts = accounts
        self.resources = resources
        self.faults = faults


def _services() -> Services:
    services: Services = current_app.extensions[SERVICES]
    return services


@resources.before_request
@faults.before_request
def authenticate() -> None:
    """Find the account by its token, and refuse bodies that are not JSON."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidTokenError(
            "Send the header Authorization: Bearer <token>. The default account's token is in "
            "$LANDFORM_HOME/sandbox/token."
        )
    caller = _services().accounts.authenticate(token.strip())
    g.account_id, g.read_delay_seconds = caller
    if request.method in ("POST", "PUT", "PATCH") and not request.is_json:
        raise UnsupportedMediaTypeError("Send the body as Content-Type: application/json.")


def _wait_for_read() -> None:
    """Hold a read up as long as the account asked for, outside any transaction."""
    if g.read_delay_seconds > 0:
        time.sleep(g.read_delay_seconds)


@health.route("/healthz")
@health.route("/v1/healthz")
class Health(MethodView):
    @health.response(200, HealthSchema)
    def get(self) -> dict[str, str]:
        """Say that the service is up; needs no token"""
        return {"status": "ok", "version": VERSION}


@resources.route("/resources")
class ResourceList(MethodView):
    @resources.doc(**_TOKEN_DOC)
    @resources.arguments(ResourceQuerySchema, location="query")
    @resources.response(200, ResourcePageSchema)
    @resources.alt_response(401, schema=ProblemSchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the account's resources in order of creation, by type and tags"""
        type_name = get_type(query["type"]).name if "type" in query else None
        tags, after_seq = parse_tags(query["tag"]), read_cursor(query.get("cursor"))
        _wait_for_read()
        limit = query["limit"]
        found = _services().resources.search(g.account_id, type_name, tags, after_seq, limit + 1)
        page = found[:limit]
        return {
            "items": [present_resource(resource) for resource in page],
            "next_cursor": write_cursor(page[-1].seq) if len(found) > limit else None,
        }

    @resources.doc(**_TOKEN_DOC)
    @resources.arguments(ResourceCreateSchema)
    @resources.response(201, ResourceSchema)
    @resources.alt_response(401, schema=ProblemSchema)
    @resources.alt_response(409, schema=ProblemSchema)
    @resources.alt_response(422, schema=ProblemSchema)
    @resources.alt_response(500, schema=ProblemSchema)
    def post(self, body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Create a resource; it is `creating` for the account's create delay"""
        resource = _services().resources.create(
            g.account_id, body["type"], body["attributes"], body["tags"]
        )
        location = url_for("resources.ResourceItem", resource_id=resource.id)
        return present_resource(resource), 201, {"Location": location}


@resources.route("/resources/<resource_id>")
class ResourceItem(MethodView):
    @resources.doc(**_TOKEN_DOC)
    @resources.response(200, ResourceSchema)
    @resources.alt_response(401, schema=ProblemSchema)
    @resources.alt_response(404, schema=ProblemSchema)
    def get(self, resource_id: str) -> dict[str, Any]:
        """Show a resource"""
        _wait_for_read()
        return present_resource(_services().resources.get(g.account_id, resource_id))

    @resources.doc(**_TOKEN_DOC)
    @resources.arguments(ResourceChangeSchema)
    @resources.response(200, ResourceSchema)
    @resources.alt_response(401, schema=ProblemSchema)
    @resources.alt_response(404, schema=ProblemSchema)
    @resources.alt_response(422, schema=ProblemSchema)
    def patch(self, body: dict[str, Any], resource_id: str) -> dict[str, Any]:
        """Change a resource: attributes are merged, tags replaced as a whole"""
        return present_resource(
            _services().resources.update(
                g.account_id, resource_id, body["attributes"], body["tags"]
            )
        )

    @resources.doc(**_TOKEN_DOC)
    @resources.arguments(DeleteQuerySchema, location="query")
    @resources.response(204)
    @resources.alt_response(401, schema=ProblemSchema)
    @resources.alt_response(404, schema=ProblemSchema)
    @resources.alt_response(409, schema=ProblemSchema)
    def delete(self, query: dict[str, Any], resource_id: str) -> None:
        """Delete a resource that no other refers to, or with `force` any"""
        _services().resources.delete(g.account_id, resource_id, force=query["force"])


@faults.route("/faults")
class FaultItem(MethodView):
    @faults.doc(**_TOKEN_DOC)
    @faults.response(200, FaultsSchema)
    @faults.alt_response(401, schema=ProblemSchema)
    def get(self) -> Faults:
        """Show the account's faults"""
        return _services().faults.get(g.account_id)

    @faults.doc(**_TOKEN_DOC)
    @faults.arguments(FaultsSchema)
    @faults.response(200, FaultsSchema)
    @faults.alt_response(401, schema=ProblemSchema)
    @faults.alt_response(422, schema=ProblemSchema)
    def put(self, wanted: Faults) -> Faults:
        """Replace the account's faults; fields left out go back to their defaults"""
        return _services().faults.replace(g.account_id, wanted)


def add_common_headers(response: Response) -> Response:
    """Answers carry an account's data: nothing on the way may keep them."""
    response.headers["Cache-Control"] = "no-store"
    return response

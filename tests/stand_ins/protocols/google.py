"""What Google Cloud answers to Landform itself: tokens, projects, the asset inventory, reads.

A token is good when the service knows the account of it: the id of a service account's key, or the
content of a token file, is the token of a sandbox account. Pages are short, so that some follow.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from sandbox.service.accounts import Accounts
from sandbox.service.records import Resource
from sandbox.service.resources import Resources
from tests.stand_ins.protocols.callers import Callers

PAGE = 2
EVERYTHING = 10_000
PUBLIC_KEY = "google.pem"
FEDERATED = "federated-"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
BY_STACK = re.compile(
    r'labels\.landform-stack=([a-z0-9_]+) OR description:"landform-stack=([a-z0-9_]+)"'
)
OF_ALL = "labels:landform-stack OR description:landform-stack"

ASSETS = {
    "google_compute_address": "compute.googleapis.com/Address",
    "google_compute_firewall": "compute.googleapis.com/Firewall",
    "google_compute_forwarding_rule": "compute.googleapis.com/ForwardingRule",
    "google_compute_instance": "compute.googleapis.com/Instance",
    "google_compute_network": "compute.googleapis.com/Network",
    "google_compute_router": "compute.googleapis.com/Router",
    "google_compute_subnetwork": "compute.googleapis.com/Subnetwork",
    "google_container_cluster": "container.googleapis.com/Cluster",
    "google_service_account": "iam.googleapis.com/ServiceAccount",
    "google_sql_database_instance": "sqladmin.googleapis.com/Instance",
    "google_storage_bucket": "storage.googleapis.com/Bucket",
}
Reply = tuple[dict[str, Any], int]


def make_routes(accounts: Accounts, resources: Resources) -> Blueprint:
    """Return the routes."""
    routes, api = Blueprint("google", __name__), _Google(accounts, resources)
    routes.post("/token")(api.give_token)
    routes.post("/v1/token")(api.exchange_token)
    routes.post("/v1/projects/-/serviceAccounts/<email>:generateAccessToken")(api.impersonate)
    routes.get("/v3/projects/<project>")(api.show_project)
    routes.get("/v1/projects/<project>:searchAllResources")(api.search)
    for place in ("compute/v1", "container/v1", "sql/v1beta4", "storage/v1/b", "v1"):
        routes.get(f"/{place}/<path:name>")(api.read)
    return routes


class _Google:
    def __init__(self, accounts: Accounts, resources: Resources) -> None:
        self._callers = Callers(accounts)
        self._resources = resources

    def give_token(self) -> Reply:
        token = _signed_by(request.form["assertion"], request.base_url)
        if token is None or self._callers.find(token) is None:
            return {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400
        return {"access_token": token, "token_type": "Bearer", "expires_in": 3599}, 200

    def exchange_token(self) -> Reply:
        if self._callers.find(request.form["subject_token"]) is None:
            return {"error": "invalid_grant"}, 400
        return {"access_token": FEDERATED + request.form["subject_token"]}, 200

    def impersonate(self, email: str) -> Reply:
        token = request.headers["Authorization"].removeprefix(f"Bearer {FEDERATED}")
        if self._callers.find(token) is None or not email.startswith("landform@"):
            return {"error": {"status": "PERMISSION_DENIED"}}, 403
        return {"accessToken": token}, 200

    def show_project(self, project: str) -> Reply:
        if self._callers.current() is None:
            return {"error": {"status": "UNAUTHENTICATED"}}, 401
        return ({"projectId": project}, 200) if project == "shop-test" else ({}, 403)

    def search(self, project: str) -> Reply:
        account = self._callers.current()
        if account is None:
            return {"error": {"status": "UNAUTHENTICATED"}}, 401
        wanted = _wanted(request.args["query"])
        rows = [row for item in self._everything(account) for row in _rows(item) if wanted(row)]
        start = int(request.args.get("pageToken", 0))
        page: dict[str, Any] = {"results": rows[start : start + PAGE]}
        if start + PAGE < len(rows):
            page["nextPageToken"] = str(start + PAGE)
        return page, 200

    def read(self, name: str) -> Reply:
        account = self._callers.current()
        if account is None:
            return {"error": {"code": 401, "status": "UNAUTHENTICATED"}}, 401
        names = (row["name"] for item in self._everything(account) for row in _rows(item))
        is_there = any(known.removeprefix("//").partition("/")[2] == name for known in names)
        return ({"name": name}, 200) if is_there else ({}, 404)

    def _everything(self, account: int) -> list[Resource]:
        return self._resources.search(account, None, (), 0, EVERYTHING)


def _signed_by(assertion: str, audience: str) -> str | None:
    """Return the id of the key that signed, if it did and what it signed is right."""
    key = RSAKey.import_key((Path(os.environ["LANDFORM_HOME"]) / PUBLIC_KEY).read_text())
    try:
        token = jwt.decode(assertion, key, algorithms=["RS256"])
    except (JoseError, ValueError):
        return None
    claims = token.claims
    is_right = (claims["aud"], claims["scope"]) == (audience, SCOPE)
    return str(token.header["kid"]) if is_right and claims["exp"] > claims["iat"] else None


def _wanted(query: str) -> Any:
    found = BY_STACK.fullmatch(query)
    if query == OF_ALL:
        return lambda row: (
            "landform-stack" in row["labels"] or "landform-stack" in row["description"]
        )
    assert found is not None, query
    stack, mark = found[1], f"landform-stack={found[2]}"
    return lambda row: row["labels"].get("landform-stack") == stack or mark in row["description"]


def _rows(item: Resource) -> Iterator[dict[str, Any]]:
    asset = ASSETS.get(item.type)
    held: Mapping[str, Any] = item.attributes
    if asset is None:
        return
    service = asset.partition("/")[0]
    row = {
        "name": f"//{service}/{held['id']}",
        "assetType": asset,
        "labels": held.get("labels") or held.get("resource_labels") or {},
        "description": held.get("description") or "",
    }
    if item.type == "google_service_account":
        parent = held["id"].rpartition("/")[0]
        row |= {"name": f"//{service}/{parent}/1234567890"}
        row |= {"additionalAttributes": {"email": held["id"].rpartition("/")[2]}}
    if item.type == "google_sql_database_instance":
        row |= {"name": f"//cloudsql.googleapis.com/projects/shop-test/instances/{held['name']}"}
        row |= {"labels": held["settings"][0]["user_labels"]}
    yield row
    if item.type == "google_compute_instance":
        # Its disk has the same labels.
        yield {**row, "assetType": "compute.googleapis.com/Disk", "name": f"{row['name']}-disk"}

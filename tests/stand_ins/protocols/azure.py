"""What Azure answers to Landform itself: tokens, a subscription, and what carries a tag.

A token is good when the service knows the account of it: a client secret, or the content of a token
file, is the token of a sandbox account. Pages are short, so that some follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, request

from sandbox.service.accounts import Accounts
from sandbox.service.resources import Resources
from tests.stand_ins.protocols.callers import Callers

PAGE = 2
EVERYTHING = 10_000
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
BY_TAG = re.compile(r"tagName eq '([^']+)'(?: and tagValue eq '([^']+)')?")
ARM_TYPE = re.compile(r"/providers/([^/]+/[^/]+)/[^/]+$")
GROUP = "Microsoft.Resources/resourceGroups"
Reply = tuple[dict[str, Any], int]


def make_routes(accounts: Accounts, resources: Resources) -> Blueprint:
    """Return the routes."""
    routes, api = Blueprint("azure", __name__), _Azure(accounts, resources)
    routes.post("/<tenant>/oauth2/v2.0/token")(api.give_token)
    base = "/subscriptions/<subscription>"
    routes.get(base)(api.show_subscription)
    routes.get(f"{base}/resources", defaults={"groups": False})(api.list_tagged)
    routes.get(f"{base}/resourcegroups", defaults={"groups": True})(api.list_tagged)
    return routes


class _Azure:
    def __init__(self, accounts: Accounts, resources: Resources) -> None:
        self._callers = Callers(accounts)
        self._resources = resources

    def give_token(self, tenant: str) -> Reply:
        token = request.form.get("client_secret") or request.form.get("client_assertion", "")
        if self._callers.find(token) is None:
            said = "AADSTS7000215: Invalid client secret provided."
            return {"error": "invalid_client", "error_description": said}, 401
        return {"access_token": token, "token_type": "Bearer", "expires_in": 3599}, 200

    def show_subscription(self, subscription: str) -> Reply:
        if self._callers.current() is None:
            return {"error": {"code": "InvalidAuthenticationToken"}}, 401
        return {"subscriptionId": subscription}, 200 if subscription == SUBSCRIPTION else 404

    def list_tagged(self, subscription: str, groups: bool) -> Reply:
        account = self._callers.current()
        if account is None or subscription != SUBSCRIPTION:
            return {"error": {"code": "AuthorizationFailed"}}, 403
        asked = request.args.to_dict()
        found = BY_TAG.fullmatch(asked["$filter"])
        assert found is not None, asked
        held = self._resources.search(account, None, (), 0, EVERYTHING)
        rows = [
            row
            for row in _rows([item.attributes for item in held])
            if (row["type"] == GROUP) is groups
            and found[1] in row["tags"]
            and found[2] in (None, row["tags"][found[1]])
        ]
        start = int(asked.pop("$skiptoken", 0))
        page: dict[str, Any] = {"value": rows[start : start + PAGE]}
        if start + PAGE < len(rows):
            more = urlencode({**asked, "$skiptoken": str(start + PAGE)})
            page["nextLink"] = f"{request.base_url}?{more}"
        return page, 200


def _rows(held: list[Any]) -> Iterator[dict[str, Any]]:
    for item in held:
        if not str(item.get("id")).startswith("/subscriptions/"):
            continue
        found = ARM_TYPE.search(item["id"])
        yield {
            "id": item["id"],
            "type": found[1] if found else GROUP,
            "tags": item.get("tags") or {},
        }

"""What calls of AWS are in the words of IAM: ``service:Action`` from a request, and what it needs.

Calls that say their action are taken at their word. Those of S3 and EKS are only a method and a
path, which botocore's models of the services tell apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.session

POLICIES = Path(__file__).parents[1] / "docs" / "aws-policies"
SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]*/([^/]+)/aws4_request")
# IAM has other names than the calls; see the service authorization reference of S3.
S3_ACTIONS = {
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
SERVICES = {"tagging": "tag"}
# STS answers these whatever a policy says.
FREE = frozenset({"sts:GetCallerIdentity"})


@dataclass(frozen=True)
class Call:
    """One request: the service that it was signed for, and its action or its method and path."""

    service: str
    action: str

    def needs(self) -> str:
        """Return the action that a policy must allow."""
        name = self.action
        if " " in name:
            method, _, target = name.partition(" ")
            name = _operation(self.service, method, target)
        if self.service == "s3":
            name = S3_ACTIONS.get(name, name)
        return f"{SERVICES.get(self.service, self.service)}:{name}"


def service_of(authorization: str) -> str:
    """Return the service that a request was signed for, or nothing for an unsigned one."""
    found = SCOPE.search(authorization)
    return found[1] if found else ""


def find_refused(calls: Iterable[Call], *policies: str) -> list[str]:
    """Return the actions that were called and that none of these policies allows."""
    allowed = [action for name in policies for action in allowed_actions(name)]
    needed = {call.needs() for call in calls if call.service} - FREE
    return sorted(
        action for action in needed if not any(fnmatchcase(action, item) for item in allowed)
    )


def allowed_actions(policy: str) -> list[str]:
    """Return every action that a policy of docs/aws-policies allows."""
    statements = read_policy(policy)["Statement"]
    return [action for item in statements if item["Effect"] == "Allow" for action in item["Action"]]


def read_policy(name: str) -> dict[str, Any]:
    return dict(json.loads((POLICIES / f"{name}.json").read_text(encoding="utf-8")))


def _operation(service: str, method: str, target: str) -> str:
    """Return the operation that has this method, this path, and most of these query fields."""
    parts = urlsplit(target)
    query = set(parse_qs(parts.query, keep_blank_values=True))
    fitting = [
        (len(fields), name)
        for name, verb, path, fields in _operations(service)
        if verb == method and fields <= query and path.fullmatch(parts.path)
    ]
    return max(fitting)[1] if fitting else f"{method} {target}"


@cache
def _operations(service: str) -> list[tuple[str, str, re.Pattern[str], frozenset[str]]]:
    model = botocore.session.get_session().get_service_model(service)
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", re.sub(r"\{[^}]+\+\}", ".+", path))
        fields = {part.partition("=")[0] for part in query.split("&") if part}
        fields |= _required_fields(model.operation_model(name))
        found.append((name, http["method"], re.compile(pattern + "/?"), frozenset(fields)))
    return found


def _required_fields(operation: Any) -> set[str]:
    """Return the query fields without which the call is another one."""
    shape = operation.input_shape
    members = (
        [shape.members[name].serialization for name in shape.required_members] if shape else []
    )
    return {item["name"] for item in members if item.get("location") == "querystring"}

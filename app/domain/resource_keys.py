"""By which keys two stacks are seen to name the same resource, however each of them spells it.

A key is a digest of where a name is unique, the type, and the name. Pure rules: texts of a resource
go in, keys come out. What a resource *is* has own keys; what it is only a part of, such as the
bucket of a policy, has the keys of its whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

IDENTITY = frozenset(
    {
        *("id", "arn", "name", "bucket", "identifier", "role", "role_name"),
        *("cluster_name", "queue_url", "repository", "route_table_id", "secret_id"),
    }
)
"""Attributes that say which resource one is, or of what it is a part. None is a secret."""

UTILITIES = frozenset(
    {"archive", "external", "http", "local", "null", "random", "terraform", "time", "tls"}
)
"""Providers of what stands in the state only: an id of theirs names nothing in a cloud."""

UNIQUE = re.compile(r"arn:[^:]*:[^:]*:[^:]*:[^:]+:.+|[a-z]+-[0-9a-f]{8,17}")
"""A name that says by itself of which account and type it is: an ARN, an id of EC2."""

KNOWN_EVERYWHERE = ("aws_s3_bucket", "sandbox_")
KNOWN_IN_ACCOUNT = ("aws_iam_",)
ALIASES: Mapping[str, tuple[str, ...]] = {
    "aws_db_instance": ("identifier",),
    "aws_eks_cluster": ("name",),
    "aws_iam_role": ("name",),
    "aws_s3_bucket": ("bucket",),
}
"""Attributes by which the provider finds a resource beside its id."""

WHOLES: tuple[tuple[str, str, str, str], ...] = (
    ("aws_s3_bucket_", "aws_s3_bucket", "bucket", ","),
    ("aws_iam_role_policies_exclusive", "aws_iam_role", "role_name", ""),
    ("aws_iam_role_policy_attachments_exclusive", "aws_iam_role", "role_name", ""),
    ("aws_iam_role_policy_attachment", "aws_iam_role", "role", "/"),
    ("aws_iam_role_policy", "aws_iam_role", "role", ":"),
    ("aws_eks_access_policy_association", "aws_eks_cluster", "cluster_name", "#"),
    ("aws_eks_addon", "aws_eks_cluster", "cluster_name", ":"),
    ("aws_eks_node_group", "aws_eks_cluster", "cluster_name", ":"),
    ("aws_route_table_association", "aws_route_table", "route_table_id", ""),
    ("aws_route", "aws_route_table", "route_table_id", ""),
    ("aws_secretsmanager_secret_version", "aws_secretsmanager_secret", "secret_id", "|"),
    ("aws_ecr_lifecycle_policy", "aws_ecr_repository", "repository", ""),
    ("aws_sqs_queue_", "aws_sqs_queue", "queue_url", ""),
)
"""By type, or its beginning: of what it is a part, the attribute with that name, and what ends the
name in the part's own id."""


@dataclass(frozen=True)
class Place:
    """Where a stack is: within one account and region names are unique."""

    cloud: str
    account_id: str
    region: str


def identity_texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return those attributes of a resource that say which one it is."""
    return {
        name: value
        for name in IDENTITY
        if isinstance(value := attributes.get(name), str) and value.strip()
    }


def own_keys(place: Place, type_: str, texts: Mapping[str, str]) -> set[str]:
    """Return the keys of what a resource is itself.

    Args:
        place: of the stack that names it.
        type_: Terraform's word for it.
        texts: its attributes, of which ``IDENTITY`` counts.
    """
    if type_.partition("_")[0] in UTILITIES:
        return set()
    found = [texts.get(name) for name in ("id", "arn", *ALIASES.get(type_, ()))]
    return {*_keys(place, type_, filter(None, found))}


def whole_keys(place: Place, type_: str, texts: Mapping[str, str]) -> set[str]:
    """Return the keys of what a resource is a part of; nothing when it stands alone."""
    rule = next((rule for rule in WHOLES if _fits(rule[0], type_)), None)
    if rule is None:
        return set()
    _, whole, attribute, end = rule
    names = [texts.get(attribute)]
    if end and (name := texts.get("id")):
        is_arn = name.startswith("arn:") and end in ":/"  # which an ARN has within
        names.append(name if is_arn else name.partition(end)[0])
    return {*_keys(place, whole, filter(None, names))}


def _fits(beginning: str, type_: str) -> bool:
    return type_.startswith(beginning) if beginning.endswith("_") else type_ == beginning


def _keys(place: Place, type_: str, names: Iterable[str]) -> Iterator[str]:
    for text in names:
        for name in _spellings(text, is_path_shortened=type_.startswith("aws_iam_")):
            yield _key(place, type_, name)


def _spellings(text: str, *, is_path_shortened: bool) -> set[str]:
    """Return a name as it is compared; of an ARN also the name within it."""
    plain = text.strip().casefold().rstrip("/").removesuffix(":*")
    found = {plain}
    if plain.startswith("arn:"):
        tail = plain.split(":", 5)[-1]
        found |= {tail, tail.partition("/")[2], tail.partition(":")[2]}
        if is_path_shortened:
            found.add(tail.rpartition("/")[2])
    return found - {""}


def _key(place: Place, type_: str, name: str) -> str:
    where: tuple[str, ...] = (place.account_id, place.region, type_)
    if UNIQUE.fullmatch(name):
        where = ()
    elif type_.startswith(KNOWN_EVERYWHERE):
        where = (type_,)
    elif type_.startswith(KNOWN_IN_ACCOUNT):
        where = (place.account_id, type_)
    return hashlib.sha256("\n".join((place.cloud, *where, name)).encode()).hexdigest()

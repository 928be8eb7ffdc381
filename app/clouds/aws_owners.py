"""Ask AWS to which stacks resources belong (``app.clouds.owners``).

Two lists tell the tags of nearly all of a region at once. What they lack is asked one by one: IAM
has no such list, a bucket may lie in another region, a database goes by an id that is not its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from app.clouds.aws_search import list_tagged
from app.clouds.aws_session import AwsError, in_words, open_client
from app.clouds.login import CloudLogin
from app.clouds.named import NamedResource
from app.domain.resource_names import STACK_TAG
from app.errors import CloudSearchError

UNIQUE = re.compile(r"[a-z]+-[0-9a-f]{8,17}")
"""An id of EC2, whichever type goes by it."""

ABSENT = frozenset(
    {
        *("DBInstanceNotFound", "InvalidBucketName", "NoSuchBucket", "NoSuchEntity"),
        *("NoSuchTagSet", "ValidationError", "404", "RepositoryNotFoundException"),
        *("AWS.SimpleQueueService.NonExistentQueue", "InvalidParameterException"),
    }
)
"""What AWS answers about that which does not exist, or carries no tags."""

Ask = Callable[[Any, str], Iterable[Mapping[str, str]]]
"""Takes a client and a name; returns the tags of what goes by it."""


def find_owners(
    login: CloudLogin, region: str, resources: Sequence[NamedResource]
) -> list[frozenset[str]]:
    """Return to which stacks resources belong.

    Raises:
        CloudSearchError: AWS refused or did not answer.
    """
    asked = [item for item in resources if item.type.startswith("aws_")]
    if not asked:
        return [frozenset() for _ in resources]
    try:
        with in_words():
            found = _Tagged(list_tagged(login, region))
            single = _Single(login, region)
            return [found.owners(item) | single.owners(item) for item in resources]
    except AwsError as error:
        raise CloudSearchError(f"AWS could not be asked. {error}") from error


class _Tagged:
    """Everything in a region that carries a stack's tag, by name."""

    def __init__(self, found: Iterable[Any]) -> None:
        self._by_name: dict[str, set[tuple[str, str]]] = {}
        for item in found:
            owner = item.attributes["tags"][STACK_TAG]
            for name in (item.id, *item.aliases):
                self._by_name.setdefault(name.casefold(), set()).add((item.type, owner))

    def owners(self, resource: NamedResource) -> frozenset[str]:
        """Return whose tag it carries: the same name of the same type, or one that is unique."""
        names = resource.names()
        return frozenset(
            owner
            for name in names
            for type_, owner in self._by_name.get(name, ())
            if resource.is_part or type_ == resource.type or _is_unique(name)
        )


class _Single:
    """Asks about what no list shows, each name once."""

    def __init__(self, login: CloudLogin, region: str) -> None:
        self._login = login
        self._region = region
        self._known: dict[tuple[str, str], frozenset[str]] = {}
        self._clients: dict[str, Any] = {}

    def owners(self, resource: NamedResource) -> frozenset[str]:
        """Return whose tag it carries, if it is of a type that is asked about alone."""
        owners: frozenset[str] = frozenset()
        for prefix, (service, names_of, ask) in LOOKUPS.items():
            if resource.type.startswith(prefix):
                for name in sorted(names_of(resource)):
                    owners |= self._owners_of(prefix, service, name, ask)
        return owners

    def _owners_of(self, prefix: str, service: str, name: str, ask: Ask) -> frozenset[str]:
        if (prefix, name) not in self._known:
            if service not in self._clients:
                client = open_client(service, self._login, self._region)
                self._clients[service] = client
            try:
                tags = list(ask(self._clients[service], name))
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in ABSENT:
                    raise
                tags = []
            owners = frozenset(tag["Value"] for tag in tags if tag["Key"] == STACK_TAG)
            self._known[prefix, name] = owners
        return self._known[prefix, name]


def _is_unique(name: str) -> bool:
    return name.startswith("arn:") or UNIQUE.fullmatch(name) is not None


def _role_names(resource: NamedResource) -> set[str]:
    """Return the roles that a role, one of its policies, or an attachment may be about."""
    texts = [resource.id, resource.text("role"), resource.text("role_name"), resource.text("name")]
    if resource.type == "aws_iam_role_policy":
        texts = [(resource.id or "").partition(":")[0], resource.text("role")]
    elif resource.type == "aws_iam_role_policy_attachment":
        texts = [resource.text("role"), (resource.id or "").partition("/")[0]]
    return {text.rpartition("/")[2] for text in texts if text} - {""}


def _bucket_names(resource: NamedResource) -> set[str]:
    texts = [resource.id or "", resource.text("bucket") or ""]
    return {text.partition(",")[0].rpartition(":")[2].strip("/ ") for text in texts} - {""}


def _own_id(resource: NamedResource) -> set[str]:
    return {resource.id} if resource.id else set()


def _database_tags(client: Any, name: str) -> list[Mapping[str, str]]:
    by_id = {"Filters": [{"Name": "dbi-resource-id", "Values": [name]}]}
    wanted = by_id if name.startswith("db-") else {"DBInstanceIdentifier": name}
    rows = client.describe_db_instances(**wanted)["DBInstances"]
    return [tag for row in rows for tag in row.get("TagList", ())]


def _queue_addresses(resource: NamedResource) -> set[str]:
    texts = (resource.id, resource.text("url"), resource.text("queue_url"))
    return {text for text in texts if text and text.startswith(("https://", "http://"))}


def _queue_tags(client: Any, address: str) -> list[Mapping[str, str]]:
    tags = client.list_queue_tags(QueueUrl=address).get("Tags", {})
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _registry_names(resource: NamedResource) -> set[str]:
    texts = (resource.id, resource.text("name"), resource.text("repository"))
    return {text for text in texts if text}


def _registry_tags(client: Any, name: str) -> list[Mapping[str, str]]:
    found = client.describe_repositories(repositoryNames=[name])["repositories"]
    arns = [row["repositoryArn"] for row in found]
    return [tag for arn in arns for tag in client.list_tags_for_resource(resourceArn=arn)["tags"]]


LOOKUPS: Mapping[str, tuple[str, Callable[[NamedResource], set[str]], Ask]] = {
    "aws_iam_role": (
        "iam",
        _role_names,
        lambda client, name: client.list_role_tags(RoleName=name)["Tags"],
    ),
    "aws_iam_instance_profile": (
        "iam",
        _own_id,
        lambda client, name: client.get_instance_profile(InstanceProfileName=name)[
            "InstanceProfile"
        ].get("Tags", ()),
    ),
    "aws_iam_openid_connect_provider": (
        "iam",
        _own_id,
        lambda client, name: client.get_open_id_connect_provider(OpenIDConnectProviderArn=name).get(
            "Tags", ()
        ),
    ),
    "aws_s3_bucket": (
        "s3",
        _bucket_names,
        lambda client, name: client.get_bucket_tagging(Bucket=name)["TagSet"],
    ),
    "aws_db_instance": ("rds", _own_id, _database_tags),
    "aws_ecr_": ("ecr", _registry_names, _registry_tags),
    "aws_sqs_queue": ("sqs", _queue_addresses, _queue_tags),
}
"""By the beginning of types: the service, what it calls the resource, and how it tells its tags."""

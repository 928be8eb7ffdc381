"""Search Google Cloud for what carries a stack's label, by the Cloud Asset Inventory.

Some types carry no labels; what the modules make of those says in its description whose it is. The
inventory may show for some minutes what is gone, so each find is asked for where it lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from app.clouds.found import FoundResource
from app.clouds.gcp import fetch_token, open_api
from app.clouds.json_api import NONSENSE, JsonApi, JsonApiError
from app.clouds.login import CloudLogin
from app.clouds.named import NamedResource
from app.domain.resource_names import STACK_TAG, described_owners
from app.errors import CloudSearchError

LABEL = STACK_TAG.replace(":", "-")
ASSETS = "https://cloudasset.googleapis.com"
PAGE = 500

COMPUTE = ("https://compute.googleapis.com", "compute/v1")
# Asset type, Terraform's type, and where one of it is read.
TYPES: Mapping[str, tuple[str, tuple[str, str]]] = {
    "compute.googleapis.com/Address": ("google_compute_address", COMPUTE),
    "compute.googleapis.com/Firewall": ("google_compute_firewall", COMPUTE),
    "compute.googleapis.com/ForwardingRule": ("google_compute_forwarding_rule", COMPUTE),
    "compute.googleapis.com/Instance": ("google_compute_instance", COMPUTE),
    "compute.googleapis.com/Network": ("google_compute_network", COMPUTE),
    "compute.googleapis.com/Router": ("google_compute_router", COMPUTE),
    "compute.googleapis.com/Subnetwork": ("google_compute_subnetwork", COMPUTE),
    "container.googleapis.com/Cluster": (
        "google_container_cluster",
        ("https://container.googleapis.com", "container/v1"),
    ),
    "iam.googleapis.com/ServiceAccount": (
        "google_service_account",
        ("https://iam.googleapis.com", "v1"),
    ),
    "sqladmin.googleapis.com/Instance": (
        "google_sql_database_instance",
        ("https://sqladmin.googleapis.com", "sql/v1beta4"),
    ),
    "storage.googleapis.com/Bucket": (
        "google_storage_bucket",
        ("https://storage.googleapis.com", "storage/v1/b"),
    ),
}
# Come and go with a machine or a cluster, whose labels they have.
PARTS = frozenset({"compute.googleapis.com/Disk", "container.googleapis.com/NodePool"})
VISIBLE_TYPES = frozenset(type_ for type_, _ in TYPES.values())


def search(login: CloudLogin, _region: str, stack_id: str) -> list[FoundResource]:
    """Return what carries the label of the stack, or its mark, in whichever region.

    Raises:
        CloudSearchError: Google Cloud refused or did not answer.
    """
    marked = f"{LABEL}={stack_id}"
    try:
        api = open_api(login)
        token = fetch_token(api, login)
        query = f'labels.{LABEL}={stack_id} OR description:"{marked}"'
        found = [item for item, owners in _assets(api, token, login, query) if stack_id in owners]
    except (JsonApiError, *NONSENSE) as error:
        raise _failure(error) from error
    return found


def keep_existing(
    login: CloudLogin, _region: str, found: list[FoundResource]
) -> list[FoundResource]:
    """Return those of the finds that are still there; what cannot be read counts as there.

    Raises:
        CloudSearchError: Google Cloud did not answer.
    """
    places = dict(TYPES.values())
    try:
        api = open_api(login)
        token = fetch_token(api, login)
        return [
            item
            for item in found
            if item.type not in places or not _is_gone(api, token, places[item.type], item)
        ]
    except (JsonApiError, *NONSENSE) as error:
        raise _failure(error) from error


def find_owners(
    login: CloudLogin, _region: str, resources: Sequence[NamedResource]
) -> list[frozenset[str]]:
    """Return to which stacks resources belong; see ``app.clouds.owners``.

    Raises:
        CloudSearchError: Google Cloud refused or did not answer.
    """
    if not any(item.type.startswith("google_") for item in resources):
        return [frozenset() for _ in resources]
    by_name: dict[str, set[tuple[str, str]]] = {}
    try:
        api = open_api(login)
        token = fetch_token(api, login)
        query = f"labels:{LABEL} OR description:{LABEL}"
        for item, owners in _assets(api, token, login, query):
            for name in {item.id, *item.aliases, item.id.rpartition("/")[2]}:
                known = by_name.setdefault(name.casefold(), set())
                known |= {(item.type, owner) for owner in owners}
    except (JsonApiError, *NONSENSE) as error:
        raise _failure(error) from error
    return [
        frozenset(
            owner
            for name in item.names()
            for type_, owner in by_name.get(name, ())
            if item.is_part or type_ == item.type
        )
        for item in resources
    ]


def _assets(
    api: JsonApi, token: str, login: CloudLogin, query: str
) -> Iterator[tuple[FoundResource, frozenset[str]]]:
    """Yield what the inventory finds, each with the stacks that it says it belongs to."""
    project = quote(login.fields["project"], safe="")
    url = f"{api.base(ASSETS)}/v1/projects/{project}:searchAllResources"
    asked = {"query": query, "pageSize": str(PAGE)}
    while True:
        answer = api.get(url, token, **asked)
        if not answer.is_good:
            raise JsonApiError(
                f"A search is answered with {answer.status}; the account needs "
                "docs/gcp-roles/search.yaml and the project the API cloudasset.googleapis.com."
            )
        for row in answer.body.get("results", ()):
            if row["assetType"] not in PARTS:
                yield _read(row), _owners(row)
        following = answer.body.get("nextPageToken")
        if not following:
            return
        asked["pageToken"] = str(following)


def _read(row: Mapping[str, Any]) -> FoundResource:
    """Return an asset in Terraform's words; what is unknown keeps its own names."""
    asset, name = str(row["assetType"]), str(row["name"])
    type_ = TYPES[asset][0] if asset in TYPES else asset
    identity = _path(name)
    email = row.get("additionalAttributes", {}).get("email")
    if type_ == "google_service_account" and isinstance(email, str):
        identity = f"{identity.rpartition('/')[0]}/{email}"
    if type_ == "google_sql_database_instance":
        identity = identity.rpartition("/")[2]
    labels = {str(key): str(value) for key, value in row.get("labels", {}).items()}
    tags = {key.replace("landform-", "landform:", 1): value for key, value in labels.items()}
    link = f"https://www.googleapis.com/compute/v1/{identity}"
    return FoundResource(identity, type_, {"tags": tags, "labels": labels}, (name, link))


def _owners(row: Mapping[str, Any]) -> frozenset[str]:
    label = row.get("labels", {}).get(LABEL)
    said = described_owners(row.get("description"))
    return said | (frozenset({label}) if isinstance(label, str) else frozenset())


def _is_gone(api: JsonApi, token: str, place: tuple[str, str], item: FoundResource) -> bool:
    host, version = place
    path = quote(_path(item.aliases[0]), safe="/@")
    answer = api.get(f"{api.base(host)}/{version}/{path}", token)
    return answer.status == HTTPStatus.NOT_FOUND


def _path(name: str) -> str:
    """Return what follows the service in ``//service/path``."""
    return name.removeprefix("//").partition("/")[2]


def _failure(error: Exception) -> CloudSearchError:
    said = str(error) if isinstance(error, JsonApiError) else f"{type(error).__name__}."
    return CloudSearchError(f"Google Cloud could not be searched. {said}")

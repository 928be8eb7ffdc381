"""Search Azure for what carries a stack's tag, by the lists of its resource manager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.clouds.azure import fetch_token, open_api, subscription_url
from app.clouds.found import FoundResource
from app.clouds.json_api import NONSENSE, JsonApi, JsonApiError
from app.clouds.login import CloudLogin
from app.clouds.named import NamedResource
from app.domain.resource_names import STACK_TAG, texts_within
from app.errors import CloudSearchError

VERSION = "2021-04-01"
LISTS = ("resources", "resourcegroups")

TYPES: Mapping[str, str] = {
    "microsoft.compute/virtualmachines": "azurerm_linux_virtual_machine",
    "microsoft.containerservice/managedclusters": "azurerm_kubernetes_cluster",
    "microsoft.dbforpostgresql/flexibleservers": "azurerm_postgresql_flexible_server",
    "microsoft.managedidentity/userassignedidentities": "azurerm_user_assigned_identity",
    "microsoft.network/natgateways": "azurerm_nat_gateway",
    "microsoft.network/networkinterfaces": "azurerm_network_interface",
    "microsoft.network/networksecuritygroups": "azurerm_network_security_group",
    "microsoft.network/privatednszones": "azurerm_private_dns_zone",
    "microsoft.network/privatednszones/virtualnetworklinks": (
        "azurerm_private_dns_zone_virtual_network_link"
    ),
    "microsoft.network/privateendpoints": "azurerm_private_endpoint",
    "microsoft.network/publicipaddresses": "azurerm_public_ip",
    "microsoft.network/virtualnetworks": "azurerm_virtual_network",
    "microsoft.resources/resourcegroups": "azurerm_resource_group",
    "microsoft.storage/storageaccounts": "azurerm_storage_account",
}
VISIBLE_TYPES = frozenset(TYPES.values())


def search(login: CloudLogin, _region: str, stack_id: str) -> list[FoundResource]:
    """Return what carries the stack's tag, in whichever region.

    Raises:
        CloudSearchError: Azure refused or did not answer.
    """
    wanted = f"tagName eq '{STACK_TAG}' and tagValue eq '{stack_id}'"
    try:
        return [item for item in _tagged(login, wanted) if _owner(item) == stack_id]
    except (JsonApiError, *NONSENSE) as error:
        raise _failure(error) from error


def find_owners(
    login: CloudLogin, _region: str, resources: Sequence[NamedResource]
) -> list[frozenset[str]]:
    """Return to which stacks resources belong; see ``app.clouds.owners``.

    What lies in a resource group, or below another resource, belongs to whom that belongs to.

    Raises:
        CloudSearchError: Azure refused or did not answer.
    """
    if not any(item.type.startswith("azurerm_") for item in resources):
        return [frozenset() for _ in resources]
    try:
        tagged = {item.id.casefold(): _owner(item) for item in _tagged(login, _ANY)}
    except (JsonApiError, *NONSENSE) as error:
        raise _failure(error) from error
    return [_owners_of(item, tagged) for item in resources]


_ANY = f"tagName eq '{STACK_TAG}'"


def _owners_of(resource: NamedResource, tagged: Mapping[str, str]) -> frozenset[str]:
    said = texts_within(resource.attributes) if resource.is_part else (resource.id or "",)
    paths = [part.casefold() for text in said for part in text.split("|")]
    return frozenset(
        owner
        for path in paths
        for name, owner in tagged.items()
        if path == name or path.startswith(f"{name}/")
    )


def _tagged(login: CloudLogin, wanted: str) -> Iterator[FoundResource]:
    api = open_api(login)
    token = fetch_token(api, login)
    base = subscription_url(api, login)
    for name in LISTS:
        for row in _rows(api, token, f"{base}/{name}", wanted):
            tags = {str(key): str(value) for key, value in row.get("tags", {}).items()}
            type_ = TYPES.get(str(row["type"]).casefold(), str(row["type"]))
            yield FoundResource(str(row["id"]), type_, {"tags": tags})


def _rows(api: JsonApi, token: str, url: str, wanted: str) -> Iterator[dict[str, Any]]:
    answer = api.get(url, token, **{"$filter": wanted, "api-version": VERSION})
    while True:
        if not answer.is_good:
            raise JsonApiError(
                f"A search is answered with {answer.status}; the account needs "
                "docs/azure-roles/search.json."
            )
        yield from answer.body.get("value", ())
        following = answer.body.get("nextLink")
        if not following:
            return
        if not str(following).startswith(f"{url}?"):
            raise JsonApiError("A search goes on at another address.")
        answer = api.get(str(following), token)


def _owner(item: FoundResource) -> str:
    return str(item.attributes["tags"].get(STACK_TAG, ""))


def _failure(error: Exception) -> CloudSearchError:
    said = str(error) if isinstance(error, JsonApiError) else f"{type(error).__name__}."
    return CloudSearchError(f"Azure could not be searched. {said}")

"""Searching Azure: by tag, page after page, and whose things are."""

from __future__ import annotations

from app.clouds import azure_search
from app.clouds.named import NamedResource
from tests.logins import login
from tests.sandbox_cloud import Cloud
from tests.stand_ins.clouds import SUBSCRIPTION, StandInClouds

REGION = "northeurope"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
NETWORK = "providers/Microsoft.Network/virtualNetworks"


def add(cloud: Cloud, type_: str, identity: str, stack: str | None) -> None:
    tags = {"landform:stack": stack, "landform:operation": "op_1"} if stack else None
    body = {"type": type_, "attributes": {"id": identity, "tags": tags}}
    cloud.call("POST", "/resources", json=body)


def fill(cloud: Cloud) -> None:
    """Make what two stacks have, and what nobody has."""
    for name, stack in (("web-1", "stk_1"), ("web-2", "stk_2"), ("web-10", "stk_10")):
        add(cloud, "azurerm_resource_group", f"{GROUP}/{name}", stack)
        add(cloud, "azurerm_virtual_network", f"{GROUP}/{name}/{NETWORK}/web", stack)
        add(cloud, "azurerm_subnet", f"{GROUP}/{name}/{NETWORK}/web/subnets/web-1", None)
    security = "providers/Microsoft.Network/networkSecurityGroups/web"
    add(cloud, "azurerm_network_security_group", f"{GROUP}/web-1/{security}", "stk_1")
    add(
        cloud,
        "azurerm_public_ip",
        f"{GROUP}/web-1/providers/Microsoft.Network/publicIPAddresses/a",
        "stk_1",
    )
    add(cloud, "azurerm_resource_group", f"{GROUP}/nobody", None)


def test_what_a_stack_has_is_found_by_its_tag(stand_ins: StandInClouds) -> None:
    cloud, fields = stand_ins.open("azure")
    fill(cloud)
    found = azure_search.search(login(fields), REGION, "stk_1")
    assert {(item.type, item.id.rpartition("/")[2]) for item in found} == {
        ("azurerm_resource_group", "web-1"),
        ("azurerm_virtual_network", "web"),
        ("azurerm_network_security_group", "web"),
        ("azurerm_public_ip", "a"),
    }
    assert {item.attributes["tags"]["landform:operation"] for item in found} == {"op_1"}


def test_a_resource_belongs_to_whom_it_or_what_it_lies_in_belongs(stand_ins: StandInClouds) -> None:
    cloud, fields = stand_ins.open("azure")
    fill(cloud)

    def owners(type_: str, *, is_part: bool = False, **attributes: str) -> set[str]:
        asked = NamedResource(type_, attributes, is_part)
        return {*azure_search.find_owners(login(fields), REGION, [asked])[0]}

    network = f"{GROUP}/web-2/{NETWORK}/web"
    assert owners("azurerm_virtual_network", id=network) == {"stk_2"}
    assert owners("azurerm_virtual_network", id=network.upper()) == {"stk_2"}
    assert owners("azurerm_network_interface", id=f"{GROUP}/web-10/providers/x/y/z") == {"stk_10"}
    assert owners("azurerm_resource_group", id=f"{GROUP}/web") == set()
    assert owners("azurerm_resource_group", id=f"{GROUP}/nobody") == set()
    subnet = {"id": f"{network}/subnets/web-1"}
    assert owners("azurerm_subnet", is_part=True, **subnet) == {"stk_2"}
    pair = {"id": f"{GROUP}/nobody/a/b|{GROUP}/web-1/c/d"}
    assert owners("azurerm_nat_gateway_public_ip_association", is_part=True, **pair) == {"stk_1"}
    assert owners("aws_vpc", id=network) == set()

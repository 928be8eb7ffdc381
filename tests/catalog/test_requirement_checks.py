"""What a reference requires of the stack it names: read, checked, and true of the shipped kinds."""

from __future__ import annotations

import pytest

from app.catalog.catalog import Catalog
from tests.catalog.conftest import CatalogFolder

GROUP = "blueprints/machine-group/blueprint.yaml"
OUTPUTS = "          subnet_ids: network_subnet_ids\n"


def require(folder: CatalogFolder, text: str) -> None:
    """Have the machine group require something of its network."""
    folder.replace(GROUP, OUTPUTS, f"{OUTPUTS}        requires:\n          - {text}\n")


def test_a_requirement_is_a_schema_for_the_parameters_of_the_other_stack(
    folder: CatalogFolder,
) -> None:
    require(
        folder,
        "{cloud: sandbox, kind: network, parameters: {zones: {minimum: 2}}, message: is too small}",
    )
    (item,) = folder.load().kind("machine-group").references["network"].requires
    assert (item.cloud, item.kind, item.message) == ("sandbox", "network", "is too small")
    assert item.schema == {"properties": {"zones": {"minimum": 2}}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{cloud: sandbox, kind: bucket, parameters: {zones: {minimum: 2}}, message: m}",
            "the reference takes no bucket",
        ),
        (
            "{cloud: sandbox, kind: network, parameters: {zoned: {minimum: 2}}, message: m}",
            "network has no parameter zoned; it has: cidr, internet_access, zones",
        ),
        (
            "{cloud: sandbox, kind: network, parameters: {zones: {least: 2}}, message: m}",
            "least is not a known field",
        ),
        ("{cloud: sandbox, kind: network, message: m}", "parameters is required"),
    ],
)
def test_a_requirement_that_could_never_apply_is_a_mistake(
    folder: CatalogFolder, text: str, said: str
) -> None:
    require(folder, text)
    (diagnostic,) = folder.diagnostics()
    assert diagnostic.startswith(f"{GROUP}:")
    assert said in diagnostic


def test_every_shipped_requirement_names_a_cloud_that_there_is(catalog: Catalog) -> None:
    named = {
        item.cloud
        for versions in catalog.versions.values()
        for blueprint in versions.values()
        for reference in blueprint.references.values()
        for item in reference.requires
    }
    assert named
    assert named <= set(catalog.clouds)

"""What a state, an import or a manifest may name is read from the modules, never from a list."""

from __future__ import annotations

from app.catalog.catalog import Catalog
from tests.catalog.conftest import CatalogFolder

SANDBOX = 'provider["landform.local/landform/sandbox"]'
AWS = 'provider["registry.terraform.io/hashicorp/aws"]'
BUILTIN = 'provider["terraform.io/builtin/terraform"]'


def test_each_kind_declares_the_types_of_its_module(catalog: Catalog) -> None:
    network = catalog.kind("network").declared
    assert network["sandbox"].managed == {
        "sandbox_network": {SANDBOX},
        "sandbox_subnet": {SANDBOX},
    }
    assert network["sandbox"].data == {}
    assert {"aws_vpc", "aws_subnet", "aws_iam_role_policy"} <= set(network["aws"].managed)
    assert set(network["aws"].data) == {"aws_iam_policy_document"}
    assert network["aws"].providers == {AWS}
    existing = catalog.kind("existing-network").declared["sandbox"]
    assert (existing.managed, set(existing.data)) == ({}, {"sandbox_network", "sandbox_subnet"})


def test_every_version_on_every_cloud_declares_something_of_its_own_cloud(
    catalog: Catalog,
) -> None:
    for versions in catalog.versions.values():
        for blueprint in versions.values():
            assert set(blueprint.declared) == set(blueprint.clouds)
            for cloud, declared in blueprint.declared.items():
                sources = catalog.cloud(cloud).provider_sources.values()
                allowed = {f'provider["{source}"]' for source in sources}
                assert declared.providers, f"{blueprint.kind} {blueprint.version} on {cloud}"
                assert declared.providers <= allowed | {BUILTIN}


def test_aliases_checks_builtin_and_former_types_count(folder: CatalogFolder) -> None:
    folder.replace(
        "clouds/sandbox.yaml",
        '  provider "sandbox" {}\n',
        '  provider "sandbox" {}\n  provider "sandbox" {\n    alias = "b"\n  }\n',
    )
    folder.write(
        "blueprints/bucket/sandbox/more.tf",
        'resource "terraform_data" "a" {}\n'
        'check "c" {\n  data "sandbox_machine" "m" {\n    provider = sandbox.b\n    id = "x"\n  }\n'
        '  assert {\n    condition     = true\n    error_message = "no"\n  }\n}\n'
        "moved {\n  from = sandbox_database.old\n  to   = sandbox_bucket.this\n}\n"
        "removed {\n  from = sandbox_cluster.gone\n  lifecycle {\n    destroy = false\n  }\n}\n",
    )
    declared = folder.load().kind("bucket").declared["sandbox"]
    assert declared.data == {"sandbox_machine": {f"{SANDBOX}.b"}}
    assert declared.managed == {
        "sandbox_bucket": {SANDBOX},
        "sandbox_cluster": {SANDBOX},
        "sandbox_database": {SANDBOX},
        "terraform_data": {BUILTIN},
    }


def test_all_versions_of_a_kind_count_where_a_state_may_be_older(catalog: Catalog) -> None:
    together = catalog.declared_types("cluster", "aws")
    assert "aws_eks_addon" in together.managed, "of version 1.1.0"
    assert "aws_eks_addon" not in catalog.blueprint("cluster", "1.0.0").declared["aws"].managed
    assert catalog.declared_types("cluster", "mars").providers == frozenset()
    assert catalog.declared_types("nonsense", "aws").of_mode("managed") == {}

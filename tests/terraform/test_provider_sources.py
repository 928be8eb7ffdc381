"""Nothing but what a cloud declares is ever installed, whatever a state or a module asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.catalog.catalog import Catalog
from app.catalog.loader import load_catalog
from app.config.settings import Settings
from app.storage.run_files import LOCK_FILE
from app.terraform.cli import Terraform
from app.terraform.environment import cli_config, write_cli_config
from app.terraform.terraform_errors import TerraformError
from sandbox.provider.install import install
from tests.listening import Listener
from tests.terraform.conftest import MakeTerraform

DECLARED = "landform.local/landform/sandbox"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    root: Path = Settings.model_fields["catalog_root"].get_default(call_default_factory=True)
    return load_catalog(root)


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    install(tmp_path / "sandbox mirror")
    return tmp_path / "sandbox mirror"


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def place_state(terraform: Terraform, provider: str) -> None:
    resource = {
        "mode": "managed",
        "type": "evil_thing",
        "name": "a",
        "provider": f'provider["{provider}"]',
        "instances": [{"schema_version": 0, "attributes": {"id": "x"}}],
    }
    state = {"version": 4, "serial": 1, "lineage": "l", "resources": [resource]}
    (terraform.directory / "terraform.tfstate").write_text(json.dumps(state))


def configure(terraform: Terraform, catalog: Catalog, mirror: Path, *more: str) -> None:
    """Write what the engine writes for a stack on the sandbox cloud."""
    cloud = catalog.cloud("sandbox")
    sources = [*cloud.provider_sources.values(), *more]
    write_cli_config(terraform.directory / "landform.tfrc", cli_config(sources, mirror, None))
    (terraform.directory / LOCK_FILE).write_bytes(cloud.provider_lock)


def test_a_provider_that_only_the_state_names_is_fetched_from_nowhere(
    make_terraform: MakeTerraform, catalog: Catalog, mirror: Path, listener: Listener
) -> None:
    terraform = make_terraform(catalog.cloud("sandbox").provider_hcl)
    configure(terraform, catalog, mirror)
    place_state(terraform, listener.provider)
    with pytest.raises(TerraformError, match=r"evil/evil was not\s+found in any"):
        terraform.init(60)
    assert listener.connections == 0
    assert not (terraform.directory / ".terraform/providers" / listener.provider).exists()


def test_the_listener_sees_who_is_allowed_to_fetch(
    make_terraform: MakeTerraform, catalog: Catalog, mirror: Path, listener: Listener
) -> None:
    terraform = make_terraform(catalog.cloud("sandbox").provider_hcl)
    configure(terraform, catalog, mirror, listener.provider)
    place_state(terraform, listener.provider)
    with pytest.raises(TerraformError):
        terraform.init(60)
    assert listener.connections > 0, "else the test above could not fail"


def test_a_declared_provider_in_another_place_is_not_taken(
    make_terraform: MakeTerraform, catalog: Catalog, mirror: Path
) -> None:
    terraform = make_terraform(catalog.cloud("sandbox").provider_hcl)
    configure(terraform, catalog, mirror.parent / "no mirror")
    with pytest.raises(TerraformError, match="is no longer available"):
        terraform.init(60)


def test_the_committed_hash_is_that_of_the_installed_provider(
    make_terraform: MakeTerraform, catalog: Catalog, mirror: Path
) -> None:
    terraform = make_terraform(catalog.cloud("sandbox").provider_hcl)
    configure(terraform, catalog, mirror)
    terraform.init(60)
    assert (terraform.directory / LOCK_FILE).read_bytes() == catalog.cloud("sandbox").provider_lock


def test_another_package_under_the_name_of_the_provider_is_not_installed(
    make_terraform: MakeTerraform, catalog: Catalog, mirror: Path
) -> None:
    for executable in (mirror / DECLARED).rglob("terraform-provider-*"):
        executable.write_text("#!/bin/sh\nexit 1\n")
    terraform = make_terraform(catalog.cloud("sandbox").provider_hcl)
    configure(terraform, catalog, mirror)
    with pytest.raises(TerraformError, match="checksum"):
        terraform.init(60)
    assert not (terraform.directory / ".terraform/providers" / DECLARED).exists()


def test_a_provider_that_is_not_locked_is_not_installed(
    make_terraform: MakeTerraform, catalog: Catalog, mirror: Path
) -> None:
    terraform = make_terraform(catalog.cloud("sandbox").provider_hcl)
    configure(terraform, catalog, mirror)
    (terraform.directory / LOCK_FILE).unlink()
    with pytest.raises(TerraformError, match="lock file is read-only"):
        terraform.init(60)

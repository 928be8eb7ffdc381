"""The excerpts hold what the modules use, and Terraform refuses what the true schema lacks."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.catalog.catalog import PROVIDER_FILE_NAME, Catalog
from app.catalog.loader import load_catalog
from app.storage.run_files import LOCK_FILE
from app.terraform.discovery import discover
from app.terraform.environment import build_environment, cli_config, write_cli_config
from tests.catalog.conftest import SHIPPED
from tests.stand_ins.extract import SOURCES, used_types
from tests.stand_ins.identities import FORMS
from tests.stand_ins.install import install
from tests.stand_ins.schemas import Schemas

CLOUDS = {source.cloud: name for name, source in SOURCES.items()}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_an_excerpt_holds_exactly_what_the_modules_use(name: str) -> None:
    held, source = Schemas.read(name), SOURCES[name]
    assert (sorted(held.resources), sorted(held.data_sources)) == used_types(source.cloud)
    assert held.source == {
        "wheel": source.wheel,
        "provider": source.provider,
        "version": source.version,
        "licence": "MPL-2.0",
    }


def test_every_type_has_a_form_of_its_ids() -> None:
    used = {name for cloud in CLOUDS for name in used_types(cloud)[0]}
    assert used == {*FORMS}


@pytest.mark.parametrize("cloud", sorted(CLOUDS))
def test_a_cloud_wants_the_version_that_its_excerpt_is_of(catalog: Catalog, cloud: str) -> None:
    source = SOURCES[CLOUDS[cloud]]
    held = catalog.cloud(cloud)
    assert f'version = "{source.version}"' in held.provider_hcl
    assert f'version     = "{source.version}"' in held.provider_lock.decode()
    assert [*held.provider_sources.values()] == [f"registry.terraform.io/{source.provider}"]


@pytest.mark.parametrize(
    ("cloud", "wrong", "said"),
    [
        ("gcp", "uniform_bucket_access", "Unsupported argument"),
        ("azure", "account_replication", "Unsupported argument"),
    ],
)
def test_terraform_refuses_an_argument_that_the_true_provider_does_not_have(
    catalog: Catalog, tmp_path: Path, cloud: str, wrong: str, said: str
) -> None:
    right = {"gcp": "uniform_bucket_level_access", "azure": "account_replication_type"}[cloud]
    report = validate(catalog, tmp_path, cloud, right, wrong)
    summaries = {item["summary"] for item in report["diagnostics"]}
    assert not report["valid"]
    assert said in summaries


def validate(catalog: Catalog, folder: Path, cloud: str, old: str, new: str) -> dict[str, Any]:
    """Validate the module of a bucket in which one argument has another name."""
    run, held = folder / "run", catalog.cloud(cloud)
    shutil.copytree(catalog.kind("bucket").module_dir(cloud), run)
    main = run / "main.tf"
    main.write_text(main.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    (run / PROVIDER_FILE_NAME).write_text(held.provider_hcl, encoding="utf-8")
    (run / LOCK_FILE).write_bytes(held.provider_lock)
    install(folder / "mirror")
    sources = held.provider_sources.values()
    write_cli_config(folder / "rc", cli_config(sources, folder, folder / "mirror"))
    environment = build_environment(folder, folder, folder / "rc", {})
    for command in (("init", "-input=false", "-lockfile=readonly"), ("validate", "-json")):
        done = subprocess.run(
            discover("").command(command),
            cwd=run,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    told: dict[str, Any] = json.loads(done.stdout)
    return told

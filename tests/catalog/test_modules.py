"""The shipped modules and the documentation's example, judged by Terraform itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from app.catalog.catalog import PROVIDER_FILE_NAME, Catalog
from app.storage.run_files import LOCK_FILE
from app.terraform.discovery import discover
from app.terraform.environment import build_environment, cli_config, write_cli_config
from sandbox.provider.install import install
from tests.catalog.conftest import SHIPPED, CatalogFolder
from tests.moto_cloud import require_provider

INIT = ("init", "-input=false", "-no-color", "-lockfile=readonly")
KINDS = [
    *("archive", "bucket", "cluster", "container-registry", "database", "existing-network"),
    *("machine-group", "network", "queue", "secret"),
]


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    install(folder)
    return folder


def terraform(
    folder: Path, environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        discover("").command(arguments),
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_terraform_finds_the_module_valid(
    with_example: CatalogFolder, mirror: Path, tmp_path: Path, kind: str
) -> None:
    catalog = with_example.load()
    run, cloud = tmp_path / "run", catalog.cloud("sandbox")
    shutil.copytree(catalog.kind(kind).module_dir("sandbox"), run)
    (run / PROVIDER_FILE_NAME).write_text(cloud.provider_hcl)
    (run / LOCK_FILE).write_bytes(cloud.provider_lock)
    config = cli_config(cloud.provider_sources.values(), mirror, None)
    write_cli_config(tmp_path / "rc", config)
    environment = build_environment(tmp_path, tmp_path, tmp_path / "rc", {})
    done = terraform(run, environment, *INIT)
    assert done.returncode == 0, done.stderr
    done = terraform(run, environment, "validate", "-json")
    report = json.loads(done.stdout)
    assert (report["valid"], report["diagnostics"]) == (True, [])


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "archive"])
def test_terraform_finds_the_module_of_aws_valid(
    catalog: Catalog, tmp_path: Path, kind: str
) -> None:
    provider_mirror = require_provider()
    run, cloud = tmp_path / "run", catalog.cloud("aws")
    shutil.copytree(catalog.kind(kind).module_dir("aws"), run)
    (run / PROVIDER_FILE_NAME).write_text(cloud.provider_hcl)
    (run / LOCK_FILE).write_bytes(cloud.provider_lock)
    config = cli_config(cloud.provider_sources.values(), tmp_path, provider_mirror)
    write_cli_config(tmp_path / "rc", config)
    environment = build_environment(tmp_path, tmp_path, tmp_path / "rc", {})
    done = terraform(run, environment, *INIT)
    assert done.returncode == 0, done.stderr
    report = json.loads(terraform(run, environment, "validate", "-json").stdout)
    assert (report["valid"], report["diagnostics"]) == (True, [])


def test_the_modules_and_the_clouds_provider_are_formatted(
    with_example: CatalogFolder, catalog: Catalog, tmp_path: Path
) -> None:
    shutil.copytree(SHIPPED, with_example.root, dirs_exist_ok=True)
    for cloud in catalog.clouds.values():
        (with_example.root / f"{cloud.name}.tf").write_text(cloud.provider_hcl)
    environment = build_environment(tmp_path, tmp_path, tmp_path / "rc", {})
    done = terraform(with_example.root, environment, "fmt", "-check", "-recursive", "-diff")
    assert (done.returncode, done.stdout) == (0, "")

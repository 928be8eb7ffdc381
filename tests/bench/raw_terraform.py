"""Raw ``terraform init``, ``plan`` and ``apply`` of a blueprint's module, as people run it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from app.catalog.loader import load_catalog
from app.domain import ids
from app.settings import REPOSITORY_ROOT
from app.storage.run_directory import RunDirectories
from app.terraform.discovery import discover
from app.terraform.environment import build_environment, write_cli_config
from tests.running import RunningLandform

STEPS = (
    ("init", "-input=false"),
    ("plan", "-input=false", "-out=tfplan"),
    ("apply", "-input=false", "tfplan"),
)


def time_raw_apply(landform: RunningLandform, work: Path, name: str, zones: int) -> float:
    """Create a network with Terraform alone, in the cloud of ``landform``; return the seconds."""
    folder, environment = _prepare(landform, work, name, zones)
    executable = str(discover("").path)
    started = time.perf_counter()
    for arguments in STEPS:
        subprocess.run(
            [executable, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=120,
        )
    return time.perf_counter() - started


def _prepare(
    landform: RunningLandform, work: Path, name: str, zones: int
) -> tuple[Path, dict[str, str]]:
    """Fill a folder with the module and variables that Landform would use."""
    catalog = load_catalog(REPOSITORY_ROOT / "terraform")
    blueprint, cloud = catalog.kind("network"), catalog.cloud("sandbox")
    variables = blueprint.variables(
        name=name,
        region=cloud.region("eu-west"),
        parameters=blueprint.validate({"zones": zones}),
        reference_outputs={},
        tags={"landform:stack": name},
        cloud=cloud,
    )
    directory = RunDirectories(work).of(ids.new_id(ids.OPERATION))
    directory.prepare(blueprint.module_dir("sandbox"), cloud.provider_hcl, variables, None)
    write_cli_config(directory.cli_config_path, landform.home / "sandbox" / "mirror", None)
    credentials = {"endpoint": landform.cloud.endpoint, "token": landform.cloud.token}
    environment = build_environment(
        directory.home,
        directory.temporary,
        directory.cli_config_path,
        cloud.environment(credentials),
    )
    return directory.path, environment

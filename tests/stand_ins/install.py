"""Puts the stand-in providers into a filesystem mirror, where Terraform takes them for the true."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from sandbox.provider.install import get_platform
from tests.stand_ins.schemas import NAMES, Schemas

ROOT = Path(__file__).parents[2]
REGISTRY = "registry.terraform.io"


def install(mirror: Path) -> None:
    """Write an executable for each provider, under its true address and version.

    The code lies in the mirror too: of the repository, a confined Terraform may read nothing.
    """
    code = mirror / "stand-in-code"
    for package in ("sandbox", "tests/stand_ins"):
        ignored = shutil.ignore_patterns("__pycache__", "service")
        shutil.copytree(ROOT / package, code / package, ignore=ignored)
    for name in NAMES:
        source = Schemas.read(name).source
        version = source["version"]
        folder = mirror / REGISTRY / source["provider"] / version / get_platform()
        folder.mkdir(parents=True)
        executable = folder / f"terraform-provider-{name}_v{version}"
        executable.write_text(
            "#!/bin/sh\n"
            "trap '' INT\n"
            f"export PYTHONPATH={shlex.quote(str(code))}\n"
            f"exec {shlex.quote(sys.executable)} -P -m tests.stand_ins {name}\n"
        )
        executable.chmod(0o755)

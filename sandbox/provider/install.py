"""Owns the filesystem mirror that Terraform installs the provider from.

`python -m sandbox.provider.install --mirror DIR`. Writes nothing outside DIR.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
import tempfile
from pathlib import Path

from sandbox.version import PROVIDER_ADDRESS, VERSION

ARCHITECTURES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "i386": "386",
    "i686": "386",
    "armv7l": "arm",
}

# A wrapper rather than a shebang: a shebang ends at 127 bytes and cannot hold spaces. SIGINT is
# ignored from the first moment on; Terraform handles it. -P keeps Terraform's working directory,
# which holds other people's files, off sys.path.
_WRAPPER = """#!/bin/sh
# The provider of Landform's sandbox cloud. Written by: python -m sandbox.provider.install
trap '' INT
unset PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS
PYTHONPATH={root}
export PYTHONPATH
exec {python} -P -m sandbox.provider "$@"
"""


def get_platform() -> str:
    """Return this machine's platform in Terraform's words, for example `linux_amd64`.

    Raises:
        ValueError: Terraform has no name for the processor.
    """
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES:
        raise ValueError(f"Terraform has no name for the processor {machine}.")
    return f"{platform.system().lower()}_{ARCHITECTURES[machine]}"


def install(mirror: Path) -> Path:
    """Put the provider's executable into a mirror, completely or not at all.

    Safe when several processes do it at once; leaves an up-to-date executable untouched.

    Parameters:
        mirror: folder for Terraform's `filesystem_mirror`; made if missing.

    Returns:
        Path of the executable.

    Raises:
        OSError: the mirror cannot be written.
    """
    name = PROVIDER_ADDRESS.rpartition("/")[2]
    folder = mirror / PROVIDER_ADDRESS / VERSION / get_platform()
    executable = folder / f"terraform-provider-{name}_v{VERSION}"
    content = make_wrapper(Path(sys.executable), Path(__file__).absolute().parents[2])
    if _is_current(executable, content):
        return executable
    folder.mkdir(parents=True, exist_ok=True)
    # Drafted outside the package's folder: Terraform checksums everything in there.
    descriptor, draft = tempfile.mkstemp(dir=mirror, prefix=".install-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o755)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(executable)
    finally:
        Path(draft).unlink(missing_ok=True)
    return executable


def make_wrapper(python: Path, root: Path) -> str:
    """Return the shell script that runs the provider from the repository root with this Python."""
    return _WRAPPER.format(python=shlex.quote(str(python)), root=shlex.quote(str(root)))


def _is_current(executable: Path, content: str) -> bool:
    return (
        executable.is_file()
        and os.access(executable, os.X_OK)
        and executable.read_text(encoding="utf-8") == content
    )


def main(argv: list[str] | None = None) -> int:
    """Install, and print the path of the executable."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.provider.install")
    parser.add_argument("--mirror", type=Path, required=True, help="the filesystem mirror's folder")
    print(install(parser.parse_args(argv).mirror))
    return 0


if __name__ == "__main__":
    sys.exit(main())

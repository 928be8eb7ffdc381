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

LOCATION_FILE = "sandbox-provider.sh"
"""Lies at the top of the mirror, outside of what Terraform computes checksums of."""

CODE_FOLDER = "sandbox-provider"
"""Holds a link to the package; also at the top of the mirror."""

# A wrapper rather than a shebang: a shebang ends at 127 bytes and cannot hold spaces. It is the
# same on every machine, so that terraform/clouds/sandbox.lock.hcl can hold its checksum; what
# differs is in LOCATION_FILE. SIGINT is ignored from the first moment on; Terraform handles it.
# -P keeps Terraform's working directory, which holds other people's files, off sys.path.
WRAPPER = f"""#!/bin/sh
# The provider of Landform's sandbox cloud. Written by: python -m sandbox.provider.install
trap '' INT
unset PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS CDPATH
here=$(cd -P -- "${{0%/*}}" && pwd -P) || exit 1
. "${{here%/*/*/*/*/*}}/{LOCATION_FILE}" || exit 1
export PYTHONPATH
exec "$LANDFORM_PYTHON" -P -m sandbox.provider "$@"
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
    _make_folders(mirror, folder)
    write_location(mirror, Path(sys.executable), Path(__file__).absolute().parents[2])
    executable = folder / f"terraform-provider-{name}_v{VERSION}"
    _write(mirror, executable, WRAPPER, 0o755)
    return executable


def _make_folders(mirror: Path, folder: Path) -> None:
    """Make ``folder`` so that Terraform, which may be another user, gets there from ``mirror``."""
    folder.mkdir(parents=True, exist_ok=True)
    names = folder.relative_to(mirror).parts
    for depth in range(len(names) + 1):
        mirror.joinpath(*names[:depth]).chmod(0o755)


def write_location(mirror: Path, python: Path, root: Path) -> None:
    """Say which Python the wrapper runs, and in which copy of the repository it finds the code.

    Python lists the folder in which it looks for a package. It gets one with a link to the package
    alone: a confined provider may not list what lies beside it.
    """
    folder, package = mirror / CODE_FOLDER, root / "sandbox"
    _make_folders(mirror, folder)
    link = folder / package.name
    if not link.is_symlink() or link.readlink() != package:
        draft = folder / f".{os.getpid()}"
        draft.symlink_to(package)
        draft.replace(link)
    lines = [
        f"LANDFORM_PYTHON={shlex.quote(str(python))}",
        f"PYTHONPATH={shlex.quote(str(folder.absolute()))}",
    ]
    _write(mirror, mirror / LOCATION_FILE, "\n".join(lines) + "\n", 0o644)


def _write(mirror: Path, path: Path, content: str, mode: int) -> None:
    """Write a file completely or not at all; leave one untouched that is as it should be."""
    if _is_current(path, content, mode):
        return
    # Drafted outside the package's folder: Terraform checksums everything in there.
    descriptor, draft = tempfile.mkstemp(dir=mirror, prefix=".install-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


def _is_current(path: Path, content: str, mode: int) -> bool:
    return (
        path.is_file()
        and path.stat().st_mode & 0o777 == mode
        and path.read_text(encoding="utf-8") == content
    )


def main(argv: list[str] | None = None) -> int:
    """Install, and print the path of the executable."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.provider.install")
    parser.add_argument("--mirror", type=Path, required=True, help="the filesystem mirror's folder")
    print(install(parser.parse_args(argv).mirror))
    return 0


if __name__ == "__main__":
    sys.exit(main())

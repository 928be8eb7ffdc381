"""An environment with the Python client and what it names, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def needed_by(*names: str) -> set[str]:
    """Return these distributions and all that they need here."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            wanted = map(Requirement, metadata.requires(name) or [])
            waiting += [
                item.name
                for item in wanted
                if not item.marker or item.marker.evaluate({"extra": ""})
            ]
    return found


def install(built: Path, folder: Path) -> Path:
    """Install the wheel into an empty environment, beside what it names; return its Python.

    What it names is linked from this environment, so no registry is asked.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    (wheel,) = built.glob("*.whl")
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*command, "--no-deps", "--no-index", str(wheel)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        head = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = archive.read(head).decode().splitlines()
    wanted = [Requirement(line[15:]).name for line in lines if line.startswith("Requires-Dist: ")]
    for name in needed_by(*wanted):
        distribution = metadata.distribution(name)
        for top in {Path(str(file)).parts[0] for file in distribution.files or []} - {".."}:
            target = packages / top
            if not target.exists() and top != "__pycache__":
                target.symlink_to(Path(str(distribution.locate_file(top))))
    return python

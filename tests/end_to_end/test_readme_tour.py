"""The tour of the README, copied line by line, against a Landform as a person runs it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.readme_tour import read_tour
from tests.running import running_landform

SECONDS = 120


def test_the_tour_of_the_readme_works_as_it_stands_and_once_more(tmp_path: Path) -> None:
    with running_landform(tmp_path / "home") as landform:
        script = "\n".join(read_tour(landform.port, landform.sandbox_port, landform.home))
        for _ in range(2):
            done = subprocess.run(
                ["/bin/bash", "-eu", "-c", script],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert "Creation complete" in done.stdout
            assert '"lineage"' in done.stdout
            assert '"status": "ready"' in done.stdout
            assert "'internet_access'" in done.stdout
            assert done.stdout.splitlines()[-1] == "deleted"

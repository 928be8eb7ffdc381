"""The tour of the README, copied line by line, against a Landform as a person runs it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.running import running_landform

README = Path(__file__).parents[2] / "README.md"
SECONDS = 120


def read_tour(port: int, sandbox_port: int, home: Path) -> str:
    """Return the commands of the tour, with the ports and the folder of a running Landform."""
    text = README.read_text()
    tour = text[text.index("<!-- tour:") : text.index("<!-- tour ends -->")]
    blocks = re.findall(r"```bash\n(.*?)```", tour, re.DOTALL)
    assert len(blocks) >= 8
    commands = "\n".join(blocks)
    return (
        commands.replace(":8080", f":{port}")
        .replace(":8090", f":{sandbox_port}")
        .replace("var/", f"{home}/")
    )


def test_the_tour_of_the_readme_works_as_it_stands(tmp_path: Path) -> None:
    with running_landform(tmp_path / "home") as landform:
        script = read_tour(landform.port, landform.sandbox_port, landform.home)
        done = subprocess.run(
            ["/bin/bash", "-eu", "-c", script],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "Creation complete" in done.stdout
    assert '"status": "ready"' in done.stdout
    assert "'internet_access'" in done.stdout
    assert done.stdout.splitlines()[-1] == "deleted"

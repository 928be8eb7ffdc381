"""The commands of the README's tour, as a person copies them."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def read_tour(port: int, sandbox_port: int, home: Path) -> list[str]:
    """Return the blocks of commands, with the ports and the folder of a running Landform."""
    text = README.read_text()
    tour = text[text.index("<!-- tour:") : text.index("<!-- tour ends -->")]
    blocks = re.findall(r"```bash\n(.*?)```", tour, re.DOTALL)
    assert len(blocks) >= 8
    return [
        block.replace(":8080", f":{port}")
        .replace(":8090", f":{sandbox_port}")
        .replace("var/", f"{home}/")
        for block in blocks
    ]

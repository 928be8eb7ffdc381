"""``make sdk``: generate every client that this machine has the tools for."""

from __future__ import annotations

import sys

from app.config.settings import REPOSITORY_ROOT
from tests.sdk.generate import GENERATORS, MissingToolError


def main() -> int:
    """Generate all and say where; return the exit status."""
    for language, generate in GENERATORS.items():
        try:
            folder = generate().relative_to(REPOSITORY_ROOT)
        except MissingToolError as missing:
            print(f"{language}: left out. {missing}")
        else:
            print(f"{language}: {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

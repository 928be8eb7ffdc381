"""Becomes a command under a user without any right: ``python as_nobody.py PATHS -- COMMAND…``.

Python itself may lie where that user may not walk to, so ``PATHS`` are shown to it first.
"""

from __future__ import annotations

import os
import sys

from app.terraform.launcher import make_reachable

NOBODY = 65534


def main(words: list[str]) -> None:
    split = words.index("--")
    make_reachable(words[:split], {"uid": NOBODY, "gid": NOBODY})
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.execv(words[split + 1], words[split + 1 :])


if __name__ == "__main__":
    main(sys.argv[1:])

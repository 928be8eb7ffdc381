"""A blueprint whose module tries to read and reach everything around the Terraform that runs it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.config.settings import REPOSITORY_ROOT

BLUEPRINT = """
kind: spy
plural: spies
version: 1.0.0
title: Spy
description: Looks around.
parameters:
  properties: {}
outputs: {}
"""
MAIN = """
resource "terraform_data" "spy" {
  provisioner "local-exec" {
    interpreter = [%(python)s, "-S", "-c"]
    command     = %(script)s
  }
}
"""
VARIABLES = (
    *(("name", "string"), ("region", "string"), ("zones", "list(string)")),
    ("tags", "map(string)"),
)
SCRIPT = r"""
import ctypes, json, os, resource, socket
TARGETS, SOCKETS, PIDS = json.loads(WANTED)
here, seen = os.getcwd(), []
def attempt(what, act):
    try:
        if act() is not False:
            seen.append(what)
    except OSError:
        pass
def is_mine(path):
    return os.path.realpath(path).startswith(here)
own = {os.getpid(), os.getppid()}
for number in range(1, max(PIDS, default=1) + 4000):
    if number in own:
        continue
    for name in ("environ", "mem", "maps", "cmdline", "cwd/x", "root/etc/shadow"):
        path = "/proc/" + str(number) + "/" + name
        attempt(path, lambda: open(path, "rb").read(1) != b"")
    for name in ("3", "4", "5"):
        path = "/proc/" + str(number) + "/fd/" + name
        def follow():
            found = os.readlink(path)
            with open(path, "rb"):
                if not is_mine(found):  # its own Terraform has its own plan open
                    seen.append(path + " " + found)
            return False
        attempt(path, follow)
for target in TARGETS:
    attempt("list " + target, lambda: os.listdir(target))
    attempt("read " + target, lambda: open(target, "rb").read(1))
    attempt("write " + target, lambda: os.close(os.open(target, os.O_WRONLY)))
    attempt("link " + target, lambda: os.link(target, os.path.join(here, "linked")))
    attempt("make in " + target, lambda: os.mkdir(os.path.join(target, "of-the-spy")))
for path in SOCKETS:
    def ask():
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(2)
            peer.connect(path)
            peer.sendall(b"PING\r\n")
            return b"PONG" in peer.recv(200)
    attempt("ask " + path, ask)
for pid in PIDS:
    attempt("signal " + str(pid), lambda: os.kill(pid, 0))
for number in range(3, 256):
    def look():
        os.fstat(number)
        return os.pread(number, 1, 0) != b""  # the writer's lock, which is empty, has to be there
    attempt("descriptor " + str(number), look)
for name in os.environ:
    if name.startswith("LANDFORM"):
        seen.append("variable " + name)
library = ctypes.CDLL(None)
mask = os.umask(0o077)
facts = {
    "uid": os.getuid(),
    "groups": os.getgroups(),
    "no_new_privs": library.prctl(39, 0, 0, 0, 0),
    "capabilities": [n for n in range(41) if library.prctl(23, n, 0, 0, 0) == 1],
    "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
    "umask": mask,
}
print("SPY " + json.dumps({"seen": seen, "facts": facts}))
"""


def add_spy(
    root: Path,
    targets: Iterable[Path],
    sockets: Iterable[Path] = (),
    pids: Iterable[int] = (),
) -> Path:
    """Make a catalog in ``root`` that has the kind ``spy`` beside the shipped ones.

    Args:
        root: made; a copy of the catalogue.
        targets: files and folders that it tries to read and to change.
        sockets: what it tries to speak to.
        pids: processes that it tries to send a signal to.
    """
    shutil.copytree(REPOSITORY_ROOT / "terraform", root)
    module = root / "blueprints" / "spy" / "sandbox"
    module.mkdir(parents=True)
    (module.parent / "blueprint.yaml").write_text(BLUEPRINT)
    wanted = json.dumps([[str(p) for p in targets], [str(p) for p in sockets], list(pids)])
    script = f"WANTED = {wanted!r}\n{SCRIPT}"
    words = {"python": json.dumps(sys.executable), "script": json.dumps(script)}
    (module / "main.tf").write_text(MAIN % words)
    (module / "variables.tf").write_text(
        "".join(
            f'variable "landform_{name}" {{\n  description = "{name}"\n  type = {kind}\n}}\n'
            for name, kind in VARIABLES
        )
    )
    return root


def told_by_spy(lines: Iterable[str]) -> dict[str, Any]:
    """Return what the spy said, in any of the lines of an operation."""
    for line in lines:
        _, mark, text = line.partition('SPY {"seen"')
        if mark:
            told: dict[str, Any] = json.JSONDecoder().raw_decode(mark[4:] + text)[0]
            return told
    raise AssertionError("The spy said nothing.")

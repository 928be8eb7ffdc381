"""The command line that ``ps`` shows for a process that was not executed with it."""

from __future__ import annotations

import subprocess
import sys

from app.config.settings import REPOSITORY_ROOT
from workers.process_title import PADDING

# What /proc shows is read by the process itself, before and after a fork.
CODE = """
import os, pathlib, sys
from workers.process_title import set_title
def shown():
    words = pathlib.Path("/proc/self/cmdline").read_bytes().split(b"\\0")
    return [word.decode() for word in words if word]
set_title(["a long title to begin with", "and more"])
set_title(sys.argv[1].split("|"))
if os.fork():
    os.wait()
else:
    print(*shown(), sep="|", flush=True)
"""


def title_of(title: str, *padding: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE, title, *padding],
        cwd=REPOSITORY_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_title_is_shown_and_inherited_by_a_fork() -> None:
    assert title_of("python|-m|gunicorn|wsgi:app|--umask|0o77", PADDING) == (
        "python|-m|gunicorn|wsgi:app|--umask|0o77"
    )


def test_a_title_for_which_there_is_no_room_is_cut_before_the_environment() -> None:
    code = CODE.replace('sys.argv[1].split("|")', '["x" * 100_000]').replace(
        "    print(*shown()",
        '    print(pathlib.Path("/proc/self/environ").read_bytes()[:9], *shown()',
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY_ROOT,
        env={"LANDFORM_ENV": "test"},
        capture_output=True,
        text=True,
        check=True,
    )
    environment, shown = done.stdout.strip().split("|")
    assert environment == "b'LANDFORM_'"
    assert set(shown) == {"x"}
    assert 100 < len(shown) < 2000


def test_letters_of_any_alphabet_are_shown() -> None:
    assert title_of("dröhnend|größer", PADDING) == "dröhnend|größer"

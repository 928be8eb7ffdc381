"""A pseudo-terminal in which a test runs the command as a person would."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from typing import Self

from tests.sdk.command.conftest import Shell

PATIENCE_SECONDS = 60.0
ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Terminal:
    """One run of ``landform`` in a terminal."""

    def __init__(self, shell: Shell, *words: str, columns: int = 80, **variables: str) -> None:
        environment = {**shell.environment, **variables}
        self.pid, self._screen = pty.fork()
        if self.pid == 0:
            os.chdir(shell.folder)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a test in the background ignores it
            os.execvpe(shell.path / "landform", ["landform", *words], environment)
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, size)
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._screen)

    def wait_for(self, text: str) -> None:
        """Read until the text is on the screen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.shown:
            assert self._read(deadline), f"it ended without {text!r}: {self.shown}"

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def end(self) -> int:
        """Read to the end and return the exit status."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._read(deadline):
            pass
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    @property
    def lines(self) -> list[str]:
        """What was shown, without what only moves and colours."""
        return ESCAPE.sub("", self.shown).replace("\r", "").splitlines()

    def _read(self, deadline: float) -> bool:
        left = deadline - time.monotonic()
        assert left > 0, f"it takes too long: {self.shown}"
        ready, _, _ = select.select([self._screen], [], [], left)
        if not ready:
            return True
        try:
            data = os.read(self._screen, 65536)
        except OSError:  # Linux says so that the other end is closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

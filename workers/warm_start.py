"""The supervisor's side of the warm parent: has programs forked, and adopts them.

The supervisor is told the pid, becomes the parent (prctl(2), PR_SET_CHILD_SUBREAPER) and only then
writes the environment, for which the child waits. So it waits for its children itself, as for those
that it executes, and they live and die with it and not with the warm parent.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from workers.child import STARTING, Child, start_alone
from workers.process import Process, Program
from workers.terminal import Terminal

READY = b"ready"
MAX_MESSAGE = 65536
# A warm parent that has said that it is ready does nothing but fork.
ANSWER_SECONDS = 20.0
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def adopt_orphans(*, is_on: bool) -> bool:
    """Become the parent of what is forked for this process; tell whether the kernel can do so."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(is_on), 0, 0, 0) == 0)


class WarmParent(Process):
    """The process that others are forked from, kept running like them."""

    _control: socket.socket | None = None
    _is_warm = False

    @property
    def is_ready(self) -> bool:
        """Whether it has loaded everything and forks at once."""
        if not self._is_warm and self._control is not None:
            with suppress(OSError):
                if select.select([self._control], [], [], 0)[0]:
                    self._is_warm = self._control.recv(MAX_MESSAGE) == READY
        return self._is_warm and self.is_running

    def fork(
        self, command: Sequence[str], environment: Mapping[str, str], output: int
    ) -> Child | None:
        """Have a program forked; arguments as for ``start_alone``.

        Returns:
            None when it cannot be had: there is no warm parent now.
        """
        if not self.is_ready or self._control is None:
            return None
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as given:
            try:
                with STARTING:
                    socket.send_fds(
                        self._control, [json.dumps(list(command)).encode()], [output, reading]
                    )
                    told = int(self._control.recv(MAX_MESSAGE) or b"-1")
                    child = Child(told) if told > 0 else None
            except (OSError, KeyboardInterrupt) as error:
                self._hang_up()  # else its answer would be taken for that to the next request
                if isinstance(error, KeyboardInterrupt):
                    raise
                return None
            finally:
                os.close(reading)
            if child is not None:
                with suppress(BrokenPipeError):  # it has ended; whoever watches it starts it again
                    given.write(json.dumps(dict(environment)).encode())
                    given.flush()
        return child

    def ask_to_stop(self) -> None:
        """End it; it has nothing to bring to an end first."""
        super().ask_to_stop()
        self._hang_up()

    def _begin(self, output: int) -> Child:
        self._hang_up()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(ANSWER_SECONDS)
        with theirs:
            return start_alone(
                self.program.command, self.program.environment, output, theirs.fileno()
            )

    def _hang_up(self) -> None:
        self._is_warm = False
        if self._control is not None:
            self._control.close()
            self._control = None


class ForkedProcess(Process):
    """A process that is forked from the warm parent where there is one, else executed."""

    def __init__(self, program: Program, terminal: Terminal, warm_parent: WarmParent) -> None:
        """Prepare; ``warm_parent`` is what it is forked from."""
        super().__init__(program, terminal)
        self._warm_parent = warm_parent

    def _begin(self, output: int) -> Child:
        program = self.program
        forked = self._warm_parent.fork(program.command, program.environment, output)
        return forked or super()._begin(output)

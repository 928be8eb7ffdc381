"""The worker's side: acquire a running provider process for steps that change nothing.

Never a reason to fail: whoever gets no lease lets Terraform start its provider as always.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from app.errors import UnavailableError
from app.logs import get_logger
from app.terraform.provider_reading import RecordedResource, parse_reading, request_line
from app.terraform.provider_spec import (
    CONFIGURED,
    MAX_LINE_BYTES,
    RETURNED,
    LeaseReply,
    ProviderSpec,
    require_own_peer,
)

# Shorter than a lease: nothing else of the operation happens while it waits for a provider.
WAIT_SECONDS = 10.0
POLL_SECONDS = 0.2

log = get_logger(__name__)


class ProviderLease:
    """A leased provider: ``reattach`` is the value for ``TF_REATTACH_PROVIDERS``.

    The pool ends the process afterwards unless ``is_good`` was set; ``is_configured`` is set by
    whoever had Terraform use it.
    """

    def __init__(self, connection: socket.socket, answers: BinaryIO, answer: LeaseReply) -> None:
        self.reattach = answer.reattach or ""
        self.is_configured = answer.is_configured
        self.is_good = False
        self._connection = connection
        self._answers = answers

    def read(
        self,
        resources: Sequence[RecordedResource],
        deadline_seconds: float,
        on_poll: Callable[[], None],
    ) -> str | None:
        """Have the provider read resources; only one that Terraform has configured can.

        Args:
            resources: all of a state.
            deadline_seconds: how long it may take.
            on_poll: called several times a second while it lasts; an exception ends it.

        Returns:
            A digest of what it answered, or None when it did not answer for all of them in time.
        """
        line = request_line(resources)
        if len(line) >= MAX_LINE_BYTES:
            return None
        deadline = time.monotonic() + deadline_seconds
        try:
            self._connection.settimeout(deadline_seconds)
            self._connection.sendall(line)
            while not select.select([self._connection], [], [], POLL_SECONDS)[0]:
                on_poll()
                if time.monotonic() > deadline:
                    return None
            return parse_reading(self._answers.readline(MAX_LINE_BYTES))
        except (OSError, ValueError) as error:
            log.warning("resources_not_read", error=str(error))
            return None


@contextmanager
def acquire(pool: Path, spec: ProviderSpec) -> Iterator[ProviderLease | None]:
    """Lend a provider for the block, or None when there is none to be had.

    Args:
        pool: socket of the provider pool of this host.
        spec: which provider.
    """
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as answers:
        lease = _ask(connection, answers, pool, spec)
        yield lease
        if lease is not None and lease.is_good:
            try:
                connection.sendall(CONFIGURED if lease.is_configured else RETURNED)
            except OSError as error:
                log.warning("provider_not_returned", account=spec.account, error=str(error))


def _ask(
    connection: socket.socket, answers: BinaryIO, pool: Path, spec: ProviderSpec
) -> ProviderLease | None:
    connection.settimeout(WAIT_SECONDS)
    try:
        connection.connect(str(pool))
        require_own_peer(connection)
        connection.sendall(spec.line())
        answer = LeaseReply.parse(answers.readline(MAX_LINE_BYTES))
    except (FileNotFoundError, ConnectionRefusedError):
        return None  # nobody keeps providers on this host
    except (OSError, ValueError, UnavailableError) as error:
        log.warning("provider_not_lent", account=spec.account, error=str(error))
        return None
    return ProviderLease(connection, answers, answer) if answer.reattach is not None else None

"""The worker's side: borrow a running provider process for steps that change nothing.

Never a reason to fail: whoever gets no loan lets Terraform start its provider as always.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.errors import UnavailableError
from app.logs import get_logger
from app.terraform.provider_order import (
    MAX_LINE_BYTES,
    RETURNED,
    ProviderOrder,
    parse_answer,
    require_own_peer,
)

# Shorter than a lease: nothing else of the operation happens while it waits for a provider.
WAIT_SECONDS = 10.0

log = get_logger(__name__)


@dataclass
class Loan:
    """A borrowed provider: ``reattach`` is the value for ``TF_REATTACH_PROVIDERS``.

    The keeper ends the process afterwards unless ``is_good`` was set.
    """

    reattach: str
    is_good: bool = False


@contextmanager
def borrow(keeper: Path, order: ProviderOrder) -> Iterator[Loan | None]:
    """Lend a provider for the block, or None when there is none to be had.

    Args:
        keeper: socket of the keeper of providers of this host.
        order: which provider.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        loan = _ask(connection, keeper, order)
        yield loan
        if loan is not None and loan.is_good:
            try:
                connection.sendall(RETURNED)
            except OSError as error:
                log.warning("provider_not_returned", account=order.account, error=str(error))


def _ask(connection: socket.socket, keeper: Path, order: ProviderOrder) -> Loan | None:
    connection.settimeout(WAIT_SECONDS)
    try:
        connection.connect(str(keeper))
        require_own_peer(connection)
        connection.sendall(order.line())
        with connection.makefile("rb") as answers:
            reattach = parse_answer(answers.readline(MAX_LINE_BYTES))
    except (FileNotFoundError, ConnectionRefusedError):
        return None  # nobody keeps providers on this host
    except (OSError, ValueError, UnavailableError) as error:
        log.warning("provider_not_lent", account=order.account, error=str(error))
        return None
    return Loan(reattach) if reattach is not None else None

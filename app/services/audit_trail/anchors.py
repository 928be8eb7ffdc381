"""Note the end of the audit trail outside the database, signed, so that a rewritten one shows.

The maintenance loop writes one when the trail has grown, at most every ``ANCHOR_SECONDS``, and
when it stops: one line in a file on the state volume, and one in the log. Each vouches for all
events up to its own. The signing key is derived from the newest encryption key, which the
database never holds.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.domain.audit_chain import Anchor, exact_time
from app.errors import LandformError
from app.logs import get_logger
from app.models import AuditHead
from app.services.audit import HEAD
from app.services.context import Context
from app.storage.audit_anchors import AnchorFile

ANCHOR_SECONDS = 60.0
PURPOSE = "audit anchor"

log = get_logger(__name__)


class Anchorer:
    """Writes anchors for one process; thread-safe."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._lock = threading.Lock()
        self._due_at = 0.0
        self._sequence = 0

    def keep(self) -> None:
        """Write an anchor when one is due."""
        if time.monotonic() >= self._due_at:
            self.write()

    def write(self) -> None:
        """Write an anchor unless the last one of this process says the same already.

        A volume or database that is away is only told in the log: the next round tries again.
        """
        with self._lock:
            try:
                anchor = sign_end(self._ctx)
                if anchor.sequence == self._sequence:
                    return
                AnchorFile(self._ctx.volume()).append(anchor)
            except (LandformError, SQLAlchemyError) as error:
                log.warning("audit_anchor_unwritten", error=str(error))
                return
            self._sequence = anchor.sequence
            self._due_at = time.monotonic() + ANCHOR_SECONDS
        log.info(
            "audit_anchor",
            sequence=anchor.sequence,
            hash=anchor.hash,
            key=anchor.key,
            signature=anchor.signature,
        )


def sign_end(ctx: Context) -> Anchor:
    """Return a signed anchor of the last event there is."""
    with ctx.read() as session:
        head = session.get_one(AuditHead, HEAD)
    volume = ctx.volume().expected_id or ""
    anchor = Anchor(head.sequence, head.hash, exact_time(utc_now()), volume)
    key, signature = ctx.keys.sign(anchor.signed_part(), PURPOSE)
    return replace(anchor, key=key, signature=signature)

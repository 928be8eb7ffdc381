"""Note the end of the audit trail outside the database, signed, so that a rewritten one shows.

The maintenance loop writes one when the trail has grown, at most every ``ANCHOR_SECONDS``, and
when it stops: one line where state is kept, and one in the log. Each vouches for all events up to
its own. The signing key is derived from the newest encryption key, which the
database never holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.domain.audit_chain import Anchor, exact_time
from app.errors import LandformError
from app.logs import get_logger
from app.models import AuditHead
from app.services.audit import HEAD
from app.services.context import Context, known_places
from app.storage.audit_anchors import AnchorFile, AnchorPlace
from app.storage.s3_anchors import BucketAnchors

ANCHOR_SECONDS = 60.0
PURPOSE = "audit anchor"

log = get_logger(__name__)


def place_of_anchors(ctx: Context) -> AnchorPlace:
    """Return where anchors are written: the bucket where it has all that hosts share."""
    if ctx.bucket is not None and ctx.settings.keeps_state_on_s3:
        return BucketAnchors(ctx.bucket)
    return AnchorFile(ctx.volume())


def read_all_anchors(ctx: Context) -> Iterator[Anchor | None]:
    """Yield the anchors of every place that has any; nothing for a line that is none.

    Raises:
        VolumeError, StateBucketError: a place cannot be read.
    """
    if ctx.uses_volume():
        yield from AnchorFile(ctx.volume()).read()
    if ctx.bucket is not None and ctx.ask(known_places).has_bucket:
        yield from BucketAnchors(ctx.bucket).read()


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
                place_of_anchors(self._ctx).append(anchor)
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

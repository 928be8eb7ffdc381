"""The anchors of the audit trail in the bucket: an object for each hour, a signed line for each.

S3 cannot append, so an object is replaced under the condition that it is the one that was read. The
bucket keeps what was there before as earlier versions. It knows nothing of signatures.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.audit_chain import Anchor
from app.errors import ConflictError
from app.storage.s3_bucket import ObjectChangedError, S3Bucket

FOLDER = "audit"
FROM_VOLUME = "from-volume.jsonl"
ROUNDS = 5
HOUR_LETTERS = len("2026-12-01T00")


class BucketAnchors:
    """The anchors of the audit trail in ``bucket``."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket

    def append(self, anchor: Anchor) -> None:
        """Add an anchor; it is durable when this returns.

        Raises:
            StateBucketError: S3 cannot or will not.
            ConflictError: others were faster, again and again.
        """
        key = self._key(f"anchors-{anchor.at[:HOUR_LETTERS]}.jsonl")
        line = anchor.to_line()
        for _ in range(ROUNDS):
            found = self._bucket.get(key)
            before = found.data if found else b""
            if before.endswith(line):
                return  # the answer to a write of ours was lost
            try:
                self._bucket.put(key, before + line, replaces=found)
            except ObjectChangedError:
                continue
            return
        raise ConflictError(f"Another process writes {key}.")

    def read(self) -> Iterator[Anchor | None]:
        """Yield the anchors as they were written; nothing for a line that is none.

        Raises:
            StateBucketError: S3 cannot be asked.
        """
        for key, _ in self._bucket.list(self._key("")):
            found = self._bucket.get(key)
            for line in found.data.splitlines() if found else ():
                yield Anchor.from_line(line)

    def take_over(self, lines: bytes) -> None:
        """Keep what was written on a volume, which may go away then.

        Raises:
            StateBucketError: S3 cannot or will not.
        """
        key = self._key(FROM_VOLUME)
        found = self._bucket.get(key)
        if found is None or len(found.data) < len(lines):
            self._bucket.overwrite(key, lines)

    def _key(self, name: str) -> str:
        return f"{self._bucket.place.key(FOLDER)}/{name}"

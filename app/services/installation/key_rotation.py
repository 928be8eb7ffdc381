"""Which keys of the ring are in use, and a newer key for everything that is sealed.

Owns ``landform admin keys status`` and ``landform admin keys rotate``. A rotation is a walk over
what is not yet under the newest key, so it may be stopped, killed, repeated and run beside applies:
each object is changed for itself, atomically, under the lock of those who write it. Objects are re-
wrapped, never opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.crypto import SealedHead
from app.errors import ConfigurationError, DecryptionError
from app.models import InstallationFact
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.installation.health import RING, SCHEDULER
from app.services.installation.sealed_rows import RowKey, SealedRows, sealed_rows
from app.services.work import perform
from app.storage.sealed_files import (
    SealedFile,
    SealedObject,
    parked_files,
    state_files,
    state_objects,
)

# Short transactions: an apply that records its progress must not wait for a rotation.
ROWS_AT_ONCE = 20
# Workers go on sealing while a rotation walks; with the new ring everywhere one pass is enough.
MAX_PASSES = 5
BEAT_FRESH = timedelta(seconds=60)
NO_KEY = "(damaged)"


@dataclass
class PlaceReport:
    """One place that holds sealed objects: how many are under which key, what was done."""

    place: str
    by_key: Counter[str] = field(default_factory=Counter)
    rewrapped: int = 0
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class KeyReport:
    """All places together; ``primary`` and ``ring`` are key ids."""

    primary: str
    ring: tuple[str, ...]
    places: tuple[PlaceReport, ...]

    @property
    def in_use(self) -> Counter[str]:
        """How many objects are under each key."""
        return sum((item.by_key for item in self.places), Counter())

    @property
    def unused(self) -> tuple[str, ...]:
        """Old keys of the ring that nothing needs any more."""
        return tuple(key for key in self.ring if key != self.primary and not self.in_use[key])

    @property
    def missing(self) -> tuple[str, ...]:
        """Keys that objects need and the ring does not have."""
        return tuple(sorted(set(self.in_use) - set(self.ring)))

    @property
    def outdated(self) -> int:
        """How many objects are not under the newest key."""
        return self.in_use.total() - self.in_use[self.primary]


def key_status(ctx: Context) -> KeyReport:
    """Count what is under which key, everywhere.

    Raises:
        VolumeError, StateBucketError: states cannot be read, so the answer would be a part only.
    """
    return KeyReport(
        ctx.keys.primary, tuple(ctx.keys.keys), tuple(place.count() for place in _places(ctx))
    )


def rotate_keys(ctx: Context) -> KeyReport:
    """Put everything under the newest key of the ring and report what is under which key then.

    Raises:
        ConfigurationError: the running Landform does not know the newest key yet.
        VolumeError, StateBucketError: states cannot be read; what was done until then stays done.
    """
    _require_known_key(ctx)
    done: dict[str, PlaceReport] = {}
    for _ in range(MAX_PASSES):
        passed = [place.rotate() for place in _places(ctx)]
        for item in passed:
            kept = done.setdefault(item.place, PlaceReport(item.place))
            kept.rewrapped += item.rewrapped
            kept.unreadable = item.unreadable
        if not any(item.rewrapped for item in passed):
            break
    for counted in (place.count() for place in _places(ctx)):
        done[counted.place].by_key = counted.by_key
    report = KeyReport(ctx.keys.primary, tuple(ctx.keys.keys), tuple(done.values()))
    _audit(ctx, report)
    return report


class _Rows:
    """Sealed values in one column, re-wrapped a few in a transaction."""

    def __init__(self, ctx: Context, rows: SealedRows) -> None:
        self._ctx = ctx
        self._rows = rows

    def count(self) -> PlaceReport:
        report = PlaceReport(self._rows.name)
        with self._ctx.read() as session:
            report.by_key.update(_key_of(head) for _, head in self._rows.heads(session))
        return report

    def rotate(self) -> PlaceReport:
        report, primary = PlaceReport(self._rows.name), self._ctx.keys.primary
        with self._ctx.read() as session:
            heads = self._rows.heads(session)
            wanted = [key for key, head in heads if _key_of(head) != primary]
        for start in range(0, len(wanted), ROWS_AT_ONCE):
            with self._ctx.write() as session:
                for key in wanted[start : start + ROWS_AT_ONCE]:
                    self._rewrap(session, key, report)
        return report

    def _rewrap(self, session: Session, key: RowKey, report: PlaceReport) -> None:
        try:
            report.rewrapped += self._rows.rewrap(session, key, self._ctx.keys)
        except DecryptionError as error:
            report.unreadable.append(f"{' '.join(map(str, key))}: {error.detail}")


class _Files:
    """Sealed files on a disk, or objects in the state bucket."""

    def __init__(
        self, ctx: Context, place: str, files: Callable[[], Iterator[SealedFile | SealedObject]]
    ) -> None:
        self._ctx = ctx
        self._place = place
        self._files = files

    def count(self) -> PlaceReport:
        report = PlaceReport(self._place)
        heads = (file.head() for file in self._files())
        report.by_key.update(_key_of(head) for head in heads if head is not None)
        return report

    def rotate(self) -> PlaceReport:
        report = PlaceReport(self._place)
        for file in self._files():
            try:
                report.rewrapped += file.rewrap(self._ctx.keys)
            except DecryptionError as error:
                report.unreadable.append(f"{file.place}: {error.detail}")
            except OSError as error:
                report.unreadable.append(f"{file.place}: {error.strerror or error}")
        return report


def _places(ctx: Context) -> list[_Rows | _Files]:
    return [
        *(_Rows(ctx, rows) for rows in sealed_rows()),
        *_volume_places(ctx),
        *_bucket_places(ctx),
        _Files(ctx, "runs waiting for approval", lambda: parked_files(ctx.runs)),
    ]


def _volume_places(ctx: Context) -> list[_Files]:
    if not ctx.uses_volume():
        return []
    return [_Files(ctx, "state versions", lambda: state_files(ctx.volume()))]


def _bucket_places(ctx: Context) -> list[_Files]:
    bucket = ctx.bucket
    if bucket is None:
        return []
    return [_Files(ctx, "state versions in the bucket", lambda: state_objects(bucket))]


def _key_of(head: bytes) -> str:
    try:
        return SealedHead.parse(head).key_id
    except DecryptionError:
        return NO_KEY


def _require_known_key(ctx: Context) -> None:
    """Refuse to wrap anything under a key that the running processes could not open."""
    with ctx.read() as session:
        fact = session.get(InstallationFact, SCHEDULER)
    if fact is None or utc_now() - fact.updated_at > BEAT_FRESH:
        return
    known = fact.value.get(RING)
    if known is not None and ctx.keys.fingerprints()[0] not in known:
        raise ConfigurationError(
            f"The running Landform does not know key {ctx.keys.primary!r} yet.",
            advice="Restart every Landform process with the new LANDFORM_ENCRYPTION_KEYS first.",
        )


def _audit(ctx: Context, report: KeyReport) -> None:
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        audit.record(
            work,
            "keys.rotate",
            "key",
            report.primary,
            rewrapped=sum(item.rewrapped for item in report.places),
            outdated=report.outdated,
        )

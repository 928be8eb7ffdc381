"""What every use case works with: settings, database, catalog, queue, state.

Built once a process by ``build_context``; holds no state of its own. ``Context.write`` is
beneath every change of the database: it commits, then notifies workers of what the use case
queued. Use cases have theirs from ``work.perform``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.catalog.catalog import Catalog
from app.clock import utc_now
from app.config.settings import Settings
from app.crypto import KeyRing
from app.db import Database, database_now
from app.domain.operation_registry import facts_of
from app.domain.stacks import StateBackend
from app.identity.provider import IdentityProvider, provider_for
from app.limits.refusals import SharedRefusals
from app.limits.shared_redis import SharedRedis
from app.models import InstallationFact, Operation, Stack
from app.outbound.client import Resolve, resolve_name
from app.queue.notifier import DRIFT_QUEUE, OPERATIONS_QUEUE, Notifier, connect
from app.services.state_bucket import open_state_bucket
from app.storage.kept_catalog import load_kept_catalog
from app.storage.plan_store import PlanStore, S3PlanStore, VolumePlanStore
from app.storage.restore_mark import BucketRestoreMark, RestoreMark, VolumeRestoreMark
from app.storage.run_directory import RunDirectories
from app.storage.s3_bucket import S3Bucket
from app.storage.s3_errors import StateBucketMissingError
from app.storage.s3_identity import check_bucket
from app.storage.s3_lock import LockTerms
from app.storage.s3_state_store import S3StateStore
from app.storage.state_store import StateStore
from app.storage.volume import Volume
from app.storage.volume_state_store import VolumeStateStore
from app.terraform_account import find_account

NOTIFICATIONS = "landform_notifications"
PARSED_FILE = "parsed-catalog.json"
INSTALLATION = "volume"
"""The fact that has the id of the places of state; it is older than the second place."""

LOCKS = "locks"
"""Folder of the work folder with the locks that part the processes of this host."""

Notification = tuple[str, int, str]
T = TypeVar("T")


@dataclass(frozen=True)
class KnownPlaces:
    """What SQL knows of the places of state.

    Attributes:
        id: which they name as theirs; None before the first start.
        has_volume, has_bucket: whether the volume and the bucket have it.
    """

    id: str | None = None
    has_volume: bool = False
    has_bucket: bool = False


@dataclass(frozen=True)
class Context:
    """The adapters and facts that services share; ``resolve`` gives the addresses of a name."""

    settings: Settings
    db: Database
    keys: KeyRing
    catalog: Catalog
    notifier: Notifier
    runs: RunDirectories
    shared: SharedRedis
    refusals: SharedRefusals
    provider: IdentityProvider | None = None
    bucket: S3Bucket | None = None
    resolve: Resolve = resolve_name

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a writing transaction; workers are notified after it has committed."""
        with self.db.write() as session:
            notifications: list[Notification] = []
            session.info[NOTIFICATIONS] = notifications
            yield session
        self._notify(notifications)

    @contextmanager
    def rehearse(self) -> Iterator[Session]:
        """Open a writing transaction that is rolled back at its end; nobody is notified."""
        with self.db.rehearse() as session:
            session.info[NOTIFICATIONS] = []
            yield session

    def persist(self, work: Callable[[Session], T], patience_seconds: float | None = None) -> T:
        """Do ``work`` in a writing transaction that outlasts a database which goes away.

        As ``Database.persist``; what ``work`` has queued is notified once, after the commit.
        """
        notifications: list[Notification] = []

        def attempt(session: Session) -> T:
            notifications.clear()
            session.info[NOTIFICATIONS] = notifications
            return work(session)

        result = self.db.persist(attempt, patience_seconds)
        self._notify(notifications)
        return result

    @contextmanager
    def read(self, patience_seconds: float | None = None) -> Iterator[Session]:
        """Open a reading transaction; how patiently, is as for ``Database.read``."""
        with self.db.read(patience_seconds) as session:
            yield session

    def ask(self, question: Callable[[Session], T]) -> T:
        """Return what ``question`` reads, however often the database goes away meanwhile."""
        return self.db.ask(question)

    def _notify(self, notifications: list[Notification]) -> None:
        for operation_id, attempt, queue in notifications:
            self.notifier.notify(operation_id, attempt, queue)

    def volume(self) -> Volume:
        """Return the state volume, bound to the id that SQL knows."""
        return self.ask(self._volume_of)

    def uses_volume(self) -> bool:
        """Tell whether anything is kept on the volume, so that the hosts have to share it."""
        if not self.settings.keeps_state_on_s3:
            return True
        query = select(Stack.id).where(
            Stack.state_backend == StateBackend.VOLUME, Stack.deleted_at.is_(None)
        )
        return self.ask(lambda session: session.scalar(query.limit(1))) is not None

    @property
    def restore_mark(self) -> RestoreMark:
        """The mark of a restore that is not finished, where every host sees it."""
        if self.bucket is not None and self.settings.keeps_state_on_s3:
            return BucketRestoreMark(self.bucket)
        return VolumeRestoreMark(self.settings.state_dir)

    def check_bucket(self) -> None:
        """Prove that the state bucket, if there is one, can be used and is ours.

        Raises:
            StateBucketError: it cannot, or is not.
        """
        if self.bucket is not None:
            known = self.ask(known_places)
            check_bucket(self.bucket, known.id or "" if known.has_bucket else "")

    def state_store(self, stack_id: str) -> StateStore:
        """Return the store that has the state of a stack.

        Raises:
            StateBucketMissingError: as ``store_in``.
        """
        return self.ask(lambda session: self.store_of(session, stack_id))

    def store_of(self, session: Session, stack_id: str) -> StateStore:
        """Return the store that has the state of a stack, as an open transaction knows it.

        Raises:
            StateBucketMissingError: as ``store_in``.
        """
        kept = session.scalar(select(Stack.state_backend).where(Stack.id == stack_id))
        return self._store(StateBackend(kept or StateBackend.VOLUME), known_places(session))

    def store_in(self, backend: StateBackend) -> StateStore:
        """Return the store of one kind.

        Raises:
            StateBucketMissingError: it is S3, and the settings name no bucket.
        """
        return self._store(backend, self.ask(known_places))

    def plan_store(self, stack_id: str) -> PlanStore:
        """Return the place of plans that wait for approval, beside the state of a stack."""
        kept, volume = self.ask(
            lambda session: (
                session.scalar(select(Stack.state_backend).where(Stack.id == stack_id)),
                self._volume_of(session),
            )
        )
        if kept == StateBackend.S3 and self.bucket is not None:
            return S3PlanStore(self.bucket)
        return VolumePlanStore(volume)

    def _store(self, backend: StateBackend, installation: KnownPlaces) -> StateStore:
        if backend is StateBackend.VOLUME:
            return VolumeStateStore(Volume(self.settings.state_dir, installation.id), self.keys)
        if self.bucket is None:
            raise StateBucketMissingError(
                "The state is on S3, but LANDFORM_STATE_S3_BUCKET is empty."
            )
        return S3StateStore(self.bucket, self.keys, self._lock_terms(installation))

    def _lock_terms(self, installation: KnownPlaces) -> LockTerms:
        return LockTerms(
            self.settings.work_dir / LOCKS,
            installation.id or "",
            lambda: self.ask(database_now),
            self.settings.lease_seconds,
            installation.has_bucket,
        )

    def _volume_of(self, session: Session) -> Volume:
        return Volume(self.settings.state_dir, known_places(session).id)


def known_places(session: Session) -> KnownPlaces:
    """Return what SQL knows of the places of state; former versions had the volume alone."""
    fact = session.get(InstallationFact, INSTALLATION)
    if fact is None:
        return KnownPlaces()
    places = fact.value.get("places", [StateBackend.VOLUME])
    return KnownPlaces(fact.value["id"], StateBackend.VOLUME in places, StateBackend.S3 in places)


def notify_after_commit(session: Session, operation: Operation) -> None:
    """Have a worker notified of the operation once the transaction of ``session`` has committed."""
    operation.attempt += 1
    operation.notified_at = utc_now()
    queue = DRIFT_QUEUE if facts_of(operation.type).checks_drift else OPERATIONS_QUEUE
    session.info[NOTIFICATIONS].append((operation.id, operation.attempt, queue))


def build_context(settings: Settings) -> Context:
    """Load the catalog and prepare the adapters; connects to nothing yet.

    Raises:
        CatalogError: a blueprint or cloud description is wrong.
        ConfigurationError: the key ring is malformed.
    """
    shared = SharedRedis(settings.redis)
    return Context(
        settings=settings,
        db=Database(settings.database),
        keys=KeyRing.parse(settings.encryption_keys.get_secret_value()),
        catalog=load_kept_catalog(settings.catalog_root, settings.home_dir / PARSED_FILE),
        notifier=Notifier(connect(settings.redis)),
        runs=RunDirectories(settings.work_dir, find_account(settings)),
        shared=shared,
        refusals=SharedRefusals(shared),
        provider=provider_for(settings),
        bucket=open_state_bucket(settings),
    )

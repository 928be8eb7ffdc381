"""What every use case works with: settings, database, catalogue, queue, state.

Built once a process by ``build_context``; holds no state of its own. ``Context.write`` is the one
way to change the database: it commits, then rings the operations that the use case left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.catalog.catalog import Catalog
from app.catalog.loader import load_catalog
from app.clock import utc_now
from app.crypto import KeyRing
from app.db import Database
from app.domain.operations import OperationType
from app.domain.refusal_budget import RefusalBudget
from app.domain.stacks import StateBackend
from app.identity.provider import IdentityProvider, provider_for
from app.models import InstallationFact, Operation, Stack
from app.queue.doorbell import DRIFT_QUEUE, OPERATIONS_QUEUE, Doorbell, connect
from app.services.state_bucket import open_state_bucket
from app.settings import Settings
from app.storage.run_directory import RunDirectories
from app.storage.s3_bucket import S3Bucket
from app.storage.s3_errors import StateBucketMissingError
from app.storage.s3_state_store import S3StateStore
from app.storage.state_store import StateStore, VolumeStateStore
from app.storage.volume import Volume

RINGS = "landform_rings"


@dataclass(frozen=True)
class Context:
    """The adapters and facts that services share."""

    settings: Settings
    db: Database
    keys: KeyRing
    catalog: Catalog
    doorbell: Doorbell
    runs: RunDirectories
    refusals: RefusalBudget = field(default_factory=RefusalBudget)
    provider: IdentityProvider | None = None
    bucket: S3Bucket | None = None

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a writing transaction; ring after it has committed."""
        rings: list[tuple[str, int, str]] = []
        with self.db.write() as session:
            session.info[RINGS] = rings
            yield session
        for operation_id, attempt, queue in rings:
            self.doorbell.ring(operation_id, attempt, queue)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a reading transaction."""
        with self.db.read() as session:
            yield session

    def volume(self) -> Volume:
        """Return the state volume, bound to the id that SQL knows."""
        with self.read() as session:
            fact = session.get(InstallationFact, "volume")
            return Volume(self.settings.state_dir, fact.value["id"] if fact else None)

    def state_store(self, stack_id: str) -> StateStore:
        """Return the store that has the state of a stack.

        Raises:
            StateBucketMissingError: as ``store_in``.
        """
        with self.read() as session:
            kept = session.scalar(select(Stack.state_backend).where(Stack.id == stack_id))
        return self.store_in(StateBackend(kept or StateBackend.VOLUME))

    def store_in(self, backend: StateBackend) -> StateStore:
        """Return the store of one kind.

        Raises:
            StateBucketMissingError: it is S3, and the settings name no bucket.
        """
        if backend is StateBackend.VOLUME:
            return VolumeStateStore(self.volume(), self.keys)
        if self.bucket is None:
            raise StateBucketMissingError(
                "The state is on S3, but LANDFORM_STATE_S3_BUCKET is empty."
            )
        return S3StateStore(self.bucket, self.volume(), self.keys)


def ring_after_commit(session: Session, operation: Operation) -> None:
    """Have the operation rung once the transaction of ``session`` has committed."""
    operation.attempt += 1
    operation.rung_at = utc_now()
    is_drift = operation.type == OperationType.DRIFT_CHECK
    queue = DRIFT_QUEUE if is_drift else OPERATIONS_QUEUE
    session.info[RINGS].append((operation.id, operation.attempt, queue))


def build_context(settings: Settings) -> Context:
    """Load the catalogue and prepare the adapters; connects to nothing yet.

    Raises:
        CatalogError: a blueprint or cloud description is wrong.
        ConfigurationError: the key ring is malformed.
    """
    return Context(
        settings=settings,
        db=Database(settings.database),
        keys=KeyRing.parse(settings.encryption_keys.get_secret_value()),
        catalog=load_catalog(settings.catalog_root),
        doorbell=Doorbell(connect(settings.redis)),
        runs=RunDirectories(settings.work_dir),
        provider=provider_for(settings),
        bucket=open_state_bucket(settings),
    )

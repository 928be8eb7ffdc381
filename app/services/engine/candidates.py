"""Checks that a provider may be able to make alone: all that is compared, and whom to ask.

Only reads. Whatever is odd about a stack makes it no candidate: Terraform's own check, which has
the time and the words for it, then says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, lazyload, selectinload

from app.errors import LandformError
from app.logs import get_logger
from app.models import Operation, Stack, StackReference, StateVersion
from app.services.context import Context
from app.services.drift.baselines import Baseline, fresh_baselines
from app.services.engine import state_keeping, workspace
from app.services.engine.claims import Claim
from app.services.engine.quick_check import Basis
from app.services.engine.stack_provider import StackProvider
from app.services.secrets import open_credentials
from app.storage.prepared_init import Installation, PreparedInit
from app.storage.state_store import StateStore
from app.terraform.provider_order import ProviderOrder

# What a plan needs of the stacks that a stack refers to: their outputs.
_TARGETS = selectinload(Stack.references).options(
    lazyload(StackReference.stack),
    joinedload(StackReference.target).options(
        lazyload(Stack.references), lazyload(Stack.referenced_by)
    ),
)
_OPTIONS = (
    lazyload(Operation.steps),
    joinedload(Operation.stack).options(
        lazyload(Stack.referenced_by), lazyload(Stack.outputs), _TARGETS
    ),
)

log = get_logger(__name__)


@dataclass(frozen=True)
class Candidate:
    """One check, and what it is compared with."""

    claim: Claim
    baseline: Baseline
    basis: Basis
    order: ProviderOrder
    cloud: str
    region: str
    credentials: Mapping[str, str] = field(repr=False)
    state: bytes = field(repr=False)


def find_candidates(
    ctx: Context, claims: Sequence[Claim], store: StateStore, installation: Installation
) -> dict[Claim, Candidate]:
    """Return those of the checks that a provider may be able to make alone.

    Args:
        ctx: the adapters.
        claims: of checks of the clock.
        store: has the states of all of their stacks.
        installation: the Terraform that would look.
    """
    stack_ids = [claim.stack_id for claim in claims]
    with ctx.read() as session:
        baselines = fresh_baselines(session, ctx.settings, stack_ids)
        if not baselines:
            return {}
        query = select(Operation).where(Operation.id.in_([claim.operation_id for claim in claims]))
        operations = {row.id: row for row in session.scalars(query.options(*_OPTIONS))}
        versions = state_keeping.latest_versions(session, stack_ids)
        finder = _Finder(ctx, session, store, installation, baselines, versions)
        found = {claim: finder.find(claim, operations[claim.operation_id]) for claim in claims}
    return {claim: item for claim, item in found.items() if item is not None}


@dataclass(frozen=True)
class _Finder:
    ctx: Context
    session: Session
    store: StateStore
    installation: Installation
    baselines: Mapping[str, Baseline]
    versions: Mapping[str, StateVersion]

    def find(self, claim: Claim, operation: Operation) -> Candidate | None:
        """Return the check as a candidate if it is one."""
        try:
            return self._find(claim, operation)
        except LandformError as error:
            log.info("no_quick_check", operation_id=claim.operation_id, code=error.code)
        except Exception:  # broad: Terraform's check ends the operation whatever bug there is
            log.exception("no_quick_check", operation_id=claim.operation_id)
        return None

    def _find(self, claim: Claim, operation: Operation) -> Candidate | None:
        ctx, stack = self.ctx, operation.stack
        baseline, version = self.baselines.get(stack.id), self.versions.get(stack.id)
        if baseline is None or version is None:
            return None
        cloud = ctx.catalog.cloud(stack.cloud)
        credentials = open_credentials(ctx.keys, stack.cloud_account)
        provider = StackProvider.of(stack, cloud, credentials)
        state = state_keeping.recorded_state(self.store, version)
        if state is None or provider.kept is None:
            return None
        wanted = workspace.wanted_of(ctx, self.session, operation)
        files = workspace.files_of(ctx, operation, wanted, state)
        prepared = PreparedInit(ctx.settings.work_dir, files, self.installation)
        order = provider.order(prepared.provider_executable(provider.kept.source))
        basis = Basis.of(claim.operation_id, provider, files, prepared)
        if order is None or basis is None:
            return None
        region = cloud.region(stack.region).provider_name
        return Candidate(claim, baseline, basis, order, stack.cloud, region, credentials, state)

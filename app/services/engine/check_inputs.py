"""Checks that a provider may be able to make alone: all that is compared, and whom to ask.

Only reads. Whatever is odd about a stack leaves its check to Terraform, which has the time and the
words to say what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, lazyload, selectinload

from app.clouds.login import CloudLogin
from app.errors import LandformError
from app.logs import get_logger
from app.models import Operation, Stack, StackReference, StateVersion
from app.services.cloud_accounts.credentials import check_reach, sign_in
from app.services.context import Context
from app.services.drift.agreements import agreement_digests
from app.services.drift.baselines import Baseline, fresh_baselines
from app.services.engine.claims import Claim
from app.services.engine.drift_fingerprint import CheckInputs
from app.services.engine.run_inputs import files_of, wanted_of
from app.services.engine.stack_provider import StackProvider
from app.services.state import record
from app.storage.prepared_init import Installation, PreparedInit
from app.storage.state_store import StateStore
from app.terraform.provider_spec import ProviderSpec

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

Programs = Callable[[str], Installation]
"""Returns the Terraform that would look at stacks on a cloud, by its name."""

ODD_DATA = (OSError, ValueError, TypeError, LookupError)
"""What files and rows that are not as Landform writes them raise while they are read."""

log = get_logger(__name__)


@dataclass(frozen=True)
class ProviderCheck:
    """One check, and what it is compared with."""

    claim: Claim
    baseline: Baseline
    inputs: CheckInputs
    spec: ProviderSpec
    cloud: str
    region: str
    login: CloudLogin
    check_reach: Callable[[], None] = field(repr=False)
    state: bytes = field(repr=False)
    let_go: frozenset[str] = frozenset()


def find_provider_checks(
    ctx: Context, claims: Sequence[Claim], store: StateStore, programs: Programs
) -> dict[Claim, ProviderCheck]:
    """Return those of the checks that a provider may be able to make alone.

    Args:
        ctx: the adapters.
        claims: of scheduled checks.
        store: has the states of all of their stacks.
        programs: the Terraform that would look.
    """
    stack_ids = [claim.stack_id for claim in claims]

    def find(session: Session) -> dict[Claim, ProviderCheck | None]:
        baselines = fresh_baselines(session, ctx.settings, stack_ids)
        if not baselines:
            return {}
        query = select(Operation).where(Operation.id.in_([claim.operation_id for claim in claims]))
        operations = {row.id: row for row in session.scalars(query.options(*_OPTIONS))}
        versions = record.latest_versions(session, stack_ids)
        agreed = agreement_digests(session, stack_ids)
        finder = _Finder(ctx, session, store, programs, baselines, versions, agreed)
        return {claim: finder.find(claim, operations[claim.operation_id]) for claim in claims}

    return {claim: item for claim, item in ctx.ask(find).items() if item is not None}


@dataclass(frozen=True)
class _Finder:
    ctx: Context
    session: Session
    store: StateStore
    programs: Programs
    baselines: Mapping[str, Baseline]
    versions: Mapping[str, StateVersion]
    agreed: Mapping[str, str]

    def find(self, claim: Claim, operation: Operation) -> ProviderCheck | None:
        """Return the check if its provider may be able to make it."""
        try:
            return self._find(claim, operation)
        except LandformError as error:
            log.info("no_quick_check", operation_id=claim.operation_id, code=error.code)
        except ODD_DATA:
            log.exception("no_quick_check", operation_id=claim.operation_id)
        return None

    def _find(self, claim: Claim, operation: Operation) -> ProviderCheck | None:
        ctx, stack = self.ctx, operation.stack
        baseline, version = self.baselines.get(stack.id), self.versions.get(stack.id)
        if baseline is None or version is None:
            return None
        cloud = ctx.catalog.cloud(stack.cloud)
        login = sign_in(ctx, stack.cloud_account)
        provider = StackProvider.of(stack, cloud, login)
        state = record.recorded_state(self.store, version)
        if state is None or provider.kept is None:
            return None
        wanted = wanted_of(ctx, self.session, operation)
        files = files_of(ctx, operation, wanted, state)
        prepared = PreparedInit(ctx.settings.work_dir, files, self.programs(stack.cloud))
        spec = provider.spec(prepared.provider_executable(provider.kept.source))
        agreed = self.agreed.get(stack.id, "")
        inputs = CheckInputs.of(claim.operation_id, provider, files, prepared, agreed)
        if spec is None or inputs is None:
            return None
        region = cloud.region(stack.region).provider_name
        let_go = frozenset(stack.let_go_names)
        reach = partial(check_reach, cloud, login, stack.cloud_account.name)
        return ProviderCheck(
            claim, baseline, inputs, spec, stack.cloud, region, login, reach, state, let_go
        )

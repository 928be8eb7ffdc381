"""Keep what was last agreed about a stack beside its recorded state, and end findings by it.

The rules are ``app.domain.agreement``. A plan is kept with what applying it does to the agreed
picture; whoever saves the state that the apply left, be it after a kill, lets the picture follow in
the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import exact_json
from app.clock import utc_now
from app.crypto import KeyRing
from app.domain.agreement import (
    NOTHING,
    Agreement,
    Recorded,
    Transition,
    ValueStep,
    carry_over,
    follow,
)
from app.domain.agreement_errors import AgreementUnreadableError
from app.domain.drift import FindingEnd
from app.domain.operation_registry import facts_of
from app.domain.plan_options import PlanOptions
from app.domain.state_file import StateFile
from app.errors import DecryptionError
from app.models import DriftFinding, Operation, Stack, StackAgreement, StoredPlan
from app.services.context import Context
from app.services.drift.findings import open_findings

PURPOSE = "drift agreement"


@dataclass(frozen=True)
class KeptAgreement:
    """An agreement as it is kept; ``digest`` is empty where the state says all."""

    agreement: Agreement = field(default=NOTHING, repr=False)
    digest: str = ""


def read_agreement(keys: KeyRing, session: Session, stack_id: str) -> KeptAgreement:
    """Return what was agreed about a stack, over its recorded state.

    Raises:
        AgreementUnreadableError: it was changed, or its key is gone.
    """
    row = session.get(StackAgreement, stack_id)
    if row is None:
        return KeptAgreement()
    data = _open(keys, row.sealed_agreement, _place(stack_id), stack_id)
    return KeptAgreement(Agreement.from_dict(data), row.digest)


def agreement_digests(session: Session, stack_ids: Collection[str]) -> dict[str, str]:
    """Return the digests of the agreements of stacks that have one."""
    query = select(StackAgreement.stack_id, StackAgreement.digest)
    rows = session.execute(query.where(StackAgreement.stack_id.in_(stack_ids)))
    return {row.stack_id: row.digest for row in rows}


def keep_agreement(
    keys: KeyRing, session: Session, stack_id: str, agreement: Agreement, serial: int
) -> None:
    """Keep what was agreed, over the state of ``serial``; without a difference, nothing."""
    if not agreement:
        session.execute(delete(StackAgreement).where(StackAgreement.stack_id == stack_id))
        return
    document = exact_json.dumps(agreement.to_dict(), sort_keys=True).encode()
    row = StackAgreement(
        stack_id=stack_id,
        serial=serial,
        sealed_agreement=keys.encrypt(document, _place(stack_id)),
        digest=keys.sign(document, PURPOSE)[1],
        updated_at=utc_now(),
    )
    session.merge(row)


def keep_settled(keys: KeyRing, session: Session, stack_id: str, settled: Agreement) -> None:
    """Replace the agreement after the refresh that follows an apply; its serial stays."""
    row = session.get(StackAgreement, stack_id)
    if row is not None:
        keep_agreement(keys, session, stack_id, settled, row.serial)


def seal_transition(keys: KeyRing, operation_id: str, transition: Transition) -> bytes:
    """Return what applying a plan does to the agreed picture, sealed to be kept with the plan."""
    document = exact_json.dumps(transition.to_dict()).encode()
    return keys.encrypt(document, _transition_place(operation_id))


def follow_apply(
    ctx: Context, session: Session, operation: Operation, state: StateFile, *, is_done: bool
) -> Agreement:
    """Let the agreed picture follow an apply, and end the findings that it has ended.

    Args:
        ctx: the adapters.
        session: the transaction that makes ``state`` the state of record.
        operation: the one that applied, or tried to.
        state: what it left.
        is_done: whether it ended well.

    Returns:
        What is agreed beside the state now.

    Raises:
        AgreementUnreadableError: before anything was written.
    """
    transition = read_transition(ctx.keys, session, operation)
    findings = open_findings(session, operation.stack_id)
    accepted = _accepted(operation, findings, transition) if is_done else ()
    agreement = after_apply(transition, state, is_done=is_done, accepted=accepted)
    keep_agreement(ctx.keys, session, operation.stack_id, agreement, state.serial)
    for finding in findings:
        if finding.address in transition.looked_at and finding.address not in agreement.entries:
            end = FindingEnd.ACCEPTED if finding.address in accepted else FindingEnd.MENDED
            finding.gone_reason, finding.gone_operation_id = end.value, operation.id
            finding.gone_since = utc_now()
    return agreement


def after_apply(
    transition: Transition, state: StateFile, *, is_done: bool, accepted: Collection[str] = ()
) -> Agreement:
    """Return what is agreed beside the state that an apply left; see ``app.domain.agreement``."""
    recorded = recorded_resources(state)
    entries = follow(transition, recorded, is_done=is_done, accepted=accepted)
    return Agreement(entries, _changed_on_the_way(state, transition))


def carry_over_to(
    ctx: Context, session: Session, stack: Stack, present: StateFile | None, other: bytes
) -> Agreement:
    """Return what was agreed about a stack over another state than the present one.

    Args:
        ctx: the adapters.
        session: an open transaction.
        stack: whose states.
        present: the state of record; None when there is none, or it cannot be read.
        other: an earlier or uploaded state.
    """
    known = read_agreement(ctx.keys, session, stack.id).agreement
    if present is None:
        return known
    old = recorded_resources(present)
    new = recorded_resources(StateFile.parse(other))
    return carry_over(known, old, new, ctx.catalog.cloud(stack.cloud).moving)


def recorded_resources(state: StateFile) -> dict[str, Recorded]:
    """Return the managed resources of a state by address."""
    return {
        resource.instance_address(instance): Recorded(
            resource.type,
            instance.identifier,
            instance.plain_attributes(),
            instance.sensitive_paths,
        )
        for resource in state.resources
        if resource.mode == "managed"
        for instance in resource.instances
        if instance.deposed_key is None
    }


def read_transition(keys: KeyRing, session: Session, operation: Operation) -> Transition:
    """Return what was kept with a plan; what was agreed stays so where nothing was kept.

    Raises:
        AgreementUnreadableError: it was changed, or its key is gone.
    """
    plan = session.get(StoredPlan, operation.id)
    if plan is not None and plan.sealed_transition is not None:
        place = _transition_place(operation.id)
        data = _open(keys, plan.sealed_transition, place, operation.stack_id)
        return Transition.from_dict(data)
    known = read_agreement(keys, session, operation.stack_id).agreement
    return Transition({name: ValueStep(entry) for name, entry in known.entries.items()})


def _accepted(
    operation: Operation, findings: Collection[DriftFinding], transition: Transition
) -> Collection[str]:
    """Return the addresses of which an operation accepts what is there."""
    if not facts_of(operation.type).accepts_drift:
        return ()
    named = PlanOptions.from_dict(operation.options).findings
    if not named:
        return transition.steps.keys()
    return {item.address for item in findings if item.id in named and item.address is not None}


def _changed_on_the_way(state: StateFile, transition: Transition) -> frozenset[str]:
    """Return what an apply may have changed beside what it planned.

    That is what its resources build on, also those that it has destroyed.
    """
    managed = [item for item in state.resources if item.mode == "managed"]
    blocks = {
        name
        for resource in managed
        for instance in resource.instances
        if resource.instance_address(instance) in transition.touched
        for name in (resource.address, *instance.dependencies)
    }
    return frozenset(
        resource.instance_address(instance)
        for resource in managed
        if resource.address in blocks | transition.built_on
        for instance in resource.instances
        if instance.deposed_key is None
    )


def _open(keys: KeyRing, sealed: bytes, place: str, stack_id: str) -> Any:
    try:
        return exact_json.loads(keys.decrypt(sealed, place))
    except DecryptionError as error:
        raise AgreementUnreadableError(
            f"What was agreed about the stack {stack_id} does not open: {error.detail}"
        ) from error


def _place(stack_id: str) -> str:
    return f"agreement:{stack_id}"


def _transition_place(operation_id: str) -> str:
    return f"transition:{operation_id}"

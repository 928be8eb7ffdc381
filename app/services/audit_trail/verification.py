"""Check the whole audit trail: the chain in SQL, archives of its beginning, and the anchors.

What it can find, and what not, stands in ``docs/security.md``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.audit_chain import Anchor, ChainCheck, ChainedEvent, ChainFault, ChainLink
from app.domain.permissions import ServiceRight
from app.errors import DecryptionError, ValidationError
from app.models import AuditEvent, AuditHead
from app.services import audit
from app.services.access import Principal, require_service
from app.services.audit import HEAD
from app.services.audit_trail.anchors import PURPOSE, read_all_anchors
from app.services.audit_trail.trail import read_chain
from app.services.context import Context, known_places
from app.services.work import perform

MAX_FINDINGS = 100
MARKED = ("audit_trail", "verification")
"""Type and id of what a check is about, by which the last one is found."""


@dataclass
class Anchors:
    """What the anchors say; ``unchecked`` maps keys that are gone to the last event."""

    genuine: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    forged: list[Anchor] = field(default_factory=list)
    unchecked: dict[str, int] = field(default_factory=dict)
    damaged: int = 0


@dataclass(frozen=True)
class Mark:
    """What the last check that a person asked for in the console found, and when."""

    at: datetime
    actor: str
    count: int
    is_whole: bool


@dataclass(frozen=True)
class Verification:
    """What came out: ``proven`` is the last event that an anchor vouches for."""

    count: int
    last: ChainLink
    proven: int
    anchors: Anchors
    findings: Sequence[ChainFault]
    has_more: bool


def verify_for(ctx: Context, principal: Principal) -> Verification:
    """Check every event there is, and put into the trail that it was checked.

    Raises:
        PermissionDeniedError: the caller lacks ``audit:read-all``.
        VolumeError, StateBucketError: the anchors cannot be read.
    """
    require_service(principal, ServiceRight.AUDIT_READ_ALL)
    found = verify_trail(ctx)
    wrong = [item for item in found.findings if item.kind != "unproven"]
    with perform(ctx, principal) as work:
        audit.record(
            work,
            "audit.verify",
            *MARKED,
            count=found.count,
            proven=found.proven,
            wrong=len(wrong),
        )
    return found


def last_mark(session: Session) -> Mark | None:
    """Return what the last check found, if there was one; it vouches for nothing after it."""
    object_type, object_id = MARKED
    query = select(AuditEvent).where(
        AuditEvent.object_type == object_type, AuditEvent.object_id == object_id
    )
    row = session.scalar(query.order_by(AuditEvent.sequence.desc()).limit(1))
    if row is None:
        return None
    return Mark(row.at, row.actor, int(row.detail["count"]), not row.detail["wrong"])


def verify_trail(ctx: Context, archives: Sequence[Path] = ()) -> Verification:
    """Check every event there is.

    Args:
        ctx: the adapters.
        archives: NDJSON exports, in their order, of events that are no longer in SQL.

    Raises:
        ValidationError: an archive is no export; names the line.
        VolumeError, StateBucketError: the anchors cannot be read.
    """
    anchors = read_anchors(ctx)
    head, first, last = _ends(ctx)
    check = ChainCheck(anchors.genuine)
    findings: list[ChainFault] = []
    for found in _walk(ctx, check, archives, head, first, last):
        findings.append(found)
        if len(findings) > MAX_FINDINGS:
            break
    else:
        findings += _judge_anchors(anchors, check)
    return Verification(
        check.count,
        check.last,
        check.proven,
        anchors,
        findings[:MAX_FINDINGS],
        len(findings) > MAX_FINDINGS,
    )


def read_anchors(ctx: Context) -> Anchors:
    """Read the anchors and check each signature.

    Raises:
        VolumeError, StateBucketError: they cannot be read.
    """
    own_id, found = ctx.ask(known_places).id, Anchors()
    for anchor in read_all_anchors(ctx):
        if anchor is None:
            found.damaged += 1
            continue
        try:
            is_genuine = anchor.volume == own_id and ctx.keys.is_signed(
                anchor.signed_part(), PURPOSE, anchor.key, anchor.signature
            )
        except DecryptionError:
            known = found.unchecked.get(anchor.key, 0)
            found.unchecked[anchor.key] = max(known, anchor.sequence)
            continue
        if not is_genuine:
            found.forged.append(anchor)
        elif anchor.sequence:
            found.genuine[anchor.sequence].add(anchor.hash)
    return found


def _ends(ctx: Context) -> tuple[ChainLink, int, int]:
    """Return what SQL remembers as the end, and the first and last event of this moment."""
    first_of = select(func.min(AuditEvent.sequence)).scalar_subquery()
    last_of = select(func.max(AuditEvent.sequence)).scalar_subquery()
    query = select(AuditHead.sequence, AuditHead.hash, first_of, last_of)
    with ctx.read() as session:
        found = session.execute(query.where(AuditHead.id == HEAD)).one()
    sequence, hash_, first, last = found
    return ChainLink(sequence, hash_), first or 0, last or 0


def _walk(
    ctx: Context,
    check: ChainCheck,
    archives: Sequence[Path],
    head: ChainLink,
    first: int,
    last: int,
) -> Iterator[ChainFault]:
    for path in archives:
        events = _read_archive(path)
        yield from check.walk(event for event in events if event.sequence < first or not first)
    yield from check.walk(event for event in read_chain(ctx) if event.sequence <= last)
    yield from check.end(head)


def _read_archive(path: Path) -> Iterator[ChainedEvent]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                yield _parse(path, number, line)
    except (OSError, UnicodeDecodeError) as error:
        raise ValidationError(f"{path} cannot be read: {error}.") from error


def _parse(path: Path, number: int, line: str) -> ChainedEvent:
    try:
        return ChainedEvent.from_dict(json.loads(line))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValidationError(
            f"Line {number} of {path} is no event of an audit trail.",
            advice="Name files that `landform admin audit export` wrote, in their order.",
        ) from error


def _judge_anchors(anchors: Anchors, check: ChainCheck) -> Iterator[ChainFault]:
    for anchor in anchors.forged:
        detail = f"The anchor of event {anchor.sequence}, {anchor.at}, was not made by Landform."
        yield ChainFault("forged", anchor.sequence, detail)
    newest = max(anchors.genuine, default=0)
    for key, sequence in anchors.unchecked.items():
        if sequence > newest:
            detail = f"Anchors up to event {sequence} are signed with key {key}, which is missing."
            yield ChainFault("unproven", sequence, detail)
    if check.count and not newest and not anchors.unchecked:
        detail = "There is no anchor, so a trail that was computed anew would not show."
        yield ChainFault("unproven", check.last.sequence, detail)

"""The audit trail becomes a chain; the events that are there are chained in their order.

Revision: 0005, after 0004, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime
from app.domain.audit_chain import GENESIS, Actor, ChainedEvent

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

AT_ONCE = 1000
EVENTS = sa.table(
    "audit_events",
    sa.column("id", sa.String),
    sa.column("at", UtcDateTime),
    *(sa.column(name, sa.String) for name in ("actor", "actor_id", "actor_kind", "address")),
    *(sa.column(name, sa.String) for name in ("action", "object_type", "object_id")),
    *(sa.column(name, sa.String) for name in ("project_id", "request_id")),
    sa.column("detail", sa.JSON),
    sa.column("sequence", sa.BigInteger),
    *(sa.column(name, sa.String) for name in ("previous_hash", "hash")),
)
ADDED = {
    "sequence": sa.BigInteger(),
    "actor_id": sa.String(40),
    "actor_kind": sa.String(10),
    "address": sa.String(64),
    "previous_hash": sa.String(64),
    "hash": sa.String(64),
}
ALWAYS_THERE = ("sequence", "actor_kind", "previous_hash", "hash")


def upgrade() -> None:
    """Go forward."""
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    for name, kind in ADDED.items():
        op.add_column("audit_events", sa.Column(name, kind, nullable=True))
    sequence, last = _chain_events()
    op.bulk_insert(head, [{"id": 1, "sequence": sequence, "hash": last}])
    op.drop_index("ix_audit_events_project_id", "audit_events")
    with op.batch_alter_table("audit_events") as batch:
        for name in ALWAYS_THERE:
            batch.alter_column(name, existing_type=ADDED[name], nullable=False)
    op.create_index("uq_audit_events_sequence", "audit_events", ["sequence"], unique=True)
    for columns in (["project_id", "sequence"], ["actor", "sequence"], ["at"]):
        op.create_index("ix_audit_events_" + "_".join(columns), "audit_events", columns)


def downgrade() -> None:
    """Go back."""
    op.drop_index("uq_audit_events_sequence", "audit_events")
    for columns in (["project_id", "sequence"], ["actor", "sequence"], ["at"]):
        op.drop_index("ix_audit_events_" + "_".join(columns), "audit_events")
    with op.batch_alter_table("audit_events") as batch:
        for name in ADDED:
            batch.drop_column(name)
    op.create_index("ix_audit_events_project_id", "audit_events", ["project_id"])
    op.drop_table("audit_head")


def _chain_events():
    connection, sequence, last = op.get_bind(), 0, GENESIS
    chained = sa.update(EVENTS).where(EVENTS.c.id == sa.bindparam("event_id"))
    chained = chained.values(
        {name: sa.bindparam(f"new_{name}") for name in (*ALWAYS_THERE, "actor_id")}
    )
    after = ""
    while True:
        page = sa.select(EVENTS).where(EVENTS.c.id > after).order_by(EVENTS.c.id).limit(AT_ONCE)
        rows = connection.execute(page).mappings().all()
        if not rows:
            return sequence, last
        changes = []
        for row in rows:
            sequence += 1
            kind = "system" if row["actor"] == "system" else "user"
            event = _event(row, sequence, kind, last)
            changes.append(
                {
                    "event_id": row["id"],
                    "new_sequence": sequence,
                    "new_actor_id": event.actor.id,
                    "new_actor_kind": kind,
                    "new_previous_hash": last,
                    "new_hash": event.compute_hash(),
                }
            )
            last = changes[-1]["new_hash"]
        connection.execute(chained, changes)
        after = rows[-1]["id"]


def _event(row, sequence, kind, previous_hash):
    """An event of before; who acted is known by name only."""
    return ChainedEvent(
        sequence=sequence,
        id=row["id"],
        at=row["at"],
        actor=Actor("system" if kind == "system" else None, row["actor"], kind, None),
        action=row["action"],
        object_type=row["object_type"],
        object_id=row["object_id"],
        project_id=row["project_id"],
        request_id=row["request_id"],
        detail=row["detail"],
        previous_hash=previous_hash,
    )

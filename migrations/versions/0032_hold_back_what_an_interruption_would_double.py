"""Which interrupted operation holds back the changes of its stack, and which operation resolves it.

Revision: 0032, after 0036, made on 2026-11-30.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0036"
branch_labels = None
depends_on = None

INDEX = "ix_operations_stack_id_unresolved"


def upgrade() -> None:
    """Go forward; an interruption that nobody has decided about is searched once more."""
    with op.batch_alter_table("operations") as batch:
        batch.add_column(
            sa.Column("holds_back", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch.add_column(sa.Column("resolves_id", sa.String(40), nullable=True))
    condition = sa.text("holds_back")
    op.create_index(
        INDEX,
        "operations",
        ["stack_id"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
    _hold_back_open_ones()


def downgrade() -> None:
    """Go back."""
    op.drop_index(INDEX, "operations")
    with op.batch_alter_table("operations") as batch:
        batch.drop_column("resolves_id")
        batch.drop_column("holds_back")


def _hold_back_open_ones() -> None:
    """Mark the newest undecided interruption of each living stack; the search then judges it."""
    operations = sa.table(
        "operations",
        sa.column("id", sa.String),
        sa.column("stack_id", sa.String),
        sa.column("status", sa.String),
        sa.column("resolution", sa.JSON),
        sa.column("holds_back", sa.Boolean),
        sa.column("orphans_searched_at", sa.DateTime(timezone=True)),
    )
    stacks = sa.table("stacks", sa.column("id", sa.String), sa.column("deleted_at"))
    connection = op.get_bind()
    query = (
        sa.select(operations.c.stack_id, operations.c.id, operations.c.resolution)
        .join(stacks, stacks.c.id == operations.c.stack_id)
        .where(operations.c.status == "interrupted", stacks.c.deleted_at.is_(None))
        .order_by(operations.c.id)
    )
    newest = {row.stack_id: row for row in connection.execute(query)}
    for row in newest.values():
        if row.resolution is None:
            connection.execute(
                operations.update()
                .where(operations.c.id == row.id)
                .values(holds_back=True, orphans_searched_at=None)
            )

"""Outputs as text: SQLite rounded a bare number in a column of type JSON.

Revision: 0034, after 0016, made on 2026-11-30.
"""

from alembic import op

revision = "0034"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward; what was rounded stays so until the stack is applied again."""
    op.execute("ALTER TABLE stack_outputs ADD COLUMN new_value TEXT")
    op.execute("UPDATE stack_outputs SET new_value = CAST(value AS TEXT)")
    _put_in_place()


def downgrade() -> None:
    """Go back."""
    op.execute("ALTER TABLE stack_outputs ADD COLUMN new_value JSON")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("UPDATE stack_outputs SET new_value = CAST(value AS JSON)")
    else:
        op.execute("UPDATE stack_outputs SET new_value = value")
    _put_in_place()


def _put_in_place() -> None:
    op.execute("ALTER TABLE stack_outputs DROP COLUMN value")
    op.execute("ALTER TABLE stack_outputs RENAME COLUMN new_value TO value")

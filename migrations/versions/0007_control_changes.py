"""Change windows, maintenance, and what happens when a stack expires.

Revision: 0007, after 0006, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

import app.db

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "change_controls",
        sa.Column("scope", sa.String(40), nullable=False),
        sa.Column("project_id", sa.String(40), nullable=True),
        sa.Column("windows", sa.JSON(), nullable=False),
        sa.Column("maintenance_since", app.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("maintenance_until", app.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("maintenance_reason", sa.String(500), nullable=True),
        sa.Column("updated_at", app.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_change_controls_project_id_projects")
        ),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_change_controls")),
    )
    with op.batch_alter_table("operations") as batch:
        batch.add_column(
            sa.Column("overrides_windows", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("stacks") as batch:
        batch.add_column(
            sa.Column("on_expiry", sa.String(20), nullable=False, server_default="destroy")
        )
        batch.add_column(
            sa.Column("expiry_warned_at", app.db.UtcDateTime(timezone=True), nullable=True)
        )
        batch.add_column(
            sa.Column("expiry_asked_at", app.db.UtcDateTime(timezone=True), nullable=True)
        )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("stacks") as batch:
        for name in ("expiry_asked_at", "expiry_warned_at", "on_expiry"):
            batch.drop_column(name)
    with op.batch_alter_table("operations") as batch:
        batch.drop_column("overrides_windows")
    op.drop_table("change_controls")

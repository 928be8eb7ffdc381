"""Sets of policies, exceptions from them, and what they said about an operation.

Revision: 0047, after 0046, made on 2026-12-01.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "policy_sets",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("policies", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(64), nullable=False),
        sa.Column("updated_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_sets")),
        sa.UniqueConstraint("name", name=op.f("uq_policy_sets_name")),
    )
    op.create_table(
        "policy_set_versions",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("set_id", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("policies", sa.JSON(), nullable=False),
        sa.Column("saved_by", sa.String(64), nullable=False),
        sa.Column("saved_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["set_id"], ["policy_sets.id"], name=op.f("fk_policy_set_versions_set_id_policy_sets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_set_versions")),
        sa.UniqueConstraint(
            "set_id", "version", name=op.f("uq_policy_set_versions_set_id_version")
        ),
    )
    op.create_table(
        "policy_overrides",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("set_id", sa.String(40), nullable=False),
        sa.Column("policy", sa.String(40), nullable=False),
        sa.Column("project_id", sa.String(40), nullable=False),
        sa.Column("stack_name", sa.String(40), nullable=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["set_id"], ["policy_sets.id"], name=op.f("fk_policy_overrides_set_id_policy_sets")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_policy_overrides_project_id_projects")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_overrides")),
    )
    op.create_index(op.f("ix_policy_overrides_set_id"), "policy_overrides", ["set_id"])
    op.create_index(op.f("ix_policy_overrides_project_id"), "policy_overrides", ["project_id"])
    with op.batch_alter_table("operations") as batch:
        batch.add_column(sa.Column("policy_results", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("operations") as batch:
        batch.drop_column("policy_results")
    op.drop_table("policy_overrides")
    op.drop_table("policy_set_versions")
    op.drop_table("policy_sets")

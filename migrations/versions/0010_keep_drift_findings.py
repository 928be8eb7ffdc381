"""Findings of drift as stories, ignore rules, the daily trend, and automatic reconciliation.

Revision: 0010, after 0012, made on 2026-11-23.
"""

import sqlalchemy as sa
from alembic import op

from app.db import UtcDateTime

revision = "0010"
down_revision = "0012"
branch_labels = None
depends_on = None

MOMENT = UtcDateTime(timezone=True)


def upgrade() -> None:
    """Go forward."""
    op.add_column("stacks", sa.Column("drift_told", sa.String(64), nullable=True))
    op.add_column("stacks", sa.Column("drift_unknown_told_at", MOMENT, nullable=True))
    op.add_column("schedules", sa.Column("auto_reconcile", sa.JSON(), nullable=True))
    op.add_column("drift_reports", sa.Column("digest", sa.String(64), nullable=True))
    op.add_column(
        "drift_reports",
        sa.Column("tag_search", sa.String(20), nullable=False, server_default="not_offered"),
    )
    op.add_column("drift_reports", sa.Column("tag_search_reason", sa.String(1000), nullable=True))
    _create_rules()
    _create_findings()
    _create_days()


def downgrade() -> None:
    """Go back."""
    op.drop_table("drift_days")
    op.drop_table("drift_findings")
    op.drop_table("drift_rules")
    with op.batch_alter_table("drift_reports") as table:
        for name in ("tag_search_reason", "tag_search", "digest"):
            table.drop_column(name)
    with op.batch_alter_table("schedules") as table:
        table.drop_column("auto_reconcile")
    with op.batch_alter_table("stacks") as table:
        table.drop_column("drift_unknown_told_at")
        table.drop_column("drift_told")


def _create_rules() -> None:
    op.create_table(
        "drift_rules",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("project_id", sa.String(40), nullable=False),
        sa.Column("stack_id", sa.String(40), nullable=True),
        sa.Column("kind", sa.String(40), nullable=True),
        sa.Column("resource_type", sa.String(200), nullable=True),
        sa.Column("change", sa.String(10), nullable=True),
        sa.Column("path", sa.String(200), nullable=True),
        sa.Column("value", sa.String(200), nullable=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_drift_rules_project_id_projects"
        ),
        sa.ForeignKeyConstraint(["stack_id"], ["stacks.id"], name="fk_drift_rules_stack_id_stacks"),
        sa.PrimaryKeyConstraint("id", name="pk_drift_rules"),
    )
    op.create_index("ix_drift_rules_project_id", "drift_rules", ["project_id"])


def _create_findings() -> None:
    op.create_table(
        "drift_findings",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("stack_id", sa.String(40), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("change", sa.String(10), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("values_digest", sa.String(64), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("severity_reason", sa.String(100), nullable=False),
        sa.Column("mending", sa.String(10), nullable=True),
        sa.Column("first_seen_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("gone_since", MOMENT, nullable=True),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.String(40), nullable=False),
        sa.Column("rule_id", sa.String(40), nullable=True),
        sa.Column("acknowledged_at", MOMENT, nullable=True),
        sa.Column("acknowledged_by", sa.String(64), nullable=True),
        sa.Column("acknowledged_note", sa.String(500), nullable=True),
        sa.ForeignKeyConstraint(
            ["stack_id"], ["stacks.id"], name="fk_drift_findings_stack_id_stacks"
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["drift_rules.id"], name="fk_drift_findings_rule_id_drift_rules"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_drift_findings"),
        sa.UniqueConstraint("stack_id", "key", name="uq_drift_findings_stack_id_key"),
    )
    for name in ("cause", "gone_since", "rule_id"):
        op.create_index(f"ix_drift_findings_{name}", "drift_findings", [name])


def _create_days() -> None:
    op.create_table(
        "drift_days",
        sa.Column("project_id", sa.String(40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("in_sync", sa.Integer(), nullable=False),
        sa.Column("drifted", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("not_checked", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_drift_days_project_id_projects"
        ),
        sa.PrimaryKeyConstraint("project_id", "day", name="pk_drift_days"),
    )

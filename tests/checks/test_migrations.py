"""What former code would stumble over is found in a migration, and what only adds is not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tests.checks.migrations import check_migrations, find_breaks, render


def test_no_migration_of_ours_breaks_former_code() -> None:
    assert list(check_migrations()) == []


def test_what_only_adds_breaks_nothing() -> None:
    def upgrade() -> None:
        op.create_table("notes", sa.Column("b", sa.Integer, primary_key=True))
        op.create_index("ix_notes_b", "notes", ["b"], unique=True)
        op.add_column("stacks", sa.Column("note", sa.String(40)))
        op.add_column("stacks", sa.Column("n", sa.Integer, nullable=False, server_default="0"))
        op.create_index("ix_stacks_note", "stacks", ["note"])
        op.execute("UPDATE stacks SET note = 'none'")

    assert find_breaks(render(upgrade)) == []


def test_what_takes_away_or_narrows_breaks_former_code() -> None:
    def upgrade() -> None:
        op.drop_column("stacks", "labels")
        op.alter_column("stacks", "name", new_column_name="title")
        op.rename_table("stacks", "things")
        op.drop_table("users")
        op.add_column("stacks", sa.Column("owner", sa.String(40), nullable=False))
        op.alter_column("stacks", "kind", type_=sa.Integer)
        op.alter_column("stacks", "region", nullable=False)
        op.create_check_constraint("short", "stacks", "length(name) < 9")
        op.create_index("ux_stacks_name", "stacks", ["name"], unique=True)

    found = " ".join(find_breaks(render(upgrade)))
    for rule in (
        *("ban-drop-column", "renaming-column", "renaming-table", "ban-drop-table"),
        *("adding-required-field", "changing-column-type", "adding-not-nullable-field"),
        *("constraint-missing-not-valid", "may write to stacks what is not unique"),
    ):
        assert rule in found, rule

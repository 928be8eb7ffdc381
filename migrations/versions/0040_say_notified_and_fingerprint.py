"""Two columns get the names of what they hold: when a worker was notified, and a fingerprint.

Revision: 0040, after 0039, made on 2026-11-30.
"""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.execute("ALTER TABLE operations RENAME COLUMN rung_at TO notified_at")
    op.execute("ALTER TABLE drift_baselines RENAME COLUMN proof TO fingerprint")


def downgrade() -> None:
    """Go back."""
    op.execute("ALTER TABLE drift_baselines RENAME COLUMN fingerprint TO proof")
    op.execute("ALTER TABLE operations RENAME COLUMN notified_at TO rung_at")

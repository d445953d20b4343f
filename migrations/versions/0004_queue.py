"""The queue of people who are read first (P1 once, P2 at every poll), and until when a source asked to be left alone.

Data: nothing is there yet. A job that failed before has no such moment; its back-off holds as before.
Down: drops the queue and the moments. Nothing else refers to them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "queue_entries",
        sa.Column("id", KEY, nullable=False),
        sa.Column("platform", sa.String(20), nullable=False),
        sa.Column("username", sa.String(50), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("requested_by", sa.String(80), nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_queue_entries"),
        sa.UniqueConstraint("platform", "username", "priority", name="uq_queue_entries_platform_username_priority"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_queue_entries_run_id_runs", ondelete="SET NULL"),
    )
    op.create_index("ix_queue_entries_requested_at", "queue_entries", ["requested_at"])
    op.create_index("ix_queue_entries_due_at", "queue_entries", ["due_at"])
    op.create_index("ix_queue_entries_run_id", "queue_entries", ["run_id"])
    op.add_column("jobs", sa.Column("rest_until", MOMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "rest_until")
    op.drop_table("queue_entries")

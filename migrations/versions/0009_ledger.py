"""When each source was heard, and what its job was to do meanwhile.

Data: the spans are put together from the polls and readings there are when the server starts next. What jobs were to
do before is not known.
Down: drops both. The spans can be put together again; what jobs were to do is lost.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "heard_spans",
        sa.Column("job_id", KEY, autoincrement=False, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("heard_at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_heard_spans_job_id_jobs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "started_at", name="pk_heard_spans"),
    )
    op.create_table(
        "job_plans",
        sa.Column("job_id", KEY, autoincrement=False, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("quiet_hours", sa.String(11), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_plans_job_id_jobs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "since", name="pk_job_plans"),
    )


def downgrade() -> None:
    op.drop_table("job_plans")
    op.drop_table("heard_spans")

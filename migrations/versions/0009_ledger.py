"""When each source was heard.

Data: the spans are put together from the runs and polls there are when the server starts next.
Down: drops them; they can be put together again.
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
        sa.Column("hearings", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_heard_spans_job_id_jobs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "started_at", name="pk_heard_spans"),
    )


def downgrade() -> None:
    op.drop_table("heard_spans")

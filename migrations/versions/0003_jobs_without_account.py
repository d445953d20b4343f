"""Jobs that belong to no account, such as the affiliate poller; schedules that do not drift; log lines.

Data: the jobs there are keep their account. What is new is put in at the next start, see `server.startup`.
Down: drops the jobs without an account, with their runs.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("account_id", existing_type=KEY, nullable=True)
        jobs.add_column(sa.Column("anchored_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("runs", sa.Column("log", JSON, nullable=True))
    op.create_index("uq_jobs_name_without_account", "jobs", ["name"], unique=True,
                    postgresql_where=sa.text("account_id IS NULL"), sqlite_where=sa.text("account_id IS NULL"))


def downgrade() -> None:
    op.drop_column("runs", "log")
    op.execute("DELETE FROM runs WHERE job_id IN (SELECT id FROM jobs WHERE account_id IS NULL)")
    op.execute("DELETE FROM jobs WHERE account_id IS NULL")
    op.drop_index("uq_jobs_name_without_account", table_name="jobs")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("anchored_at")
        jobs.alter_column("account_id", existing_type=KEY, nullable=False)

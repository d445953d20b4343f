"""Hourly figures that stay when snapshots go, how large the tables were from day to day, how long storing took.

Data: nothing that is there changes; what is too old is rolled up and deleted by the job `retention`.
Down: drops the hourly figures. Snapshots that were rolled up are gone for good by then.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "affiliate_hourly",
        sa.Column("followers", sa.BigInteger(), nullable=True),
        sa.Column("viewers_sum", sa.BigInteger(), nullable=False),
        sa.Column("on_air", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("viewers_min", sa.Integer(), nullable=True),
        sa.Column("viewers_max", sa.Integer(), nullable=True),
        sa.Column("polls", sa.SmallInteger(), nullable=False),
        sa.Column("viewers_polls", sa.SmallInteger(), nullable=False),
        sa.Column("followers_at", sa.SmallInteger(), nullable=True),
        sa.Column("public_polls", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "hour", name="pk_affiliate_hourly"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "storage_samples",
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("at", "name", name="pk_storage_samples"),
    )
    op.create_table(
        "storage_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("snapshots", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_storage_days"),
    )
    op.add_column("ingest_batches", sa.Column("took_ms", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("ingest_batches", "took_ms")
    op.drop_table("storage_days")
    op.drop_table("storage_samples")
    op.drop_table("affiliate_hourly")

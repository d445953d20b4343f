"""Indexes for what the directory is sorted and searched by.

Every one of them costs each poll something, so there are only those that a first page of 100,000 people needs:
followers have theirs already. Searching parts of names uses trigrams where PostgreSQL lets us have them; without
them, and on SQLite, it looks through all names, which takes some milliseconds longer. New names go into the index
at once (`fastupdate` off): they are few, and a list of those still to be put in would be read by every search.

Data: none is changed. Down: drops the indexes; the extension stays, others may use it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TRIGRAMS = "ix_persons_username_trigrams"


def upgrade() -> None:
    op.create_index("ix_person_current_last_seen_at_person_id", "person_current", ["last_seen_at", "person_id"])
    op.create_index("ix_person_details_age_person_id", "person_details", ["age", "person_id"])
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError:
        return
    # Not of the bare name: PostgreSQL would look whole names up by it, which takes a thousand times as long.
    op.create_index(TRIGRAMS, "persons", [sa.text("lower(username) gin_trgm_ops")], postgresql_using="gin",
                    postgresql_with={"fastupdate": "off"})


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP INDEX IF EXISTS {TRIGRAMS}")
    op.drop_index("ix_person_details_age_person_id", "person_details")
    op.drop_index("ix_person_current_last_seen_at_person_id", "person_current")

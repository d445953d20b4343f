"""Polls of the affiliate API, snapshots with texts by change, broadcasts, and what is known of a person now.

Data: everybody with a cached profile gets current rows made of it, so the directory stays as full as it was.
On PostgreSQL the snapshots are split by month; the months themselves are made by the server as time goes on.
Down: drops the polls with all their history, and the current rows. Cached profiles and tags stay as they are,
those that only the affiliate API knew are gone.
"""
# ruff: noqa: E501

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

CURRENT_STATE = """
CREATE VIEW v_person_current_state AS
SELECT p.uuid AS id, p.id AS person_id, p.username, p.platform, p.role, d.display_name, d.age, d.gender, d.birthday,
       d.country, d.location, d.spoken_languages, d.is_new, d.profile_source, d.profile_at,
       CASE WHEN c.live_until >= CURRENT_TIMESTAMP THEN c.show END AS current_show, c.show AS last_show, c.viewers,
       c.seconds_online, c.is_hd, c.live_source, c.live_at, c.live_until, c.followers, c.followers_source,
       c.followers_at, c.rank, c.gender_rank AS grank, c.rank_at, d.subject, d.tags, d.tags_source, d.tags_at,
       d.image_url AS image, d.image_url_360x270 AS image_360x270, c.last_seen_at,
       c.affiliate_at AS last_affiliate_update, c.cbhours_at AS last_cbhours_update,
       coalesce(c.snapshots, 0) AS snapshots
FROM persons p
LEFT JOIN person_current c ON c.person_id = p.id
LEFT JOIN person_details d ON d.person_id = p.id
""".strip()

FILL = (
    "INSERT INTO person_current (person_id, last_seen_at, snapshots) SELECT person_id, last_online_at, 0 FROM profiles",
    """
INSERT INTO person_details (person_id, display_name, age, gender, country, location, image_url, profile_source,
    profile_at, subject, tags, tags_source, tags_at)
SELECT person_id, display_name, age, gender, country, location, image_url, source,
    changed_at, subject, tags, source, changed_at
FROM profiles
""")


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"

    op.create_table("affiliate_polls",
        sa.Column("observed_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("genders", sa.String(length=8), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("min_followers", sa.Integer(), nullable=False),
        sa.Column("said_count", sa.Integer(), nullable=True),
        sa.Column("saw_everyone", sa.Boolean(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.Column("rooms", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("problems", JSON, nullable=False),
        sa.Column("stopped_by", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("observed_at", name="pk_affiliate_polls")
    )

    op.create_table("affiliate_poll_captures",
        sa.Column("observed_at", sa.Integer(), nullable=False),
        sa.Column("capture_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["observed_at"], ["affiliate_polls.observed_at"], name="fk_affiliate_poll_captures_observed_at_affiliate_polls", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name="fk_affiliate_poll_captures_capture_id_captures", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("observed_at", "capture_id", name="pk_affiliate_poll_captures")
    )
    op.create_index("ix_affiliate_poll_captures_capture_id", "affiliate_poll_captures", ["capture_id"])

    op.create_table("affiliate_shows",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_affiliate_shows"),
        sa.UniqueConstraint("name", name="uq_affiliate_shows_name")
    )

    # No key on PostgreSQL, where it would take half as much space again: each month has an index of its own.
    key = [] if postgresql else [sa.PrimaryKeyConstraint("person_id", "observed_at", name="pk_affiliate_api_snapshots")]
    op.create_table("affiliate_api_snapshots",
        sa.Column("followers", sa.BigInteger(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("observed_at", sa.Integer(), nullable=False),
        sa.Column("seconds_online", sa.Integer(), nullable=True),
        sa.Column("viewers", sa.Integer(), nullable=True),
        sa.Column("show_id", sa.SmallInteger(), nullable=True),
        sa.Column("is_hd", sa.Boolean(), nullable=True),
        *key,
        postgresql_partition_by="RANGE (observed_at)", sqlite_with_rowid=False,
    )

    op.create_table("affiliate_profiles",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("age", sa.SmallInteger(), nullable=True),
        sa.Column("birthday", sa.Text(), nullable=True),
        sa.Column("gender", sa.String(length=1), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("spoken_languages", sa.Text(), nullable=True),
        sa.Column("is_new", sa.Boolean(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("image_url_360x270", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", "since", name="pk_affiliate_profiles"),
        sqlite_with_rowid=False,
    )
    for table, column in (("affiliate_subjects", "subject"), ("affiliate_tags", "tags")):
        op.create_table(table,
            sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column(column, sa.Text(), nullable=True),
            sa.PrimaryKeyConstraint("person_id", "since", name=f"pk_{table}"),
            sqlite_with_rowid=False,
        )

    op.create_table("broadcasts",
        sa.Column("person_id", KEY, autoincrement=False, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("first_seen_at", MOMENT, nullable=False),
        sa.Column("misses", sa.SmallInteger(), nullable=False),
        sa.Column("missed_at", MOMENT, nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=True),
        sa.Column("ended_latest", MOMENT, nullable=True),
        sa.Column("polls", sa.Integer(), nullable=True),
        sa.Column("viewers_peak", sa.Integer(), nullable=True),
        sa.Column("viewers_mean", sa.Float(), nullable=True),
        sa.Column("followers_first", sa.BigInteger(), nullable=True),
        sa.Column("followers_last", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_broadcasts_person_id_persons", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", "started_at", name="pk_broadcasts")
    )
    op.create_index("uq_broadcasts_open", "broadcasts", ["person_id"], unique=True, postgresql_where=sa.text("NOT closed"), sqlite_where=sa.text("NOT closed"))

    op.create_table("person_current",
        sa.Column("person_id", KEY, autoincrement=False, nullable=False),
        *(sa.Column(name, MOMENT, nullable=True) for name in ("live_at", "live_until")),
        sa.Column("followers", sa.BigInteger(), nullable=True),
        *(sa.Column(name, MOMENT, nullable=True) for name in (
            "followers_at", "last_seen_at", "affiliate_at", "cbhours_at", "rank_at")),
        sa.Column("snapshots", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in ("viewers", "seconds_online", "rank", "gender_rank")),
        sa.Column("is_hd", sa.Boolean(), nullable=True),
        sa.Column("show", sa.String(length=40), nullable=True),
        *(sa.Column(name, sa.String(length=12), nullable=True) for name in ("live_source", "followers_source")),
        *(sa.Column(f"session_{name}", sa.BigInteger(), nullable=True) for name in ("viewers", "first", "last")),
        *(sa.Column(f"session_{name}", sa.Integer(), nullable=True) for name in ("since", "polls", "viewed", "peak")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_person_current_person_id_persons", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", name="pk_person_current"),
        postgresql_with={"fillfactor": 75},
    )
    op.create_table("person_details",
        sa.Column("person_id", KEY, autoincrement=False, nullable=False),
        *(sa.Column(name, MOMENT, nullable=True) for name in ("profile_at", "tags_at")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("profile_mark", "subject_mark", "tags_mark")),
        sa.Column("age", sa.SmallInteger(), nullable=True),
        sa.Column("is_new", sa.Boolean(), nullable=True),
        *(sa.Column(name, sa.String(length=12), nullable=True) for name in ("profile_source", "tags_source")),
        sa.Column("gender", sa.String(length=1), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in (
            "display_name", "birthday", "location", "spoken_languages", "image_url", "image_url_360x270", "subject")),
        sa.Column("tags", JSON, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_person_details_person_id_persons", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", name="pk_person_details"),
        postgresql_with={"fillfactor": 80},
    )
    for statement in FILL:
        op.execute(statement)
    # Looking up the person costs more than storing the tag. Persons go only after their tags.
    with op.batch_alter_table("person_tags") as batch:
        batch.drop_constraint("fk_person_tags_person_id_persons", type_="foreignkey")
    op.create_index("ix_person_current_followers", "person_current", ["followers", "person_id"])
    op.execute(_every_field(postgresql))
    op.execute(CURRENT_STATE)


def downgrade() -> None:
    op.execute("DROP VIEW v_person_current_state")
    op.execute("DROP VIEW v_affiliate_api_snapshots")
    for table in ("person_details", "person_current", "broadcasts", "affiliate_tags", "affiliate_subjects", "affiliate_profiles",
                  "affiliate_api_snapshots", "affiliate_shows", "affiliate_poll_captures", "affiliate_polls"):
        op.drop_table(table)
    with op.batch_alter_table("person_tags") as batch:
        batch.create_foreign_key("fk_person_tags_person_id_persons", "persons", ["person_id"], ["id"], ondelete="CASCADE")
    op.execute("DELETE FROM system_facts WHERE name = 'affiliate.state'")


def _every_field(postgresql: bool) -> str:
    def moment(seconds: str) -> str:
        return f"to_timestamp({seconds})" if postgresql else f"datetime({seconds}, 'unixepoch')"

    def joined(table: str, name: str) -> str:
        return (f"LEFT JOIN {table} {name} ON {name}.person_id = s.person_id "  # noqa: S608
                f"AND {name}.since = (SELECT max(x.since) FROM {table} x "
                "WHERE x.person_id = s.person_id AND x.since <= s.observed_at)")

    return f"""
CREATE VIEW v_affiliate_api_snapshots AS
SELECT s.person_id, p.username, s.observed_at AS observed_seconds, {moment("s.observed_at")} AS observed_at,
       f.display_name, f.age, f.birthday, f.gender, f.location, f.country, f.spoken_languages, f.is_new,
       h.name AS current_show, r.subject AS room_subject, t.tags, s.is_hd, s.viewers AS num_users,
       s.followers AS num_followers, s.seconds_online, {moment("s.observed_at - s.seconds_online")} AS session_start,
       f.image_url, f.image_url_360x270
FROM affiliate_api_snapshots s
JOIN persons p ON p.id = s.person_id
LEFT JOIN affiliate_shows h ON h.id = s.show_id
{joined("affiliate_profiles", "f")}
{joined("affiliate_subjects", "r")}
{joined("affiliate_tags", "t")}
""".strip()  # noqa: S608

"""What CBHours says: live answers, segments, days, whom it knows; its part in the current row of each person.

Data: what the affiliate API said last of the followers is copied beside the value that is shown, where it is its own.
Each subject gets the source that it shared with the tags; whom no poll shows any more stops being expected to be live;
ages that polls left out are taken from the cards of lists.
Down: drops everything that CBHours said. Values of its in the current rows stay until a poll brings others.
"""
# ruff: noqa: E501

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")

def upgrade() -> None:
    op.create_table(
        "cbhours_shows",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cbhours_shows"),
        sa.UniqueConstraint("name", name="uq_cbhours_shows_name"),
    )
    op.create_table(
        "cbhours_live_stats",
        sa.Column("followers", sa.BigInteger(), nullable=True),
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("checked_at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("grank", sa.Integer(), nullable=True),
        sa.Column("viewers", sa.Integer(), nullable=True),
        sa.Column("show_id", sa.SmallInteger(), nullable=True),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "checked_at", name="pk_cbhours_live_stats"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cbhours_texts",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gender", sa.String(length=1), nullable=True),
        sa.Column("is_new", sa.Boolean(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", "since", name="pk_cbhours_texts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cbhours_activity",
        sa.Column("followers", sa.BigInteger(), nullable=True),
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("grank", sa.Integer(), nullable=True),
        sa.Column("viewers", sa.Integer(), nullable=True),
        sa.Column("show_id", sa.SmallInteger(), nullable=True),
        sa.Column("gender", sa.String(length=1), nullable=True),
        sa.PrimaryKeyConstraint("person_id", "at", name="pk_cbhours_activity"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cbhours_days",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("minutes", sa.SmallInteger(), nullable=True),
        sa.Column("segments", sa.SmallInteger(), nullable=False),
        sa.Column("read_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "day", name="pk_cbhours_days"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cbhours_polls",
        sa.Column("id", KEY, nullable=False),
        sa.Column("observed_at", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("online", sa.Integer(), nullable=False),
        sa.Column("offline", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("problems", JSON, nullable=False),
        sa.Column("capture_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name="fk_cbhours_polls_capture_id_captures", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_cbhours_polls"),
    )
    op.create_index("ix_cbhours_polls_capture_id", "cbhours_polls", ["capture_id"])
    op.create_index("ix_cbhours_polls_observed_at", "cbhours_polls", ["observed_at"])
    op.create_table(
        "cbhours_readings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("observed_at", MOMENT, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("start_day", sa.Date(), nullable=True),
        sa.Column("end_day", sa.Date(), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("capture_id", KEY, nullable=True),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name="fk_cbhours_readings_capture_id_captures", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_cbhours_readings_person_id_persons", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_cbhours_readings"),
    )
    op.create_index("ix_cbhours_readings_capture_id", "cbhours_readings", ["capture_id"])
    op.create_index("ix_cbhours_readings_person_id_observed_at", "cbhours_readings", ["person_id", "observed_at"])
    op.create_table(
        "cbhours_states",
        sa.Column("person_id", KEY, autoincrement=False, nullable=False),
        sa.Column("has_trophy", sa.Boolean(), nullable=True),
        sa.Column("proved_at", MOMENT, nullable=True),
        sa.Column("misses", sa.SmallInteger(), nullable=False),
        sa.Column("missed_at", MOMENT, nullable=True),
        sa.Column("missed_run", sa.Uuid(), nullable=True),
        sa.Column("ask_again_at", MOMENT, nullable=True),
        sa.Column("live_asked_at", MOMENT, nullable=True),
        sa.Column("activity_read_at", MOMENT, nullable=True),
        sa.Column("activity_due_at", MOMENT, nullable=True),
        sa.Column("wanted_at", MOMENT, nullable=True),
        sa.Column("wanted_by", sa.String(length=80), nullable=True),
        sa.Column("problem", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("months", JSON, nullable=True),
        sa.Column("months_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_cbhours_states_person_id_persons", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", name="pk_cbhours_states"),
    )
    op.create_index("ix_cbhours_states_activity_due_at", "cbhours_states", ["activity_due_at"])
    op.create_index("ix_cbhours_states_wanted_at", "cbhours_states", ["wanted_at"])
    op.create_table(
        "cbhours_current",
        sa.Column("person_id", KEY, autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=True),
        sa.Column("online_at", MOMENT, nullable=True),
        sa.Column("followers", sa.BigInteger(), nullable=True),
        sa.Column("followers_at", MOMENT, nullable=True),
        sa.Column("rank_at", MOMENT, nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("grank", sa.Integer(), nullable=True),
        sa.Column("viewers", sa.Integer(), nullable=True),
        sa.Column("online", sa.Boolean(), nullable=True),
        sa.Column("is_new", sa.Boolean(), nullable=True),
        sa.Column("gender", sa.String(length=1), nullable=True),
        sa.Column("show", sa.String(length=40), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("tags", JSON, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_cbhours_current_person_id_persons", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", name="pk_cbhours_current"),
        postgresql_with={"fillfactor": 80},
    )
    op.add_column("person_current", sa.Column("cbhours_live_until", MOMENT, nullable=True))
    op.add_column("person_current", sa.Column("affiliate_followers", sa.BigInteger(), nullable=True))
    op.create_index("ix_person_current_gender_rank_person_id", "person_current", ["gender_rank", "person_id"], postgresql_where=sa.text("gender_rank IS NOT NULL"), sqlite_where=sa.text("gender_rank IS NOT NULL"))
    op.create_index("ix_person_current_rank_person_id", "person_current", ["rank", "person_id"], postgresql_where=sa.text("rank IS NOT NULL"), sqlite_where=sa.text("rank IS NOT NULL"))
    op.add_column("person_current", sa.Column("list_live_at", MOMENT, nullable=True))
    op.add_column("person_details", sa.Column("subject_at", MOMENT, nullable=True))
    op.add_column("person_details", sa.Column("subject_source", sa.String(length=12), nullable=True))
    op.add_column("person_details", sa.Column("sort_age", sa.SmallInteger(), nullable=True))
    op.drop_index("ix_person_details_age_person_id", "person_details")
    op.execute("UPDATE person_current SET affiliate_followers = followers WHERE followers_source = 'affiliate'")
    op.execute("UPDATE person_current SET list_live_at = (SELECT p.last_online_at FROM profiles p "
               "WHERE p.person_id = person_current.person_id) "
               "WHERE person_id IN (SELECT p.person_id FROM profiles p WHERE p.last_online_at IS NOT NULL)")
    op.execute("UPDATE person_current SET live_until = NULL WHERE live_until IS NOT NULL "
               "AND person_id NOT IN (SELECT person_id FROM broadcasts WHERE NOT closed AND misses = 0)")
    op.execute("UPDATE person_details SET subject_source = tags_source, subject_at = tags_at "
               "WHERE subject IS NOT NULL AND tags_source IS NOT NULL")
    op.execute("UPDATE person_details SET sort_age = coalesce(age, (SELECT p.age FROM profiles p "
               "WHERE p.person_id = person_details.person_id))")
    op.create_index("ix_person_details_sort_age_person_id", "person_details", ["sort_age", "person_id"])
    _views(cbhours=True)


def downgrade() -> None:
    _views(cbhours=False)
    op.drop_index("ix_person_current_gender_rank_person_id", "person_current")
    op.drop_index("ix_person_current_rank_person_id", "person_current")
    op.drop_index("ix_person_details_sort_age_person_id", "person_details")
    op.create_index("ix_person_details_age_person_id", "person_details", ["age", "person_id"])
    for column in ("sort_age", "subject_source", "subject_at"):
        op.drop_column("person_details", column)
    op.drop_column("person_current", "list_live_at")
    op.drop_column("person_current", "affiliate_followers")
    op.drop_column("person_current", "cbhours_live_until")
    for table in (
        "cbhours_current", "cbhours_states", "cbhours_readings", "cbhours_polls", "cbhours_days", "cbhours_activity",
        "cbhours_texts", "cbhours_live_stats", "cbhours_shows",
    ):
        op.drop_table(table)


def _views(*, cbhours: bool) -> None:
    op.execute("DROP VIEW v_person_current_state")
    if not cbhours:
        op.execute("DROP VIEW v_cbhours_activity")
        op.execute("DROP VIEW v_cbhours_live_stats")
    else:
        for view in _cbhours(op.get_bind().dialect.name == "postgresql"):
            op.execute(view)
    op.execute(_current(cbhours))


def _path(sha256: str, size: str = "") -> str:
    return f"'images/' || substr({sha256}, 1, 2) || '/' || {sha256} || '{size}.webp'"


def _current(cbhours: bool) -> str:
    show = "CASE WHEN c.live_until >= CURRENT_TIMESTAMP THEN c.show END"
    trophy = joined = subject = ""
    if cbhours:
        show = """coalesce(CASE WHEN c.live_until >= CURRENT_TIMESTAMP THEN c.show END,
                CASE WHEN c.cbhours_live_until >= CURRENT_TIMESTAMP THEN b.show END)"""
        subject = "d.subject_source,\n       d.subject_at, "
        trophy = "h.has_trophy AS has_cbhours_trophy, "
        joined = """LEFT JOIN cbhours_current b ON b.person_id = p.id
LEFT JOIN cbhours_states h ON h.person_id = p.id"""
    return f"""
CREATE VIEW v_person_current_state AS
SELECT p.uuid AS id, p.id AS person_id, p.username, p.platform, p.role, d.display_name, d.age, d.gender, d.birthday,
       d.country, d.location, d.spoken_languages, d.is_new, d.profile_source, d.profile_at,
       {show} AS current_show,
       c.show AS last_show, c.viewers,
       c.seconds_online, c.is_hd, c.live_source, c.live_at, c.live_until, c.followers, c.followers_source,
       c.followers_at, c.rank, c.gender_rank AS grank, c.rank_at, d.subject, {subject}d.tags, d.tags_source, d.tags_at,
       coalesce({_path("i.sha256")}, d.image_url) AS image,
       coalesce({_path("i.sha256", ".360")}, d.image_url_360x270) AS image_360x270,
       {_path("i.sha256")} AS image_path, {_path("i.sha256", ".360")} AS image_path_360x270,
       d.image_url, d.image_url_360x270, c.last_seen_at,
       c.affiliate_at AS last_affiliate_update, c.cbhours_at AS last_cbhours_update,
       {trophy}coalesce(c.snapshots, 0) AS snapshots
FROM persons p
LEFT JOIN person_current c ON c.person_id = p.id
LEFT JOIN person_details d ON d.person_id = p.id
LEFT JOIN picture_states i ON i.person_id = p.id
{joined}
""".strip()  # noqa: S608


def _cbhours(postgresql: bool) -> list[str]:
    def moment(seconds: str) -> str:
        return f"to_timestamp({seconds})" if postgresql else f"datetime({seconds}, 'unixepoch')"

    return [f"""
CREATE VIEW v_cbhours_live_stats AS
SELECT s.person_id, p.username, s.checked_at AS checked_seconds, {moment("s.checked_at")} AS checked_at,
       CASE WHEN s.online THEN 'Online' ELSE 'Offline' END AS room_status, t.gender, t.is_new, s.rank, s.grank,
       s.viewers, s.followers, h.name AS current_show, t.subject AS room_subject, t.tags
FROM cbhours_live_stats s
JOIN persons p ON p.id = s.person_id
LEFT JOIN cbhours_shows h ON h.id = s.show_id
LEFT JOIN cbhours_texts t ON s.online AND t.person_id = s.person_id
     AND t.since = (SELECT max(x.since) FROM cbhours_texts x
                    WHERE x.person_id = s.person_id AND x.since <= s.checked_at)
""".strip(), f"""
CREATE VIEW v_cbhours_activity AS
SELECT s.person_id, p.username, s.at AS seconds, {moment("s.at")} AS timestamp, h.name AS show_type, s.rank, s.grank,
       s.followers, s.viewers, s.gender
FROM cbhours_activity s
JOIN persons p ON p.id = s.person_id
LEFT JOIN cbhours_shows h ON h.id = s.show_id
""".strip()]  # noqa: S608

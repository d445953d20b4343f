"""Pictures of persons, kept in the data folder, and their paths in both views.

Data: nothing is there yet; the job `images` fetches. In the views `image` gives the local path before the address,
which has a column of its own now.
Down: drops what is known of the pictures. Their files stay in the data folder under `images` and can be deleted.
"""
# ruff: noqa: E501

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pictures",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content_type", sa.String(20), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("thumb_bytes", sa.Integer(), nullable=False),
        sa.Column("first_stored_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_pictures"),
    )
    op.create_table(
        "person_pictures",
        sa.Column("person_id", KEY, autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("first_seen_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "sha256", name="pk_person_pictures"),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_person_pictures_person_id_persons", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sha256"], ["pictures.sha256"], name="fk_person_pictures_sha256_pictures"),
    )
    op.create_index("ix_person_pictures_sha256", "person_pictures", ["sha256"])
    op.create_table(
        "picture_states",
        sa.Column("person_id", KEY, autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("fetched_at", MOMENT, nullable=True),
        sa.Column("tried_at", MOMENT, nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("wanted_at", MOMENT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name="pk_picture_states"),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="fk_picture_states_person_id_persons", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sha256"], ["pictures.sha256"], name="fk_picture_states_sha256_pictures"),
    )
    op.create_index("ix_picture_states_sha256", "picture_states", ["sha256"])
    op.create_index("ix_picture_states_wanted_at", "picture_states", ["wanted_at"])
    _views(pictures=True)


def downgrade() -> None:
    _views(pictures=False)
    for table in ("picture_states", "person_pictures", "pictures"):
        op.drop_table(table)


def _views(*, pictures: bool) -> None:
    op.execute("DROP VIEW v_person_current_state")
    op.execute("DROP VIEW v_affiliate_api_snapshots")
    op.execute(_snapshots(op.get_bind().dialect.name == "postgresql", pictures))
    op.execute(_current(pictures))


def _path(sha256: str, size: str = "") -> str:
    return f"'images/' || substr({sha256}, 1, 2) || '/' || {sha256} || '{size}.webp'"


def _current(pictures: bool) -> str:
    image = "d.image_url AS image, d.image_url_360x270 AS image_360x270"
    if pictures:
        image = f"""coalesce({_path("i.sha256")}, d.image_url) AS image,
       coalesce({_path("i.sha256", ".360")}, d.image_url_360x270) AS image_360x270,
       {_path("i.sha256")} AS image_path, {_path("i.sha256", ".360")} AS image_path_360x270,
       d.image_url, d.image_url_360x270"""
    joined = "LEFT JOIN picture_states i ON i.person_id = p.id" if pictures else ""
    return f"""
CREATE VIEW v_person_current_state AS
SELECT p.uuid AS id, p.id AS person_id, p.username, p.platform, p.role, d.display_name, d.age, d.gender, d.birthday,
       d.country, d.location, d.spoken_languages, d.is_new, d.profile_source, d.profile_at,
       CASE WHEN c.live_until >= CURRENT_TIMESTAMP THEN c.show END AS current_show, c.show AS last_show, c.viewers,
       c.seconds_online, c.is_hd, c.live_source, c.live_at, c.live_until, c.followers, c.followers_source,
       c.followers_at, c.rank, c.gender_rank AS grank, c.rank_at, d.subject, d.tags, d.tags_source, d.tags_at,
       {image}, c.last_seen_at,
       c.affiliate_at AS last_affiliate_update, c.cbhours_at AS last_cbhours_update,
       coalesce(c.snapshots, 0) AS snapshots
FROM persons p
LEFT JOIN person_current c ON c.person_id = p.id
LEFT JOIN person_details d ON d.person_id = p.id
{joined}
""".strip()  # noqa: S608


def _snapshots(postgresql: bool, pictures: bool) -> str:
    def moment(seconds: str) -> str:
        return f"to_timestamp({seconds})" if postgresql else f"datetime({seconds}, 'unixepoch')"

    def joined(table: str, name: str) -> str:
        return (f"LEFT JOIN {table} {name} ON {name}.person_id = s.person_id "  # noqa: S608
                f"AND {name}.since = (SELECT max(x.since) FROM {table} x "
                "WHERE x.person_id = s.person_id AND x.since <= s.observed_at)")

    def picture(size: str) -> str:
        return (f"(SELECT {_path('x.sha256', size)} FROM person_pictures x WHERE x.person_id = s.person_id "  # noqa: S608
                f"AND x.first_seen_at <= {moment('s.observed_at')} ORDER BY x.first_seen_at DESC LIMIT 1)")

    paths = f",\n       {picture('')} AS image_path,\n       {picture('.360')} AS image_path_360x270" if pictures else ""
    return f"""
CREATE VIEW v_affiliate_api_snapshots AS
SELECT s.person_id, p.username, s.observed_at AS observed_seconds, {moment("s.observed_at")} AS observed_at,
       f.display_name, f.age, f.birthday, f.gender, f.location, f.country, f.spoken_languages, f.is_new,
       h.name AS current_show, r.subject AS room_subject, t.tags, s.is_hd, s.viewers AS num_users,
       s.followers AS num_followers, s.seconds_online, {moment("s.observed_at - s.seconds_online")} AS session_start,
       f.image_url, f.image_url_360x270{paths}
FROM affiliate_api_snapshots s
JOIN persons p ON p.id = s.person_id
LEFT JOIN affiliate_shows h ON h.id = s.show_id
{joined("affiliate_profiles", "f")}
{joined("affiliate_subjects", "r")}
{joined("affiliate_tags", "t")}
""".strip()  # noqa: S608

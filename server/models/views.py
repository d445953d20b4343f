"""The views that other programs may read. They come and go with the tables they stand on.

v_affiliate_api_snapshots   every field of every poll, as the affiliate API said it
v_cbhours_live_stats        every field of every live answer of CBHours; v_cbhours_activity: its segments
v_person_current_state      what is known of each person now, with source and moment

`image_path` is where the picture lies in the data folder: in the first view the newest that had been stored by then,
in the second the newest of all. `image` is that path, or the address where no picture has been stored.

`current_show` is the affiliate API's as long as it is to be believed, else that of CBHours, else empty, by the
database's clock.
"""

from typing import Any

from sqlalchemy import Connection, MetaData, event

from .base import Base


def _path(sha256: str, size: str = "") -> str:
    return f"'images/' || substr({sha256}, 1, 2) || '/' || {sha256} || '{size}.webp'"


def _snapshots(postgresql: bool) -> str:
    def moment(seconds: str) -> str:
        return f"to_timestamp({seconds})" if postgresql else f"datetime({seconds}, 'unixepoch')"

    def joined(table: str, name: str) -> str:
        return (f"LEFT JOIN {table} {name} ON {name}.person_id = s.person_id "  # noqa: S608
                f"AND {name}.since = (SELECT max(x.since) FROM {table} x "
                "WHERE x.person_id = s.person_id AND x.since <= s.observed_at)")

    def picture(size: str) -> str:
        return (f"(SELECT {_path('x.sha256', size)} FROM person_pictures x WHERE x.person_id = s.person_id "  # noqa: S608
                f"AND x.first_seen_at <= {moment('s.observed_at')} ORDER BY x.first_seen_at DESC LIMIT 1)")

    return f"""
CREATE VIEW v_affiliate_api_snapshots AS
SELECT s.person_id, p.username, s.observed_at AS observed_seconds, {moment("s.observed_at")} AS observed_at,
       f.display_name, f.age, f.birthday, f.gender, f.location, f.country, f.spoken_languages, f.is_new,
       h.name AS current_show, r.subject AS room_subject, t.tags, s.is_hd, s.viewers AS num_users,
       s.followers AS num_followers, s.seconds_online, {moment("s.observed_at - s.seconds_online")} AS session_start,
       f.image_url, f.image_url_360x270,
       {picture("")} AS image_path,
       {picture(".360")} AS image_path_360x270
FROM affiliate_api_snapshots s
JOIN persons p ON p.id = s.person_id
LEFT JOIN affiliate_shows h ON h.id = s.show_id
{joined("affiliate_profiles", "f")}
{joined("affiliate_subjects", "r")}
{joined("affiliate_tags", "t")}
""".strip()  # noqa: S608


CURRENT = f"""
CREATE VIEW v_person_current_state AS
SELECT p.uuid AS id, p.id AS person_id, p.username, p.platform, p.role, d.display_name, d.age, d.gender, d.birthday,
       d.country, d.location, d.spoken_languages, d.is_new, d.profile_source, d.profile_at,
       coalesce(CASE WHEN c.live_until >= CURRENT_TIMESTAMP THEN c.show END,
                CASE WHEN c.cbhours_live_until >= CURRENT_TIMESTAMP THEN b.show END) AS current_show,
       c.show AS last_show, c.viewers,
       c.seconds_online, c.is_hd, c.live_source, c.live_at, c.live_until, c.followers, c.followers_source,
       c.followers_at, c.rank, c.gender_rank AS grank, c.rank_at, d.subject, d.subject_source,
       d.subject_at, d.tags, d.tags_source, d.tags_at,
       coalesce({_path("i.sha256")}, d.image_url) AS image,
       coalesce({_path("i.sha256", ".360")}, d.image_url_360x270) AS image_360x270,
       {_path("i.sha256")} AS image_path, {_path("i.sha256", ".360")} AS image_path_360x270,
       d.image_url, d.image_url_360x270, c.last_seen_at,
       c.affiliate_at AS last_affiliate_update, c.cbhours_at AS last_cbhours_update,
       h.has_trophy AS has_cbhours_trophy, coalesce(c.snapshots, 0) AS snapshots
FROM persons p
LEFT JOIN person_current c ON c.person_id = p.id
LEFT JOIN person_details d ON d.person_id = p.id
LEFT JOIN picture_states i ON i.person_id = p.id
LEFT JOIN cbhours_current b ON b.person_id = p.id
LEFT JOIN cbhours_states h ON h.person_id = p.id
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


def create_views(connection: Connection) -> None:
    postgresql = connection.dialect.name == "postgresql"
    for view in (_snapshots(postgresql), *_cbhours(postgresql), CURRENT):
        connection.exec_driver_sql(view)


def drop_views(connection: Connection) -> None:
    connection.exec_driver_sql("DROP VIEW IF EXISTS v_cbhours_activity")
    connection.exec_driver_sql("DROP VIEW IF EXISTS v_cbhours_live_stats")
    connection.exec_driver_sql("DROP VIEW IF EXISTS v_person_current_state")
    connection.exec_driver_sql("DROP VIEW IF EXISTS v_affiliate_api_snapshots")


@event.listens_for(Base.metadata, "after_create")
def _with_the_tables(_target: MetaData, connection: Connection, **_more: Any) -> None:
    drop_views(connection)
    create_views(connection)


@event.listens_for(Base.metadata, "before_drop")
def _before_the_tables(_target: MetaData, connection: Connection, **_more: Any) -> None:
    drop_views(connection)

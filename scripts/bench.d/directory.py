"""The directory with 100,000 people and 10 M snapshots, on both databases: every first page, search, the end, pages.

The data is made by the databases themselves. Beside it, on the same data in the same run, stands the view that the
data strategy has in mind: for each person the newest snapshot, looked up when asked. That view gets the index by
person and moment that it needs. BENCH_SCALE, or --scale where this file is run by itself, makes everything smaller.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import render_template, template_rendered
from flask_migrate import upgrade
from sqlalchemy import event, text

from common.settings import load_settings
from server import create_app
from server.affiliate import months
from server.models import Account, db
from server.people.directory import SORTS, Wanted, directory, fitting
from server.people.rows import freshness
from server.startup import prepare
from server.users.coverage import live
from tests.helpers import add_user, signed_in
from tests.postgres import cluster, fresh_database

PEOPLE, SNAPSHOTS = 100_000, 10_000_000
MEDIAN, P95, PAGE = 15.0, 75.0, 40.0  # milliseconds
LINE = 15.0  # milliseconds, for the line that says how many are live
FASTER = 300  # than the correlated view, by followers
DEEP = 2  # times the first page, for page 1,000
SHARE = 0.75  # of the pages a second of the bare template
TIMES = 25
NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
STEP = 16_200  # seconds between two snapshots of a person
FIRST = ("amber", "blue", "copper", "dawn", "echo", "fern", "glass", "harbor", "indigo", "juniper", "kite", "lumen")
SECOND = ("fox", "lantern", "meadow", "orchid", "piano", "sparrow", "thistle", "violet", "walnut", "comet")

# i: 1 to the number of people. Of ten, six broadcast, three follow (some of them do both), one is unknown.
SERIES = {"sqlite": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0}) SELECT i FROM n) n",
          "postgresql": "generate_series(1::bigint, {0}) n(i)"}
ONE, OTHER = "(n.i * 7919 % 100003)", "(n.i * 48271 % 99991)"  # as good as thrown dice
MANY = f"20 + {ONE} % {{0}}"  # snapshots of a person
BROADCASTS = "(n.i % 10 < 6 OR n.i % 50 = 6)"
ASKED = "(i % 50 = 3)"  # at CBHours


class _Clock:
    def __call__(self) -> datetime:
        return NOW


def main(scale: float | None = None) -> bool:
    """Print the figures; true if all of them are reached."""
    scale = scale or float(os.environ.get("BENCH_SCALE", "1"))
    reached = True
    with tempfile.TemporaryDirectory() as folder, cluster() as base:
        for kind, url in (("sqlite", f"sqlite:///{folder}/panel.db"),
                          ("postgresql", fresh_database(base, "bench_directory"))):
            app = create_app(load_settings(data_dir=Path(folder) / kind, database_url=url), clock=_Clock())
            app.testing = True
            with app.app_context():
                upgrade()
                prepare()
                began = time.perf_counter()
                snapshots = _fill(kind, scale)
                print(f"  {kind}: {round(PEOPLE * scale):,} people and {snapshots:,} snapshots made in "
                      f"{time.perf_counter() - began:.0f} s", flush=True)
                reached &= _measure_queries(kind, scale)
                db.session.remove()
            reached &= _measure_pages(app, kind)
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
    return reached


# ---- the data


def _fill(kind: str, scale: float) -> int:
    people, postgresql = round(PEOPLE * scale), kind == "postgresql"
    spread = max(1, round(2 * (SNAPSHOTS * scale / (people * 0.62) - 20)))
    now = int(NOW.timestamp())
    series = SERIES[kind].format(people)

    def moment(seconds: str) -> str:
        return f"to_timestamp({seconds})" if postgresql else f"strftime('%Y-%m-%d %H:%M:%f000', {seconds}, 'unixepoch')"

    def picked(words: tuple[str, ...], number: str) -> str:
        return "CASE " + " ".join(f"WHEN {number} % {len(words)} = {at} THEN '{word}'"
                                  for at, word in enumerate(words)) + " END"

    name = f"{picked(FIRST, ONE)} || '_' || {picked(SECOND, OTHER)} || n.i"
    uuid = "md5(n.i::text)::uuid" if postgresql else "printf('%032x', n.i)"
    live = f"({ONE} / 7 % 20 = 1)"
    seen = f"CASE WHEN {live} THEN {now - 300} ELSE {now} - 3600 - (n.i * 7919) % 5000000 END"
    many = MANY.format(spread)
    age = f"CASE WHEN n.i % 7 <> 0 THEN 18 + {OTHER} / 3 % 50 END"
    tags = [f"CASE WHEN {OTHER} / 11 % {step} = {step - 1} THEN '{tag}' END" for tag, step in
            (("music", 4), ("dance", 9), ("chess", 40), ("quiet", 5000))]
    statements = [
        f"""INSERT INTO persons (id, uuid, platform, username, role, created_at)
            SELECT n.i, {uuid}, 'chaturbate', {name}, CASE WHEN n.i % 10 < 6 THEN 'model' WHEN n.i % 50 = 6 THEN 'both'
            WHEN n.i % 10 < 9 THEN 'viewer' ELSE 'unknown' END, {moment(str(now - 9_000_000))} FROM {series}""",
        f"""INSERT INTO person_current (person_id, live_at, live_until, followers, affiliate_followers, followers_at,
            followers_source, last_seen_at, affiliate_at, live_source, snapshots, viewers, show, is_hd, rank,
            gender_rank, rank_at, cbhours_at, cbhours_live_until)
            SELECT i, {moment('at')}, CASE WHEN live THEN {moment('at + 2700')} END, many_follow, many_follow,
            {moment('at')}, 'affiliate', {moment('at')}, {moment('at')}, 'affiliate', many, (i * 31) % 900, 'public',
            true, CASE WHEN {ASKED} THEN (i * 7919) % 100003 END, CASE WHEN {ASKED} THEN (i * 7919) % 100003 / 3 END,
            CASE WHEN {ASKED} THEN {moment(str(now - 120))} END, CASE WHEN {ASKED} THEN {moment(str(now - 120))} END,
            CASE WHEN {ASKED} AND live THEN {moment(str(now + 780))} END
            FROM (SELECT n.i, {seen} AS at, {many} AS many, {live} AS live,
            (n.i * 7919) % 100003 * ((n.i * 13) % 97) AS many_follow FROM {series} WHERE {BROADCASTS}) x""",
        f"""INSERT INTO cbhours_current (person_id, at, online, online_at, followers, followers_at, rank_at, rank,
            grank, viewers, gender, is_new, show, subject, tags)
            SELECT i, {moment(str(now - 120))}, {live}, {moment(str(now - 120))}, i * 31, {moment(str(now - 120))},
            {moment(str(now - 120))}, (i * 7919) % 100003, (i * 7919) % 100003 / 3, (i * 31) % 900, 'f', false,
            'public', 'An evening of music and slow cooking, number ' || i, '["music", "evening", "english"]'
            FROM {series} WHERE {BROADCASTS} AND {ASKED}""",
        f"""INSERT INTO cbhours_states (person_id, has_trophy, misses) SELECT i, true, 0
            FROM {series} WHERE {BROADCASTS} AND {ASKED}""",
        f"""INSERT INTO person_details (person_id, display_name, age, sort_age, gender, country, location,
            profile_source, profile_at, subject, subject_source, subject_at, tags, tags_source, tags_at)
            SELECT n.i, 'Person ' || n.i, {age}, {age}, 'f', 'PT', 'Porto', 'affiliate', {moment(str(now - 900_000))},
            'An evening of music and slow cooking, number ' || n.i, 'affiliate', {moment(str(now - 900_000))},
            '["music", "evening", "english"]', 'affiliate', {moment(str(now - 900_000))}
            FROM {series} WHERE {BROADCASTS}""",
        f"""INSERT INTO person_tags (person_id, tag) SELECT i, tag FROM (
            {' UNION ALL '.join(f'SELECT n.i, {tag} AS tag FROM {series} WHERE {BROADCASTS}' for tag in tags)}
            ) t WHERE tag IS NOT NULL""",
    ]
    since = now - 900_000
    statements += [
        f"""INSERT INTO affiliate_profiles (person_id, since, display_name, age, gender, country, location)
            SELECT n.i, {since}, 'Person ' || n.i, {age}, 'f', 'PT', 'Porto' FROM {series} WHERE {BROADCASTS}""",
        f"""INSERT INTO affiliate_subjects (person_id, since, subject) SELECT n.i, {since},
            'An evening of music and slow cooking, number ' || n.i FROM {series} WHERE {BROADCASTS}""",
        f"""INSERT INTO affiliate_tags (person_id, since, tags)
            SELECT n.i, {since}, '["music", "evening", "english"]' FROM {series} WHERE {BROADCASTS}""",
    ]
    sequence = f"generate_series(1, {20 + spread}) k(k)" if postgresql else (
        f"(WITH RECURSIVE k(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM k WHERE k < {20 + spread}) SELECT k FROM k) k")
    order = "k.k DESC, n.i" if postgresql else "n.i, k.k DESC"  # SQLite keeps them by person anyway
    statements.append(
        f"""INSERT INTO affiliate_api_snapshots (person_id, observed_at, followers, viewers, seconds_online, show_id,
            is_hd) SELECT n.i, {seen} - (k.k - 1) * {STEP}, (n.i * 7919) % 100003 * ((n.i * 13) % 97) + 1 - k.k,
            (n.i + k.k) % 900, 3600, 1, true
            FROM {series} JOIN {sequence} ON k.k <= {many} WHERE {BROADCASTS} ORDER BY {order}""")
    if postgresql:
        first = NOW - timedelta(seconds=5_003_600 + (20 + spread) * STEP)
        months.make_room(db.session(), *(first + timedelta(days=day) for day in range(0, (NOW - first).days + 2, 5)))
        db.session.commit()
    db.session.add(Account(username="bench_owner", created_at=NOW))
    db.session.commit()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO affiliate_shows (id, name) VALUES (1, 'public')")
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%") if postgresql else statement)
        if postgresql:
            for month in months.months(db.session()):
                connection.exec_driver_sql(f"CREATE INDEX ON {month.name} (person_id, observed_at)")
    options = {"isolation_level": "AUTOCOMMIT"} if postgresql else {}
    with db.engine.connect().execution_options(**options) as by_hand:
        if postgresql:  # what it does by itself within minutes
            by_hand.exec_driver_sql("VACUUM ANALYZE")
        return int(by_hand.exec_driver_sql("SELECT count(*) FROM affiliate_api_snapshots").scalar_one())


# ---- queries


def _measure_queries(kind: str, scale: float) -> bool:
    questions = {f"by {sort}{', ' + role if role != 'all' else ''}": Wanted(sort, role)
                 for role in ("all", "models", "viewers") for word in SORTS for sort in (word, f"-{word}")}
    questions |= {f"live by {sort}": Wanted(sort, live=True) for sort in ("-seen", "-followers", "username", "-age")}
    questions |= {f"tag {tag} by {sort}": Wanted(sort, tag=tag) for tag in ("music", "chess", "quiet", "nobody_has_it")
                  for sort in ("-seen", "-followers")}
    questions |= {f"tag music, viewers by {sort}": Wanted(sort, "viewers", tag="music") for sort in ("-seen",)}
    questions |= {f"search {word!r} by {sort}": Wanted(sort, search=word)
                  for word in ("orchid", "fox", "amber_fox", "n_orchid9", "violet2", "zzzzz", "qux")
                  for sort in ("-seen", "username")}
    took = {words: _times(lambda wanted=wanted: directory(db.session(), wanted, NOW))  # type: ignore[misc]
            for words, wanted in questions.items()}
    worst = sorted(took, key=lambda words: -statistics.median(took[words]))
    reached = True
    for words in worst[:4]:
        print(f"  {kind:10} {words}: median {statistics.median(took[words]):.1f} ms, p95 {_p95(took[words]):.1f} ms")
    slow = [words for words in took if statistics.median(took[words]) > MEDIAN or _p95(took[words]) > P95]
    middle = statistics.median(statistics.median(one) for one in took.values())
    reached &= _say(kind, f"{len(took)} first pages: the usual one takes {middle:.1f} ms; at most {MEDIAN:.0f} ms, p95 "
                          f"{P95:.0f} ms: {len(slow)} slower", not slow)
    counted = {words: _times(lambda wanted=wanted: fitting(db.session(), wanted, NOW), 5)  # type: ignore[misc]
               for words, wanted in questions.items()
               if wanted.narrowed and directory(db.session(), wanted, NOW).few is None}
    words = max(counted, key=lambda words: statistics.median(counted[words]))
    most = statistics.median(counted[words])
    reached &= _say(kind, f"counting who fits, once in half a minute: at most {most:.1f} ms ({words})", most <= P95)
    for sort in ("-followers", "-seen", "username"):
        after = _after(sort, 999 if scale >= 1 else max(2, round(999 * scale)))
        first, deep = _in_turn(lambda sort=sort: directory(db.session(), Wanted(sort), NOW),  # type: ignore[misc]
                               lambda sort=sort, after=after: directory(  # type: ignore[misc]
                                   db.session(), Wanted(sort, after=after), NOW))
        reached &= _say(kind, f"page 1,000 by {sort}: {deep:.1f} ms, the first {first:.1f} ms, {deep / first:.2f} "
                              f"times as long (at most {DEEP})", deep <= DEEP * first)
    about = freshness(db.session(), NOW)
    count = live(db.session(), about)
    line = statistics.median(_times(lambda: live(db.session(), about)))
    reached &= _say(kind, f"{count.total:,} live by whose word: {line:.1f} ms (at most {LINE:.0f})", line <= LINE)
    return reached & _correlated(kind, scale)


def _newest(table: str, name: str, moment: str = "since") -> str:
    return (f"LEFT JOIN {table} {name} ON {name}.person_id = p.id AND {name}.{moment} = "
            f"(SELECT max(x.{moment}) FROM {table} x WHERE x.person_id = p.id) ")


def _correlated(kind: str, scale: float) -> bool:
    """The newest snapshot and the newest texts of each person, looked up when asked: the view of the data strategy.
    Of both the time in the database counts, from the question to the last row."""
    db.session.rollback()
    with db.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE VIEW correlated AS SELECT p.uuid, p.username, p.platform, p.role, s.followers, s.viewers, "
            "s.observed_at, s.seconds_online, s.is_hd, h.name AS current_show, f.display_name, f.age, f.gender, "
            "f.country, f.location, f.image_url, r.subject, t.tags FROM persons p "
            + _newest("affiliate_api_snapshots", "s", "observed_at")
            + "LEFT JOIN affiliate_shows h ON h.id = s.show_id "
            + _newest("affiliate_profiles", "f") + _newest("affiliate_subjects", "r") + _newest("affiliate_tags", "t"))
    query = text("SELECT * FROM correlated ORDER BY followers DESC NULLS LAST LIMIT 50")
    asked = _asked_by(lambda: directory(db.session(), Wanted("-followers"), NOW))

    def ours() -> None:
        for statement, parameters in asked:
            db.session.connection().exec_driver_sql(statement, parameters).fetchall()

    mine, theirs = _in_turn(ours, lambda: db.session.execute(query).all(), 5)
    good = theirs / mine >= FASTER or scale < 1
    return _say(kind, f"by followers {mine:.2f} ms, the correlated view {theirs:,.0f} ms: {theirs / mine:,.0f} times "
                      f"faster (at least {FASTER})", good)


def _asked_by(what: Callable[[], Any]) -> list[tuple[str, Any]]:
    """The statements that this asks the database."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    what()
    event.listen(db.engine, "before_cursor_execute", note)
    what()
    event.remove(db.engine, "before_cursor_execute", note)
    return asked


def _after(sort: str, pages: int) -> str:
    """The cursor behind so many pages, found in larger steps."""
    cut = directory(db.session(), Wanted(sort, limit=pages * 50), NOW)
    if cut.next is None:
        raise SystemExit("there are not so many pages")
    return cut.next


def _count(wanted: Wanted) -> int:
    return fitting(db.session(), wanted, NOW)


# ---- pages


def _measure_pages(app: Any, kind: str) -> bool:
    """Pages as they are, and the same requests with everything that they show at hand: the bare template."""
    browser = signed_in(app, add_user(app, "bench", "admin"))
    view, at_hand = app.view_functions["users.directory"], list[dict[str, Any]]()
    reached = True
    for path in ("/users/directory", "/users/directory?sort=-followers", "/users/directory?tag=music",
                 "/users/directory?q=orchid&role=models"):
        def note(_sender: Any, template: Any, context: dict[str, Any], **_more: Any) -> None:
            if template.name == "users/tab.html":
                at_hand[:] = [{name: value for name, value in context.items()
                               if name not in ("request", "session", "g")}]

        def bare(*_: Any, **__: Any) -> str:
            return render_template("users/tab.html", **at_hand[0])

        bare.__dict__.update(view.__dict__)  # the same permission
        with template_rendered.connected_to(note, app):
            _get(browser, path)

        def switched(to: Any, path: str = path) -> Callable[[], None]:
            def ask() -> None:
                app.view_functions["users.directory"] = to
                _get(browser, path)
            return ask

        whole, alone = _in_turn(switched(view), switched(bare))
        app.view_functions["users.directory"] = view
        reached &= _say(kind, f"{path}: {whole:.1f} ms (at most {PAGE:.0f} ms)", whole <= PAGE)
        reached &= _say(kind, f"{path}: {1000 / whole:.0f} pages a second, the bare template {1000 / alone:.0f}: "
                              f"{alone / whole:.2f} (at least {SHARE})", alone / whole >= SHARE)
    return reached


def _get(browser: Any, path: str) -> None:
    answer = browser.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answers {answer.status}")


def _in_turn(one: Callable[[], Any], other: Callable[[], Any], times: int = TIMES) -> tuple[float, float]:
    """The median of each, measured in turn, so that whatever else the machine does slows down both."""
    both: tuple[list[float], list[float]] = ([], [])
    for number in range(times + 1):
        for what, took in zip((one, other), both, strict=True):
            began = time.perf_counter()
            what()
            if number:
                took.append((time.perf_counter() - began) * 1000)
    return statistics.median(both[0]), statistics.median(both[1])


def _times(what: Callable[[], Any], times: int = TIMES) -> list[float]:
    """Milliseconds of each time but the first, which warms up."""
    took = []
    for _ in range(times + 1):
        began = time.perf_counter()
        what()
        took.append((time.perf_counter() - began) * 1000)
    return took[1:]


def _p95(took: list[float]) -> float:
    return sorted(took)[min(len(took) - 1, round(len(took) * 0.95))]


def _say(kind: str, words: str, good: bool) -> bool:
    print(f"  {kind:10} {words}: {'reached' if good else 'MISSED'}", flush=True)
    return good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="0.01: a hundredth of the people and snapshots")
    sys.exit(0 if main(parser.parse_args().scale) else 1)

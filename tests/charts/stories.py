"""People with numbers to draw: written into the tables as the ingest leaves them."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select

from server.affiliate import months
from server.models import (
    PLATFORM,
    AffiliateHour,
    AffiliatePoll,
    AffiliateShow,
    Broadcast,
    CbhoursDay,
    CbhoursLive,
    CbhoursSegment,
    CbhoursShow,
    CbhoursState,
    HeardSpan,
    Job,
    Person,
    db,
    snapshots,
)

SHOWS = {1: "public", 2: "private", 3: "away"}


def second(at: datetime) -> int:
    return int(at.timestamp())


def person(username: str = "ann", created: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> int:
    row = Person(uuid=uuid4(), platform=PLATFORM, username=username, role="model", created_at=created)
    db.session.add(row)
    db.session.flush()
    return row.id


def shows() -> None:
    for table, mark in ((AffiliateShow, ""), (CbhoursShow, "_")):
        known = set(db.session.scalars(select(table.id)))
        db.session.add_all(table(id=number, name=mark + word) for number, word in SHOWS.items() if number not in known)
    db.session.flush()


def polls(moments: list[datetime]) -> None:
    _many(AffiliatePoll.__table__, [{
        "observed_at": second(at), "finished_at": at, "genders": "m", "limit": 0, "min_followers": 0,
        "saw_everyone": True, "pages": 1, "duplicates": 0, "left_out": 0, "rooms": 1, "rejected": 0, "problems": {}}
        for at in moments])


def seen(person_id: int, told: list[tuple[datetime, int | None, int | None]], show: int = 1) -> None:
    """Snapshots: (moment, followers, viewers)."""
    if told:
        months.make_room(db.session(), *(told[0][0] + timedelta(days=day) for day in range(
            (told[-1][0] - told[0][0]).days + 2)))
    _many(snapshots, [{"person_id": person_id, "observed_at": second(at), "followers": followers, "viewers": viewers,
                       "seconds_online": 600, "show_id": show, "is_hd": True} for at, followers, viewers in told])


def hour(person_id: int, at: datetime, **more: Any) -> None:
    db.session.add(AffiliateHour(**{
        "person_id": person_id, "hour": second(at), "polls": 2, "viewers_min": 1, "viewers_max": 9, "viewers_sum": 10,
        "viewers_polls": 2, "followers": 50, "followers_at": 1800, "on_air": 0, "public_polls": 2} | more))
    db.session.flush()


def segments(person_id: int, told: list[tuple[datetime, dict[str, Any]]]) -> None:
    """Segments of activity: (moment, columns that matter)."""
    usual = {"followers": 1000, "rank": 500, "grank": 90, "viewers": 20, "show_id": 1, "gender": "m"}
    _many(CbhoursSegment.__table__, [{"person_id": person_id, "at": second(at)} | usual | more for at, more in told])


def live(person_id: int, told: list[tuple[datetime, dict[str, Any] | None]]) -> None:
    """Live answers; None: offline."""
    nothing = {"followers": None, "rank": None, "grank": None, "viewers": None, "show_id": None}
    usual = {"followers": 1000, "rank": 500, "grank": 90, "viewers": 20, "show_id": 1}
    _many(CbhoursLive.__table__, [
        {"person_id": person_id, "checked_at": second(at), "online": more is not None} |
        (nothing if more is None else usual | more) for at, more in told])


def days(person_id: int, told: list[tuple[date, int | None, int]], read_at: datetime) -> None:
    """Days: (day, minutes, segments)."""
    _many(CbhoursDay.__table__, [{"person_id": person_id, "day": day, "minutes": minutes, "segments": segments,
                                  "read_at": read_at} for day, minutes, segments in told])


def knows(person_id: int, trophy: bool | None = True) -> None:
    db.session.add(CbhoursState(person_id=person_id, has_trophy=trophy))
    db.session.flush()


def broadcast(person_id: int, start: datetime, end: datetime | None) -> None:
    db.session.add(Broadcast(person_id=person_id, started_at=start, first_seen_at=start, last_seen_at=end,
                             closed=end is not None))
    db.session.flush()


def heard(job: str, start: datetime, end: datetime) -> None:
    job_id = db.session.scalar(select(Job.id).where(Job.name == job))
    if job_id is None:
        row = Job(name=job, config={})
        db.session.add(row)
        db.session.flush()
        job_id = row.id
    db.session.add(HeardSpan(job_id=job_id, started_at=start, heard_at=end, until=end))
    db.session.flush()


def year(username: str, now: datetime, *, seed: int = 1, segments_in_60_days: int = 0) -> int:
    """A year of an ordinary broadcaster: polls every half hour, evenings on air, sixty days at CBHours.

    segments_in_60_days  0: as many as the evenings have; else so many without a pause
    """
    dice = random.Random(seed)
    shows()
    one = person(username, now - timedelta(days=366))
    begin = (now - timedelta(days=365)).replace(minute=0, second=0, microsecond=0)
    if not db.session.scalar(select(AffiliatePoll.observed_at).limit(1)):
        polls([begin + timedelta(minutes=30 * step) for step in range(365 * 48) if step % 2000 > 60])
        heard("affiliate", begin, now)
        heard("cbhours-live", now - timedelta(days=70), now)
    followers, told, parts = 1_000 + 400 * seed, [], []
    for day in range(365):
        if dice.random() < 0.25:
            continue
        start = begin + timedelta(days=day, hours=dice.choice((17, 18, 19, 20)))
        length = dice.randint(5, 11)
        evening = [start + timedelta(minutes=30 * step) for step in range(length)]
        if evening[-1] > now:
            break
        for at in evening:
            followers += dice.randint(-2, 9)
            told.append((at, followers, max(0, round(dice.gauss(120, 50)))))
        broadcast(one, start, evening[-1])
        if day > 305 and not segments_in_60_days:
            count, rank = (length - 1) * 10, dice.randint(300, 900)
            for step in range(count):
                rank = max(1, rank + dice.randint(-12, 12))
                parts.append((start + timedelta(minutes=3 * step), {
                    "followers": followers - 20 + step // 4, "rank": rank, "grank": rank // 4 + 1,
                    "viewers": max(0, round(dice.gauss(120, 30))), "show_id": 2 if 40 < step < 60 else 1}))
    if segments_in_60_days:
        rank = 700
        for step in range(segments_in_60_days):
            rank = max(1, rank + dice.randint(-12, 12))
            parts.append((now - timedelta(minutes=3 * (segments_in_60_days - step)), {
                "followers": followers + step // 20 + dice.randint(-3, 3), "rank": rank, "grank": rank // 4 + 1,
                "viewers": max(0, round(dice.gauss(120, 60))), "show_id": 2 if step % 160 > 130 else 1}))
    seen(one, told)
    segments(one, parts)
    knows(one)
    days(one, [((now - timedelta(days=back)).date(), 120, 40) for back in range(60, -1, -1)], now)
    db.session.commit()
    return one


def _many(table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(insert(table), rows)

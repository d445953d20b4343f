"""An invented person with months of everything, straight into the tables; and single pieces of it."""

import json
import math
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from server.affiliate import months
from server.models import (
    AffiliatePoll,
    AffiliateProfile,
    AffiliateShow,
    AffiliateSubject,
    AffiliateTags,
    Broadcast,
    CbhoursDay,
    CbhoursLive,
    CbhoursSegment,
    CbhoursShow,
    CbhoursState,
    CbhoursTexts,
    HeardSpan,
    Job,
    Person,
    snapshots,
)

MINUTE, HOUR, DAY = 60, 3600, 86_400
SUBJECTS = ("Quiet evening with puzzles", "Cooking together, requests welcome", "أمسية موسيقى وطبخ هادئ",
            "Late radio hour")
TAGS = (["puzzle", "music"], ["cooking", "music"], ["music", "español"], ["chess"])


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def shows(session: Session) -> None:
    """Both tables of kinds of shows hold what is used here."""
    for table, names in ((AffiliateShow, ("public", "private")), (CbhoursShow, ("_public", "_private"))):
        for number, name in enumerate(names, 1):
            if session.get(table, number) is None:
                session.add(table(id=number, name=name))
    session.flush()


def poll(session: Session, at: datetime, *people: tuple[Person, int, int]) -> None:
    """One poll that everybody was seen by; people: (who, viewers, followers)."""
    months.make_room(session, at)
    session.execute(insert(AffiliatePoll), [_poll(seconds(at))])
    for who, viewers, followers in people:
        session.execute(insert(snapshots), [_snapshot(who.id, seconds(at), viewers, followers)])


def broadcast(session: Session, who: Person, start: datetime, minutes: int, *, every: int = 10, viewers: int = 50,
              followers: int = 1000, going_on: bool = False, looked_after: bool = True) -> Broadcast:
    """A broadcast seen by polls at every tenth minute of it, the first after `every`; with snapshots and polls."""
    months.make_room(session, start, start + timedelta(minutes=minutes))
    moments = [seconds(start) + minute * MINUTE for minute in range(every, minutes + 1, every)]
    known = set(session.scalars(select(AffiliatePoll.observed_at).where(AffiliatePoll.observed_at.in_(moments))))
    fresh = [_poll(at) for at in moments if at not in known]
    if fresh:
        session.execute(insert(AffiliatePoll), fresh)
    session.execute(insert(snapshots), [
        _snapshot(who.id, at, viewers + number, followers + number) for number, at in enumerate(moments)])
    last, count = _moment(moments[-1]), len(moments)
    row = Broadcast(
        person_id=who.id, started_at=start, first_seen_at=_moment(moments[0]), closed=not going_on,
        **({} if going_on else {
            "last_seen_at": last, "ended_latest": last + timedelta(minutes=every) if looked_after else None,
            "polls": count, "viewers_peak": viewers + count - 1, "viewers_mean": viewers + (count - 1) / 2,
            "followers_first": followers, "followers_last": followers + count - 1}))
    session.add(row)
    session.flush()
    return row


def segments(session: Session, who: Person, start: datetime, minutes: int, *, viewers: int = 60,
             followers: int | None = 1000, show: int | None = 1) -> None:
    """Activity as CBHours tells it: a segment each third minute."""
    session.execute(insert(CbhoursSegment), [
        {"person_id": who.id, "at": seconds(start) + minute * MINUTE, "viewers": viewers + minute,
         "followers": None if followers is None else followers + minute, "show_id": show, "rank": 500, "grank": 300}
        for minute in range(0, minutes, 3)])


def text(session: Session, table: Any, who: Person, at: datetime, **values: Any) -> None:
    if table in (AffiliateTags, CbhoursTexts) and isinstance(values.get("tags"), list):
        values["tags"] = json.dumps(values["tags"])
    session.execute(insert(table), [{"person_id": who.id, "since": seconds(at), **values}])


def heard(session: Session, name: str, start: datetime, until: datetime) -> None:
    """The source of this job was heard without a hole."""
    job = session.scalar(select(Job).filter_by(name=name))
    assert job is not None
    session.add(HeardSpan(job_id=job.id, started_at=start, heard_at=until, until=until))
    session.flush()


def whole_year(session: Session, who: Person, now: datetime, days: int = 365, cbhours_days: int = 60) -> None:
    """Five hours on four of five days, polled every ten minutes; the last sixty days by CBHours, too."""
    shows(session)
    chance, end = random.Random(5), seconds(now)
    months.make_room(session, *(now - timedelta(days=back) for back in range(0, days + 30, 25)))
    every, points, casts, polls = 10 * MINUTE, [], [], []
    subjects, tags, followers = {}, {}, 2000
    for day in range(days, 0, -1):
        begin = end - day * DAY + chance.randrange(6 * HOUR)
        polls += range(end - day * DAY - (end % every), end - (day - 1) * DAY - (end % every), every)
        if chance.random() < 0.2:
            continue
        first = begin - begin % every + every
        seen = range(first, begin + 5 * HOUR, every)
        viewers = [_crowd(at - begin, chance) for at in seen]
        crowd = [followers := followers + chance.randrange(3) for _ in seen]
        points += [{"person_id": who.id, "observed_at": at, "viewers": one, "followers": fans, "is_hd": True,
                    "seconds_online": at - begin, "show_id": 1 if chance.random() < .9 else 2}
                   for at, one, fans in zip(seen, viewers, crowd, strict=True)]
        casts.append({"person_id": who.id, "started_at": _moment(begin), "misses": 0, "closed": True,
                      "first_seen_at": _moment(first),
                      "last_seen_at": _moment(seen[-1]),
                      "ended_latest": _moment(seen[-1] + every), "polls": len(seen),
                      "viewers_peak": max(viewers), "viewers_mean": sum(viewers) / len(viewers),
                      "followers_first": crowd[0], "followers_last": crowd[-1]})
        subjects |= {at: f"{chance.choice(SUBJECTS)} {number}" for number, at in enumerate(seen[::6])}
        tags[first] = chance.choice(TAGS)
        if day <= cbhours_days:
            session.execute(insert(CbhoursSegment), [
                {"person_id": who.id, "at": at - at % 180, "show_id": 1, "rank": 900 - day, "grank": 600 - day,
                 "viewers": _crowd(at - begin, chance), "followers": crowd[0] + number // 10}
                for number, at in enumerate(range(begin, begin + 5 * HOUR, 180))])
    session.execute(insert(AffiliatePoll), [
        _poll(at) for at in sorted(set(polls) | {one["observed_at"] for one in points})])
    session.execute(insert(snapshots), points)
    session.execute(insert(Broadcast), casts)
    session.execute(insert(AffiliateSubject), [
        {"person_id": who.id, "since": at, "subject": said} for at, said in subjects.items()])
    session.execute(insert(AffiliateTags), [
        {"person_id": who.id, "since": at, "tags": json.dumps(said)} for at, said in tags.items()])
    session.execute(insert(AffiliateProfile), [
        {"person_id": who.id, "since": points[number * len(points) // 4]["observed_at"], "age": 30 + number,
         "display_name": f"Name {number}", "gender": "m", "country": "PT", "location": "Porto",
         "spoken_languages": "English"}
        for number in range(4)])
    session.execute(insert(CbhoursLive), [
        {"person_id": who.id, "checked_at": at, "online": at % 3 > 0, "viewers": 70, "followers": followers,
         "rank": 700, "grank": 400, "show_id": 1} for at in range(end - 30 * DAY, end, 601)])
    session.execute(insert(CbhoursTexts), [
        {"person_id": who.id, "since": end - day * DAY + 601, "gender": "m", "is_new": False,
         "subject": f"By CBHours {day}", "tags": json.dumps(TAGS[day % 4])} for day in range(1, 30)])
    today = now.date()
    session.execute(insert(CbhoursDay), [
        {"person_id": who.id, "day": today - timedelta(days=day), "minutes": 300, "segments": 100, "read_at": now}
        for day in range(cbhours_days)])
    session.add(CbhoursState(person_id=who.id, has_trophy=True, proved_at=now, misses=0, live_asked_at=now,
                             activity_read_at=now - timedelta(hours=3), months=[f"{today:%Y-%m}", "2026-03"]))
    session.flush()


def a_day(session: Session, who: Person, day: date, minutes: int | None) -> None:
    session.add(CbhoursDay(person_id=who.id, day=day, minutes=minutes, segments=0,
                           read_at=datetime(2026, 11, 20, tzinfo=UTC)))
    session.flush()


def _poll(at: int) -> dict[str, Any]:
    return {"observed_at": at, "finished_at": _moment(at + 2), "genders": "m", "limit": 0, "min_followers": 0,
            "said_count": 1, "saw_everyone": True, "pages": 1, "duplicates": 0, "left_out": 0, "rooms": 1,
            "rejected": 0, "problems": {}}


def _snapshot(person_id: int, at: int, viewers: int, followers: int) -> dict[str, Any]:
    return {"person_id": person_id, "observed_at": at, "viewers": viewers, "followers": followers,
            "seconds_online": 600, "show_id": 1, "is_hd": True}


def _crowd(second: int, chance: random.Random) -> int:
    """Viewers come and go over five hours."""
    return max(0, round(120 * math.sin(second / (5 * HOUR) * math.pi) + chance.gauss(20, 8)))


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)

"""Pictures in the database: which are to be fetched, what came of it, and which are not needed any more."""

import base64
import binascii
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, event, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from common.pictures import LARGEST, BadPicture
from scraper.observations import PictureSeen
from server.database import reading
from server.ingest.text import plain
from server.jobs import rules as job_rules
from server.jobs.kinds import KINDS
from server.models import (
    PLATFORM,
    FollowInterval,
    Job,
    KeyValue,
    Person,
    PersonCurrent,
    PersonDetails,
    PersonPicture,
    Picture,
    PictureState,
    Profile,
    QueueEntry,
    Run,
)
from server.people import names
from server.pictures import files, rules
from server.pictures.making import Made, made

JOB = "images"
SWEPT = "images.swept"
SWEEP_BATCH = 500
LONGEST_ADDRESS = 2_000
BETWEEN_RUNS = timedelta(minutes=1)  # however often somebody asks for a fresh picture


class Wanted(NamedTuple):
    """A picture to be fetched."""

    username: str
    url: str


def config(session: Session) -> dict[str, Any]:
    """What the job is told, such as {"refreshDays": 7, "keep": 10, …}."""
    kept = session.scalar(select(Job.config).where(Job.name == JOB, Job.account_id.is_(None)))
    return job_rules.present_config(KINDS[JOB], kept or {})


# What is to be fetched

def want(session: Session, person_id: int, now: datetime) -> None:
    """Have a fresh picture of this person fetched before all others. If the job is on its schedule, it starts at
    once, but for a minute after its last run; else at whichever run comes next. Inside the caller's transaction."""
    state = _state(session, person_id)
    state.wanted_at = now
    session.flush()
    last = (select(func.max(Run.ended_at)).where(Run.job_id == Job.id).scalar_subquery())
    due = session.execute(select(Job.id, Job.next_due_at, last).where(
        Job.name == JOB, Job.account_id.is_(None), Job.scheduled.is_(True), Job.next_due_at.is_not(None))).one_or_none()
    if due is not None:
        earliest = max(now, due[2] + BETWEEN_RUNS) if due[2] else now
        session.execute(update(Job).where(Job.id == due[0], Job.next_due_at > earliest).values(next_due_at=earliest)
                        .execution_options(synchronize_session=False))


def wanted(session: Session, now: datetime, limit: int) -> list[Wanted]:
    """The pictures to be fetched now, the most wanted first: those somebody asked for, then people in the queue, on
    the owner's lists, and who is live, the most followed first. A good one is left alone until it is old, an address
    that failed until it has rested."""
    due = _due(now, config(session)["refreshDays"])
    found: dict[int, Wanted] = {}
    in_queue = exists().where(QueueEntry.platform == Person.platform, QueueEntry.username == Person.username,
                              or_(QueueEntry.priority == 2, QueueEntry.state.in_(("queued", "processing"))))
    on_a_list = exists().where(FollowInterval.person_id == Person.id, FollowInterval.end_latest.is_(None))
    live = _candidates().join(PersonCurrent, PersonCurrent.person_id == Person.id).where(
        PersonCurrent.live_until >= now, due).order_by(PersonCurrent.followers.desc().nulls_last(), Person.id)
    questions = [
        _candidates().where(PictureState.wanted_at.is_not(None)).order_by(PictureState.wanted_at, Person.id),
        _candidates().where(in_queue, due).order_by(Person.id),
        _candidates().where(on_a_list, due).order_by(PictureState.tried_at.is_not(None), Person.id),
        live,
    ]
    for question in questions:
        if len(found) < limit:
            for person_id, username, url in session.execute(question.limit(limit)):
                found.setdefault(person_id, Wanted(username, url))
    return list(found.values())[:limit]


_ADDRESS = func.coalesce(PersonDetails.image_url_360x270, PersonDetails.image_url, Profile.image_url)


def _candidates() -> Any:
    return (select(Person.id, Person.username, _ADDRESS)
            .outerjoin(PersonDetails, PersonDetails.person_id == Person.id)
            .outerjoin(Profile, Profile.person_id == Person.id)
            .outerjoin(PictureState, PictureState.person_id == Person.id)
            .where(Person.platform == PLATFORM, func.length(_ADDRESS) <= LONGEST_ADDRESS,
                   or_(func.substr(_ADDRESS, 1, 8) == "https://", func.substr(_ADDRESS, 1, 7) == "http://")))


def _due(now: datetime, refresh_days: int) -> ColumnElement[bool]:
    """Never tried; or good, but old; or failed, and rested since or at another address now."""
    old = rules.old_before(now, refresh_days)
    aged = [and_(PictureState.failures == 0, PictureState.fetched_at <= old)] if old else []
    return or_(
        PictureState.tried_at.is_(None), *aged,
        and_(PictureState.failures > 0, or_(
            PictureState.due_at <= now,
            and_(PictureState.url != _ADDRESS, PictureState.tried_at <= now - rules.NEW_ADDRESS_AFTER))))


# What came of it

def take_picture(session: Session, message: PictureSeen, now: datetime,
                 _rejected: Sequence[dict[str, str]] = ()) -> dict[str, Any]:
    """Keep a picture that was fetched, or that it could not be; the oldest ones of the person go beyond `keep`.

    Its files are on disk before the row is there.
    """
    person_id = names.person_id(session, message.username)
    if person_id is None:
        return _answer(message, "nobody of this name is known")
    state = _state(session, person_id)
    newest = state.tried_at is None or message.observed_at >= state.tried_at
    problem, detail, picture = message.problem, message.detail or "", None
    if problem is None:
        try:
            picture = made(_bytes(message))
        except BadPicture as error:
            problem, detail = error.code, str(error)
    if picture is not None:
        _keep(session, person_id, message, picture, now)
        state.sha256 = _trim(session, person_id, config(session)["keep"])
    if newest:
        _note(state, message, problem, detail)
    session.flush()
    return _answer(message, f"{problem}: {detail}" if picture is None and message.problem is None else None)


def _answer(message: PictureSeen, trouble: str | None) -> dict[str, Any]:
    rejected = [] if trouble is None else [{"item": message.username, "reason": trouble}]
    return {"accepted": 1 - len(rejected), "rejected": rejected}


def _bytes(message: PictureSeen) -> bytes:
    """raises  BadPicture"""
    body = message.body or ""
    if len(body) > LARGEST * 4 // 3 + 4:
        raise BadPicture("too_large", f"larger than {LARGEST // 1024 // 1024} MiB")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadPicture("not_a_picture", "not base64") from error


def _state(session: Session, person_id: int) -> PictureState:
    """The person's row, made where it is missing, locked."""
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
    session.execute(insert(PictureState).values(person_id=person_id, failures=0).on_conflict_do_nothing())
    return session.scalars(select(PictureState).where(PictureState.person_id == person_id).with_for_update()
                           .execution_options(populate_existing=True)).one()


def _keep(session: Session, person_id: int, message: PictureSeen, picture: Made, now: datetime) -> None:
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
    files.write(picture.sha256, picture.files)
    session.execute(insert(Picture).values(
        sha256=picture.sha256, content_type=picture.content_type, width=picture.width, height=picture.height,
        bytes=picture.bytes, thumb_bytes=picture.thumb_bytes, first_stored_at=now, used_at=now,
    ).on_conflict_do_update(index_elements=[Picture.sha256], set_={"used_at": now}))
    row = session.get(PersonPicture, (person_id, picture.sha256))
    if row is None:
        session.add(PersonPicture(person_id=person_id, sha256=picture.sha256, url=message.url,
                                  first_seen_at=message.observed_at, last_seen_at=message.observed_at))
    else:
        row.url = message.url if message.observed_at >= row.last_seen_at else row.url
        row.first_seen_at = min(row.first_seen_at, message.observed_at)
        row.last_seen_at = max(row.last_seen_at, message.observed_at)
    session.flush()


def _trim(session: Session, person_id: int, keep: int) -> str:
    """Take away the person's oldest pictures beyond so many; the newest one."""
    shown = session.scalars(select(PersonPicture.sha256).where(PersonPicture.person_id == person_id).order_by(
        PersonPicture.last_seen_at.desc(), PersonPicture.first_seen_at.desc(), PersonPicture.sha256)).all()
    if shown[keep:]:
        session.execute(update(PictureState).where(
            PictureState.person_id == person_id, PictureState.sha256.in_(shown[keep:])).values(sha256=shown[0]))
        session.execute(delete(PersonPicture).where(PersonPicture.person_id == person_id,
                                                    PersonPicture.sha256.in_(shown[keep:])))
    return shown[0]


def _note(state: PictureState, message: PictureSeen, problem: str | None, detail: str) -> None:
    """How the newest attempt went."""
    at = message.observed_at
    state.url, state.tried_at = message.url, at
    if state.wanted_at is not None and state.wanted_at <= at:
        state.wanted_at = None
    if problem is None:
        state.fetched_at, state.failures, state.due_at, state.problem, state.detail = at, 0, None, None, None
    else:
        state.failures += 1
        state.due_at = at + rules.rest_after(state.failures)
        state.problem, state.detail = plain(problem, 40), plain(detail, 500)


# What is not needed any more

def forget(session: Session, person_id: int) -> int:
    """Forget a person's pictures; how many there were. Those that nobody else has are removed with their files as
    soon as the caller's transaction is committed."""
    shown = session.scalars(select(PersonPicture.sha256).where(PersonPicture.person_id == person_id)).all()
    for table in (PictureState, PersonPicture):
        session.execute(delete(table).where(table.person_id == person_id))
    gone = session.scalars(delete(Picture).where(Picture.sha256.in_(shown), _unused()).returning(Picture.sha256)
                           .execution_options(synchronize_session=False)).all()
    if gone:
        touched_before = files.disk_now()

        def remove(_session: Session) -> None:
            for sha256 in gone:
                files.remove(sha256, touched_before=touched_before, used=_has_row)

        event.listen(session, "after_commit", remove, once=True)
    return len(shown)


def sweep(session: Session, now: datetime) -> dict[str, int]:
    """Remove pictures that are nobody's any more, and, once a day, files without a row; commits as it goes.

    returns  {"pictures", "bytes"} that were removed
    """
    gone = {"pictures": 0, "bytes": 0}
    young = timedelta(seconds=files.YOUNG_SECONDS)
    old = and_(_unused(), Picture.used_at < now - young)
    while some := session.scalars(select(Picture.sha256).where(old).limit(SWEEP_BATCH)).all():
        removed = session.scalars(
            delete(Picture).where(Picture.sha256.in_(some), old)
            .returning(Picture.sha256).execution_options(synchronize_session=False)).all()
        session.commit()
        _remove(removed, gone)
        if not removed:
            break
    if _once_a_day(session, now):
        files.remove_unfinished()
        there = list(files.kept())
        for start in range(0, len(there), SWEEP_BATCH):
            part = there[start:start + SWEEP_BATCH]
            with reading() as short:
                rows = set(short.scalars(select(Picture.sha256).where(Picture.sha256.in_(part))))
            _remove([sha256 for sha256 in part if sha256 not in rows], gone)
    return gone


def _remove(pictures: Collection[str], gone: dict[str, int]) -> None:
    touched_before = files.disk_now() - files.YOUNG_SECONDS if pictures else 0
    for sha256 in pictures:
        size = files.remove(sha256, touched_before=touched_before, used=_has_row)
        if size is not None:
            gone["pictures"] += 1
            gone["bytes"] += size


def _unused() -> ColumnElement[bool]:
    return and_(~exists().where(PersonPicture.sha256 == Picture.sha256),
                ~exists().where(PictureState.sha256 == Picture.sha256))


def _has_row(sha256: str) -> bool:
    with reading() as short:
        return bool(short.scalar(select(exists().where(Picture.sha256 == sha256))))


def _once_a_day(session: Session, now: datetime) -> bool:
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
    first = session.execute(insert(KeyValue).values(name=SWEPT, value="", at=now).on_conflict_do_nothing())
    due = update(KeyValue).where(KeyValue.name == SWEPT, KeyValue.at <= now - timedelta(days=1)).values(at=now)
    again = session.execute(due.execution_options(synchronize_session=False))
    session.commit()
    return bool(first.rowcount or again.rowcount)  # type: ignore[attr-defined]

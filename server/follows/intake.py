"""Scan pages, scan ends and follow events, as the worker posts them or a person uploads them, into the tables.

Each function runs inside the caller's transaction. What comes in is checked person by person: a bad name is set
aside with its reason and counted, a bad value is left out, and the others are taken.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from scraper.observations import FollowEvent, FollowEvents, PersonSeen, ScanEnd, ScanPage, username
from scraper.verdict import Verdict, judge
from server.errors import Refused
from server.follows import answers, store
from server.follows.pages import pack_people, stored_pages
from server.ingest import captures
from server.models import Account, Scan, ScanPageRow
from server.people.store import ensure_account

Rejected = dict[str, str]
SHOWN = 100  # characters of a bad item that are kept with its reason

_LONGEST = {"display_name": 100, "location": 500, "subject": 2000, "image_url": 2000}
_MOST_TAGS = 50
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def check_items(kind: str, body: dict[str, Any]) -> tuple[dict[str, Any], list[Rejected]]:
    """The body of a message with its good items only, and the bad ones with their reasons.

    kind     a kind of `scraper.observations.MESSAGES`; kinds without items pass unchanged
    returns  the body to validate as a whole; [{"item": "…", "reason": "…"}, …]
    """
    fields = {"scan-page": ("people", _good_person), "follow-events": ("items", _good_event)}
    if kind not in fields or not isinstance(body, dict):
        return body, []
    field, check = fields[kind]
    items = body.get(field)
    if not isinstance(items, list):
        return body, []
    good, rejected = [], []
    for item in items:
        try:
            good.append(check(item))
        except ValueError as error:
            rejected.append({"item": _shown(item), "reason": _reason(error)})
    return {**body, field: good}, rejected


def take_page(session: Session, message: ScanPage, now: datetime,
              rejected: Sequence[Rejected] = ()) -> dict[str, Any]:
    """Store one page of a scan; the first one makes the scan.

    rejected  what `check_items` set aside of this page
    raises    Refused 409 if the scan has ended, or belongs to another list or account
    """
    scan = _scan_of(session, message, now)
    if scan.state != "receiving":
        raise Refused(409, "scan_ended", "This scan has ended; it takes no further pages.")
    body, more = check_items("scan-page", {"people": [person.model_dump() for person in message.people]})
    people = [PersonSeen.model_construct(**person) for person in body["people"]]
    bad = [*rejected, *more]
    capture = captures.keep(session, message.capture, message.run_id, now) if message.capture else None
    facts = message.facts.model_copy(update={"title": _text(message.facts.title, 300),
                                             "problem_detail": _text(message.facts.problem_detail, 1000)})
    session.add(ScanPageRow(
        scan_id=scan.id, batch_id=message.batch_id, observed_at=message.observed_at,
        facts=facts.model_dump(mode="json"), people=pack_people(people),
        capture_id=capture.id if capture else None))
    scan.started_at = min(scan.started_at, message.observed_at)
    scan.rejected_items += len(bad)
    session.flush()
    return {"accepted": len(people), "rejected": bad, "scan": {"id": str(scan.id), "state": scan.state}}


def take_end(session: Session, message: ScanEnd, now: datetime) -> dict[str, Any]:
    """Judge a scan by everything that arrived of it, and apply it.

    A page that did not arrive is not waited for: the verdict says so, and nobody is taken away.
    The end of a scan that has ended is answered with what became of it.
    """
    scan = _scan_of(session, message, now)
    if scan.state == "receiving":
        pages = stored_pages(session, scan.id)
        verdict = judge(message, [page.read for page in pages], set_aside=scan.rejected_items)
        _keep_verdict(scan, message, verdict, len(pages))
        session.flush()
        store.apply(session, scan, verdict, pages, now)
        session.flush()
    return {"accepted": scan.found or 0, "rejected": [], "scan": answers.scan(scan, message.account) | {"diff": None},
            "stats": scan.stats}


def take_events(session: Session, message: FollowEvents, now: datetime,
                rejected: Sequence[Rejected] = ()) -> dict[str, Any]:
    """Apply exact follow and unfollow events; the same again, late or in any order, does no harm."""
    account = _account(session, message.account, now)
    body, more = check_items("follow-events", {"items": [item.model_dump() for item in message.items]})
    events = [FollowEvent.model_construct(**item) for item in body["items"]]
    changed = store.apply_events(session, account.id, message.direction, events, now)
    return {"accepted": len(events), "rejected": [*rejected, *more], "changed": changed}


def _scan_of(session: Session, message: ScanPage | ScanEnd, now: datetime) -> Scan:
    """The scan that a message belongs to, made if this is the first that is heard of it."""
    account = _account(session, message.account, now)
    scan = session.scalars(select(Scan).filter_by(id=message.scan_id).with_for_update()).one_or_none()
    if scan is None:
        scan = Scan(
            id=message.scan_id, account_id=account.id, run_id=message.run_id, list=message.list,
            source=message.source, started_at=message.observed_at, received_at=now, state="receiving",
            rejected_items=0, evidence={}, stats={})
        session.add(scan)
        session.flush()
    if (scan.account_id, scan.list) != (account.id, message.list):
        raise Refused(409, "other_scan", "This scan belongs to another list or account.", field="scan_id")
    return scan


def _account(session: Session, name: str, now: datetime) -> Account:
    try:
        return ensure_account(session, name, now)
    except ValueError as error:
        raise Refused(400, "invalid", f"account: {error}", field="account") from error


def _keep_verdict(scan: Scan, end: ScanEnd, verdict: Verdict, arrived: int) -> None:
    scan.run_id = scan.run_id or end.run_id
    scan.started_at, scan.finished_at = min(end.started_at, end.finished_at), end.finished_at
    scan.verdict, scan.reason, scan.explanation = verdict.verdict, verdict.reason, verdict.explanation
    scan.expected, scan.found, scan.duplicates = verdict.expected, verdict.found, verdict.duplicates
    scan.pages, scan.layout = arrived, _text(verdict.layout, 60)
    scan.evidence = {
        "checks": [{**asdict(check), "reason": None if check.passed else check.reason} for check in verdict.checks],
        "timings": end.timings,
        "passes": end.passes,
        "end": end.model_dump(mode="json"),
    }


def _good_person(item: Any) -> dict[str, Any]:
    """One person of a page; a value that cannot be is left out, a name that cannot be is an error."""
    if not isinstance(item, Mapping):
        raise ValueError("not a person")
    name = username(item.get("username"))
    told = {key: value for key, value in item.items() if value is not None and key in PersonSeen.model_fields}
    told["username"] = name
    try:
        person = PersonSeen.model_validate(told)
    except ValidationError as error:
        wrong = {str(problem["loc"][0]) for problem in error.errors()}
        person = PersonSeen.model_validate({key: value for key, value in told.items() if key not in wrong})
    return _plausible(person).model_dump(exclude_none=True)


def _plausible(person: PersonSeen) -> PersonSeen:
    for name, longest in _LONGEST.items():
        if getattr(person, name) is not None:
            setattr(person, name, _text(getattr(person, name), longest))
    if person.age is not None and not 18 <= person.age <= 150:
        person.age = None
    if person.country is not None:
        code = person.country.strip().upper()
        person.country = code if re.fullmatch("[A-Z]{2}", code) else None
    if person.viewers is not None and not 0 <= person.viewers < 2**31:
        person.viewers = None
    if person.image_url is not None and not re.match(r"(https?:)?//[^\s/\\]+/", person.image_url):
        person.image_url = None
    if person.tags is not None:
        tags = (_text(tag, 60) for tag in person.tags)
        person.tags = list(dict.fromkeys(tag.lower() for tag in tags if tag))[:_MOST_TAGS]
    return person


def _good_event(item: Any) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise ValueError("not an event")
    event = FollowEvent.model_validate({**item, "username": username(item.get("username"))})
    if not datetime(2000, 1, 1, tzinfo=UTC) <= event.at:
        raise ValueError(f"not a moment that can be: {event.at:%Y-%m-%d}")
    return event.model_dump()


def _text(value: str | None, longest: int) -> str | None:
    """Text that every database can keep: no control characters, no half surrogates, not endless; empty is None."""
    if value is None:
        return None
    return _UNSTORABLE.sub("", value).strip()[:longest] or None


def _reason(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        problems: Iterable[Any] = error.errors(include_url=False, include_input=False)
        return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems)[:300]
    return _UNSTORABLE.sub("", str(error))[:300]


def _shown(item: Any) -> str:
    shown = item.get("username", item) if isinstance(item, Mapping) else item
    return _UNSTORABLE.sub("", str(shown))[:SHOWN]

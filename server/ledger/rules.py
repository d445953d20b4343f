"""When a source was heard and when it was not, and why not. Pure: values and `now` in, spans out.

A hearing is a moment at which a source said something that could be used. Its word is believed for a while, by the
interval at which the source was asked then (`server.priorities.fresh_for`). Hearings whose times of belief touch
make one span; what lies between two spans is a silence. A union does not depend on the order in which its parts
arrive: hearings that come late close or narrow a silence, and the same one again changes nothing.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

from server.jobs.quiet import quiet_until
from server.priorities import fresh_for

NOT_YET = "not yet"
QUIET_HOURS = "quiet hours"
RHYTHM = 5  # hearings on either side


class Heard(NamedTuple):
    """A stretch in which a source was heard without a hole.

    heard_at  the newest hearing in it; until: how long that is believed
    """

    started_at: datetime
    heard_at: datetime
    until: datetime


class Span(NamedTuple):
    """A part of a period. heard: the source was heard all through it. why: the reason of a silence; empty if heard."""

    start: datetime
    end: datetime
    heard: bool
    why: str = ""

    @property
    def length(self) -> timedelta:
        return self.end - self.start


class Silence(NamedTuple):
    """A hole between two stretches. heard_at: the last hearing before it; None: there was none."""

    start: datetime
    end: datetime
    heard_at: datetime | None


def hearing(at: datetime, interval: timedelta) -> Heard:
    """One hearing of a source that was asked at this interval; zero: by hand only."""
    return Heard(at, at, at + fresh_for(interval))


def merged(stretches: Iterable[Heard]) -> list[Heard]:
    """The same hearings as few stretches, none touching another, oldest first."""
    found: list[Heard] = []
    for one in sorted(stretches):
        if found and one.started_at <= found[-1].until:
            last = found[-1]
            found[-1] = Heard(last.started_at, max(last.heard_at, one.heard_at), max(last.until, one.until))
        else:
            found.append(one)
    return found


def by_rhythm(moments: Sequence[datetime], usual: timedelta) -> list[Heard]:
    """The stretches of hearings of which it is not known how often the source was asked then.

    moments  oldest first
    usual    the interval of today; where most hearings around one came at another distance, it was that
    """
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    found = []
    for place, at in enumerate(moments):
        around = sorted(gaps[max(0, place - RHYTHM):place + RHYTHM])
        middle = around[len(around) // 2] if around else usual
        least, most = middle * 0.75, middle * 1.25
        alike = bisect_right(around, most) - bisect_left(around, least)
        steady = len(around) > RHYTHM / 2 and alike * 2 >= len(around)
        found.append(hearing(at, middle if steady else usual))
    return merged(found)


def silences(stretches: Iterable[Heard], since: datetime, until: datetime, now: datetime) -> list[Silence]:
    """The holes of a period, oldest first. What has not come yet is none."""
    end = min(until, now)
    found: list[Silence] = []
    at, heard_at = since, None
    for one in merged(stretches):
        if one.started_at >= end:
            break
        if one.started_at > at:
            found.append(Silence(at, one.started_at, heard_at))
        at, heard_at = max(at, one.until), one.heard_at
    if at < end:
        found.append(Silence(at, end, heard_at))
    return found


def cover(found: Sequence[tuple[Silence, str]], since: datetime, until: datetime, now: datetime) -> list[Span]:
    """The whole period as spans without overlap, oldest first.

    found  its silences, each with its reason
    """
    spans: list[Span] = []
    at = since
    for silence, why in found:
        if silence.start > at:
            spans.append(Span(at, silence.start, True))
        spans.append(Span(silence.start, silence.end, False, why))
        at = silence.end
    end = min(until, now)
    if at < end:
        spans.append(Span(at, end, True))
    if max(end, since) < until:
        spans.append(Span(max(end, since), until, False, NOT_YET))
    return spans


def clipped(spans: Iterable[Span], since: datetime, until: datetime) -> list[Span]:
    """The part of these spans that lies in a period."""
    return [span._replace(start=max(span.start, since), end=min(span.end, until))
            for span in spans if span.start < until and span.end > since]


def is_quiet(span: Span) -> bool:
    """Whether a silence is that of quiet hours and nothing else."""
    return span.why.startswith(QUIET_HOURS) and ";" not in span.why


def share(spans: Iterable[Span]) -> float | None:
    """How much of the time that has passed the source was heard, from 0 to 1; None: none has passed."""
    passed = [span for span in spans if span.why != NOT_YET]
    whole = sum((span.length for span in passed), timedelta(0))
    return sum((span.length for span in passed if span.heard), timedelta(0)) / whole if whole else None


# ---- why


UNABLE, NO_CREDENTIAL = {"affiliate": "no campaign code"}, "a credential was missing"
_STATES = {"paused": "paused", "stopped": "stopped", "off": "switched off"}
_OUTCOMES = {"lost": "the worker fell silent in the middle of a run", "cancelled": "cancelled",
             None: "a run is going on"}
NO_READING, NOTHING_RUN, AWAY = "no reading", "nothing was run", "the worker was away"
BEFORE = "before it was heard first"
UNEXPLAINED_AFTER = timedelta(hours=7)  # a job that fails rests for six hours at most
LONGEST_NIGHT = timedelta(hours=24)
LONGEST_WORDS = 160


class RunFact(NamedTuple):
    """A run. outcome None: it is going on."""

    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    message: str | None = None

    @property
    def words(self) -> str:
        if self.outcome in _OUTCOMES:
            return _OUTCOMES[self.outcome]
        if self.outcome in ("ok", "partial"):
            return "what was read could not be used"
        message = (self.message or "").strip().rstrip(".")
        return f"failed: {message[:LONGEST_WORDS]}" if message else "failed"


class Plan(NamedTuple):
    """What a job was to do from a moment on: scheduled, paused, stopped, off, unable."""

    since: datetime
    state: str
    quiet_hours: str = ""


def why(silence: Silence, runs: Sequence[RunFact], plans: Sequence[Sequence[Plan]], zone: tzinfo, *,
        unable: str = NO_CREDENTIAL, kept_since: datetime | None = None) -> str:
    """The reason of a silence in words, several in the order in which they came up.

    runs        of the jobs that speak for the source, by their beginning
    plans       of each of these jobs, by their moments
    unable      what is said where a credential was missing
    kept_since  runs that are older have been deleted
    """
    last_word = silence.heard_at or silence.start
    # Of several jobs the ones that were to be run all the while are those that were to be heard.
    plans = [job for job in plans if {plan.state for plan in _during(silence, job)} == {"scheduled"}] or plans
    tried = [run for run in runs if last_word < run.started_at < silence.end]
    told = [*_planned(silence, plans, unable), *((run.started_at, run.words) for run in tried)]
    quiet = _quiet(silence, plans, zone)
    busy_until = max((run.ended_at or silence.end for run in tried), default=last_word)
    planned = {plan.state for job in plans for plan in _during(silence, job)}
    if quiet and not tried:
        told.append((silence.start, quiet))
    elif not told or (tried and planned == {"scheduled"} and silence.end - busy_until > UNEXPLAINED_AFTER):
        gone = kept_since is not None and silence.end <= kept_since
        never = BEFORE if silence.heard_at is None and not tried else NOTHING_RUN
        told.append((max(busy_until, silence.start),
                     NO_READING if gone else AWAY if "scheduled" in planned else never))
    counts = Counter(words for _, words in told)
    first: dict[str, datetime] = {}
    for at, words in sorted(told):
        first.setdefault(words, at)
    return "; ".join(f"{words} ({counts[words]} runs)" if words.startswith("failed") and counts[words] > 1 else words
                     for words in first)


def _during(silence: Silence, plans: Sequence[Plan]) -> list[Plan]:
    """What one job was to do during a silence."""
    ends = [*(plan.since for plan in plans[1:]), silence.end]
    return [plan for plan, end in zip(plans, ends, strict=False) if plan.since < silence.end and end > silence.start]


def _planned(silence: Silence, plans: Sequence[Sequence[Plan]], unable: str) -> list[tuple[datetime, str]]:
    """Why nothing was to be run."""
    said = _STATES | {"unable": unable}
    return [(max(plan.since, silence.start), said[plan.state])
            for job in plans for plan in _during(silence, job) if plan.state in said]


def _quiet(silence: Silence, plans: Sequence[Sequence[Plan]], zone: tzinfo) -> str | None:
    """The quiet hours that a silence fell into."""
    length = silence.end - silence.start
    if length > LONGEST_NIGHT:
        return None
    for hours in {plan.quiet_hours for job in plans for plan in _during(silence, job) if plan.quiet_hours}:
        if any(quiet_until(hours, moment, zone) for moment in (silence.start, silence.start + length / 2)):
            return f"{QUIET_HOURS} {hours}"
    return None

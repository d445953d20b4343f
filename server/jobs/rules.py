"""When a job is due, what state it is in and why, what it may be told. Pure: facts and `now` in, values out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal

from pydantic import ValidationError

from common.clock import iso_ms
from server.jobs.kinds import JobKind, fresh_config, fresh_stats
from server.jobs.quiet import quiet_until

State = Literal["stopped", "starting", "processing", "waiting", "paused", "disabled", "failing"]

OUTCOMES = ("ok", "partial", "blocked", "signed_out", "failed", "cancelled", "lost")
FAILURES = frozenset({"blocked", "signed_out", "failed", "lost"})

LEASE = timedelta(seconds=60)
WORKER_SILENT_AFTER = timedelta(seconds=45)
FIRST_BACK_OFF = timedelta(minutes=5)
LONGEST_BACK_OFF = timedelta(hours=6)
LONGEST_ASKED = timedelta(hours=24)  # a site may ask for more; we look again after a day
CHALLENGE_WAIT = timedelta(hours=1)
LOST_RETRIES = 3  # of a run that was asked for by hand and lost its worker
BETWEEN_PRIORITY_POLLS = timedelta(minutes=1)  # from the end of any poll to the start of one for the queue, at least

_SESSION_REASONS = {
    "signed_out": "Signed out: run python -m scraper login",
    "wrong_account": "Somebody else is signed in: run python -m scraper login with this account",
    "challenge": "The site asks for a human check: open it in your own browser, wait an hour, then try again",
    "age_gate": "The site asks for an age check: run python -m scraper login and pass it in the window",
}
SESSION_CODES = frozenset(_SESSION_REASONS)
# Errors that an answer of the source has told of: it is there.
_ANSWERED = SESSION_CODES | {"rate_limited", "not_let_in", "unknown_layout", "unknown_answer", "not_accepted",
                             "redirected"}


class WrongConfig(ValueError):
    """A configuration that cannot be: `field` names what is wrong with it."""

    def __init__(self, field: str | None, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class ActiveRun:
    """The run that is queued or running."""

    state: str
    lease_until: datetime | None = None
    cancel_requested: bool = False
    progress: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class LastRun:
    """The newest run that has ended."""

    outcome: str
    ended_at: datetime
    error_code: str | None = None
    error_message: str | None = None


@dataclass(frozen=True)
class Source:
    """How a job's source has answered, as its last run found it.

    reachable         None: that run does not tell, or there was none
    success           from 0 to 1: calls that were answered with what was asked for; None: no call was counted
    mean_response_ms  until the whole answer was there
    rest_until        the source asked to be left alone until then; None: it did not
    """

    reachable: bool | None = None
    success: float | None = None
    mean_response_ms: int | None = None
    rest_until: datetime | None = None


@dataclass(frozen=True)
class JobFacts:
    """All that decides a job's state. worker_seen_at null: no worker was ever heard.

    missing  the variable of the setting without which the job cannot run, and its meaning; None: nothing is missing
    button   what is written on the button that runs it
    begins   what a worker does first
    rest_until    the source asked to be left alone until then
    queue_due_at  when somebody in the queue, or asked for by hand, is to be read by this job; None: nobody is
    taking_turns  the job that is going on, and that this one has to wait for; empty: none
    """

    scheduled: bool = False
    paused: bool = False
    enabled: bool = True
    missing: tuple[str, str] | None = None
    quiet_hours: str = ""
    alert_after: int = 0
    button: str = "Update"
    begins: str = "opens the browser"
    next_due_at: datetime | None = None
    confirm_due_at: datetime | None = None
    failures_in_row: int = 0
    active: ActiveRun | None = None
    last: LastRun | None = None
    session_state: str = "unknown"
    worker_seen_at: datetime | None = None
    minimum_gap: timedelta = timedelta(0)
    rest_until: datetime | None = None
    queue_due_at: datetime | None = None
    queue_words: str = "The queue is read next"
    taking_turns: str = ""


@dataclass(frozen=True)
class JobState:
    """alert: what every page says while the job has failed too often in a row; None: nothing to say."""

    state: State
    reason: str
    next_run: datetime | None
    alert: str | None = None


# When it is due

def back_off(failures_in_row: int, *, code: str | None = None, asked: timedelta | None = None) -> timedelta:
    """How long a job rests after its n-th failure in a row: doubling up to a ceiling, longer if the site asked
    for it (within a day), an hour at least after a challenge. Never zero."""
    doublings = min(max(failures_in_row, 1) - 1, 10)
    wait = min(FIRST_BACK_OFF * 2**doublings, LONGEST_BACK_OFF)
    if asked is not None:
        wait = max(wait, min(asked, LONGEST_ASKED))
    return max(wait, CHALLENGE_WAIT) if code == "challenge" else wait


def due_after(ended_at: datetime, outcome: str, *, interval: timedelta, minimum_gap: timedelta, failures_in_row: int,
              code: str | None = None, asked: timedelta | None = None, anchor: datetime | None = None) -> datetime:
    """When a scheduled job is due after a run. `failures_in_row` counts this run too.

    anchor  a moment at which the job was due: it is due again whole intervals after it, however long its runs take
            and however late they begin. None: the interval counts from the run's end.
    """
    if outcome in FAILURES:
        return ended_at + max(minimum_gap, back_off(failures_in_row, code=code, asked=asked))
    if anchor is None:
        return ended_at + max(minimum_gap, interval)
    return next_on_grid(anchor, interval, ended_at + minimum_gap)


def next_on_grid(anchor: datetime, interval: timedelta, after: datetime) -> datetime:
    """The first moment later than `after` that lies whole intervals from the anchor."""
    return anchor + max(0, (after - anchor) // interval + 1) * interval


def due_at_start(now: datetime, last_ended_at: datetime | None, minimum_gap: timedelta) -> datetime:
    """When a job is first due after it was put on its schedule: at once, but never before the minimum gap."""
    return now if last_ended_at is None else max(now, last_ended_at + minimum_gap)


def due_after_change(last_ended_at: datetime | None, now: datetime, *, interval: timedelta,
                     minimum_gap: timedelta) -> datetime:
    """When a scheduled job is due after its interval was changed."""
    if last_ended_at is None:
        return now
    return max(now, last_ended_at + max(interval, minimum_gap))


def retried_when_lost(trigger: str, *, scheduled: bool, failures_in_row: int) -> bool:
    """Is a lost run tried again? On a schedule always. By hand a few times; a run from a terminal never, for
    somebody sits there and has seen it end; a run for the queue when the people in it are due again."""
    return scheduled or (trigger not in ("once", "priority") and failures_in_row <= LOST_RETRIES)


def lease_until(now: datetime) -> datetime:
    return now + LEASE


# What state it is in

def state_of(facts: JobFacts, now: datetime, zone: tzinfo) -> JobState:
    """The job's state, the reason in words, and when it runs next (None: not by itself)."""
    state = _state_of(facts, now, zone)
    quiet = state.state in ("disabled", "paused") or not is_alert(facts.failures_in_row, facts.alert_after)
    return state if quiet else replace(state, alert=_trouble(facts) or f"{facts.failures_in_row} runs in a row failed")


def is_alert(failures_in_row: int, alert_after: int) -> bool:
    """Has a job failed often enough that every page says so? alert_after 0: never."""
    return 0 < alert_after <= failures_in_row


def missing_words(variable: str, meaning: str) -> str:
    """What is said of a job without its credential."""
    return (f"{variable} is not set: {meaning}. Set it where the server and the worker read their settings, and "
            "start both again.")


def _state_of(facts: JobFacts, now: datetime, zone: tzinfo) -> JobState:
    due = _next_run(facts, now, zone)
    cannot = facts.missing and (facts.active is None or facts.active.state == "queued")
    if facts.active is not None and not cannot:
        return _active_state(facts, facts.active, now, zone)
    if not facts.enabled:
        return JobState("disabled", "Switched off in its configuration.", None)
    if facts.missing:
        return JobState("disabled", missing_words(*facts.missing), None)
    if facts.paused and facts.scheduled:
        return JobState("paused", "Paused: nothing starts by itself until it is resumed.", None)
    trouble = _trouble(facts)
    if trouble:
        return JobState("failing", f"{trouble}. {_next_try(facts, due, now, zone)}", due)
    if due is not None:
        silent = _silence(facts, now, zone)
        if silent and due <= now:
            return JobState("waiting", f"Due, but {silent[0].lower()}{silent[1:]}", due)
        if due <= now and facts.taking_turns:
            return JobState("waiting", f"Due, as soon as {facts.taking_turns} has ended: they take turns.", due)
        if due == _queue_run(facts) and due != _scheduled_run(facts, now, zone):
            return JobState("waiting", f"{facts.queue_words}, {_at(max(due, now), now, zone)}.", due)
        if quiet_until(facts.quiet_hours, now, zone) is not None and _next_run(facts, now, None) != due:
            return JobState("waiting", f"Quiet hours ({facts.quiet_hours}): next run {_at(due, now, zone)}.", due)
        if due == facts.rest_until:
            return JobState("waiting", f"The source asked to be left alone: next run {_at(due, now, zone)}.", due)
        what = "A confirming reading is due" if due == facts.confirm_due_at else "Next run"
        return JobState("waiting", f"{what} {_at(max(due, now), now, zone)}.", due)
    return JobState("stopped", f"Not on a schedule: press {facts.button}, or start it to have it run by itself.", None)


def _next_run(facts: JobFacts, now: datetime, zone: tzinfo | None) -> datetime | None:
    """When it runs by itself. zone None: as if there were no quiet hours."""
    dues = [_scheduled_run(facts, now, zone), _queue_run(facts)]
    return min((due for due in dues if due is not None), default=None)


def _scheduled_run(facts: JobFacts, now: datetime, zone: tzinfo | None) -> datetime | None:
    if not facts.enabled or facts.paused or facts.missing:
        return None
    dues = [due for due in (facts.next_due_at, facts.confirm_due_at) if due is not None]
    if not dues:
        return None
    due = _not_before(min(dues), facts.last.ended_at + facts.minimum_gap if facts.last else None, facts.rest_until)
    return due if zone is None else quiet_until(facts.quiet_hours, max(due, now), zone) or due


def _queue_run(facts: JobFacts) -> datetime | None:
    """When it runs because somebody in the queue is to be read: by hand, so to say, so also in quiet hours."""
    if facts.queue_due_at is None or not facts.enabled or facts.missing or (facts.paused and facts.scheduled):
        return None
    return _not_before(facts.queue_due_at, facts.last.ended_at + BETWEEN_PRIORITY_POLLS if facts.last else None,
                       facts.rest_until)


def _not_before(due: datetime, *bounds: datetime | None) -> datetime:
    return max([due, *(bound for bound in bounds if bound is not None)])


def _active_state(facts: JobFacts, run: ActiveRun, now: datetime, zone: tzinfo) -> JobState:
    if run.state == "queued":
        turn = f"Waiting for {facts.taking_turns} to end: they take turns." if facts.taking_turns else ""
        return JobState("starting", _silence(facts, now, zone) or turn or "Waiting for the worker to take it.", now)
    if run.lease_until is not None and run.lease_until <= now:
        return JobState("failing", f"The worker fell silent {_at(run.lease_until - LEASE, now, zone)} in the middle of "
                        "a run. Nothing was taken away; the run is tried again by itself.", _next_run(facts, now, zone))
    if run.cancel_requested:
        return JobState("processing", "Stopping, as you asked.", None)
    if not run.progress:
        return JobState("starting", f"The worker has taken it and {facts.begins}.", None)
    return JobState("processing", progress_words(run.progress), None)


def source_of(outcome: str | None, code: str | None, counters: Mapping[str, Any], rest_until: datetime | None,
              now: datetime) -> Source:
    """What the last run says of its source. outcome None: there was no run."""
    answered = outcome in ("ok", "partial") or (outcome in ("blocked", "signed_out", "failed") and code in _ANSWERED)
    reachable = True if answered else False if code == "unavailable" else None
    calls, failed = counters.get("calls") or 0, counters.get("failed_calls") or 0
    return Source(reachable, (calls - failed) / calls if calls else None,
                  counters.get("mean_response_ms") if calls else None,
                  rest_until if rest_until is not None and rest_until > now else None)


def progress_words(progress: Mapping[str, Any]) -> str:
    """'online pages: 3 of 15 – second pass', from what the worker last reported."""
    done, total = progress.get("done"), progress.get("total")
    words = str(progress.get("phase") or "Working")
    if total:
        words += f": {done} of {total}"
    elif done:
        words += f": {done}"
    return words + (f" – {progress['detail']}" if progress.get("detail") else "")


def _next_try(facts: JobFacts, due: datetime | None, now: datetime, zone: tzinfo) -> str:
    if due is None:
        return "Try again by hand when that is done."
    if due > now:
        return f"Next try {_at(due, now, zone)}."
    return _silence(facts, now, zone) or "The next try is due now."


def _trouble(facts: JobFacts) -> str | None:
    if facts.session_state in _SESSION_REASONS:
        return _SESSION_REASONS[facts.session_state]
    last = facts.last
    if last is None or last.outcome not in FAILURES or not facts.failures_in_row:
        return None
    words = _SESSION_REASONS.get(last.error_code or "") or _last_error(last)
    return words if facts.failures_in_row == 1 else f"{words} ({facts.failures_in_row} runs in a row failed)"


def _last_error(last: LastRun) -> str:
    if last.outcome == "lost":
        return "The worker fell silent in the middle of the last run"
    return (last.error_message or "The last run failed").strip().rstrip(".")


def _silence(facts: JobFacts, now: datetime, zone: tzinfo) -> str | None:
    """Why nobody takes the work; None while a worker is there."""
    if facts.worker_seen_at is None:
        return "No worker has been seen yet: start one with python -m scraper run."
    if now - facts.worker_seen_at > WORKER_SILENT_AFTER:
        return f"No worker has been seen since {_clock(facts.worker_seen_at, now, zone)}: is python -m scraper run up?"
    return None


def _clock(moment: datetime, now: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    day = "" if local.date() == now.astimezone(zone).date() else f"{local.day} {local:%b} "
    return f"{day}{local:%H:%M %Z}"


def _at(moment: datetime, now: datetime, zone: tzinfo) -> str:
    return "now" if moment <= now < moment + LEASE else f"at {_clock(moment, now, zone)}"


# What it may be told

def changed_config(kind: JobKind, current: Mapping[str, Any], given: Any, minimum_gap: timedelta) -> dict[str, Any]:
    """The configuration after a change: only what is given changes.

    raises  WrongConfig that names the first field that is unknown or has a wrong value
    """
    if not isinstance(given, dict):
        raise WrongConfig(None, "The configuration must be a JSON object such as {\"intervalMinutes\": 360}.")
    merged = {**fresh_config(kind), **_known(kind, current), **given}
    try:
        config = kind.config.model_validate(merged).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else None
        if first["type"] == "extra_forbidden":
            raise WrongConfig(field, f"{field} is not a setting of this job; it has: "
                              f"{', '.join(kind.fields)}.") from None
        words = first["msg"].removeprefix("Value error, ")
        raise WrongConfig(field, f"{field}: {words[0].lower()}{words[1:]}.") from None
    smallest = math.ceil(minimum_gap.total_seconds() / 60)
    if "intervalMinutes" in given and config.get("intervalMinutes", smallest) < smallest:
        raise WrongConfig("intervalMinutes", f"intervalMinutes: must be at least {smallest}, the minimum gap between "
                          "two readings of a list.")
    return {name: config[name] for name in kind.fields}


def present_config(kind: JobKind, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The whole configuration: what is stored over what a job has at first."""
    return {**fresh_config(kind), **_known(kind, stored)}


def _known(kind: JobKind, stored: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if name in kind.config.model_fields}


# What it counts

def present_stats(kind: JobKind, stored: Mapping[str, Any]) -> dict[str, Any]:
    stats = fresh_stats(kind)
    return {**stats, **{name: value for name, value in stored.items() if name in stats}}


def stats_after(kind: JobKind, stored: Mapping[str, Any], *, outcome: str, counters: Mapping[str, Any],
                ended_at: datetime) -> dict[str, Any]:
    """The statistics with one more run in them. A run that failed as a whole is a failure, too, where failures are
    counted by themselves."""
    stats = present_stats(kind, stored)
    stats["lastRun"] = iso_ms(ended_at)
    stats["totalRuns"] += 1
    if kind.counts_runs:
        stats["lastOutcome"] = outcome
        stats["totalFailed"] += outcome in FAILURES
    for counter in kind.counters:
        count = counters.get(counter) or 0
        if counter == "failed" and outcome in FAILURES:
            count = max(count, 1)
        stats[f"lastRun{counter.capitalize()}"] = count
        stats[f"total{counter.capitalize()}"] += count
    return stats

"""What the page of jobs shows and reads: the fields of a configuration, the bars of past runs, the calls of a run,
the calculator of storage. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from werkzeug.datastructures import MultiDict

from server.jobs import storage
from server.jobs.kinds import JobKind
from server.models import Run

COLOURS = {"ok": "success", "partial": "warning", "cancelled": "secondary"}
COUNTERS = {
    "enriched": "Rooms kept", "failed": "Rooms that could not be read", "new": "New broadcasters among them",
    "left_out": "Left out for too few followers", "online": "Online, as the API says", "saw_everyone": "Saw everyone",
    "duplicates": "Seen twice, as pages shifted", "problems": "Values that could not be used",
    "looked_for": "Looked for in the queue", "looked_for_found": "Found of them",
    "deleted": "Rows deleted", "snapshots": "Snapshots rolled up", "hours": "Hours written",
    "texts": "Texts as they were", "raw_pages": "Raw pages deleted", "files": "Files removed",
    "bytes_on_disk": "Bytes freed on the disk", "broadcasts": "Broadcasts deleted",
    "pages_of_readings": "Pages of readings without their people", "runs": "Runs deleted",
    "logs": "Logs of runs deleted", "receipts": "Receipts deleted", "queue_entries": "Entries of the queue deleted",
    "pages": "Answers read", "bytes": "Received", "found": "People found",
    "cbhours_live": "Live answers of CBHours deleted", "cbhours_texts": "Their texts as they were",
    "cbhours_polls": "Calls of CBHours forgotten", "activity": "Segments of activity deleted",
    "activity_days": "Days of activity deleted", "activity_readings": "Readings of activity forgotten",
}
COUNTERS_OF = {
    "cbhours-live": {
        "wanted": "People who were to be asked for", "asked": "Asked for", "online": "Online", "offline": "Offline",
        "unknown": "Not known at CBHours", "failed": "People of whom nothing was learnt"},
    "cbhours-activity": {
        "wanted": "People who were to be read", "people": "People read", "segments": "Times three minutes",
        "not_set_up": "Not set up at CBHours", "failed": "People of whom nothing was learnt"},
}
CALL_COUNTERS = frozenset({"calls", "failed_calls", "mean_response_ms", "slowest_response_ms"})
BAR_WIDTH = 8
BAR_HEIGHT = 32


class Field(NamedTuple):
    """One field of a configuration form.

    kind     number, switch, text, or choices: several of `choices` (value and words), separated by commas
    example  what a text may look like
    """

    name: str
    title: str
    guidance: str
    kind: str
    least: int | None
    most: int | None
    choices: Mapping[str, str] = {}
    example: str = ""


class Calls(NamedTuple):
    """The calls of one run to the source. success: from 0 to 1, None without a call; mean_ms, slowest_ms: until the
    whole answer was there."""

    made: int
    failed: int
    success: float | None
    mean_ms: int
    slowest_ms: int


class Bar(NamedTuple):
    """One past run. Its height is its duration beside the longest, its colour its outcome."""

    run: Run
    x: int
    y: int
    height: int
    colour: str
    seconds: float


def fields(kind: JobKind) -> list[Field]:
    """The fields of this job's configuration, with their guidance."""
    properties = kind.config.model_json_schema()["properties"]
    return [_field(name, properties[name]) for name in kind.fields]


def _field(name: str, told: Mapping[str, Any]) -> Field:
    shape = "choices" if "choices" in told else {"boolean": "switch", "string": "text"}.get(told["type"], "number")
    return Field(name, told["title"], told.get("description", ""), shape, told.get("minimum"), told.get("maximum"),
                 dict(told.get("choices", ())), told.get("placeholder", ""))


def read(kind: JobKind, form: MultiDict[str, str]) -> dict[str, Any]:
    """What a form says of a configuration. What is no number stays text, and is refused where it is checked."""
    given: dict[str, Any] = {}
    for field in fields(kind):
        if field.kind == "switch":
            given[field.name] = field.name in form
        elif field.kind == "choices":
            given[field.name] = ",".join(form.getlist(field.name))
        elif field.name in form:
            text = form[field.name].strip()
            whole = field.kind == "number" and text.isascii() and text.isdigit() and len(text) < 17
            given[field.name] = int(text) if whole else text
    return given


def calls(counters: Mapping[str, Any]) -> Calls | None:
    """How the source answered, from a run's counters; None: the run counted no calls."""
    made = counters.get("calls")
    if made is None:
        return None
    failed = counters.get("failed_calls", 0)
    return Calls(made, failed, (made - failed) / made if made else None, counters.get("mean_response_ms", 0),
                 counters.get("slowest_response_ms", 0))


def other_counters(counters: Mapping[str, Any], job: str = "") -> dict[str, Any]:
    """The counters that are not told by `calls`, each with its words: name -> (words, count)."""
    words = COUNTERS | COUNTERS_OF.get(job, {})
    return {name: (words.get(name, name.replace("_", " ").capitalize()), count)
            for name, count in counters.items() if name not in CALL_COUNTERS}


def assumed_storage(config: Mapping[str, Any], rooms: float | None) -> storage.Estimate | None:
    """What polling with this configuration writes by the rule of thumb; None where it cannot be said yet.

    rooms  on average at the last polls: taken where the configuration says no number, None: not polled yet
    """
    expected = config["limit"] or rooms
    return storage.estimate(config["intervalMinutes"], expected) if expected else None


def rooms_a_poll(runs: Sequence[Run]) -> float | None:
    """How many rooms the last good polls kept, on average; None: there was none."""
    kept = [run.counters.get("enriched") or 0 for run in runs if run.outcome in ("ok", "partial")]
    return sum(kept) / len(kept) if kept else None


def bars(runs: Sequence[Run]) -> list[Bar]:
    """Past runs as bars, the oldest on the left.

    runs  ended ones, newest first
    """
    seconds = [_seconds(run) for run in runs]
    longest = max(seconds, default=0) or 1
    drawn = []
    for place, (run, took) in enumerate(zip(reversed(runs), reversed(seconds), strict=True)):
        height = 4 + round((BAR_HEIGHT - 4) * took / longest)
        drawn.append(Bar(run, place * (BAR_WIDTH + 2), BAR_HEIGHT - height, height,
                         COLOURS.get(run.outcome or "", "danger"), took))
    return drawn


def _seconds(run: Run) -> float:
    if run.started_at is None or run.ended_at is None:
        return 0
    return max(0.0, (run.ended_at - run.started_at).total_seconds())

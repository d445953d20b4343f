"""What the page of jobs shows and reads: the fields of a configuration, the bars of past runs. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from server.jobs.kinds import JobKind
from server.models import Run

COLOURS = {"ok": "success", "partial": "warning", "cancelled": "secondary"}
BAR_WIDTH = 8
BAR_HEIGHT = 32


class Field(NamedTuple):
    """One field of a configuration form. kind: number or switch."""

    name: str
    title: str
    guidance: str
    kind: str
    least: int | None
    most: int | None


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
    return [Field(name, told["title"], told.get("description", ""), "switch" if told["type"] == "boolean" else "number",
                  told.get("minimum"), told.get("maximum")) for name, told in properties.items()]


def read(kind: JobKind, form: Mapping[str, str]) -> dict[str, Any]:
    """What a form says of a configuration. What is no number stays text, and is refused where it is checked."""
    given: dict[str, Any] = {}
    for field in fields(kind):
        if field.kind == "switch":
            given[field.name] = field.name in form
        elif field.name in form:
            text = form[field.name].strip()
            given[field.name] = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
    return given


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

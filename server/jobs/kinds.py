"""The jobs there are: one entry a job. What a job may be told (its configuration) and what it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ListConfig(BaseModel):
    """How one of the owner's lists is read. The descriptions are the guidance of the form."""

    model_config = ConfigDict(extra="forbid", strict=True)

    intervalMinutes: int = Field(
        360, ge=1, le=43_200, title="Minutes between two readings",
        description="360 (6 hours) is recommended. 60 to 120 dates an unfollow more exactly and visits the site more "
                    "often; 1440 (a day) is the gentlest. Counted from the end of a reading.")
    enabled: bool = Field(
        True, title="Switched on",
        description="Switched off, the list is read neither by schedule nor by hand.")
    confirmMinutes: int = Field(
        15, ge=0, le=1_440, title="Minutes until a confirming reading",
        description="When people are missing from a complete reading, the list is read once more after this time, and "
                    "only who is missing again counts as gone. 0 waits for the next ordinary reading instead.")
    maxPasses: int = Field(
        3, ge=1, le=10, title="Passes over a list that moves",
        description="While people come online the pages shift. The list is read again, at most this many times, until "
                    "the number found agrees with the site's own total.")


@dataclass(frozen=True)
class JobKind:
    """config: its fields and their limits. counters: which of a run's counters are summed up in the statistics."""

    name: str
    title: str
    button: str
    meaning: str
    config: type[BaseModel]
    counters: tuple[str, ...]


KINDS: Mapping[str, JobKind] = {kind.name: kind for kind in (
    JobKind("following", "Following", "Update Following List",
            "Reads the list of people you follow, online and offline, with your own signed-in browser session.",
            ListConfig, ("found",)),
    JobKind("followers", "Followers", "Update Followers List",
            "Reads the list of people who follow you, with your own signed-in browser session.",
            ListConfig, ("found",)),
)}


def fresh_config(kind: JobKind) -> dict[str, Any]:
    """The configuration of a job that nobody has changed."""
    return kind.config().model_dump()


def fresh_stats(kind: JobKind) -> dict[str, Any]:
    """Every counter at zero: `lastRun`, `lastOutcome`, `totalRuns`, `totalFailed` and, for each counter of the
    job, `total<Counter>` and `lastRun<Counter>`."""
    stats: dict[str, Any] = {"lastRun": None, "lastOutcome": None, "totalRuns": 0, "totalFailed": 0}
    for counter in kind.counters:
        stats[f"total{counter.capitalize()}"] = 0
        stats[f"lastRun{counter.capitalize()}"] = 0
    return stats

"""The jobs there are: one entry a job. What a job may be told (its configuration) and what it counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from server.jobs.quiet import quiet_hours

GENDERS = {"m": "men", "f": "women", "t": "trans", "c": "couples"}


class JobConfig(BaseModel):
    """What every job may be told. The descriptions are the guidance of the form."""

    model_config = ConfigDict(extra="forbid", strict=True)

    quietHours: str = Field(
        "", max_length=11, title="Quiet hours", json_schema_extra={"placeholder": "02:00-06:00"},
        description="Between these times of your day nothing starts by itself, such as 02:00-06:00. A run by hand "
                    "works all the same. Empty: no quiet hours.")
    alertAfter: int = Field(
        3, ge=0, le=1_000, title="Alert after this many failures in a row",
        description="Then every page says so, until a run goes well. 0 never alerts.")

    @field_validator("quietHours")
    @classmethod
    def _hours_can_be_read(cls, text: str) -> str:
        quiet_hours(text)
        return text.strip()


class ListConfig(JobConfig):
    """How one of the owner's lists is read."""

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


class AffiliateConfig(JobConfig):
    """How the rooms that are online are polled."""

    intervalMinutes: int = Field(
        30, ge=1, le=43_200, title="Minutes between two polls",
        description="15 = frequent/high storage; 30 = recommended default; 60 = less storage, may miss short sessions; "
                    "120+ = minimal storage, large gaps.")
    gender: str = Field(
        "m", title="Who is polled", json_schema_extra={"choices": [[value, words] for value, words in GENDERS.items()]},
        description="All four together: everyone.")
    limit: int = Field(
        500, ge=0, le=100_000, title="Rooms a poll, at most",
        description="100-200 = quick cycles on top rooms; 500 = maximum per API call. More takes several calls, at "
                    "least a second apart; 0 = everyone online.")
    enabled: bool = Field(
        True, title="Switched on", description="Switched off, nothing is polled, neither by schedule nor by hand.")
    minFollowers: int = Field(
        0, ge=0, le=2**53, title="Only people with more followers than",
        description="0 keeps everybody. 100 leaves out whoever is just beginning, and saves storage.")

    @field_validator("gender")
    @classmethod
    def _genders_are_known(cls, text: str) -> str:
        genders = text.split(",")
        if not set(genders) <= GENDERS.keys() or len(set(genders)) < len(genders):
            raise ValueError("must be m, f, t or c, or several of them separated by commas, such as m,f")
        return text


class ImagesConfig(JobConfig):
    """How pictures of people are fetched and kept."""

    intervalMinutes: int = Field(
        60, ge=1, le=43_200, title="Minutes between two rounds",
        description="60 is recommended. In each round the pictures that are missing or old are fetched, one a "
                    "second at most.")
    limit: int = Field(
        200, ge=1, le=5_000, title="Pictures a round, at most",
        description="200 take about four minutes. People on your lists and in the queue come first, then who is live, "
                    "the most followed first.")
    refreshDays: int = Field(
        7, ge=0, le=3_650, title="Days until a picture is fetched anew",
        description="What has not changed takes no room. 0 fetches each person's picture once only.")
    keep: int = Field(
        10, ge=1, le=1_000, title="Pictures of a person that are kept",
        description="The oldest ones beyond this go when a new one comes.")
    enabled: bool = Field(
        True, title="Switched on",
        description="Switched off, no picture is fetched, neither by schedule nor by hand. Those that are here stay.")


class CbhoursLiveConfig(JobConfig):
    """How CBHours is asked who is online."""

    intervalMinutes: int = Field(
        10, ge=5, le=43_200, title="Minutes between two polls",
        description="10 is recommended, 5 is allowed. CBHours itself looks once a minute.")
    limit: int = Field(
        2_000, ge=1, le=20_000, title="People a poll, at most",
        description="One call tells of 50 people and takes a second: 2000 people take 40 seconds. Those whom CBHours "
                    "knows come first, then those of whom that is not known yet.")
    enabled: bool = Field(
        True, title="Switched on", description="Switched off, nobody is asked for, neither by schedule nor by hand.")


class CbhoursActivityConfig(JobConfig):
    """How the broadcasts that CBHours has written down are read."""

    intervalMinutes: int = Field(
        1440, ge=60, le=43_200, title="Minutes between two rounds",
        description="1440 (a day) is recommended: CBHours keeps each minute of the last 60 days.")
    limit: int = Field(
        250, ge=1, le=5_000, title="People a round, at most",
        description="One person takes a second or two. Whoever is left is read in the next round, which then comes "
                    "as soon as the live poll has had its turn.")
    readDays: int = Field(
        60, ge=1, le=60, title="Days that are read of somebody new",
        description="60 is all that CBHours tells. Afterwards only what is new is read.")
    readPriority: bool = Field(
        False, title="Also read whoever is put in the queue as P1",
        description="Off, only the button on a person's page has somebody read out of turn. On, everybody who is added "
                    "to P1 is, as soon as a worker is free.")
    enabled: bool = Field(
        True, title="Switched on",
        description="Switched off, nobody is read, neither by schedule nor by hand. What is here stays.")


class RetentionConfig(JobConfig):
    """How long things are kept."""

    intervalMinutes: int = Field(
        1440, ge=60, le=43_200, title="Minutes between two runs",
        description="1440 (a day) is recommended; 10080 is a week, 43200 a month.")
    enabled: bool = Field(
        True, title="Switched on",
        description="Switched off, everything is kept for ever and nothing is measured.")
    snapshotDays: int = Field(
        90, ge=0, le=36_500, title="Days that snapshots are kept",
        description="Older ones go. What they add up to in each hour is kept for ever: viewers at least, on average "
                    "and at most, followers at the end, minutes on air. 0 keeps every snapshot for ever.")
    textDays: int = Field(
        365, ge=0, le=36_500, title="Days that subjects, tags and profiles are kept as they were",
        description="At least as long as the snapshots. Broadcasts that are older no longer tell their subject and "
                    "tags; what is so now is always kept. 0 keeps them for ever.")
    cbhoursDays: int = Field(
        90, ge=0, le=36_500, title="Days that live answers of CBHours are kept",
        description="With their subjects and tags; what was so last always stays. 0 keeps them for ever.")
    activityDays: int = Field(
        0, ge=0, le=36_500, title="Days that the activity that CBHours told is kept",
        description="Three minutes a row, and what each day adds up to. CBHours itself tells no more than 60 days: "
                    "what goes here cannot be read again. 0 keeps it for ever.")
    broadcastDays: int = Field(
        0, ge=0, le=36_500, title="Days that broadcasts are kept, with their figures",
        description="0 keeps them for ever: they take little.")
    captureDays: str = Field(
        "", max_length=5, title="Days that raw pages are kept", json_schema_extra={"placeholder": "90"},
        description="Empty: as MHC_CAPTURE_DAYS says. 0 keeps them for ever.")
    readingDays: int = Field(
        0, ge=0, le=36_500, title="Days that it is kept who stood on which page of a reading",
        description="The reading itself stays, with its verdict and its evidence, and so do follows with their dates. "
                    "0 keeps it for ever.")
    runDays: int = Field(
        365, ge=0, le=36_500, title="Days that runs are kept",
        description="The newest run of each job always stays. 0 keeps them for ever.")
    logDays: int = Field(
        90, ge=0, le=36_500, title="Days that the log lines of runs are kept", description="0 keeps them for ever.")
    batchDays: int = Field(
        30, ge=0, le=36_500, title="Days that receipts are kept",
        description="By a receipt the server knows again what the worker hands over a second time. 30 is plenty. 0 "
                    "keeps them for ever.")
    queueDays: int = Field(
        90, ge=0, le=36_500, title="Days that finished entries of the queue are kept",
        description="0 keeps them for ever.")

    @field_validator("captureDays", mode="before")
    @classmethod
    def _days_are_a_number(cls, days: Any) -> Any:
        text = str(days).strip() if isinstance(days, (str, int)) and not isinstance(days, bool) else days
        if isinstance(text, str) and text and not (text.isascii() and text.isdigit() and int(text) <= 36_500):
            raise ValueError("must be a number of days from 0 to 36500, or empty")
        return text


AnyConfig = (ListConfig | AffiliateConfig | CbhoursLiveConfig | CbhoursActivityConfig | ImagesConfig
             | RetentionConfig)


@dataclass(frozen=True)
class JobKind:
    """config       its fields and their limits, in the order of the form
    fields       the order of the form: its own first, then what every job has
    options      those of its own fields that the status tells beside its configuration, with what every job has
    counters     which of a run's counters are summed up in the statistics
    per_account  each account has a job of its own; else there is one, which belongs to no account
    on_the_grid  the interval counts from the moment a run was due, so that it never drifts; else from its end, so
                 that as much time lies between any two
    counts_runs  `totalFailed` counts runs; else it is a counter of the runs
    credential   the setting without which it cannot run; empty: it needs none
    reads_queue  it looks for the people in the queue
    begins       what a worker does first, in words
    self_starting  it is on its schedule from the first start on
    group        jobs of one group never run at the same time, whatever worker does them: they share what the source
                 allows; empty: it is in none
    reads_wanted   it is due whenever somebody asked for a person by hand (`server.cbhours.due`), and again soon while
                 it has left people over
    """

    name: str
    title: str
    button: str
    meaning: str
    config: type[JobConfig]
    counters: tuple[str, ...]
    per_account: bool = True
    on_the_grid: bool = False
    counts_runs: bool = True
    credential: str = ""
    credential_meaning: str = ""
    begins: str = "opens the browser"
    self_starting: bool = False
    options: tuple[str, ...] = ()
    reads_queue: bool = False
    group: str = ""
    reads_wanted: bool = False

    @property
    def fields(self) -> list[str]:
        """All that it may be told: its own first, then what every job has."""
        own = [name for name in self.config.model_fields if name not in JobConfig.model_fields]
        return own + list(JobConfig.model_fields)

    @property
    def option_fields(self) -> list[str]:
        """What the status tells beside the configuration."""
        return [name for name in self.fields if name in self.options or name in JobConfig.model_fields]

    @property
    def config_fields(self) -> list[str]:
        """What the status tells as its configuration."""
        return [name for name in self.fields if name not in self.option_fields]


KINDS: Mapping[str, JobKind] = {kind.name: kind for kind in (
    JobKind("affiliate", "Affiliate poller", "Poll now",
            "Asks the Affiliate API who is online, and keeps what it says of each room: viewers, followers, subject, "
            "tags, show.",
            AffiliateConfig, ("enriched", "failed"), per_account=False, on_the_grid=True, counts_runs=False,
            credential="affiliate_code",
            credential_meaning="the campaign code of your affiliate account (`wm` in its links)",
            begins="asks the Affiliate API", options=("minFollowers",), reads_queue=True),
    JobKind("cbhours-live", "CBHours live", "Ask CBHours now",
            "Asks CBHours who is online: rank, gender rank, viewers, followers, subject, tags, show. It knows people "
            "who show its trophy or calendar, and tells of them also while the Affiliate API does not.",
            CbhoursLiveConfig, ("online", "failed"), per_account=False, on_the_grid=True, counts_runs=False,
            begins="asks whom to ask for", group="cbhours"),
    JobKind("cbhours-activity", "CBHours activity", "Read activity now",
            "Reads from CBHours when people were on air in the last 60 days, three minutes at a time: show, viewers, "
            "followers, rank, gender rank.",
            CbhoursActivityConfig, ("people", "failed"), per_account=False, on_the_grid=True, counts_runs=False,
            begins="asks whom to read", group="cbhours", reads_wanted=True),
    JobKind("following", "Following", "Update Following List",
            "Reads the list of people you follow, online and offline, with your own signed-in browser session.",
            ListConfig, ("found",)),
    JobKind("followers", "Followers", "Update Followers List",
            "Reads the list of people who follow you, with your own signed-in browser session.",
            ListConfig, ("found",)),
    JobKind("images", "Pictures", "Fetch pictures now",
            "Fetches the pictures of people that are missing or old, and keeps them here: pages load nothing from the "
            "site.",
            ImagesConfig, ("fetched", "failed"), per_account=False, on_the_grid=True, counts_runs=False,
            begins="asks which pictures are wanted"),
    JobKind("retention", "Retention", "Clean up now",
            "Rolls up and deletes what is older than it is to be kept, and measures how large everything is. Storage "
            "tells what would go.",
            RetentionConfig, ("deleted",), per_account=False, on_the_grid=True,
            begins="asks the server what is too old", self_starting=True),
)}


GROUPS: Mapping[str, tuple[str, ...]] = {
    group: tuple(kind.name for kind in KINDS.values() if kind.group == group)
    for group in {kind.group for kind in KINDS.values() if kind.group}}


def fresh_config(kind: JobKind) -> dict[str, Any]:
    """The configuration of a job that nobody has changed."""
    values = kind.config().model_dump()
    return {name: values[name] for name in kind.fields}


def fresh_stats(kind: JobKind) -> dict[str, Any]:
    """Every counter at zero: `lastRun`, `totalRuns`, `totalFailed` and, for each counter of the job,
    `total<Counter>` and `lastRun<Counter>`; `lastOutcome` where `totalFailed` counts runs."""
    stats: dict[str, Any] = {"lastRun": None, "totalRuns": 0}
    if kind.counts_runs:
        stats |= {"lastOutcome": None, "totalFailed": 0}
    stats |= {f"total{counter.capitalize()}": 0 for counter in kind.counters}
    return stats | {f"lastRun{counter.capitalize()}": 0 for counter in kind.counters}

"""What the tabs say where there is nothing to show, and what their figures mean."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from flask import url_for

from server.display import clock_time, day_and_time, number, part_of_day
from server.follows.queries import FollowRow
from server.models import Account
from server.people.directory import Wanted
from server.users.coverage import Coverage, Silence
from server.users.queries import Insights

DEFINITIONS = {
    "they": {
        "total": "Follows of you that ended in this period. Somebody who left twice counts twice.",
        "average": "From the first to the last moment at which each of these follows is proved, on average. 'At least' "
                   "where some of them began before the first reading.",
        "rate": "Of everybody who followed you at some moment of this period, the share whose follow ended in it.",
    },
    "me": {
        "total": "Follows of yours that ended in this period. Following and leaving twice counts twice.",
        "average": "From the first to the last moment at which each of these follows is proved, on average. 'At least' "
                   "where some of them began before the first reading.",
        "rate": "Of everybody you followed at some moment of this period, the share that you unfollowed in it.",
    },
}


FIRST_SIGN_IN = (
    "The panel reads your lists with your own sign-in. On the computer where the panel runs, open a terminal in the "
    "panel's folder and sign in once: `.venv/bin/python -m scraper login`"
)


@dataclass(frozen=True)
class Empty:
    """Words for an empty tab: what it means and what to do. link: text and address; add: a name for the queue."""

    icon: str
    title: str
    lines: list[str] = field(default_factory=list)
    link: tuple[str, str] | None = None
    add: str | None = None


def empty_tab(tab: str, wanted: Wanted, account: Account | None, *, tag_link: str,
              asked_for: str | None = None) -> Empty:
    """Why this tab is empty."""
    if wanted.narrowed:
        return Empty("search", "Nobody fits this search.", _search_hints(wanted), ("Show everybody", tag_link),
                     asked_for)
    if wanted.after or wanted.before:
        return Empty("skip-start", "This page is beyond the end of the list.", [], ("To the first page", tag_link))
    if tab == "directory":
        return Empty("people", "Nobody is known yet.", [
            "Whoever a poll of the affiliate API shows appears here, and everybody whom your lists name. Start the job "
            "“Affiliate” to see who is online, or read a list.",
        ], ("To the jobs", url_for("jobs.jobs")))
    if account is None:
        return Empty("door-open", "No account yet.", [
            FIRST_SIGN_IN,
            "Your account then appears here by itself. Press “Update Following List” and “Update Followers List”, and "
            "the tabs fill themselves.",
            *(["Or save the pages of the list in your own browser and hand them over below."]
              if tab in ("following", "followers") else []),
        ])
    if tab == "unfollowed":
        return Empty("emoji-smile", "Nobody in this period.", [
            "This tab fills itself: whoever is absent from two complete readings of a list, one after the other, "
            "appears here with the time between which it happened.",
        ])
    return Empty("inbox", "This list has not been read yet, or nobody is on it.", [
        "Press the button above to read it from the site, or hand over saved pages below.",
        "The first reading cannot know since when people have been on the list; from then on every change has its "
        "time.",
    ])


def _search_hints(wanted: Wanted) -> list[str]:
    hints = []
    if wanted.role != "all":
        hints.append("People whose role is not proved yet are only under All.")
    if wanted.tag:
        hints.append("People without tags are left out while a tag is asked for.")
    if wanted.live:
        hints.append("Only who was seen broadcasting a short time ago is shown as live.")
    return hints


def days_words(row: FollowRow) -> str:
    """'42', '40–42' where the bounds leave it open, 'at least 40' where the start is unknown.

    Below a day a bare 0 would say nothing: 'under 1 day', 'up to 2', 'at least 3 h'.
    """
    if row.proved is None or row.end_latest is None:
        return ""
    least, most = row.proved.days, None if row.at_most is None else row.at_most.days
    if most is None:
        return f"at least {number(least) if least else part_of_day(row.proved)}"
    if least == most:
        return number(least) if least else "under 1 day"
    return f"{number(least)}–{number(most)}" if least else f"up to {number(most)}"


def average_words(insights: Insights) -> str:
    """'11', '11.5', 'at least 3 h'; empty where no follow has ended."""
    days = insights.average_days
    if days is None:
        return ""
    said = number(round(days, 1)) if days >= 1 else part_of_day(timedelta(days=days))
    return f"at least {said}" if insights.at_least else said


@dataclass(frozen=True)
class CoverageWords:
    """parts: words, the colour and shape of their dot ('' for none) and what they mean; troubles: who is silent."""

    parts: list[tuple[str, str, str]]
    troubles: list[str]


def coverage_words(coverage: Coverage, now: datetime, zone: tzinfo) -> CoverageWords:
    """'412 live by affiliate', '38 by CBHours only', '3 stale'; 'The affiliate poll has been silent since 14:02;
    CBHours stands in.'"""
    live, found = coverage.live, list[tuple[str, str, str]]()
    told = ((live.affiliate, "affiliate", "by affiliate", "Shown by a poll of the affiliate API that is still fresh"),
            (live.cbhours, "cbhours", "by CBHours only" if live.affiliate else "by CBHours",
             "CBHours says that they are online, and no fresh poll shows them"),
            (live.lists, "cached", "by your lists", "A card of a list said so some minutes ago"))
    for count, colour, words, hint in told:
        if count:
            found.append((f"{number(count)} {'' if found else 'live '}{words}", colour, hint))
    if not found:
        found.append(("Nobody is known to be live", "", "No source that is fresh says that anybody is broadcasting"))
    if live.stale:
        found.append((f"{number(live.stale)} stale", "cached stale",
                      "Live by the last word about them, which is too old to be believed"))
    return CoverageWords(found, _troubles(coverage, now, zone))


def _troubles(coverage: Coverage, now: datetime, zone: tzinfo) -> list[str]:
    silent = {one.source: one for one in coverage.silent}
    names = {"affiliate": "The affiliate poll", "cbhours": "CBHours"}
    after = {"affiliate": "; CBHours stands in" if coverage.live.cbhours and "cbhours" not in silent else "",
             "cbhours": "; ranks are as of then" if "cbhours" in silent and silent["cbhours"].since else ""}
    return [f"{name} {_silent_words(silent[source], now, zone)}{after[source]}." for source, name in names.items()
            if source in silent]


def _silent_words(silence: Silence, now: datetime, zone: tzinfo) -> str:
    if silence.since is None:
        return "has not been heard yet"
    same_day = silence.since.astimezone(zone).date() == now.astimezone(zone).date()
    said = clock_time(silence.since, zone) if same_day else day_and_time(silence.since, now, zone)
    return f"has been silent since {said}"

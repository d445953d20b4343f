"""What the tabs say where there is nothing to show, and what their figures mean."""

from dataclasses import dataclass, field
from datetime import timedelta

from flask import url_for

from server.display import number, part_of_day
from server.follows.queries import FollowRow
from server.models import Account
from server.people.directory import Wanted
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

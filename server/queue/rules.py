"""What becomes of somebody in the queue, and what is said about it. Pure: facts in, values out.

P1 is read once, as soon as possible: an entry makes a poll of its own due, a few times if it has to be. P2 is looked
for at every poll until it is taken off; its state is what the newest poll found.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from server.jobs.rules import back_off

Priority = Literal[1, 2]
State = Literal["queued", "processing", "complete", "not_found"]

PRIORITIES = (1, 2)
STATES = ("queued", "processing", "complete", "not_found")
OPEN = ("queued", "processing")
MOST = 10_000  # entries, so that a poll's question stays small
MOST_TRIES = 5  # polls that one P1 brings about by itself

FOUND = "Online, and read."
ABSENT = "Not online at that poll: the whole list was read without them. Whoever hides from our region looks the same."
NO_WORD = "The poll ended before it could say anything about them."


class Again(NamedTuple):
    """An entry that is queued anew after a poll without a word on it. due_at null: it waits for whichever poll is
    next."""

    tries: int
    due_at: datetime | None
    detail: str


def again(priority: int, tries: int, ended_at: datetime, *, cancelled: bool, trouble: str | None) -> Again:
    """What becomes of an entry whose poll did not get as far as telling of it.

    cancelled  somebody ended that poll: then nothing begins by itself for this entry
    trouble    why the poll failed, in words
    """
    tries += 1
    detail = (trouble or NO_WORD).strip().rstrip(".") + "."
    if priority != 1:
        return Again(tries, None, detail)
    if cancelled:
        return Again(tries, None, "The poll was ended by hand. The next one looks for them.")
    if tries >= MOST_TRIES:
        return Again(tries, None, f"{detail} {tries} polls did not get that far; the next one by schedule or by hand "
                     "looks for them again.")
    return Again(tries, ended_at + back_off(tries), detail)


def tells(state: str, priority: int, *, same_run: bool, requested_at: datetime, ended_at: datetime | None,
          observed_at: datetime) -> bool:
    """Whether a poll that showed the person says anything new about this entry.

    same_run     the entry was handed to that poll; else it is a poll that would have run anyway, or comes in late
    observed_at  when the poll began
    """
    if same_run:
        return True
    if priority == 1:
        return state in OPEN and requested_at <= observed_at
    return state != "processing" and max(requested_at, ended_at or requested_at) <= observed_at


def telling(priority: int, state: str) -> int:
    """Which of a person's two entries a list shows: the greatest of these."""
    if priority == 2:
        return 1
    return 2 if state in OPEN else 0


def why_waiting(state: str, due_at: datetime | None, poller: tuple[str, str], now: datetime) -> str:
    """What somebody in the queue waits for; empty: nothing.

    poller  state and reason of the job that reads the queue
    """
    if state != "queued":
        return ""
    word, reason = poller
    if word in ("disabled", "paused"):
        return f"The affiliate poller cannot look: {reason[0].lower()}{reason[1:]}"
    if word in ("processing", "starting"):
        return "Looked for after the poll that is going on."
    if due_at is None:
        return f"Looked for at the next poll. {reason}"
    return reason if due_at <= now else "Looked for again after a pause."

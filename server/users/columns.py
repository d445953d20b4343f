"""The columns of the four tabs, in their order, and what an empty cell is still waiting for."""

from typing import NamedTuple


class Column(NamedTuple):
    """cell: which cell of users/_row.html shows it; sort: its sort word, empty where it cannot be sorted by."""

    title: str
    cell: str
    sort: str = ""
    hint: str = ""
    number: bool = False


USERNAME = Column("Username", "username", "username")
IMAGE = Column("Image", "image")
AGE = Column("Age", "age", "age", "As their card in the list says", number=True)
PLAIN_AGE = AGE._replace(sort="")
ROLE = Column("Role", "role",
              hint="Model: seen broadcasting. Viewer: follows you. Both: both. Unknown: neither is proved.")
TAGS = Column("Tags", "tags")
FOLLOWERS = Column("Followers", "followers", number=True)
RANK = Column("Rank", "rank", number=True)
LAST_SEEN = Column("Last Seen", "seen", "seen", "When they were last seen broadcasting")
ACTIONS = Column("Actions", "actions")

DIRECTORY = (
    USERNAME, IMAGE, AGE, ROLE, TAGS, Column("Priority", "priority"), FOLLOWERS, RANK,
    Column("Events", "events", number=True), Column("Snapshots", "snapshots", number=True), LAST_SEEN, ACTIONS,
)
FOLLOWING = (
    USERNAME, IMAGE, AGE, ROLE, TAGS, FOLLOWERS, RANK,
    Column("Following Since", "since", "since", "When you began to follow them, as far as the readings prove it"),
    LAST_SEEN, ACTIONS,
)
FOLLOWERS_TAB = (
    USERNAME, IMAGE, AGE, ROLE, TAGS,
    Column("Follower Since", "since", "since", "When they began to follow you, as far as the readings prove it"),
    LAST_SEEN, ACTIONS,
)
UNFOLLOWED = (
    USERNAME, IMAGE, PLAIN_AGE, ROLE,
    Column("Followed On", "since", "followed", "When the follow began, as far as the readings prove it"),
    Column("Unfollowed On", "ended", "unfollowed",
           "Between the last reading that showed it and the first that did not"),
    Column("Days Followed", "days", hint="'At least' where the follow began before the first reading", number=True),
    LAST_SEEN, ACTIONS,
)

STILL_TO_COME = {
    "age": "Not known: no page read so far says it.",
    "tags": "Not known: tags come with the cards of broadcasters.",
    "priority": "Priorities come with the queue for profiles.",
    "followers": "Follower counts come with the affiliate and CBHours sources.",
    "rank": "Ranks come with the CBHours source.",
    "events": "Events come with the Events API.",
    "snapshots": "Snapshots come with the affiliate source.",
    "seen": "Not yet seen broadcasting.",
    "days": "Not known.",
}

# Columns that are empty for everybody until their source is there: a phone leaves them out.
NEVER_YET = frozenset({"priority", "followers", "rank", "events", "snapshots"})

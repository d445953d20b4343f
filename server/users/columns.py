"""The columns of the four tabs, in their order, and what an empty cell is still waiting for."""

from typing import NamedTuple


class Column(NamedTuple):
    """cell: which cell of users/_people.html shows it; sort: its sort word, empty where it cannot be sorted by;
    down_first: a first click on its head begins with the largest or the newest."""

    title: str
    cell: str
    sort: str = ""
    hint: str = ""
    number: bool = False
    down_first: bool = False


USERNAME = Column("Username", "username", "username")
IMAGE = Column("Image", "image")
AGE = Column("Age", "age", "age", "As they say themselves", number=True)
ROLE = Column("Role", "role",
              hint="Model: seen broadcasting. Viewer: follows you. Both: both. Unknown: neither is proved.")
TAGS = Column("Tags", "tags")
FOLLOWERS = Column("Followers", "followers", "followers", "How many people follow them", number=True, down_first=True)
RANK = Column("Rank", "rank", "rank", "Among all broadcasters, 1 is the top. CBHours only.", number=True)
GENDER_RANK = Column("Gender Rank", "gender_rank", "gender_rank",
                     "Among broadcasters of their gender, 1 is the top. CBHours only.", number=True)
LAST_SEEN = Column("Last Seen", "seen", "seen", "When they were last seen broadcasting", down_first=True)
ACTIONS = Column("Actions", "actions")

DIRECTORY = (
    USERNAME, IMAGE, AGE, ROLE, TAGS,
    Column("Priority", "priority",
           hint="P1: read once, as soon as possible. P2: read at every poll, whatever the filter says."),
    FOLLOWERS, RANK, GENDER_RANK, Column("Events", "events", number=True),
    Column("Snapshots", "snapshots", hint="How many polls have shown them", number=True), LAST_SEEN, ACTIONS,
)
FOLLOWING = (
    USERNAME, IMAGE, AGE, ROLE, TAGS, FOLLOWERS, RANK, GENDER_RANK,
    Column("Following Since", "since", "since", "When you began to follow them, as far as the readings prove it",
           down_first=True),
    LAST_SEEN, ACTIONS,
)
FOLLOWERS_TAB = (
    USERNAME, IMAGE, AGE, ROLE, TAGS,
    Column("Follower Since", "since", "since", "When they began to follow you, as far as the readings prove it",
           down_first=True),
    LAST_SEEN, ACTIONS,
)
UNFOLLOWED = (
    USERNAME, IMAGE, AGE, ROLE,
    Column("Followed On", "since", "since", "When the follow began, as far as the readings prove it",
           down_first=True),
    Column("Unfollowed On", "ended", "until",
           "Between the last reading that showed it and the first that did not", down_first=True),
    Column("Days Followed", "days", hint="'At least' where the follow began before the first reading", number=True),
    LAST_SEEN, ACTIONS,
)

NO_RANK = "Not known: CBHours alone tells ranks, of broadcasters who show its trophy or calendar."
STILL_TO_COME = {
    "age": "Not known: nobody has said it so far.",
    "tags": "No tags are known: they come with polls, and with the cards of broadcasters.",
    "followers": "Not known: no poll has shown them so far.",
    "rank": NO_RANK, "gender_rank": NO_RANK,
    "events": "Events come with the Events API.",
    "snapshots": "No poll has shown them so far.",
    "seen": "Not yet seen broadcasting.",
    "days": "Not known.",
}

# Columns that are empty for everybody until their source is there: a phone leaves them out.
NEVER_YET = frozenset({"events"})

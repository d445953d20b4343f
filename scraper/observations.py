"""What can be seen: the typed messages that the worker posts to the server, `POST /api/ingest/<kind>`.

One message is one batch. The same `batch_id` again changes nothing. Moments are the worker's, aware
UTC; the server compares the worker's clock (header `X-MHC-Sent-At`) with its own and corrects them.
Usernames are lower-case; items that fail their check are set aside by the server, one by one.
"""

import re
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

ListName = Literal["following", "followers"]
Part = Literal["online", "offline", "followers"]
ScanSource = Literal["browser", "import", "manual"]
SessionState = Literal["signed_in", "signed_out", "challenge", "age_gate", "wrong_account", "unknown"]

USERNAME = re.compile(r"[a-z0-9_]{1,50}")


def username(text: Any) -> str:
    """A username in its one form, lower-case.

    raises  ValueError for anything that cannot be a name. Names are never numbers, even '10482'.
    """
    name = text.strip().lower() if isinstance(text, str) else ""
    if not USERNAME.fullmatch(name):
        raise ValueError(f"not a username: {text!r:.80}")
    return name


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid")

    batch_id: UUID = Field(default_factory=uuid4)
    run_id: UUID | None = None
    observed_at: AwareDatetime


class PersonSeen(BaseModel):
    """One card or row of a list. What the page does not say is None; zero is a value."""

    model_config = ConfigDict(extra="forbid")

    username: str
    display_name: str | None = None
    online: bool | None = None
    broadcasts: bool | None = None  # True: the card proves a broadcast (it is online or has a subject)
    age: int | None = None
    gender: Literal["m", "f", "c", "t"] | None = None
    country: str | None = None  # ISO 3166 alpha-2, upper-case
    location: str | None = None
    subject: str | None = None
    tags: list[str] | None = None
    viewers: int | None = None
    image_url: str | None = None


class PageFacts(BaseModel):
    """What one page said about itself: the evidence on which a scan is judged."""

    model_config = ConfigDict(extra="forbid")

    part: Part
    pass_number: Annotated[int, Field(ge=1)] = 1
    page: Annotated[int, Field(ge=1)] = 1
    active_page: int | None = None  # the number that the page itself marks as the present one
    last_page: int | None = None  # the largest page number that it shows; None: no pagination
    has_next: bool | None = None
    path: str = ""  # path of the final address
    title: str | None = None
    signed_in_as: str | None = None
    layout: str | None = None
    language: str | None = None
    cards: int = 0
    empty_marker: bool = False  # an explicit, visible "nobody here"
    header_online: int | None = None  # the header's (online/total) of followed rooms
    header_total: int | None = None
    stated_total: int | None = None  # the total that the list itself states ("You have 8 followers")
    problem: str | None = None  # a code of scraper.errors; None: the page was read
    problem_detail: str | None = None
    waiting_ms: int = 0  # for the platform: navigation and filling in
    parsing_ms: int = 0


class Capture(BaseModel):
    """The raw page behind a message: gzip, base64, scrubbed of tokens before it left the worker."""

    model_config = ConfigDict(extra="forbid")

    url: str
    content_type: str = "text/html; charset=utf-8"
    body: str


class ScanPage(Message):
    """One page of a list. A page that failed is a message, too: `facts.problem` is set and nobody is on it."""

    kind: Literal["scan-page"] = "scan-page"
    scan_id: UUID
    account: str
    source: ScanSource = "browser"
    facts: PageFacts
    people: list[PersonSeen] = []
    list: ListName
    capture: Capture | None = None


class ScanEnd(Message):
    """The end of a scan: with it the server judges what all pages of `scan_id` said, and applies it."""

    kind: Literal["scan-end"] = "scan-end"
    scan_id: UUID
    account: str
    source: ScanSource = "browser"
    started_at: AwareDatetime
    finished_at: AwareDatetime
    pages: int  # how many scan-page messages belong to this scan; one that is missing spoils the scan
    passes: int = 1
    stopped_by: str | None = None  # a code of scraper.errors: why the reading ended early
    stopped_detail: str | None = None
    stats_followers: int | None = None  # num_followers of the Stats API, read beside the scan
    json_online: list[str] | None = None  # the site's own online_followed_rooms, as a cross-check
    declared_complete: bool | None = None  # for lists of usernames by hand: what the person says of it
    timings: dict[str, int] = {}  # milliseconds by what they were spent on
    list: ListName


class SessionReport(Message):
    """What the worker knows about an account's sign-in."""

    kind: Literal["session"] = "session"
    account: str
    state: SessionState
    signed_in_since: AwareDatetime | None = None
    proved_at: AwareDatetime | None = None
    cookies_end: AwareDatetime | None = None
    detail: str | None = None


class FollowEvent(BaseModel):
    """One person's follow or unfollow at an exact moment, as the Events API tells it."""

    model_config = ConfigDict(extra="forbid")

    username: str
    event: Literal["follow", "unfollow"]
    at: AwareDatetime


class FollowEvents(Message):
    kind: Literal["follow-events"] = "follow-events"
    account: str
    direction: Literal["following", "follower"] = "follower"
    items: list[FollowEvent]


Gender = Literal["m", "f", "c", "t"]


class AffiliateRoom(BaseModel):
    """One room as the affiliate API describes it. What it does not say, or says wrongly, is None; "" is said.

    spoken_languages, location  the broadcaster's own words, as they came
    birthday                    as it came; may contradict the age, and is not always a date
    current_show                public, private, group, away, hidden, or a word that is new to us
    room_subject                plain text: HTML entities are undone, what is left is never markup
    tags                        without '#', lower-case, each once
    seconds_online              since this broadcast began, at the moment of its page
    """

    model_config = ConfigDict(extra="forbid")

    username: str
    display_name: str | None = None
    gender: Gender | None = None
    age: int | None = None
    birthday: str | None = None
    location: str | None = None
    country: str | None = None  # ISO 3166 alpha-2, upper-case
    spoken_languages: str | None = None
    current_show: str | None = None
    room_subject: str | None = None
    tags: list[str] | None = None
    is_new: bool | None = None
    is_hd: bool | None = None
    num_users: int | None = None
    num_followers: int | None = None  # 64 bits
    seconds_online: int | None = None
    image_url: str | None = None
    image_url_360x270: str | None = None


class AffiliateRooms(Message):
    """One poll of the rooms that are online now, all pages together.

    observed_at    the moment of the first page; finished_at that of the last one
    genders        what was asked for, such as ["m"]; all four: everyone
    limit          how many rooms were asked for at most; 0: everyone
    min_followers  rooms with no more followers than this were left out; 0: nobody was
    said_count     how many rooms match, as the API said last; None when it said nothing usable
    saw_everyone   every room that matches was read: whoever is absent is not online (or has too few followers, see
                   min_followers; or hides from the region that we ask from)
    pages          how many answers were read; duplicates: rooms that were on more than one of them
    left_out       rooms left out by min_followers, and who they are: they are online all the same
    absent         people of the queue who were looked for and are on none of the lists on which they could be
    problems       what was wrong with single values and rooms, such as {"age": 3, "username": 1}
    stopped_by     a code of scraper.errors when a later page could not be read; the pages before it count
    captures       the raw answers, one a page
    """

    kind: Literal["affiliate-rooms"] = "affiliate-rooms"
    finished_at: AwareDatetime
    genders: list[Gender]
    limit: Annotated[int, Field(ge=0)]
    min_followers: Annotated[int, Field(ge=0)] = 0
    said_count: int | None = None
    saw_everyone: bool = False
    pages: int = 1
    duplicates: int = 0
    left_out: int = 0
    left_out_names: list[str] = []
    absent: list[str] = []
    problems: dict[str, int] = {}
    stopped_by: str | None = None
    stopped_detail: str | None = None
    rooms: list[AffiliateRoom] = []
    captures: list[Capture] = []


class CbhoursRoom(BaseModel):
    """One entry of a live answer. Offline ones say only that; what is not said, or wrongly, is None; zero is a value.

    tags  without '#', lower-case, each once
    """

    model_config = ConfigDict(extra="forbid")

    username: str
    online: bool
    gender: Gender | None = None
    is_new: bool | None = None
    rank: int | None = None
    grank: int | None = None
    viewers: int | None = None
    followers: int | None = None  # 64 bits
    current_show: str | None = None
    room_subject: str | None = None
    tags: list[str] | None = None


class CbhoursLive(Message):
    """One live call: what CBHours says of at most fifty people, at `observed_at`.

    asked     the names that were asked for
    unknown   those of them that are not in the answer, or as an error only: not known there, which is not offline
    problems  what was wrong with single values, such as {"rank": 1}
    """

    kind: Literal["cbhours-live"] = "cbhours-live"
    asked: list[str]
    rooms: list[CbhoursRoom] = []
    unknown: list[str] = []
    problems: dict[str, int] = {}
    capture: Capture | None = None


class CbhoursSegmentSeen(BaseModel):
    """Three minutes of a broadcast; `at`: their beginning. Values as in `CbhoursRoom`."""

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime
    show: str | None = None  # as it came: _public, _private, _ticket, _group, or a word that is new to us
    gender: Gender | None = None
    rank: int | None = None
    grank: int | None = None
    viewers: int | None = None
    followers: int | None = None


class CbhoursActivity(Message):
    """One answer about one person's days from `start_day` to `end_day`, both in it, by UTC.

    days      ISO date -> minutes on air as the answer says; a day that it leaves out is not in here
    total     minutes of all days, as the answer says; None: it says nothing usable
    months    months that CBHours holds, "YYYY-MM", newest first; None: not asked for, or no usable answer
    problem   not_set_up (Error Code:300) or another word, where there was no activity; `detail`: the answer's own words
    """

    kind: Literal["cbhours-activity"] = "cbhours-activity"
    username: str
    start_day: date
    end_day: date
    days: dict[str, int] = {}
    total: int | None = None
    segments: list[CbhoursSegmentSeen] = []
    months: list[str] | None = None
    problem: str | None = None
    detail: str | None = None
    problems: dict[str, int] = {}
    capture: Capture | None = None


class PictureSeen(Message):
    """What came of fetching one person's picture, at `observed_at`.

    url           as it was asked for
    problem       why there is none, in a word such as not_found; None: `body` has it
    detail        the same in words
    content_type  of the body, as its bytes say
    body          the picture, base64
    """

    kind: Literal["picture"] = "picture"
    username: Annotated[str, Field(pattern=f"^{USERNAME.pattern}$")]
    url: Annotated[str, Field(pattern="^https?://", max_length=2_000)]
    problem: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    detail: Annotated[str, Field(max_length=500)] | None = None
    content_type: Annotated[str, Field(max_length=100)] | None = None
    body: str | None = None


MESSAGES: dict[str, type[Message]] = {
    "scan-page": ScanPage, "scan-end": ScanEnd, "session": SessionReport, "follow-events": FollowEvents,
    "affiliate-rooms": AffiliateRooms, "picture": PictureSeen, "cbhours-live": CbhoursLive,
    "cbhours-activity": CbhoursActivity,
}

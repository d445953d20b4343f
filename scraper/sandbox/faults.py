"""What can be made to go wrong, where, and how often.

A fault is addressed by the list it hits, the page of that list and the number of times:

    Fault("challenge", list="online", page=3, times=1)

`list` is online, offline, followers, login, stats, json (the small JSON calls), home, profile, affiliate (the
affiliate API, whose page is a block of 500 rooms), images (people's pictures), cbhours (where page 1 is get_live, 2
get_activity and 3 get_months) or any, which is all but images, for which a browser asks beside every page, and
cbhours, which is another site.
`at` tells whether the page itself or the JSON call behind it is hit; the kind decides unless told.

kind              what the visitor gets                                          parameters
challenge         the human check, 403                                           status
sign_out          the session is dead: sent to the login page                    to: login, home_next, home
other_account     everything as somebody else would see it                       name
maintenance       503                                                            retry_after
rate_limit        429                                                            retry_after
error             500                                                            status
cut               the connection breaks in the middle of the answer
slow              the answer comes late                                          seconds
hang_json         the JSON call never answers, so no card ever appears
reload_message    the JSON call fails: the page says that loading failed
empty_page        no cards, the pagination as always                             marker: true shows "no results", too
repeated_page     the page before once more, with its own number (page 1: the second)
missing_page      the people of page k are left out of the list, which looks     number: true gives page k+1 when k is
                  whole otherwise                                                asked for, under its own number
unknown_layout    signed in, but nothing that anybody knows
language          every text in German
totals            the header's counts (and the followers' stated total) are off  total, online
stale_counts      the header's counts are those of another account
stats_totals      num_followers is off                                           total
age_gate          the adults-only notice lies over the page
region_age_gate   the regional age check lies over the page
not_found         404
ignored_filter    `follow=true` is ignored: the public list, with nobody followed

Of the affiliate API alone (besides challenge, maintenance, rate_limit, error, cut, slow, not_found, empty_page and
repeated_page):
html              200, but a page for people instead of JSON
broken_json       JSON that ends in the middle
count             the count lies                                                 is, or off
shift             rooms have risen to the top since the page before was read      by
broken_room       between the good rooms lie some that break every rule

Of people's pictures alone (besides challenge, maintenance, rate_limit, error, cut, slow, not_found and html):
forbidden         403
redirect          to another address, by default a private one                   to
huge              more bytes than any picture has
bomb              few bytes that become a hundred million pixels
svg               a drawing with a script, called a JPEG
animation         several frames, called a JPEG
half_picture      a picture that ends in the middle

Of CBHours alone (besides challenge, maintenance, rate_limit, error, cut, slow, html, broken_json and redirect). That
it shuts its door when asked more than once a second is no fault, but the option `cbhours_gap`.
error_answer      {"status": "error"} instead of what was asked for               code (300), message, status (200)
server_down       it says that its server is not up                               word
ban               the door is shut from now on, as the option `cbhours_door` says seconds
unknown_entries   names that it does not know come as errors; else they are left out
nobody            it knows nobody
text_numbers      numbers as text where they are numbers, and the other way round
upper_case        all keys and names in upper case
hostile           values, entries and rows that break every rule
strangers         entries for names that nobody asked for
days_missing      days without activity are left out, and some with activity, too every
disorder          activity with the newest first, rows twice, and days that were not asked for
always_on         activity without a break: 28,800 segments in 60 days
"""

import threading
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

At = Literal["page", "json"]

DATA_KINDS = frozenset({"hang_json", "reload_message", "empty_page", "repeated_page", "missing_page", "ignored_filter"})
PAGE_KINDS = frozenset({
    "challenge", "sign_out", "other_account", "maintenance", "rate_limit", "error", "cut", "slow", "unknown_layout",
    "language", "totals", "stale_counts", "age_gate", "region_age_gate", "not_found",
})
AFFILIATE_KINDS = frozenset({"html", "broken_json", "count", "shift", "broken_room"})
PICTURE_KINDS = frozenset({"forbidden", "redirect", "huge", "bomb", "svg", "animation", "half_picture"})
CBHOURS_KINDS = frozenset({
    "error_answer", "server_down", "ban", "unknown_entries", "nobody", "text_numbers", "upper_case", "hostile",
    "strangers", "days_missing", "disorder", "always_on",
})
KINDS = DATA_KINDS | PAGE_KINDS | AFFILIATE_KINDS | PICTURE_KINDS | CBHOURS_KINDS | {"stats_totals"}
LISTS = ("online", "offline", "followers", "login", "stats", "json", "home", "profile", "affiliate", "images",
         "cbhours", "any")
ONLY_BY_NAME = frozenset({"images", "cbhours"})  # lists that "any" leaves alone
PARAMETERS = {
    "challenge": {"status"}, "sign_out": {"to"}, "other_account": {"name"}, "maintenance": {"retry_after"},
    "rate_limit": {"retry_after"}, "error": {"status"}, "slow": {"seconds"}, "empty_page": {"marker"},
    "missing_page": {"number"}, "totals": {"total", "online"}, "stats_totals": {"total"}, "count": {"is", "off"},
    "shift": {"by"}, "redirect": {"to"}, "error_answer": {"code", "message", "status"}, "server_down": {"word"},
    "ban": {"seconds"}, "days_missing": {"every"},
}


@dataclass
class Fault:
    kind: str
    list: str = "any"
    page: int | None = None
    times: int | None = None
    at: At | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    id: int = field(default_factory=count(1).__next__)
    fired: int = 0
    lifted: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind}; there are {', '.join(sorted(KINDS))}")
        if self.list not in LISTS:
            raise ValueError(f"there is no list {self.list}; there are {', '.join(LISTS)}")
        if self.at not in (None, "page", "json"):
            raise ValueError("`at` is page or json")
        for name in self.parameters:
            if name not in PARAMETERS.get(self.kind, set()):
                raise ValueError(f"{self.kind} knows no {name}")
        for name, value in (("page", self.page), ("times", self.times)):
            if value is not None and (type(value) is not int or value < 1):
                raise ValueError(f"{name} is a number from 1")

    def hits(self, kinds: frozenset[str], list_name: str, page: int | None, at: At) -> bool:
        if self.kind not in kinds or (self.times is not None and self.fired >= self.times):
            return False
        if self.kind not in DATA_KINDS and (self.at or "page") != at:
            return False
        everywhere = self.page is None or (self.kind == "missing_page" and not self.parameters.get("number"))
        here = self.list == list_name or (self.list == "any" and list_name not in ONLY_BY_NAME)
        return here and (everywhere or self.page == page)

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "kind": self.kind, "list": self.list, "page": self.page, "times": self.times,
                "at": self.at, "fired": self.fired, **self.parameters}


class Faults:
    """The faults that are on, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, kind: str, *, list: str = "any", page: int | None = None, times: int | None = None,
            at: At | None = None, **parameters: Any) -> Fault:
        """raises ValueError for a kind, a list or a parameter that does not exist."""
        fault = Fault(kind, list, page, times, at, parameters)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            for fault in self._faults:
                fault.lifted.set()
            self._faults = []

    def take(self, kinds: frozenset[str] | set[str] | str, list_name: str, page: int | None = None,
             at: At = "page") -> Fault | None:
        """The first fault of these kinds that hits here, counted as fired; None if nothing goes wrong."""
        wanted = frozenset({kinds}) if isinstance(kinds, str) else frozenset(kinds)
        with self._lock:
            for fault in self._faults:
                if fault.hits(wanted, list_name, page, at):
                    fault.fired += 1
                    return fault
        return None

    def as_json(self) -> "list[dict[str, Any]]":
        with self._lock:
            return [fault.as_json() for fault in self._faults]

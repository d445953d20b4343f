"""The people behind the pages, and what they do.

    World(seed, …)      the same seed makes the same people and lists
    world.advance(n)    n things happen; the same seed and number of steps make the same world
    world.follow(…)     what a test wants to happen, on the spot

The world knows nothing of time, pages or the network. It is not safe for threads by itself: the
sandbox calls it under one lock.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from zlib import crc32

from scraper.sandbox.names import AWKWARD_FOLLOWED, AWKWARD_FOLLOWERS, ordinary_names

OWNER = "demo_owner"
SECOND_OWNER = "second_owner"

# Nobody who left comes back before this many steps.
SHORTEST_ABSENCE = 25
# How often each thing happens, relative to the others. Returns come first as long as somebody is due.
WEIGHTS = MappingProxyType({"flip": 44, "follow_me": 12, "leave_me": 14, "follow": 9, "unfollow": 9, "return": 12})

GENDERS = (("m", "Male"), ("f", "Female"), ("c", "Couple"), ("s", "Trans"))
COUNTRIES = (
    ("PT", "Portugal", "Lisbon, Portugal"), ("GB", "United Kingdom", "Leeds"), ("JP", "Japan", "Somewhere nice"),
    ("VE", "Venezuela", "Bogota D.C., Colombia"), ("US", "United States", "Ohio, United States"),
    ("", "", "T w i l i g h t"), ("", "", ""), ("NO", "Norway", "Harbour town"), ("CA", "Canada", "Québec & <around>"),
)
SUBJECTS = (
    ("Quiet reading hour", ("music",)), ("Tea tasting marathon, day 7", ("tea",)), ("Show de cocina 🍲", ("cocina",)),
    ('Birds & "bees" <live>', ("birds", "garden")), ("Утренняя зарядка", ("sport",)), ("Just talking", ()),
)
SHOWS = ("public", "public", "public", "public", "public", "private", "group", "away", "hidden", "password protected")


class Unknown(KeyError):
    """Nobody of this name is in the world."""


@dataclass(slots=True)
class Person:
    """Somebody on the site. `gender` is the letter of the cards: s is trans."""

    username: str
    rank: float  # where the person stands in lists of online rooms
    gender: str
    age: int | None
    country: str
    country_name: str
    location: str
    subject: str
    tags: tuple[str, ...]
    show: str
    is_new: bool
    viewers: int
    minutes: int  # online for so long when the world begins
    num_followers: int
    online: bool = False
    changed: int = 0  # step of the last change between online and offline


class Ordered:
    """A set that keeps its order, gives a random member at once, and is quick to page through."""

    def __init__(self) -> None:
        self._since: dict[str, date] = {}
        self._names: list[str] = []
        self._place: dict[str, int] = {}

    def add(self, name: str, since: date) -> None:
        self._since[name] = since
        self._place[name] = len(self._names)
        self._names.append(name)

    def remove(self, name: str) -> None:
        del self._since[name]
        place, last = self._place.pop(name), self._names.pop()
        if last != name:
            self._names[place] = last
            self._place[last] = place

    def random(self, rng: random.Random) -> str:
        return self._names[rng.randrange(len(self._names))]

    def since(self, name: str) -> date:
        return self._since[name]

    def __contains__(self, name: object) -> bool:
        return name in self._since

    def __iter__(self) -> Iterator[str]:
        return iter(self._since)

    def __len__(self) -> int:
        return len(self._since)


@dataclass
class Account:
    """An owner: somebody who can sign in, with the two lists that only the owner sees."""

    name: str
    following: Ordered = field(default_factory=Ordered)
    followers: Ordered = field(default_factory=Ordered)
    left: list[tuple[int, str]] = field(default_factory=list)  # (step, name) of followers who left, oldest first
    dropped: list[tuple[int, str]] = field(default_factory=list)  # the same for people the owner unfollowed


@dataclass(frozen=True)
class Happening:
    """One thing that happened: `what` is follow, unfollow, follow_me, leave_me, online, offline or rename."""

    step: int
    what: str
    account: str | None
    username: str
    detail: str = ""


class World:
    def __init__(self, *, seed: int = 1, people: int = 300, following: int | None = None, followers: int | None = None,
                 online: int | None = None, accounts: tuple[str, ...] = (OWNER, SECOND_OWNER),
                 today: date = date(2026, 1, 15)) -> None:
        """A world of `people`; the owner follows `following` of them (`online` of those are), `followers` follow.

        Without numbers a little more than half of the people are on each list. The first account has these
        numbers; every further account has lists of its own, a third as long. More people are made if needed.
        """
        following = round(people * 0.55) if following is None else following
        followers = round(people * 0.65) if followers is None else followers
        self.seed, self.today, self.steps, self.version = seed, today, 0, 0
        self.people: dict[str, Person] = {}
        self.accounts: dict[str, Account] = {name: Account(name) for name in accounts}
        self.happenings: list[Happening] = []
        self.trophies: dict[str, bool] = {}  # who shows one, where that was told
        self._rng = random.Random(f"world {seed}")  # noqa: S311 - a made-up world, not a secret
        self._making = random.Random(f"people {seed}")  # noqa: S311
        self._names = ordinary_names(self._making)
        self._newcomers: list[str] = []
        self._cache: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self._populate(people, following, followers, online)

    # -- making -----------------------------------------------------------------------------------

    def _populate(self, people: int, following: int, followers: int, online: int | None) -> None:
        followed, fans = AWKWARD_FOLLOWED[:following], AWKWARD_FOLLOWERS[:followers]
        awkward = dict.fromkeys([*followed, *fans])
        for name in awkward:
            self._make(name)
        while len(self.people) < max(people, following, followers):
            self._make(next(self._names))
        ordinary = [name for name in self.people if name not in awkward]
        self._newcomers = ordinary.copy()
        self._making.shuffle(self._newcomers)
        for number, account in enumerate(self.accounts.values()):
            share = 1 if number == 0 else 3
            self._fill(account.following, followed if number == 0 else (), following // share, ordinary)
            self._fill(account.followers, fans if number == 0 else (), followers // share, ordinary)
        owner = next(iter(self.accounts.values()))
        for name, person in self.people.items():
            if name in owner.following:
                continue
            person.online = self._making.random() < 0.4
        self._choose_online(list(owner.following), online)

    def _fill(self, chosen: Ordered, first: tuple[str, ...], size: int, ordinary: list[str]) -> None:
        names = [*first, *self._making.sample(ordinary, min(len(ordinary), max(0, size - len(first))))]
        chosen_already = set(names)
        rest = (name for name in self.people if name not in chosen_already)
        while len(names) < size:
            names.append(next(rest))
        self._making.shuffle(names)
        days = sorted((self._making.randrange(1, 900) for _ in names), reverse=True)
        for name, ago in zip(names, days, strict=True):
            chosen.add(name, self.today - timedelta(days=ago))

    def _choose_online(self, names: list[str], online: int | None) -> None:
        wanted = round(len(names) * 0.4) if online is None else min(online, len(names))
        for name in self._making.sample(names, wanted):
            self.people[name].online = True

    def _make(self, name: str) -> Person:
        dice = self._making
        country, country_name, location = dice.choice(COUNTRIES)
        subject, tags = dice.choice(SUBJECTS)
        person = Person(
            username=name, rank=dice.random(), gender=dice.choice("mmmfffcs"),
            age=dice.choice((None, 99, *range(18, 61))), country=country, country_name=country_name,
            location=location, subject=subject, tags=tags, show=dice.choice(SHOWS), is_new=dice.random() < 0.05,
            viewers=round(dice.paretovariate(0.6)) - 1, minutes=dice.randrange(1, 600),
            num_followers=round(dice.paretovariate(0.4)),
        )
        person.viewers %= 60_000
        person.num_followers %= 2_000_000
        self.people[name] = person
        return person

    # -- looking ----------------------------------------------------------------------------------

    def account(self, name: str | None = None) -> Account:
        if name is None:
            return next(iter(self.accounts.values()))
        try:
            return self.accounts[name.lower()]
        except KeyError:
            raise Unknown(name) from None

    def person(self, name: str) -> Person:
        try:
            return self.people[name.lower()]
        except KeyError:
            raise Unknown(name) from None

    def has_trophy(self, username: str) -> bool:
        """Whether somebody's bio shows the trophy of CBHours: three of four people, unless told."""
        told = self.trophies.get(username)
        return crc32(f"trophy {self.seed} {username}".encode()) % 4 != 0 if told is None else told

    def following(self, account: str | None = None) -> list[str]:
        """Everybody whom the account follows, oldest follow first."""
        return list(self.account(account).following)

    def followers(self, account: str | None = None) -> list[str]:
        """Everybody who follows the account, newest first: the order of the followers page."""
        owner = self.account(account)
        return self._cached(owner.name, "followers", lambda: list(owner.followers)[::-1])

    def online(self, account: str | None = None) -> list[str]:
        """The followed people who are online, in the order of the list: the busiest rooms first."""
        owner = self.account(account)
        return self._cached(owner.name, "online", lambda: sorted(
            (name for name in owner.following if self.people[name].online), key=lambda name: self.people[name].rank))

    def offline(self, account: str | None = None) -> list[str]:
        """The followed people who are offline, in the order of the list: who was online last comes first."""
        owner = self.account(account)
        return self._cached(owner.name, "offline", lambda: sorted(
            (name for name in owner.following if not self.people[name].online),
            key=lambda name: (-self.people[name].changed, self.people[name].rank)))

    def _cached(self, account: str, part: str, read: Callable[[], list[str]]) -> list[str]:
        version, names = self._cache.get((account, part), (-1, []))
        if version != self.version:
            names = read()
            self._cache[account, part] = (self.version, names)
        return names

    # -- acting -----------------------------------------------------------------------------------

    def follow(self, username: str, account: str | None = None) -> None:
        """The owner follows somebody; a name that nobody has yet becomes a person."""
        owner = self.account(account)
        person = self._person_or_new(username)
        if person.username not in owner.following:
            owner.dropped = [pair for pair in owner.dropped if pair[1] != person.username]
            owner.following.add(person.username, self.today)
            self._note("follow", owner.name, person.username)

    def unfollow(self, username: str, account: str | None = None) -> None:
        owner, name = self.account(account), username.lower()
        if name in owner.following:
            owner.following.remove(name)
            owner.dropped.append((self.steps, name))
            self._note("unfollow", owner.name, name)

    def follow_me(self, username: str, account: str | None = None) -> None:
        """Somebody follows the owner; a name that nobody has yet becomes a person."""
        owner = self.account(account)
        person = self._person_or_new(username)
        if person.username not in owner.followers:
            owner.left = [pair for pair in owner.left if pair[1] != person.username]
            owner.followers.add(person.username, self.today)
            self._note("follow_me", owner.name, person.username)

    def leave_me(self, username: str, account: str | None = None) -> None:
        owner, name = self.account(account), username.lower()
        if name in owner.followers:
            owner.followers.remove(name)
            owner.left.append((self.steps, name))
            self._note("leave_me", owner.name, name)

    def set_online(self, username: str, online: bool = True) -> None:
        person = self.person(username)
        if person.online != online:
            person.online, person.changed = online, self.version + 1
            self._note("online" if online else "offline", None, person.username)

    def set_trophy(self, username: str, shown: bool = True) -> None:
        self.trophies[self.person(username).username] = shown

    def rename(self, username: str, new: str) -> None:
        """A person takes another name; on every list the new one stands where the old one stood."""
        person, new = self.person(username), new.lower()
        if new in self.people:
            raise ValueError(f"the name {new} is taken")
        old = person.username
        self.people = {new if name == old else name: one for name, one in self.people.items()}
        person.username = new
        for owner in self.accounts.values():
            for part in ("following", "followers"):
                renamed = Ordered()
                chosen: Ordered = getattr(owner, part)
                for name in chosen:
                    renamed.add(new if name == old else name, chosen.since(name))
                setattr(owner, part, renamed)
            owner.left = [(step, new if name == old else name) for step, name in owner.left]
            owner.dropped = [(step, new if name == old else name) for step, name in owner.dropped]
        self._newcomers = [new if name == old else name for name in self._newcomers]
        self.trophies[new] = self.has_trophy(old)
        self._note("rename", None, old, new)

    def _person_or_new(self, username: str) -> Person:
        return self.people.get(username.lower()) or self._make(username.lower())

    def _note(self, what: str, account: str | None, username: str, detail: str = "") -> None:
        self.version += 1
        self.happenings.append(Happening(self.steps, what, account, username, detail))

    # -- living on --------------------------------------------------------------------------------

    def advance(self, steps: int = 1) -> list[Happening]:
        """Let `steps` things happen, each to one person; returns what happened."""
        before = len(self.happenings)
        for _ in range(steps):
            self.steps += 1
            self._step()
        return self.happenings[before:]

    def flip(self, count: int, account: str | None = None) -> None:
        """`count` people whom the account follows go online or offline, as they do while a list is read."""
        owner = self.account(account)
        for _ in range(count if len(owner.following) else 0):
            name = owner.following.random(self._rng)
            self.set_online(name, not self.people[name].online)

    def drift(self, count: int, account: str | None = None) -> None:
        """`count` people start or stop following the account, as they do while its followers are read."""
        owner = self.account(account)
        for _ in range(count):
            if len(owner.followers) > 1 and self._rng.random() < 0.5:
                self.leave_me(owner.followers.random(self._rng), owner.name)
            else:
                self.follow_me(self._newcomer(owner.followers), owner.name)

    def _step(self) -> None:
        owner = self._rng.choice([*self.accounts.values(), *[self.account()] * 3])
        what = self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if what == "return" and not self._return(owner):
            what = "flip"
        if what == "flip":
            self.flip(1, owner.name)
        elif what == "follow_me":
            self.follow_me(self._newcomer(owner.followers), owner.name)
        elif what == "leave_me" and len(owner.followers) > 1:
            self.leave_me(owner.followers.random(self._rng), owner.name)
        elif what == "follow":
            self.follow(self._newcomer(owner.following), owner.name)
        elif what == "unfollow" and len(owner.following) > 1:
            self.unfollow(owner.following.random(self._rng), owner.name)

    def _return(self, owner: Account) -> bool:
        """Of those who have been away for long enough the last to go comes back: soon or never, as people do."""
        lists: list[tuple[list[tuple[int, str]], Callable[[str, str | None], None]]] = [
            (owner.left, self.follow_me), (owner.dropped, self.follow)]
        if self._rng.random() < 0.4:
            lists.reverse()
        for away, come_back in lists:
            due = next((name for step, name in reversed(away) if self.steps - step >= SHORTEST_ABSENCE), None)
            if due is not None:
                come_back(due, owner.name)
                return True
        return False

    def _newcomer(self, chosen: Ordered) -> str:
        while self._newcomers:
            name = self._newcomers.pop()
            if name not in chosen:
                return name
        return self._make(next(self._names)).username

    # -- the truth, for tests and the control -----------------------------------------------------

    def truth(self, account: str | None = None) -> Mapping[str, list[str]]:
        """Who is on which list right now, sorted by name."""
        owner = self.account(account)
        return {
            "following": sorted(owner.following), "online": sorted(self.online(owner.name)),
            "offline": sorted(self.offline(owner.name)), "followers": sorted(owner.followers),
            "left": sorted(name for _, name in owner.left), "dropped": sorted(name for _, name in owner.dropped),
        }

"""When everybody was on air, and with what figures: the same for every part of the imitation that tells of them.

Before the imitation began the past is made up, from the seed and the name alone; from then on it is what happened.
Figures depend on the person and the moment, so that whoever asks twice hears the same.
"""

import math
import random
from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

from scraper.sandbox.site import Site
from scraper.sandbox.world import Person

Span = tuple[float, float]  # from, until, in epoch seconds

DAY = 86_400
SEGMENT = 180  # seconds
# Broadcasts that are under way when the imitation begins began within so long before; what is made up ends before that.
UNDER_WAY = 10 * 3600
FEWER_A_DAY = 0.0015  # followers, of what they are when the imitation begins, for each day before
SHARE_OF_GENDER = {"m": 0.4, "f": 0.45, "c": 0.1, "s": 0.05}


class Broadcasts:
    """Since when everybody who is online has been so, when others were, and the rooms that exist here only."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.began = site.clock().timestamp()
        self._since: dict[str, tuple[int, float]] = {}
        self._ended: dict[str, list[Span]] = {}

    def since(self, person: Person, now: float) -> float:
        """Epoch seconds; somebody who came online since the last look began just now."""
        changed, began = self._since.get(person.username, (-1, 0.0))
        if changed != person.changed:
            self._end(person.username, now)
            began = now if person.changed else self.began - person.minutes * 60
            self._since[person.username] = (person.changed, began)
        return began

    def online(self, now: float) -> Iterator[Person]:
        """Everybody who is online; who has gone since the last look has ended just now."""
        for person in self._site.world.people.values():
            if person.online:
                yield person
            else:
                self._end(person.username, now)
        yield from more_rooms(self._site.world.seed, self._site.options.more_rooms)

    def look(self, now: float) -> None:
        """See who has come and who has gone."""
        for person in self.online(now):
            self.since(person, now)

    def find(self, name: str) -> Person | None:
        """Somebody of this username, in lower case; the rooms that exist here only, too."""
        found = self._site.world.people.get(name)
        return found or _by_name(self._site.world.seed, self._site.options.more_rooms).get(name)

    def moments(self, person: Person, start: float, end: float, now: float) -> list[int]:
        """The beginnings of all segments from start to before end in which somebody was on air, by time. One that is
        still under way is none yet."""
        found: set[int] = set()
        limit = min(self.began - UNDER_WAY, end)
        for day in range(int(start // DAY) - 1, int(limit // DAY) + 1):
            for first, last in _made_up(self._site.world.seed, person.username, day):
                found.update(range(_up(max(first, start)), _up(min(last, limit)), SEGMENT))
        spans = list(self._ended.get(person.username, ()))
        if person.online:
            spans.append((self.since(person, now), now - SEGMENT))
        for first, last in spans:
            found.update(range(_up(max(first, start)), _up(min(last, end)), SEGMENT))
        return sorted(found)

    def followers(self, person: Person, moment: float) -> int:
        """Growing slowly, and from the beginning of the imitation on the faster the more watch."""
        if moment <= self.began:
            return max(0, round(person.num_followers * (1 - FEWER_A_DAY * (self.began - moment) / DAY)))
        return person.num_followers + round((moment - self.began) * person.viewers / 500_000)

    def _end(self, name: str, now: float) -> None:
        _, began = self._since.pop(name, (0, now))
        if began < now:
            self._ended.setdefault(name, []).append((began, now))


def viewers(person: Person, moment: float) -> int:
    """About as many as always, rising and falling within the hour, the day and the week, and a little by chance."""
    turn = person.rank * 40
    waves = 0.2 * math.sin(moment / 900 + turn) + 0.25 * math.sin(moment / 7_000 + 2 * turn) \
        + 0.25 * math.sin(moment / 150_000 + 3 * turn)
    chance = crc32(f"{person.username} {moment // SEGMENT}".encode()) % 100 / 1_000 - 0.05
    return max(0, round(person.viewers * (1 + waves + chance)))


def ranks(person: Person, watching: int, moment: float) -> tuple[int, int]:
    """The place among all rooms and among those of the gender: the more watch, the nearer to the first."""
    rank = 1 + round(9000 / (1 + watching) ** 0.75)
    rank += (crc32(person.username.encode()) + int(moment // 3600) * 7919) % 1000 * rank // 20_000
    return rank, max(1, round(rank * SHARE_OF_GENDER[person.gender]))


@lru_cache(maxsize=4)
def more_rooms(seed: int, number: int) -> tuple[Person, ...]:
    """So many rooms that are always online and on nobody's list; the same for the same seed."""
    genders, shows = "mmmfffcs", ("public", "public", "private", "away")
    return tuple(Person(
        username=f"room_{place:05}", rank=(place * 37 % 1009) / 1009, gender=genders[(place + seed) % len(genders)],
        age=18 + place % 50, country="PT", country_name="Portugal", location="Lisbon, Portugal",
        subject=f"Quiet reading hour {place % 97}", tags=("music", f"tag{place % 31}"),
        show=shows[(place + seed) % len(shows)], is_new=place % 40 == 0, viewers=round(40_000 / (place + 1)),
        minutes=1 + place * 13 % 600, num_followers=10 + place * 7919 % 200_000, online=True)
        for place in range(number))


@lru_cache(maxsize=4)
def _by_name(seed: int, number: int) -> dict[str, Person]:
    return {person.username: person for person in more_rooms(seed, number)}


@lru_cache(maxsize=50_000)
def _made_up(seed: int, name: str, day: int) -> tuple[Span, ...]:
    """Broadcasts that begin on this day (since 1970): at the person's usual hour, most days, sometimes twice."""
    share, hour, minutes = _habits(seed, name)
    dice = random.Random(f"{seed} {name} {day}")  # noqa: S311 - a made-up past, not a secret
    if dice.random() >= share:
        return ()
    start = day * DAY + (hour + dice.uniform(-1.5, 1.5)) * 3600
    spans = [(start, start + minutes * dice.uniform(0.5, 1.5) * 60)]
    if dice.random() < 0.15:
        again = spans[0][1] + dice.uniform(1, 4) * 3600
        spans.append((again, again + dice.uniform(20, 90) * 60))
    return tuple(spans)


@lru_cache(maxsize=5_000)
def _habits(seed: int, name: str) -> tuple[float, float, float]:
    """On which share of the days, at which hour (UTC), and for how many minutes."""
    dice = random.Random(f"habits {seed} {name}")  # noqa: S311
    return dice.uniform(0.35, 0.95), dice.uniform(0, 24), dice.uniform(60, 300)


def _up(moment: float) -> int:
    """The next beginning of a segment."""
    return math.ceil(moment / SEGMENT) * SEGMENT

"""One page of a list: HTML in, what it says out. Pure.

A page is checked in a fixed order before anything on it is believed: available, no challenge, signed in,
no age gate, the page that was asked for, the expected account, a known layout, filled in. Names are taken
from the list's own container alone; a card without a name, or with two, makes the whole layout unknown.
An empty list, an unreadable page and a login page are three different facts.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from parsel import Selector

from scraper.layouts import HIDDEN, Layout, Layouts, Paging, Site, Taken, compiled
from scraper.observations import ListName, PageFacts, Part, PersonSeen, username
from scraper.verdict import PAST_THE_END

PATHS: dict[Part, tuple[str, ...]] = {
    "online": ("/followed-cams/", "/followed-cams/online/"),
    "offline": ("/followed-cams/offline/",),
    "followers": ("/accounts/followers/",),
}
LONGEST_TEXT = 500
_COUNT = re.compile(r"(?<![\d.,])(\d+(?:[.,\u00a0\u202f ]\d{3})+(?![\d])|\d+(?:[.,]\d+)?)\s*([km])?(?![a-z\d])", re.I)


class _Unknown(Exception):
    """This layout is not the page's; the text says which selector failed."""


@dataclass(frozen=True)
class Trial:
    """What came of one layout on one page: why it is not the page's, or None where it is."""

    layout: str
    failed: str | None


def parse_count(text: str | None) -> int | None:
    """'41.9k viewers' -> 41900, '13,7k' -> 13700, '1,204' -> 1204, '0 viewers' -> 0; no number -> None.

    Unknown is not zero. A separator before exactly three digits separates thousands, else decimals.
    """
    found = _COUNT.search(text or "")
    if not found:
        return None
    digits, unit = found.groups()
    scale = {"k": 1000, "m": 1_000_000}.get((unit or "").lower(), 1)
    if scale == 1:
        grouped = re.fullmatch(r"\d+(?:[^\d]\d{3})+|\d+", digits)
        return int(re.sub(r"\D", "", digits)) if grouped else int(float(digits.replace(",", ".")))
    return round(float(re.sub(r"[\s\u00a0\u202f]", "", digits).replace(",", ".")) * scale)


def parse_total(text: str | None) -> int | None:
    """A whole number with any separators: '1,346' and '1.346' -> 1346; no digits -> None."""
    digits = re.sub(r"\D", "", text or "")
    return int(digits) if 0 < len(digits) <= 12 else None


class Page:
    """A parsed page, with the questions that every check asks."""

    def __init__(self, html: str, site: Site) -> None:
        self.html = html.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text
        self.root: Any = Selector(text=self.html, type="html").root
        self.site = site

    def all(self, selector: str, within: Any = None) -> list[Any]:
        found: list[Any] = compiled(selector)(self.root if within is None else within)
        return found

    def first_text(self, selector: str, within: Any = None) -> str | None:
        found = self.all(selector, within)
        return _text(found[0]) or None if found else None

    def visible(self, element: Any, hidden: str = HIDDEN) -> bool:
        """Whether neither the element nor anything around it is hidden by style, attribute or a known class."""
        return not self.inside(element, hidden)

    def inside(self, element: Any, selector: str) -> bool:
        """Whether the element, or one around it, matches."""
        itself = compiled(selector, "self::")
        return bool(itself(element)) or any(itself(around) for around in element.iterancestors())

    def shown(self, selector: str | None, within: Any = None, hidden: str = HIDDEN) -> bool:
        return selector is not None and any(self.visible(found, hidden) for found in self.all(selector, within))

    @property
    def title(self) -> str | None:
        return (self.first_text("title") or "")[:LONGEST_TEXT] or None

    @property
    def language(self) -> str | None:
        found = re.search(r"language_code:\s*'([a-zA-Z-]{2,10})'", self.html)
        return found.group(1) if found else next(iter(self.root.xpath("//html/@lang")), None)

    @property
    def signed_in_as(self) -> str | None:
        """The account that the header names; None: nobody, or not a name."""
        if self.all(self.site.anonymous):
            return None
        try:
            return username(self.first_text(self.site.user))
        except ValueError:
            return None

    @property
    def counts(self) -> tuple[int | None, int | None]:
        """The header's (online, total) of followed rooms; None where it says nothing readable."""
        found = re.search(self.site.counts_pattern, self.first_text(self.site.counts) or "")
        if not found:
            return None, None
        return parse_total(found.group(1)), parse_total(found.group(2))

    @property
    def challenged(self) -> bool:
        """A human check. The script folder alone proves nothing: normal pages load from it, too."""
        return (any(self.all(selector) for selector in self.site.challenge)
                or re.search(self.site.challenge_script, self.html) is not None)

    @property
    def age_gated(self) -> bool:
        return any(self.shown(selector) for selector in self.site.age_gate)

    @property
    def asks_for_password(self) -> bool:
        """The login form; the search form's nameless password field on every page is none."""
        return bool(self.all(self.site.login_password)) or bool(self.all('input[name="password"]'))


def read_list_page(
    html: str,
    *,
    list_name: ListName,
    part: Part,
    layouts: Layouts,
    account: str | None,
    page: int = 1,
    pass_number: int = 1,
    path: str | None = None,
    status: int | None = None,
    settled: bool = True,
) -> tuple[PageFacts, list[PersonSeen]]:
    """What one page of a list says. Where it cannot be believed, `facts.problem` says why and nobody is on it.

    account  the expected account; None: whoever is signed in
    page     the page that was asked for
    path     path of the final address; None for a page that was saved by hand
    status   HTTP status; None for a page that was saved by hand
    settled  False: neither a card nor an empty or failure message was seen before the time ran out
    """
    parsed = Page(html, layouts.site)
    header_online, header_total = parsed.counts
    facts = PageFacts(
        part=part, pass_number=pass_number, page=page, path=path or "", title=parsed.title,
        signed_in_as=parsed.signed_in_as, language=parsed.language, header_online=header_online,
        header_total=header_total,
    )
    problem = standing_in_the_way(parsed, part, account, path, status)
    if problem:
        return _failed(facts, *problem)
    trials: list[Trial] = []
    for layout in layouts.of(list_name):
        try:
            return _read(parsed, layout, facts, part, settled)
        except _Unknown as mismatch:
            trials.append(Trial(layout.name, str(mismatch)))
    if status is not None and status >= 400:
        return _failed(facts, "unavailable", f"the site answered {status}")
    return _failed(facts, "unknown_layout", "; ".join(f"{trial.layout}: {trial.failed}" for trial in trials))


def try_layouts(html: str, *, list_name: ListName, part: Part, layouts: Layouts) -> list[Trial]:
    """For each layout of a list: whether it is the page's, or which selector failed."""
    parsed, facts, trials = Page(html, layouts.site), PageFacts(part=part), []
    for layout in layouts.of(list_name):
        try:
            _read(parsed, layout, facts, part, settled=True)
        except _Unknown as mismatch:
            trials.append(Trial(layout.name, str(mismatch)))
        else:
            trials.append(Trial(layout.name, None))
    return trials


def _failed(facts: PageFacts, problem: str, detail: str, **more: Any) -> tuple[PageFacts, list[PersonSeen]]:
    return facts.model_copy(update={"problem": problem, "problem_detail": detail[:LONGEST_TEXT], **more}), []


def standing_in_the_way(parsed: Page, part: Part, account: str | None, path: str | None,
                         status: int | None) -> tuple[str, str] | None:
    """Why the page is not the list that was asked for: (code, words), or None."""
    if parsed.challenged:  # before the status: a challenge comes with 403, formerly 503
        return "challenge", "the site asks for a human check"
    if status == 429:
        return "rate_limited", "the site asks to slow down (429)"
    if status is not None and status >= 500:
        return "unavailable", f"the site answered {status}"
    if (path or "").startswith("/auth/login") or parsed.asks_for_password:
        return "signed_out", "the site shows its sign-in form"
    if parsed.age_gated:
        return "age_gate", "the site asks for an age check"
    name = parsed.signed_in_as
    if path is not None and path not in PATHS[part]:
        if name is None:  # a dead session is also led to the front page
            return "signed_out", f"the site led to {path[:100]}, signed in as nobody"
        return "redirected", f"the site led to {path[:100]}"
    if name is None:
        return "signed_out", "the page's header names no account"
    if account is not None and name != account.lower():
        return "wrong_account", f"signed in as {name}, not as {account}"
    return None


def _read(parsed: Page, layout: Layout, facts: PageFacts, part: Part,
          settled: bool) -> tuple[PageFacts, list[PersonSeen]]:
    """What the page says, read by this layout.

    raises  _Unknown when the layout is not the page's
    """
    if not parsed.all(layout.mark):
        raise _Unknown(f"mark {layout.mark} is not on the page")
    container = _container(parsed, layout)
    items = parsed.all(layout.items, container)
    cards = set(parsed.all(layout.card, container))
    strange = [item for item in items if item not in cards]
    if strange:
        raise _Unknown(f"card {layout.card} does not match {len(strange)} of {len(items)} entries")
    facts = facts.model_copy(update={"layout": layout.name, "cards": len(items)})
    if parsed.shown(layout.reload, container, layout.hidden_selector):
        return _failed(facts, "not_loaded", "the site says that loading the list failed")
    people = [_person(parsed, layout, card, part) for card in items]
    stated = parse_total(_taken(parsed, layout.total, container))
    facts = facts.model_copy(update={
        **(_paging(parsed, layout.paging, container, layout.hidden_selector) if layout.paging else {}),
        "stated_total": stated,
        "empty_marker": not items and (stated == 0 or parsed.shown(layout.empty, container, layout.hidden_selector)),
    })
    if not people:
        return _empty(facts, part, settled)
    return facts, people


def _container(parsed: Page, layout: Layout) -> Any:
    """The list: the first match outside of every trap. A later one is another list, so a hidden first one is none."""
    for found in parsed.all(layout.container):
        if any(parsed.inside(found, trap) for trap in layout.never_in):
            continue
        if not parsed.visible(found, layout.hidden_selector):
            break
        return found
    raise _Unknown(f"container {layout.container} is not visible on the page")


def is_past_the_end(facts: PageFacts) -> bool:
    """Whether the page that was asked for is no more: the list ends before it, by its own page numbers."""
    return facts.last_page is not None and facts.page > facts.last_page


def _empty(facts: PageFacts, part: Part, settled: bool) -> tuple[PageFacts, list[PersonSeen]]:
    """Nobody on the page: believed only if the page says so itself and the counts agree."""
    if settled and is_past_the_end(facts):
        return _failed(facts, PAST_THE_END, f"the list has become shorter: page {facts.last_page} is now its last")
    if not facts.empty_marker:
        if settled and facts.stated_total is None:
            return _failed(facts, "empty_page", "the list is empty without saying that nobody is there")
        return _failed(facts, "not_loaded", "the list was not filled in")
    counted: int | None
    if part == "online":
        counted = facts.header_online
    elif part == "offline":
        known = facts.header_total is not None and facts.header_online is not None
        counted = (facts.header_total or 0) - (facts.header_online or 0) if known else None
    else:
        counted = facts.stated_total or 0
    if counted != 0:
        said = "no number" if counted is None else str(counted)
        return _failed(facts, "empty_page", f"the list says that nobody is there, the page counts {said}")
    return facts, []


def _paging(parsed: Page, paging: Paging, container: Any, hidden: str) -> dict[str, Any]:
    """Present page, largest number and whether there is a next one; numbers may be elided between."""
    roots = [root for root in parsed.all(paging.root, container) if parsed.visible(root, hidden)]
    if not roots:
        return {"active_page": None, "last_page": None, "has_next": None}
    root = roots[0]
    numbers = [number for number in map(parse_total, map(_text, parsed.all(paging.number, root))) if number]
    active = next(iter(parsed.all(paging.active, root)), None)
    buttons = parsed.all(paging.next, root)
    return {
        "active_page": parse_total(_text(active)) if active is not None else None,
        "last_page": max(numbers, default=None),
        "has_next": not parsed.all(paging.next_disabled, root) if buttons else None,
    }


def _person(parsed: Page, layout: Layout, card: Any, part: Part) -> PersonSeen:
    fields = layout.fields
    name = _name(parsed, fields.name, card)
    stars = parsed.all(fields.star, card) if fields.star else []
    if fields.star_class and any(fields.star_class not in star.get("class", "").split() for star in stars):
        raise _Unknown(f"{name}'s card is not marked as followed ({fields.star})")

    def take(field: Taken | None) -> str | None:
        return _taken(parsed, field, card)

    subject, country, gender = take(fields.subject), take(fields.country), take(fields.gender)
    online = True if part == "online" else False if part == "offline" else None
    age = parse_total(take(fields.age))
    return PersonSeen(
        username=name,
        display_name=_display_name(take(fields.display_name), name),
        online=online,
        broadcasts=True if online or subject else None,
        age=age if age and age < 150 else None,
        gender=fields.genders.get((gender or "").lower()),
        country=country.upper() if country and country.lower() != "xx" else None,
        location=take(fields.location),
        subject=subject,
        tags=_tags(parsed, fields.tags, card),
        viewers=parse_count(take(fields.viewers)),
        image_url=_web_address(take(fields.image)),
    )


def _name(parsed: Page, selectors: Sequence[str], card: Any) -> str:
    """The one name on a card, in whichever of the places it stands."""
    names: set[str] = set()
    for position, selector in enumerate(selectors):
        values = parsed.all(selector, card)
        if not values and position == 0:
            raise _Unknown(f"name {selector} is not on a card")
        for value in values:
            try:
                names.add(_name_of(_text(value)))
            except ValueError as error:
                raise _Unknown(f"name {selector}: {error}") from None
    if len(names) != 1:
        raise _Unknown(f"a card bears several names: {', '.join(sorted(names))}")
    return names.pop()


def _name_of(value: str) -> str:
    """The name itself, or the name in an address such as /amy/ or https://…/amy/ (saved pages have those)."""
    if "/" not in value:
        return username(value)
    parts = urlsplit(value).path.strip("/")
    if "/" in parts:
        raise ValueError(f"not the address of a room: {value[:80]!r}")
    return username(parts)


def _display_name(text: str | None, name: str) -> str | None:
    """The name as its bearer writes it; None where the text is something else."""
    return text if text and text.lower() == name else None


def _tags(parsed: Page, field: Taken | None, card: Any) -> list[str] | None:
    if field is None:
        return None
    values: Iterable[str] = (_matched(_text(value), field.pattern) or "" for value in parsed.all(field.selector, card))
    tags = [unquote(value).lstrip("#").strip().lower()[:100] for value in values]
    return list(dict.fromkeys(tag for tag in tags if tag)) or None


def _web_address(text: str | None) -> str | None:
    """An http(s) address; saved pages have local files instead."""
    if not text:
        return None
    address = f"https:{text}" if text.startswith("//") else text
    return address if re.match(r"https?://[^\s@\\]+$", address) else None


def _taken(parsed: Page, field: Taken | None, within: Any) -> str | None:
    if field is None:
        return None
    for value in parsed.all(field.selector, within):
        text = _matched(_text(value), field.pattern)
        if text:
            return text[:LONGEST_TEXT]
    return None


def _matched(text: str, pattern: str | None) -> str | None:
    if pattern is None:
        return text
    found = re.search(pattern, text)
    return found.group(1) if found else None


def _text(value: Any) -> str:
    """The text of an element, or of an attribute, in one line and without what no database takes."""
    text = value if isinstance(value, str) else "".join(value.itertext())
    text = text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return " ".join(text.split())

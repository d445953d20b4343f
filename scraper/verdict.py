"""What a scan of a list is worth: complete, partial or rejected. Pure; worker and server judge with the same code.

    complete  signed in as the expected account on every page, every page of the list read in a known
              layout, and as many people found as the site itself counts, within a stated slack
    partial   what was read is true, but not proved to be everything: it may add, never take away
    rejected  it cannot be trusted at all: it changes nothing
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, NamedTuple

from scraper.observations import ListName, PageFacts, ScanEnd

PARTS: dict[ListName, tuple[str, ...]] = {"following": ("online", "offline"), "followers": ("followers",)}

# A list moves while it is read, and the site counts vanished accounts that it no longer lists.
SLACK_AT_LEAST = 2
SLACK_SHARE = 0.005

# Not a failure: the list had become shorter between two pages, and the page that was asked for is no more.
PAST_THE_END = "past_the_end"

# Reasons that say that the pages belong to somebody else or are not this list: nothing in them is used.
_UNTRUSTWORTHY = {"wrong_account", "more_than_total", "nothing_read", "empty_list"}

_WORDS = {
    "signed_out": "the site signed us out",
    "wrong_account": "somebody else was signed in",
    "challenge": "the site asked for a human check",
    "age_gate": "the site asked for an age check",
    "rate_limited": "the site asked us to slow down",
    "unavailable": "the site could not be reached",
    "unknown_layout": "a page looked different from every layout we know",
    "not_loaded": "a page did not finish loading",
    "redirected": "the site led us to another page",
    "empty_page": "a page was empty without saying that nobody is there",
    "repeated_page": "the site showed the same page twice",
    "past_the_end": "the list had become shorter",
    "cancelled": "it was stopped by hand",
}


class ReadPage(NamedTuple):
    facts: PageFacts
    usernames: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One thing a complete scan has to prove. `detail` says what was seen, in words for the owner."""

    name: str
    passed: bool
    detail: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    verdict: Literal["complete", "partial", "rejected"]
    reason: str | None  # null exactly when complete
    explanation: str
    expected: int | None
    found: int
    duplicates: int
    layout: str | None
    checks: tuple[Check, ...]
    usernames: frozenset[str]


def slack(expected: int) -> int:
    """How many people a reading may differ from the site's own total and still count as complete."""
    return max(SLACK_AT_LEAST, ceil(expected * SLACK_SHARE))


def judge(end: ScanEnd, pages: Sequence[ReadPage], *, set_aside: int = 0) -> Verdict:
    """The verdict on a scan from everything that its pages said.

    set_aside  entries that the server could not take; with one of them the list is not wholly known
    """
    good = [page for page in pages if page.facts.problem is None]
    usernames = frozenset(name for page in good for name in page.usernames)
    layouts = sorted({page.facts.layout for page in good if page.facts.layout})
    expected: int | None
    if end.declared_complete is not None:
        checks, expected = _checks_of_a_hand_list(end, usernames, set_aside), len(usernames)
    else:
        checks, expected = _checks_of_pages(end, pages, good, usernames, set_aside)
    failed = [check for check in checks if not check.passed]
    reason = _first_reason(failed)
    verdict: Literal["complete", "partial", "rejected"] = "complete"
    if reason:
        untrustworthy = any(check.reason in _UNTRUSTWORTHY for check in failed)
        verdict = "rejected" if untrustworthy or not usernames else "partial"
    return Verdict(
        verdict=verdict,
        reason=reason,
        explanation=_explanation(verdict, failed, expected, len(usernames)),
        expected=expected,
        found=len(usernames),
        duplicates=_duplicates(good),
        layout=", ".join(layouts) or None,
        checks=tuple(checks),
        usernames=usernames,
    )


def wants_another_pass(
    list_name: ListName,
    pages: Sequence[ReadPage],
    *,
    json_online: Sequence[str] | None = None,
    stats_followers: int | None = None,
) -> bool:
    """Whether the list should be read once more, and united with what was read so far.

    It should when a page of the newest pass is unread, or people are missing from the site's own
    count, unless a whole further pass brought nobody new: then the site counts accounts that it no
    longer lists.
    """
    if not pages:
        return True
    newest = max(page.facts.pass_number for page in pages)
    latest = [page for page in pages if page.facts.pass_number == newest]
    if any(page.facts.problem not in (None, PAST_THE_END) for page in latest) or _repeated(latest):
        return True
    if not all(_whole(part, latest) for part in PARTS[list_name]):
        return True
    before = {name for page in pages if page.facts.pass_number < newest for name in page.usernames}
    found = before | {name for page in latest for name in page.usernames}
    totals = [total for _, total in _totals(list_name, pages, stats_followers)]
    short = bool(totals) and len(found) < max(totals)
    unseen = set(json_online or ()) - found if list_name == "following" else set()
    if not short and not unseen:
        return False
    return newest == 1 or found != before


def _checks_of_a_hand_list(end: ScanEnd, usernames: frozenset[str], set_aside: int) -> list[Check]:
    return [
        Check("people", bool(usernames), f"{len(usernames)} people named", "empty_list"),
        Check("declared", bool(end.declared_complete), "declared as the whole list" if end.declared_complete
              else "not declared as the whole list", "declared_partial"),
        _set_aside_check(set_aside),
    ]


def _checks_of_pages(end: ScanEnd, pages: Sequence[ReadPage], good: Sequence[ReadPage], usernames: frozenset[str],
                     set_aside: int) -> tuple[list[Check], int | None]:
    strangers = sorted({page.facts.signed_in_as or "nobody" for page in good
                        if (page.facts.signed_in_as or "").lower() != end.account.lower()})
    someone_else = [name for name in strangers if name != "nobody"]
    no_layout = [page for page in good if not page.facts.layout]
    # A page that failed in one pass and was read in the next is a fact of the past.
    newest = max((page.facts.pass_number for page in pages), default=1)
    problems = [page for page in pages if page.facts.problem not in (None, PAST_THE_END)
                and page.facts.pass_number == newest]
    repeated = _repeated(good, newest)
    unread = [part for part in PARTS[end.list]
              if not any(_whole(part, [page for page in pages if page.facts.pass_number == number])
                         for number in range(1, newest + 1))]
    empties = _unproved_empties(end, [page for page in good if page.facts.pass_number == newest])
    checks = [
        Check("pages", bool(good), f"{len(good)} of {len(pages)} pages read",
              end.stopped_by or (pages[0].facts.problem if pages else None) or "nothing_read"),
        Check("account", not someone_else and end.stopped_by != "wrong_account"
              and not any(page.facts.problem == "wrong_account" for page in pages),
              f"signed in as {', '.join(someone_else)}, not {end.account}" if someone_else
              else f"signed in as {end.account}", "wrong_account"),
        Check("signed in", "nobody" not in strangers, "a page named no signed-in account" if "nobody" in strangers
              else "every page named the signed-in account", "signed_out"),
        Check("not stopped", end.stopped_by is None,
              f"stopped: {_words(end.stopped_by)}" if end.stopped_by else "read to its end", end.stopped_by or ""),
        Check("arrived", len(pages) == end.pages, f"{len(pages)} of {end.pages} pages arrived", "page_lost"),
        Check("readable", not problems, "; ".join(f"{_place(page.facts)}: {_words(page.facts.problem)}"
                                                  for page in problems[:5]) or "every page could be read",
              problems[0].facts.problem or "" if problems else "unreadable"),
        Check("layout", not no_layout, "a page had no known layout" if no_layout else "known layout on every page",
              "unknown_layout"),
        Check("not repeated", not repeated, f"{repeated[0]} shows the same people as another page" if repeated
              else "no page came twice", "repeated_page"),
        Check("every page", not unread, f"not read from the first to the last page: {', '.join(unread)}" if unread
              else "read from the first to the last page", "pages_missing"),
        Check("empty", not empties, empties[0] if empties else "nothing was taken for empty without proof",
              "empty_page"),
        _set_aside_check(set_aside),
    ]
    totals = _totals(end.list, good, end.stats_followers)
    expected = _expected(end.list, totals)
    checks += _total_checks(totals, expected, len(usernames))
    if end.json_online is not None and end.list == "following":
        unseen = set(end.json_online) - usernames
        allowed = slack(expected or 0)
        checks.append(Check("online rooms", len(unseen) <= allowed,
                            f"{len(unseen)} of {len(set(end.json_online))} rooms that the site calls online "
                            "were not read", "online_rooms_disagree"))
    return checks, expected


def _total_checks(totals: Sequence[tuple[str, int]], expected: int | None, found: int) -> list[Check]:
    if expected is None:
        return [Check("total", False, "the site named no total to compare with", "no_total")]
    low, high = min(total for _, total in totals), max(total for _, total in totals)
    allowed = slack(expected)
    named = ", ".join(f"{source} {total}" for source, total in dict.fromkeys(totals))
    return [
        Check("totals agree", high - low <= allowed, f"totals: {named}", "totals_disagree"),
        Check("not too few", found >= low - allowed, f"{found} found, {low} expected, {allowed} may be missing",
              "fewer_than_total"),
        Check("not too many", found <= high + allowed, f"{found} found, {high} expected, {allowed} may be more",
              "more_than_total"),
    ]


def _set_aside_check(set_aside: int) -> Check:
    return Check("entries", set_aside == 0, f"{set_aside} entries could not be read" if set_aside
                 else "every entry could be read", "entries_set_aside")


def _totals(list_name: ListName, pages: Sequence[ReadPage], stats_followers: int | None) -> list[tuple[str, int]]:
    """Every total the site itself named, with where it stood."""
    if list_name == "following":
        return [("header", page.facts.header_total) for page in pages if page.facts.header_total is not None]
    found = [("list", page.facts.stated_total) for page in pages if page.facts.stated_total is not None]
    return found + ([("Stats API", stats_followers)] if stats_followers is not None else [])


def _expected(list_name: ListName, totals: Sequence[tuple[str, int]]) -> int | None:
    """The newest total of the best source: the Stats API for followers, the header for followed rooms."""
    return totals[-1][1] if totals else None


def _whole(part: str, pages: Sequence[ReadPage]) -> bool:
    """Whether these pages of one pass are pages 1 to the last of a part."""
    of_part = [page.facts for page in pages if page.facts.part == part]
    facts = [fact for fact in of_part if fact.problem is None]
    if not facts or any(fact.active_page not in (None, fact.page) for fact in facts):
        return False
    final = max(facts, key=lambda fact: fact.page)
    shortened = any(fact.problem == PAST_THE_END and fact.page == final.page + 1 and fact.last_page == final.page
                    for fact in of_part)
    if final.has_next and not shortened:
        return False
    last = final.page if shortened else final.last_page or 1
    return {fact.page for fact in facts} >= set(range(1, last + 1))


def _repeated(pages: Sequence[ReadPage], newest: int | None = None) -> list[str]:
    """Pages of one pass and part that hold exactly the people of another one."""
    seen: dict[tuple[int, str, frozenset[str]], int] = {}
    again = []
    for page in pages:
        if not page.usernames or (newest is not None and page.facts.pass_number != newest):
            continue
        key = (page.facts.pass_number, page.facts.part, frozenset(page.usernames))
        if seen.setdefault(key, page.facts.page) != page.facts.page:
            again.append(_place(page.facts))
    return again


def _unproved_empties(end: ScanEnd, good: Sequence[ReadPage]) -> list[str]:
    """Pages without people that nothing proves to be empty: zero is believed only when the site counts zero, too."""
    doubts = []
    for page in good:
        facts = page.facts
        if page.usernames:
            continue
        if not facts.empty_marker:
            doubts.append(f"{_place(facts)} is empty without saying so")
        elif facts.part == "online" and facts.header_online != 0:
            doubts.append(f"{_place(facts)} is empty, but the header counts {facts.header_online} online")
        elif facts.part == "offline" and (facts.header_total is None or facts.header_total != facts.header_online):
            doubts.append(f"{_place(facts)} is empty, but the header counts {facts.header_online}/{facts.header_total}")
        elif facts.part == "followers" and end.stats_followers != 0:
            doubts.append(f"{_place(facts)} is empty, and the Stats API does not confirm that nobody follows")
    return doubts


def _duplicates(good: Sequence[ReadPage]) -> int:
    """How often a name came more than once in the same pass."""
    by_pass: dict[int, Counter[str]] = defaultdict(Counter)
    for page in good:
        by_pass[page.facts.pass_number].update(page.usernames)
    return sum(count - 1 for names in by_pass.values() for count in names.values())


def _first_reason(failed: Sequence[Check]) -> str | None:
    """The reason that explains best: what makes it untrustworthy first, then what stopped it, then the rest."""
    if not failed:
        return None
    worst = [check for check in failed if check.reason in _UNTRUSTWORTHY]
    return (worst or failed)[0].reason or "unreadable"


def _explanation(verdict: str, failed: Sequence[Check], expected: int | None, found: int) -> str:
    if verdict == "complete":
        short = (expected or 0) - found
        if short > 0:
            return f"Everything was read: {found} people. The site counts {short} more that it does not list."
        return f"Everything was read: {found} people."
    why = "; ".join(check.detail for check in failed[:3])
    if verdict == "partial":
        return f"Not everything is proved to be read ({why}). People may be added, nobody was taken away."
    return f"This reading cannot be trusted ({why}). Nothing was changed."


def _words(code: str | None) -> str:
    return _WORDS.get(code or "", (code or "unknown").replace("_", " "))


def _place(facts: PageFacts) -> str:
    return f"{facts.part} page {facts.page}"

"""The parts of a list page as HTML: cards of both generations, pagination, the hover drop-down.

`assets/roomlist.js` draws the same cards and the same pagination in the browser, from the JSON; a test
holds the two together.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

from scraper.sandbox.names import DROPDOWN_TRAPS

# What a number of pages looks like: always the first and the last, and a window around the active one.
WINDOW = 2

COUNTRY_NAMES = {"PT": "Portugal", "GB": "United Kingdom", "JP": "Japan", "VE": "Venezuela", "US": "United States",
                 "NO": "Norway", "CA": "Canada"}
GENDER_NAMES = {"m": "Male", "f": "Female", "c": "Couple", "s": "Trans"}


def shown_name(username: str) -> str:
    """The text of a card: some names are shown with capitals, as the site does."""
    if sum(map(ord, username)) % 4:
        return username
    return "_".join(part[:1].upper() + part[1:] for part in username.split("_"))


def card(room: dict[str, Any], generation: str, now: int) -> str:
    """One card. `room` is a row of the room list's JSON, `now` the moment from which time online is counted."""
    return _card_c(room) if generation == "C" else _card_b(room, now)


def cards(rooms: Iterable[dict[str, Any]], generation: str, now: int) -> str:
    return "".join(card(room, generation, now) for room in rooms)


def _card_b(room: dict[str, Any], now: int) -> str:
    name, offline = room["username"], room["current_show"] == "offline"
    label = _label(room)
    gender = {"t": "s"}.get(room["gender"], room["gender"])
    country = room["country"].lower() or "xx"
    words = escape(room["room_subject_text"])
    title = words + "".join(f" #{tag}" for tag in room["tags"])
    tags = "".join(f' <a class="camSubjectTagColor" href="/followed-cams/?tag={tag}">#{tag}</a>'
                   for tag in room["tags"])
    cams = "" if offline else (
        f'<li class="cams"><span class="time">{_time(now - room["start_timestamp"])}</span>'
        f'<span class="comma">, </span><span class="viewers">{_thousands(room["num_users"])} viewers</span></li>')
    age = "" if room["display_age"] is None else (
        f'<span class="age" data-testid="room-card-age">{room["display_age"]}</span>')
    shown = f'<div class="thumbnail_label" data-testid="thumbnail-label">{label}</div>' if label else ""
    return (
        f'<li class="roomCard camBgColor" data-testid="room-card">'
        f'<a class="room_thumbnail_container" data-room-nav="true" data-room="{name}" href="/{name}/">'
        f'<img class="room_thumbnail" data-testid="room-card-image" src="{room["img"]}" alt="{name}"></a>'
        f'<div class="labelContainer">{shown}</div>'
        f'<div class="details"><div class="cardTitle title"><a href="/{name}/" data-room="{name}" data-room-nav="true" '
        f'data-testid="room-card-username">{shown_name(name)}</a>'
        f'<div class="age_gender_container">{age}<span class="camAltTextColor gender{gender}" '
        f'title="{GENDER_NAMES[gender]}" data-testid="room-card-gender"></span>'
        f'<span class="thumbnail_flag" data-testid="room-card-thumbnail-flag"><span class="fi fi-{country}" '
        f'title="{COUNTRY_NAMES.get(room["country"], "")}" data-testid="room-card-country"></span></span></div></div>'
        f'<ul class="subject camSubjectColor" title="{title}"><li>{words}{tags}</li></ul>'
        f'<ul class="sub-info camAltTextColor"><li class="location" data-testid="room-card-location">'
        f'{escape(room["location"])}</li>{cams}</ul></div>'
        f'{_star(room)}</li>'
    )


def _card_c(room: dict[str, Any]) -> str:
    name = room["username"]
    words = escape(room["room_subject_text"])
    return (
        f'<li class="RoomCard" data-testid="room-card">'
        f'<a class="RoomCardThumbnail" data-testid="room-card-image-anchor" data-room="{name}" href="/{name}/">'
        f'<img class="RoomCardThumbnail__image" data-testid="room-card-image" src="{room["img"]}" alt="{name}"></a>'
        f'<div class="RoomCardDetails"><a data-testid="room-card-username" data-room="{name}" href="/{name}/">'
        f'{shown_name(name)}</a><div class="RoomCardSubject">{words}</div><ul class="sub-info"><li class="location" '
        f'data-testid="room-card-location">{escape(room["location"])}</li></ul></div>'
        f'{_star(room)}</li>'
    )


def _star(room: dict[str, Any]) -> str:
    state, word = ("icon_following", "Unfollow") if room["is_following"] else ("icon_not_following", "Follow")
    return (f'<div class="follow_star {state}" data-slug="{room["username"]}" data-testid="follow-star" '
            f'title="{word}"></div>')


def _label(room: dict[str, Any]) -> str:
    if room["current_show"] == "offline":
        return "OFFLINE"
    if room["is_new"]:
        return "NEW"
    return "" if room["current_show"] == "public" else str(room["current_show"]).upper()


def _time(seconds: int) -> str:
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60}.{minutes % 60 * 10 // 60} hrs"


def _thousands(number: int) -> str:
    return str(number) if number < 1000 else f"{number // 1000}.{number % 1000 // 100}k"


def page_numbers(active: int, last: int) -> list[int | None]:
    """The numbers under a list; None is an ellipsis: page_numbers(5, 15) is 1 … 3 4 5 6 7 … 15."""
    shown = sorted({1, last, *range(max(1, active - WINDOW), min(last, active + WINDOW) + 1)})
    numbers: list[int | None] = []
    for number in shown:
        if numbers and numbers[-1] is not None and number - numbers[-1] > 1:
            numbers.append(None)
        numbers.append(number)
    return numbers


def paging(active: int, last: int, path: str, parameter: str = "page", *, hidden: bool = False) -> str:
    """Pagination of generation B: links, prev and next with `no-link` at the ends."""
    style = ' style="display: none;"' if hidden else ""
    gap = '<span class="endless_separator" data-testid="endless-separator"{}>...</span>'
    items = [f'<li><a class="prev {"no-link " if active <= 1 else ""}condensed" data-testid="prev-button" '
             f'href="{path}?{parameter}={active - 1}"></a></li>', gap.format(' style="display: none;"')]
    for number in page_numbers(active, last):
        if number is None:
            items.append(gap.format(""))
            continue
        items.append(f'<li class="page_number_container{" active" if number == active else ""}" '
                     f'data-paction-name="LastPage"><a data-testid="page-number-button" '
                     f'href="{path}?{parameter}={number}">{number}</a></li>')
    items.append(gap.format(' style="display: none;"'))
    items.append(f'<li><a class="next {"no-link " if active >= last else ""}condensed" data-testid="next-button" '
                 f'href="{path}?{parameter}={active + 1}"></a></li>')
    return (f'<div id="roomlist_pagination" data-testid="room-list-pagination-component"{style}>'
            f'<ul class="paging" data-paction="PageNumber"{style}>{"".join(items)}</ul></div>')


def paging_buttons(active: int, last: int) -> str:
    """Pagination of generation C: buttons that lead nowhere without the script."""
    items = [f'<li><button class="prev{" no-link" if active <= 1 else ""}" data-testid="prev-button"'
             f'{" disabled" if active <= 1 else ""}></button></li>']
    for number in page_numbers(active, last):
        items.append('<span class="endless_separator" data-testid="endless-separator">...</span>' if number is None
                     else f'<li class="page_number_container{" active" if number == active else ""}">'
                          f'<button data-testid="page-number-button">{number}</button></li>')
    items.append(f'<li><button class="next{" no-link" if active >= last else ""}" data-testid="next-button"'
                 f'{" disabled" if active >= last else ""}></button></li>')
    return (f'<div data-testid="room-list-pagination-component"><ul class="paging">{"".join(items)}</ul></div>')


def dropdown(online: Iterable[str], generation: str) -> str:
    """The hover menu of the FOLLOWING tab, on every page: online followed rooms, then recommended ones."""
    return _dropdown_c(online) if generation == "C" else _dropdown_b(online)


def _dropdown_b(online: Iterable[str]) -> str:
    return (
        '  <div class="followedDropdown dropdown" data-href="skip" style="display: none;">'
        '<div class="followRecommendedContainer tabActiveBgColor tabBorderNoHover">'
        '<div><span class="onlineRoomsTitle">Online Rooms</span> <a href="/followed-cams/online/" '
        'data-testid="following-show-all" class="tabActiveBgColor hrefColor">Show All</a></div>'
        f'<div class="followRoomTable" style="display: inline-block;">{_elements(online)}</div>'
        '<div class="followRecommendedHeader"><div class="recommendationsBorder"></div>'
        '<span class="recommendedRoomsTitle">Recommended For You</span></div>'
        '<div class="FollowedRecPlaceholder" style="display: none;"></div>'
        f'<div class="followRoomTable" style="display: inline-block;">{_elements(DROPDOWN_TRAPS)}</div>'
        '</div></div>\n'
    )


def _elements(names: Iterable[str]) -> str:
    return "".join(
        f'<div key="{number}" style="display: table-row;"><div style="display: table-cell;">'
        f'<div class="roomElement" data-testid="room-card" style="display: inline-block;">'
        f'<a class="roomElementAnchor tabInactiveColor notHighlighted" data-room="{name}" href="/{name}/" '
        f'style="display: block;"><img alt="" src="/riw/{name}.jpg" width="180" height="101" class="room_thumbnail" '
        f'data-testid="room-card-image"><span data-testid="room-card-username">{name}</span></a></div></div></div>'
        for number, name in enumerate(names))


def _dropdown_c(online: Iterable[str]) -> str:
    return (
        '  <div class="FollowedDropdown" style="display: none;">'
        f'<div class="FollowedDropdown__rooms" data-testid="followed-rooms-list">{_links(online)}</div>'
        f'<div class="FollowedDropdown__rooms">{_links(DROPDOWN_TRAPS)}</div></div>\n'
    )


def _links(names: Iterable[str]) -> str:
    return "".join(
        f'<div class="FollowedDropdown__room"><a class="FollowedDropdown__room-link" href="/{name}/">'
        f'<img class="FollowedDropdown__room-image" src="/riw/{name}.jpg" alt=""></a></div>' for name in names)

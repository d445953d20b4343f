"""Profile pages and the JSON about one person. What a person wrote nothing about is absent, as on the site."""

import json
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from scraper.sandbox.pages import Look, roomlist
from scraper.sandbox.site import Site
from scraper.sandbox.world import Person

SEXES = {"m": "A Man", "f": "A Woman", "c": "A Couple", "s": "Trans"}
GENDERS = {"m": "male", "f": "female", "c": "couple", "s": "trans"}
WRITERS = 3  # one person in so many has filled in everything


def _talkative(person: Person) -> bool:
    return sum(map(ord, person.username)) % WRITERS == 0


def _bio(site: Site, person: Person) -> list[tuple[str, str, str]]:
    """(test id, label, value) of the rows that are there."""
    days = sum(map(ord, person.username)) % 300
    born = date(site.world.today.year - (person.age or 30), 5, 29) - timedelta(days=days)
    rows = [
        ("followers", "Followers", str(person.num_followers)), ("i-am", "I Am", SEXES[person.gender]),
        ("interested-in", "Interested In", "Women, Men, Couples, Trans"), ("location", "Location", person.location),
        ("last-broadcast", "Last Broadcast", "" if person.online else "2 hours ago"),
        ("language", "Language(s)", "English, Español (Spanish)"),
    ]
    if person.age is not None:
        rows.insert(1, ("age", "Age", str(person.age)))
    if _talkative(person):
        rows = [("real-name", "Real Name", f"{person.username} (tea first, then talk) <3"), *rows,
                ("birth-date", "Birth Date", f"{born:%B} {born.day}, {born.year}"),
                ("body-type", "Body Type", "Average"), ("smoke-drink", "Smoke / Drink", "Tea only"),
                ("body-decorations", "Body Decorations", "None")]
    return [row for row in rows if row[2]]


def profile_page(look: Look, person: Person) -> str:
    site = look.site
    following = look.known is not None and person.username in site.world.account(look.known).following
    look.generation = "B"
    dossier = json.dumps(_dossier(look, person, following), ensure_ascii=True)
    for letter in "\\\"'<>&":
        dossier = dossier.replace(letter, f"\\u{ord(letter):04X}")
    path = f"/{person.username}/"
    return look.render(
        "profile.html", canonical=path, location="chatroom", room=person.username, part="", name=person.username,
        online=person.online, following=following, rows=_bio(site, person), media=_talkative(person),
        dossier=Markup(dossier),
        **roomlist(look, [], path, 1, 1, no_results=True, hidden_shell=True))


def _dossier(look: Look, person: Person, following: bool) -> dict[str, Any]:
    """`window.initialRoomDossier`; it also holds a secret of the session, which nobody may keep."""
    return {
        "viewer_uid": "MADEUP0", "is_age_verified": True, "age": person.age,
        "room_status": person.show if person.online else "offline",
        "num_viewers": person.viewers if person.online else 0, "viewer_username": look.account or "AnonymousUser",
        "chat_password": look.session.signature if look.session else "", "allow_anonymous_tipping": False,
        "broadcaster_username": person.username, "room_title": person.subject, "room_pass": "",
        "chat_rules": '1. Be kind\r\n2. Enjoy "tea"', "broadcaster_gender": GENDERS[person.gender],
        "following": following, "follow_notification_frequency": "smart", "private_show_price": 18,
        "satisfaction_score": {"percent": 99, "up_votes": 76, "down_votes": 1, "max": 31222657}, "tfa_enabled": False,
    }


def biocontext(site: Site, person: Person, account: str | None) -> dict[str, Any]:
    """The bio as JSON; `last_broadcast` carries no zone."""
    return {
        "follower_count": person.num_followers, "location": person.location, "real_name": person.username,
        "body_decorations": "None", "last_broadcast": f"{site.world.today.isoformat()}T09:47:12.345",
        "smoke_drink": "Tea only", "body_type": "", "display_birthday": "", "about_me": "<p>Bird watching and tea.</p>",
        "wish_list": "", "time_since_last_broadcast": "2 hours ago", "fan_club_cost": 0, "performer_has_fanclub": False,
        "fan_club_is_member": False, "fan_club_join_url": "", "needs_supporter_to_pm": True,
        "interested_in": ["Women", "Men"], "display_age": person.age, "sex": SEXES[person.gender], "subgender": "",
        "room_status": person.show if person.online else "offline", "languages": "English", "photo_sets": [],
        "social_medias": [], "is_broadcaster_or_staff": False,
    }


def chatvideocontext(site: Site, person: Person, account: str | None) -> dict[str, Any]:
    following = account is not None and person.username in site.world.account(account).following
    return {
        "broadcaster_username": person.username, "room_status": person.show if person.online else "offline",
        "num_viewers": person.viewers if person.online else 0, "room_title": person.subject,
        "broadcaster_gender": GENDERS[person.gender], "following": following, "age": person.age,
    }

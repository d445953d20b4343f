"""The texts of the pages, in English and in German. No reader may depend on them."""

from datetime import date
from typing import Any

ENGLISH: dict[str, Any] = {
    "online_title": "Chaturbate - Followed Cams", "offline_title": "Chaturbate - Followed Cams Offline",
    "followers_title": "Chaturbate - Followers", "options": "Options", "online_rooms": "Online Rooms",
    "offline_rooms": "Offline Rooms", "no_results_bold": "No Results Found",
    "no_results_text": " - None of the 0 live rooms matched your filters.  Please update your search/filter options.",
    "reload_before": "Something went wrong while loading the rooms. Please ", "reload_link": "refresh the page",
    "reload_after": " to try again.", "community": "Community Controlled Shows", "recommended": "Recommended For You",
    "fallback": "Other Featured Cams:", "followers": "Followers", "user": "User", "since": "Following since",
    "you_have": "You have {} followers", "nobody": "You have no followers yet.", "username": "Username",
    "password": "Password", "remember": "Keep me logged in", "forgot": "Forgot password",
    "register": "Create a free account", "wrong_login": "Please enter a correct username and password.",
    "adults_only": "Sample notice: visitors must be adults.", "agree": "I AGREE",
    "region_gate": "Sample notice: your region asks for proof of age.", "verify": "Verify",
    "months": ("Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."),
    "date": "{month} {day}, {year}",
}

GERMAN: dict[str, Any] = {
    "online_title": "Chaturbate - Gefolgte Cams", "offline_title": "Chaturbate - Gefolgte Cams, offline",
    "followers_title": "Chaturbate - Follower", "options": "Einstellungen", "online_rooms": "Räume online",
    "offline_rooms": "Räume offline", "no_results_bold": "Keine Ergebnisse",
    "no_results_text": " - Keiner der 0 Räume passt zu deinen Filtern. Bitte ändere die Suche.",
    "reload_before": "Beim Laden der Räume ist etwas schiefgegangen. Bitte ", "reload_link": "lade die Seite neu",
    "reload_after": ".", "community": "Gemeinschaftlich gesteuerte Shows", "recommended": "Für dich empfohlen",
    "fallback": "Weitere Räume:", "followers": "Follower", "user": "Benutzer", "since": "Folgt seit",
    "you_have": "Du hast {} Follower", "nobody": "Du hast noch keine Follower.", "username": "Benutzername",
    "password": "Passwort", "remember": "Angemeldet bleiben", "forgot": "Passwort vergessen",
    "register": "Konto anlegen", "wrong_login": "Bitte gib den richtigen Namen und das richtige Passwort ein.",
    "adults_only": "Beispielhinweis: nur für Erwachsene.", "agree": "ICH STIMME ZU",
    "region_gate": "Beispielhinweis: deine Region verlangt einen Altersnachweis.", "verify": "Nachweisen",
    "months": ("Jan.", "Feb.", "März", "April", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."),
    "date": "{day}. {month} {year}",
}

LANGUAGES = {"en": ENGLISH, "de": GERMAN}


def written_date(day: date, words: dict[str, Any]) -> str:
    """A date as the page writes it: 'Dec. 23, 2025' or '23. Dez. 2025'."""
    return str(words["date"]).format(month=words["months"][day.month - 1], day=day.day, year=day.year)

"""What answers write beside the current rows, as bulks: a fixed number of statements, whatever their size."""

from collections.abc import Mapping, Sequence
from typing import Any

from server.bulk import Ask, Bulk, Column, Insert, Said, Update
from server.cbhours.tame import Segment

# ---- live answers

_LIVE = {"person": "bigint", "online": "boolean", "followers": "bigint", "rank": "integer", "grank": "integer",
         "viewers": "integer", "show_id": "smallint"}
LIVE = Bulk(_LIVE, ("at",), Insert("cbhours_live_stats", {
    "person_id": "{person}", "checked_at": "{at}", "followers": "{followers}", "rank": "{rank}", "grank": "{grank}",
    "viewers": "{viewers}", "show_id": "{show_id}", "online": "{online}"}, ignore=True))

# Of each person: is there an answer of this second; the text in force then; the next answer that said Online, and the
# text that is written down for that one.
AROUND = Ask(
    "SELECT a.one, a.is_there, b.since, b.gender, b.is_new, b.subject, b.tags, "
    "a.next_at, n.since, n.gender, n.is_new, n.subject, n.tags FROM (SELECT asked.one, "
    "(SELECT 1 FROM cbhours_live_stats l WHERE l.person_id = asked.one AND l.checked_at = {at}) AS is_there, "
    "(SELECT max(t.since) FROM cbhours_texts t WHERE t.person_id = asked.one AND t.since <= {at}) AS before, "
    "(SELECT min(l.checked_at) FROM cbhours_live_stats l WHERE l.person_id = asked.one AND l.checked_at > {at} "
    "AND l.online) AS next_at FROM ({people}) AS asked) AS a "
    "LEFT JOIN cbhours_texts b ON b.person_id = a.one AND b.since = a.before "
    "LEFT JOIN cbhours_texts n ON n.person_id = a.one AND n.since = a.next_at")

TEXT = ("gender", "is_new", "subject", "tags")
_TEXT = {"person": "bigint", "since": "integer", "gender": "text", "is_new": "boolean", "subject": "text",
         "tags": "text"}
TEXTS = Bulk(_TEXT, (), Insert("cbhours_texts", {
    "person_id": "{person}", "since": "{since}", **{name: f"{{{name}}}" for name in TEXT}}, ignore=True))
TEXTS_GONE = Bulk({"person": "bigint", "since": "integer"}, (), Said(
    "DELETE FROM cbhours_texts t USING {source} WHERE t.person_id = {person} AND t.since = {since}",
    "DELETE FROM cbhours_texts WHERE person_id = {person} AND since = {since}"))

# ---- activity

_NAMES = ("show_id", "followers", "viewers", "rank", "grank", "gender")
_SEGMENT = {"at": "integer", "show_id": "smallint", "followers": "bigint", "viewers": "integer", "rank": "integer",
            "grank": "integer", "gender": "text"}
SEGMENTS = ("SELECT at, show_id, followers, viewers, rank, grank, gender FROM cbhours_activity "
            "WHERE person_id = {person} AND at >= {first} AND at < {end} ORDER BY at")
ADDED = Bulk(_SEGMENT, ("person",), Insert("cbhours_activity", {
    "person_id": "{person}", "at": "{at}", **{name: f"{{{name}}}" for name in _NAMES}}))
CHANGED = Bulk(_SEGMENT, ("person",), Update(
    "cbhours_activity", "t.person_id = {person} AND t.at = {at}", {name: f"{{{name}}}" for name in _NAMES}))

Row = tuple[Any, ...]  # at, show_id, followers, viewers, rank, grank, gender


def rows_of(segments: Sequence[Segment], shows: Mapping[str, int]) -> list[Row]:
    """Segments as rows of the table. shows: word -> number; a word that is not in it says nothing."""
    number = shows.get
    return [(at, number(show) if show is not None else None, followers, viewers, rank, grank, gender)
            for at, show, gender, rank, grank, viewers, followers in segments]


def columns_of(rows: Sequence[Row]) -> list[Column]:
    return list(zip(*rows, strict=True)) if rows else [()] * len(_SEGMENT)

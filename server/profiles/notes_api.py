"""`/api/persons/<username>/notes`: what was written down about somebody."""

from typing import Any

from flask_openapi import APIBlueprint, Tag
from pydantic import BaseModel, ConfigDict, Field

from common.clock import iso_ms
from server.access.guard import actor, requires
from server.errors import ErrorAnswer
from server.models import PersonNote, db
from server.openapi import When
from server.people.names import known_person
from server.profiles import notes
from server.time import now

tag = Tag(name="Notes", description="What the owner and the owner's helpers have written down about people")
bp = APIBlueprint("notes_api", __name__, url_prefix="/api", abp_tags=[tag],
                  abp_responses={400: ErrorAnswer, 404: ErrorAnswer})


class NotesPath(BaseModel):
    username: str = Field(max_length=50)


class NotePath(NotesPath):
    note_id: int = Field(ge=0, lt=10**18)


class NotesQuery(BaseModel):
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=600, description="`next_cursor` of the page before")


class NoteBody(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"text": "Wrote that she moves house."}, "properties": {
        "text": {"type": "string", "minLength": 1, "maxLength": notes.LONGEST, "title": "Text",
                 "description": "plain text; lines are kept, control characters are not"}}, "required": ["text"]})

    text: Any = None


class NoteAnswer(BaseModel):
    """One note."""

    id: int
    text: str
    author: str = Field(description="who wrote it, under the name of then")
    created_at: When
    changed_at: When | None = Field(description="null: it is as it was written")
    changed_by: str | None


class NotesAnswer(BaseModel):
    notes: list[NoteAnswer] = Field(description="newest first")
    total: int
    next_cursor: str | None


class NoteRemoved(BaseModel):
    id: int
    removed: bool


@bp.get("/persons/<string:username>/notes", responses={200: NotesAnswer})
@requires("view_users")
def person_notes(path: NotesPath, query: NotesQuery) -> dict[str, Any]:
    """The notes about a person, newest first"""
    cut = notes.of_person(db.session(), _person(path.username)[0], limit=query.limit, after=query.cursor or "")
    return {"notes": [_told(note) for note in cut.notes], "total": cut.total, "next_cursor": cut.next}


@bp.post("/persons/<string:username>/notes", responses={201: NoteAnswer, 409: ErrorAnswer})
@requires("write_notes")
def add_note(path: NotesPath, body: NoteBody) -> tuple[dict[str, Any], int]:
    """Write something down about a person"""
    told = _told(notes.add(db.session(), *_person(path.username), body.text, actor(), now()))
    db.session.commit()
    return told, 201


@bp.put("/persons/<string:username>/notes/<int:note_id>", responses={200: NoteAnswer})
@requires("write_notes")
def change_note(path: NotePath, body: NoteBody) -> dict[str, Any]:
    """Write a note of one's own anew"""
    told = _told(notes.change(db.session(), *_person(path.username), path.note_id, body.text, actor(), now()))
    db.session.commit()
    return told


@bp.delete("/persons/<string:username>/notes/<int:note_id>", responses={200: NoteRemoved})
@requires("write_notes")
def delete_note(path: NotePath) -> dict[str, Any]:
    """Delete a note, whoever wrote it"""
    notes.remove(db.session(), *_person(path.username), path.note_id, actor(), now())
    db.session.commit()
    return {"id": path.note_id, "removed": True}


def _person(username: str) -> tuple[int, str]:
    """raises  Refused 404"""
    return known_person(db.session(), username), username.strip().lower()


def _told(note: PersonNote) -> dict[str, Any]:
    return {"id": note.id, "text": note.text, "author": note.author, "created_at": iso_ms(note.created_at),
            "changed_at": iso_ms(note.changed_at) if note.changed_at else None, "changed_by": note.changed_by}

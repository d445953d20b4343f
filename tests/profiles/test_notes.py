"""Notes about people: who may write them, what becomes of them, and what they can do no harm to."""

import pytest
from sqlalchemy import insert, select

from server.access.guard import Actor
from server.errors import Refused
from server.models import AuditEntry, Person, PersonNote, db
from server.people.erase import erase
from server.profiles import notes
from tests.pages_ui import seed
from tests.pages_ui.conftest import text

HOSTILE = "<script>alert(1)</script>\n<img src=x onerror=alert(1)> \u202egnp.exe {{ 7*7 }} =1+1"
ADA = Actor("ada", "user")


def add(client, words, name="ann"):
    return client.post(f"/profile/{name}/notes", data={"text": words})


def stored(session):
    """The notes as they are now; without a transaction left open, which would keep others from writing."""
    session.rollback()
    found = session.scalars(select(PersonNote).order_by(PersonNote.id)).all()
    session.expunge_all()
    session.rollback()
    return found


def test_a_note_is_written_changed_and_deleted_by_forms(ann, session, client_as, visit, clock):
    browser = client_as("subscriber")
    assert add(browser, "  likes chess\r\nand tea ").headers["Location"] == "/profile/ann#notes"
    (note,) = stored(session)
    assert (note.text, note.author, note.changed_at) == ("likes chess\nand tea", "subscriber-of-tests", None)
    shown = visit("/profile/ann", role="subscriber")
    assert shown.css(".note-text::text").get() == "likes chess\nand tea"
    assert shown.css("details.note-edit textarea::text").get().lstrip("\n") == "likes chess\nand tea"
    clock.advance(hours=2)
    browser.post(f"/profile/ann/notes/{note.id}", data={"text": "likes go"})
    (note,) = stored(session)
    assert (note.text, note.changed_by, note.changed_at) == ("likes go", "subscriber-of-tests", clock.now)
    assert "changed just now" in text(visit("/profile/ann", role="viewer").css(".notes li"))
    browser.post(f"/profile/ann/notes/{note.id}/delete")
    assert stored(session) == []
    audit = session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("note:")).order_by(AuditEntry.id))
    assert [(one.actor, one.action, one.subject) for one in audit] == [
        ("subscriber-of-tests", f"note: {what}", "ann") for what in ("add", "change", "delete")]


def test_others_see_a_note_and_only_its_author_changes_it(ann, session, client_as, visit):
    add(client_as("subscriber"), "mine")
    (note,) = stored(session)
    reader = visit("/profile/ann", role="viewer")
    assert "mine" in text(reader.css(".note-text"))
    assert not reader.css("form[action*=notes]")
    for path in ("", f"/{note.id}", f"/{note.id}/delete"):
        assert client_as("viewer").post(f"/profile/ann/notes{path}", data={"text": "theirs"}).status_code == 403
    other = client_as("admin")
    other.post(f"/profile/ann/notes/{note.id}", data={"text": "theirs"})
    assert "only they can change it" in other.get("/profile/ann").text
    assert stored(session)[0].text == "mine"
    assert not visit("/profile/ann").css("details.note-edit")  # but whoever writes notes may delete any
    other.post(f"/profile/ann/notes/{note.id}/delete")
    assert stored(session) == []


def test_a_token_is_not_the_user_who_is_called_like_it(ann, session, api_as, clock):
    told = api_as("subscriber").post("/api/persons/ann/notes", json={"text": "by a program"}).json
    assert told["author"] == "token subscriber"
    with pytest.raises(Refused) as refused:
        notes.change(session, ann.id, "ann", told["id"], "no", Actor("subscriber", "user"), clock.now)
    assert refused.value.code == "not_yours"


def test_hostile_text_stays_text(ann, session, client_as, visit):
    """S7, S10, S27"""
    add(client_as("admin"), HOSTILE)
    shown = visit("/profile/ann")
    assert not shown.css(".notes script, .notes img, .notes [onerror]")
    assert shown.css(".note-text::text").get() == HOSTILE.replace("\u202e", "")
    assert "49" not in text(shown.css(".note-text")).replace("{{ 7*7 }}", "")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("words", ["", " \n\t ", "\u202e\x00", "x" * (notes.LONGEST + 1), "x" * 100_000])
def test_a_note_that_is_none_is_refused_in_words(ann, session, client_as, api_as, words):
    browser = client_as("admin")
    add(browser, words)
    assert "A note " in browser.get("/profile/ann").text
    answer = api_as("admin").post("/api/persons/ann/notes", json={"text": words})
    assert (answer.status_code, answer.json["error"]["field"]) == (400, "text")
    assert stored(session) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("body", [{}, {"text": None}, {"text": 7}, {"text": ["a"]}, [], "x"])
def test_a_body_that_is_no_note_is_refused(ann, api_as, body):
    assert api_as("admin").post("/api/persons/ann/notes", json=body).status_code == 400


def test_the_longest_note_with_any_line_ends_is_taken_whole(ann, session, client_as):
    words = "\r\n".join("é" * 79 for _ in range(50))  # 4,000 characters as a browser counts them
    add(client_as("admin"), words)
    (note,) = stored(session)
    assert note.text == words.replace("\r\n", "\n")
    assert len(note.text) <= notes.LONGEST


def test_the_api_tells_notes_in_pages_newest_first(ann, session, api_as, clock):
    for number in range(5):
        notes.add(session, ann.id, "ann", f"note {number}", ADA, clock.advance(minutes=number % 2))
    session.commit()
    reader, found, cursor = api_as("viewer"), [], None
    while True:
        told = reader.get("/api/persons/Ann/notes", query_string={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        assert told.json["total"] == 5
        found += [note["text"] for note in told.json["notes"]]
        cursor = told.json["next_cursor"]
        if cursor is None:
            break
    assert found == [f"note {number}" for number in (4, 3, 2, 1, 0)]
    assert reader.get("/api/persons/ann/notes?cursor=nonsense").status_code == 400
    assert reader.get("/api/persons/nobody/notes").status_code == 404
    assert reader.post("/api/persons/ann/notes", json={"text": "x"}).status_code == 403


def test_the_api_changes_and_deletes(ann, api_as):
    mine = api_as("subscriber")
    note = mine.post("/api/persons/ann/notes", json={"text": "one"})
    assert note.status_code == 201
    where = f"/api/persons/ann/notes/{note.json['id']}"
    assert mine.put(where, json={"text": "two"}).json["text"] == "two"
    assert api_as("admin").put(where, json={"text": "three"}).json["error"]["code"] == "not_yours"
    assert api_as("admin").delete(where).json == {"id": note.json["id"], "removed": True}
    assert mine.delete(where).json["error"]["code"] == "unknown_note"
    assert mine.put(f"/api/persons/ann/notes/{2**62}", json={"text": "x"}).status_code == 404


def test_a_note_of_somebody_else_is_not_reached_through_this_person(ann, session, api_as, client_as, clock):
    """S16"""
    bob = seed.person(session, "bob", clock.now)
    note = notes.add(session, bob.id, "bob", "about bob", Actor("admin-of-tests", "user"), clock.now)
    session.commit()
    assert api_as("admin").delete(f"/api/persons/ann/notes/{note.id}").status_code == 404
    client_as("admin").post(f"/profile/ann/notes/{note.id}", data={"text": "x"})
    client_as("admin").post(f"/profile/ann/notes/{note.id}/delete")
    assert stored(session)[0].text == "about bob"


def test_a_form_without_its_token_writes_nothing(ann, session, client_as):
    """S17"""
    browser = client_as("admin")
    browser.sends_csrf = False
    assert add(browser, "x").status_code == 400
    assert stored(session) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["nobody", "ANN", "a'b"])
def test_nobody_gets_no_note(ann, session, client_as, name):
    assert add(client_as("admin"), "x", name).status_code == 404
    assert stored(session) == []


def test_many_notes_come_in_pages(ann, session, visit, clock):
    session.execute(insert(PersonNote), [{"person_id": ann.id, "text": f"note {number}", "author": "ada",
                                          "created_at": clock.now} for number in range(10_000)])
    session.commit()
    shown = visit("/profile/ann")
    assert text(shown.css("#notes .count")) == "10,000"
    first = shown.css(".note-text::text").getall()
    older = visit(shown.xpath("//a[.='Older notes']/@href").get()).css(".note-text::text").getall()
    assert first == [f"note {number}" for number in range(9_999, 9_994, -1)]
    assert older[0] == "note 9994"


def test_there_is_a_most(ann, session, clock, monkeypatch):
    monkeypatch.setattr(notes, "MOST", 1)
    notes.add(session, ann.id, "ann", "one", ADA, clock.now)
    with pytest.raises(Refused, match="Delete some first"):
        notes.add(session, ann.id, "ann", "two", ADA, clock.now)


def test_erasing_a_person_takes_the_notes_and_counts_them(app, ann, session, client_as, clock):
    bob = seed.person(session, "bob", clock.now)
    notes.add(session, bob.id, "bob", "stays", ADA, clock.now)
    session.commit()
    for words in ("one", "two"):
        add(client_as("admin"), words)
    with app.app_context():
        receipt = erase(db.session(), "ann", now=clock.now, actor="tests")
        db.session.commit()
        assert receipt["notes"] == 2
        assert db.session.scalars(select(PersonNote.text)).all() == ["stays"]
        assert db.session.scalars(select(AuditEntry.subject).where(
            AuditEntry.action.startswith("note:"))).all() == ["bob", "", ""]


def test_a_person_who_goes_any_other_way_takes_the_notes_along(app, ann, session, clock):
    notes.add(session, ann.id, "ann", "one", ADA, clock.now)
    session.commit()
    with app.app_context():
        db.session.execute(Person.__table__.delete().where(Person.__table__.c.id == ann.id))
        db.session.commit()
        assert db.session.scalars(select(PersonNote.text)).all() == []

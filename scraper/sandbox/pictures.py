"""Pictures of the invented people, drawn here, and what can be wrong with the answer to a request for one.

A picture depends on the name and on the broadcast alone, so that the same question has the same answer.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO

from flask import Response, redirect
from PIL import Image, ImageDraw

from scraper.sandbox.faults import PICTURE_KINDS, Fault
from scraper.sandbox.site import Site
from scraper.sandbox.visit import Answer, plain, trouble

SIZE = (360, 270)
LIST = "images"
# What else can go wrong with a picture; the other kinds are about pages.
TROUBLES = frozenset({"challenge", "maintenance", "rate_limit", "error", "cut", "slow", "not_found"})
ELSEWHERE = "http://169.254.169.254/latest/meta-data/"
SCRIPT = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def answer(site: Site, name: str) -> Answer:
    """The picture of somebody, or what goes wrong with it."""
    wrong = trouble(site, LIST, kinds=TROUBLES)
    if wrong is not None:
        return wrong
    fault = site.faults.take(PICTURE_KINDS | {"html"}, LIST)
    if fault is not None:
        return _wrong(name, fault)
    with site.lock:
        person = site.world.people.get(name.lower())
        broadcast = person.changed if person else 0
    return Response(drawn(name.lower(), broadcast), mimetype="image/jpeg", headers={"Cache-Control": "max-age=30"})


def _wrong(name: str, fault: Fault) -> Answer:
    if fault.kind == "html":
        return Response(plain("Chaturbate", "Welcome", "This is a page for people."), 200, mimetype="text/html")
    if fault.kind == "forbidden":
        return Response("no", 403, mimetype="text/plain")
    if fault.kind == "redirect":
        return redirect(fault.parameters.get("to", ELSEWHERE))
    bodies: dict[str, Callable[[], bytes]] = {
        "svg": SCRIPT.encode, "huge": huge, "bomb": bomb, "animation": animation,
        "half_picture": lambda: drawn(name, 0)[:-800]}
    return Response(bodies[fault.kind](), mimetype="image/jpeg")


@lru_cache(maxsize=2048)
def drawn(name: str, broadcast: int) -> bytes:
    """Somebody in front of a wall, as a JPEG."""
    seed = hashlib.sha256(f"{name} {broadcast}".encode()).digest()
    wall, shirt = _colour(seed[0], 55, 78), _colour(seed[1], 45, 45)
    skin, hair = _colour(12 + seed[2] % 14, 45, 35 + seed[2] % 40), _colour(seed[3], 30, 12 + seed[3] % 30)
    picture = Image.new("RGB", SIZE, wall)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 205, 360, 270), fill=_colour(seed[4], 30, 40))
    left = 20 + seed[5] % 30
    draw.rectangle((left, 25, left + 70, 120), fill=_colour(140 + seed[6] % 40, 50, 85), outline="white", width=4)
    middle = 180 + seed[7] % 60 - 30
    draw.ellipse((middle - 95, 180, middle + 95, 380), fill=shirt)
    draw.rectangle((middle - 17, 150, middle + 17, 195), fill=skin)
    draw.ellipse((middle - 58, 50, middle + 58, 140 + seed[8] % 50), fill=hair)
    draw.ellipse((middle - 46, 68, middle + 46, 175), fill=skin)
    for side in (-18, 18):
        draw.ellipse((middle + side - 5, 112, middle + side + 5, 121), fill="black")
    draw.arc((middle - 20, 128, middle + 20, 152), 15, 165, fill="black", width=3)
    file = BytesIO()
    picture.save(file, "JPEG", quality=82)
    return file.getvalue()


def _colour(hue: int, saturation: int, lightness: int) -> str:
    return f"hsl({hue * 360 // 256}, {saturation}%, {lightness}%)"


@lru_cache(maxsize=1)
def huge() -> bytes:
    """More bytes than any thumbnail has."""
    return drawn("huge", 0) + b"\0" * (6 * 1024 * 1024)


@lru_cache(maxsize=1)
def bomb() -> bytes:
    """A few bytes that become a hundred million pixels."""
    file = BytesIO()
    Image.new("1", (10_000, 10_000)).save(file, "PNG")
    return file.getvalue()


@lru_cache(maxsize=1)
def animation() -> bytes:
    file = BytesIO()
    frames = [Image.new("RGB", (60, 45), colour) for colour in ("red", "green")]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    return file.getvalue()

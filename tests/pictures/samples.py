"""Pictures, and what claims to be one, made here so that no file of bytes lies in the repository."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from PIL import Image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(colour: Any = "steelblue", kind: str = "JPEG", size: tuple[int, int] = (360, 270), **options: Any) -> bytes:
    """A plain picture with a stripe, so that up and down can be told apart."""
    image = Image.new("RGB", size, colour)
    image.paste("white", (0, 0, size[0], size[1] // 4))
    return saved(image, kind, **options)


def with_exif() -> bytes:
    """A picture on its side, with a place and a comment in it, and a second picture behind it."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned
    exif[0x010E] = "SECRET-PLACE"
    return picture(size=(200, 100), exif=exif.tobytes(), comment=b"SECRET-COMMENT") + b"SECRET-TAIL<script>"


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (60, 45), colour) for colour in ("red", "green")]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:])


def many_scans() -> bytes:
    """A JPEG of many passes over the same pixels: a few bytes each, and a second of work."""
    body = saved(Image.effect_noise((64, 64), 60).convert("RGB"), "JPEG", progressive=True)
    first = body.index(b"\xff\xda")
    return body[:first] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 150 + body[first:]


SVG = b'\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"  <!DOCTYPE html><html><body><script>alert(1)</script></body></html>"

HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("empty", lambda: b""),
    "svg": ("not_a_picture", lambda: SVG),
    "svg behind an xml head": ("not_a_picture", lambda: b'<?xml version="1.0"?>' + SVG),
    "a web page": ("not_a_picture", lambda: HTML),
    "a web page with a byte order mark": ("not_a_picture", lambda: b"\xef\xbb\xbf" + HTML),
    "text": ("not_a_picture", lambda: b"GIF89a? no, text"),
    "gif": ("not_a_picture", lambda: picture(kind="GIF")),
    "bmp": ("not_a_picture", lambda: picture(kind="BMP")),
    "tiff": ("not_a_picture", lambda: picture(kind="TIFF")),
    "ico": ("not_a_picture", lambda: saved(Image.new("RGB", (16, 16)), "ICO")),
    "pdf": ("not_a_picture", lambda: saved(Image.new("RGB", (16, 16)), "PDF")),
    "eps": ("not_a_picture", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"),
    "only the head of a jpeg": ("not_a_picture", lambda: b"\xff\xd8\xff" + b"\0" * 100),
    "only the head of a png": ("not_a_picture", lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 50),
    "half a jpeg": ("broken_picture", lambda: picture(quality=95)[:-200]),
    "half a png": ("broken_picture", lambda: saved(Image.effect_noise((90, 90), 60), "PNG")[:-900]),
    "half a webp": ("broken_picture", lambda: saved(Image.effect_noise((90, 90), 60), "WEBP")[:-900]),
    "too many bytes": ("too_large", lambda: picture() + b"\0" * 5_000_000),
    "a bomb": ("too_many_pixels", lambda: saved(Image.new("1", (10_000, 10_000)), "PNG")),
    "a bomb beyond Pillow's own limit": ("too_many_pixels", lambda: saved(Image.new("1", (20_000, 10_000)), "PNG")),
    "a thread of pixels": ("too_many_pixels", lambda: saved(Image.new("1", (9_000, 1)), "PNG")),
    "a jpeg of many passes": ("too_many_pixels", many_scans),
    "animated png": ("animated", lambda: animated("PNG")),
    "animated webp": ("animated", lambda: animated("WEBP")),
}

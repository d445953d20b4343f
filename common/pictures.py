"""What is a picture, and what is not: by its bytes alone, never by its name or by what was said of it.

JPEG, PNG and WebP, one frame, within limits that no thumbnail of a platform comes near. Everything else is refused:
SVG and HTML (which can run scripts in a browser), animations, pictures that become huge when they are unpacked.
The worker looks before it hands a picture over, the server looks again before it keeps one.
"""

import struct
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

LARGEST = 4 * 1024 * 1024  # bytes
MOST_PIXELS = 12_000_000
LONGEST_SIDE = 8_000
MOST_SCANS = 100  # of one JPEG; each costs a pass over all pixels, in a few bytes
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_MARKUP = (b"<svg", b"<?xml", b"<!doctype", b"<html", b"<head", b"<body", b"<script")
_SCAN = b"\xff\xda"
# What Pillow's readers run into on bytes that somebody has made up or cut off.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, AttributeError, OverflowError,
           struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning)
warnings.simplefilter("error", Image.DecompressionBombWarning)


class BadPicture(ValueError):
    """These bytes are not kept. code: too_large, empty, not_a_picture, too_many_pixels, animated or broken_picture."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True)
class Picture:
    """A picture whose bytes could be read to their end.

    content_type  image/jpeg, image/png or image/webp
    image         upright, RGB or RGBA, with nothing beside its pixels: no EXIF, no comments, no profiles
    """

    content_type: str
    image: Image.Image


def opened(body: bytes) -> Picture:
    """The picture in these bytes, read to the end.

    raises  BadPicture
    """
    if not body:
        raise BadPicture("empty", "no bytes at all")
    if len(body) > LARGEST:
        raise BadPicture("too_large", f"larger than {LARGEST // 1024 // 1024} MiB")
    start = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_MARKUP):
        raise BadPicture("not_a_picture", "a web page or SVG instead of a picture")
    try:
        source = Image.open(BytesIO(body), formats=list(FORMATS))
    except Image.UnidentifiedImageError as error:
        raise BadPicture("not_a_picture", "neither JPEG nor PNG nor WebP") from error
    except _BROKEN as error:
        raise _why(error) from error
    with source:
        kind = "JPEG" if source.format == "MPO" else source.format or ""  # a JPEG with more pictures behind it
        _check(source, kind, body)
        try:
            source.load()
            image = ImageOps.exif_transpose(source)
            mode = "RGBA" if image.has_transparency_data else "RGB"
            pixels = image.convert(mode)
            return Picture(FORMATS[kind], Image.frombytes(mode, pixels.size, pixels.tobytes()))
        except _BROKEN as error:
            raise _why(error) from error


def _check(source: Image.Image, kind: str, body: bytes) -> None:
    width, height = source.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise BadPicture("too_many_pixels", f"{width} × {height} pixels")
    if min(width, height) < 1:
        raise BadPicture("broken_picture", "no pixels")
    if kind == "JPEG":
        if body.count(_SCAN) > MOST_SCANS:
            raise BadPicture("too_many_pixels", f"more than {MOST_SCANS} passes over its pixels")
    elif getattr(source, "is_animated", False):
        raise BadPicture("animated", "more than one frame")


def _why(error: BaseException) -> BadPicture:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return BadPicture("too_many_pixels", "far too many pixels")
    return BadPicture("broken_picture", f"cut off or damaged ({type(error).__name__})")

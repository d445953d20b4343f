"""Bodies as they arrive from the worker: gzip or plain, bounded before and after unpacking."""

import io
import zlib
from typing import IO

from flask import request

from server.errors import Refused

LARGEST_BODY = 64 * 1024 * 1024
_CHUNK = 64 * 1024


class BadGzip(ValueError):
    """Not gzip, cut off, or with something behind its end."""


class TooLarge(ValueError):
    """More bytes than we are willing to hold."""


def gunzip(source: IO[bytes], limit: int) -> bytes:
    """The unpacked bytes; never holds more than `limit` of them, however small the packed ones are.

    raises  TooLarge, BadGzip
    """
    unpacker, out = zlib.decompressobj(31), bytearray()
    try:
        while chunk := source.read(_CHUNK):
            if unpacker.eof:
                raise BadGzip("something follows the end of the gzip data")
            while chunk:
                out += unpacker.decompress(chunk, limit + 1 - len(out))
                if len(out) > limit:
                    raise TooLarge(f"more than {limit} bytes when unpacked")
                chunk = unpacker.unconsumed_tail
            if unpacker.unused_data:
                raise BadGzip("something follows the end of the gzip data")
    except zlib.error as error:
        raise BadGzip(str(error)) from error
    if not unpacker.eof:
        raise BadGzip("the gzip data is cut off")
    return bytes(out)


def unpack_body() -> None:
    """Before a request of the worker: from here on its body is plain.

    raises  Refused 413 for a body that is too large, 415 for an encoding that we do not know, 400 for bad gzip
    """
    request.max_content_length = LARGEST_BODY
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return
    if encoding != "gzip":
        raise Refused(415, "wrong_encoding", "The body may be plain or gzip (Content-Encoding: gzip).")
    try:
        request.stream = io.BytesIO(gunzip(request.stream, LARGEST_BODY))
    except TooLarge:
        raise Refused(413, "too_large", "The body is larger than 64 MiB when unpacked.") from None
    except BadGzip as error:
        raise Refused(400, "invalid", f"The body is not good gzip: {error}.") from error

"""From the bytes that were fetched to the files that are kept: the picture as WebP without metadata, and thumbnails.

Whatever was hidden in the fetched file, only its pixels get this far. The name is the hash of the kept file, so the
same picture is one file, also where two copies differ in what is not to be seen.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

from common.pictures import opened

SQUARE = 72  # pixels of a side, cut from the middle: for rows
WIDE = 360  # the longer side, whole: for the person's page
SIZES = (SQUARE, WIDE)
_QUALITY = {0: 86, WIDE: 80, SQUARE: 78}


@dataclass(frozen=True)
class Made:
    """files: of each size its bytes; size 0 is the whole picture."""

    sha256: str
    content_type: str
    width: int
    height: int
    files: Mapping[int, bytes]

    @property
    def bytes(self) -> int:
        return len(self.files[0])

    @property
    def thumb_bytes(self) -> int:
        return sum(len(file) for size, file in self.files.items() if size)


def made(body: bytes) -> Made:
    """All files of the picture in these bytes.

    raises  common.pictures.BadPicture
    """
    picture = opened(body)
    whole = picture.image
    wide = whole.copy()
    wide.thumbnail((WIDE, WIDE))
    side = min(SQUARE, *whole.size)
    square = ImageOps.fit(whole, (side, side))
    files = {0: _webp(whole, 0), WIDE: _webp(wide, WIDE), SQUARE: _webp(square, SQUARE)}
    return Made(hashlib.sha256(files[0]).hexdigest(), picture.content_type, whole.width, whole.height, files)


def _webp(image: Image.Image, size: int) -> bytes:
    file = BytesIO()
    image.save(file, "WEBP", quality=_QUALITY[size], method=4)
    return file.getvalue()

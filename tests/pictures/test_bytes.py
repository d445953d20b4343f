"""What is taken for a picture, and what of it is kept. S9, S23: whatever lies in a file, only pixels get through."""

import hashlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from common.pictures import BadPicture, opened
from server.pictures.making import SQUARE, WIDE, made
from tests.pictures.samples import HOSTILE, many_scans, picture, saved, with_exif


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_good_picture_is_refused_with_its_reason(name):
    code, make = HOSTILE[name]
    with pytest.raises(BadPicture) as refused:
        opened(make())
    assert refused.value.code == code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_type_is_told_by_the_bytes(kind):
    assert opened(picture(kind=kind)).content_type == f"image/{kind.lower()}"


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "CMYK", "1", "I;16"])
def test_every_kind_of_pixels_becomes_a_picture(mode):
    image = Image.new("L", (50, 40), 90).convert(mode)
    kept = made(saved(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert (kept.width, kept.height) == (50, 40)


def test_a_picture_with_more_pictures_behind_it_is_its_first():
    frames = [Image.new("RGB", (50, 40), colour) for colour in ("red", "green")]
    assert opened(saved(frames[0], "MPO", save_all=True, append_images=frames[1:])).content_type == "image/jpeg"


def test_a_jpeg_of_a_few_passes_is_fine():
    assert opened(saved(Image.new("RGB", (50, 40)), "JPEG", progressive=True)).image.size == (50, 40)
    assert many_scans().count(b"\xff\xda") > 100


def test_nothing_but_the_pixels_is_kept():
    files = made(with_exif()).files
    for file in files.values():
        assert b"SECRET" not in file and b"script" not in file and b"Exif" not in file
        with Image.open(BytesIO(file)) as image:
            assert not image.getexif() and "icc_profile" not in image.info and "comment" not in image.info


def test_a_picture_on_its_side_is_put_upright():
    kept = made(with_exif())
    assert (kept.width, kept.height) == (100, 200)


def test_the_name_is_the_hash_of_the_kept_file():
    kept = made(picture())
    assert kept.sha256 == hashlib.sha256(kept.files[0]).hexdigest()


def test_two_files_of_the_same_pixels_are_one_picture():
    plain = picture(kind="PNG")
    assert made(plain).sha256 == made(picture(kind="PNG", compress_level=1)).sha256
    assert made(plain).sha256 != made(picture("darkred", kind="PNG")).sha256


@pytest.mark.parametrize(("size", "square", "wide"), [
    ((360, 270), (72, 72), (360, 270)), ((1280, 720), (72, 72), (360, 203)), ((400, 800), (72, 72), (180, 360)),
    ((50, 40), (40, 40), (50, 40)), ((1, 1), (1, 1), (1, 1)), ((2000, 1), (1, 1), (360, 1)),
])
def test_thumbnails_fit_and_are_never_blown_up(size, square, wide):
    files = made(picture(kind="PNG", size=size)).files
    assert [Image.open(BytesIO(files[name])).size for name in (SQUARE, WIDE, 0)] == [square, wide, size]
    assert {Image.open(BytesIO(file)).format for file in files.values()} == {"WEBP"}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "MPO"]), st.data())
def test_damaged_bytes_are_a_picture_or_refused_and_nothing_else(kind, data):
    body = bytearray(saved(Image.linear_gradient("L").resize((40, 30)).convert("RGB"), kind))
    for _ in range(data.draw(st.integers(0, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        made(bytes(body[:data.draw(st.integers(0, len(body)))]))
    except BadPicture as refused:
        assert refused.code in ("empty", "not_a_picture", "broken_picture", "too_many_pixels", "animated")

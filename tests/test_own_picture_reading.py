"""Files that users bring: what is read, and how each kind of bad file is refused by name."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnnlab.errors import DataError
from cnnlab.own_picture.reading import LONGEST_SIDE, MOST_BYTES, read


def file(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that promises so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


RED = Image.new("RGB", (40, 30), "red")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_are_read_as_they_are(kind):
    picture = read(f"mine.{kind.lower()}", file(RED, kind))

    assert picture.image.mode == "RGB" and picture.image.size == (40, 30)
    assert np.abs(np.asarray(picture.image, np.int16) - (255, 0, 0)).max() < 4
    assert picture.notes == ()


SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>'


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.png", b"", "is empty"),
        ("notes.png", b"Buy milk.\n" * 20, "is text, whatever its name says"),
        ("half.png", file(Image.effect_noise((64, 64), 90))[:-900], "is damaged or incomplete"),
        ("half.jpg", file(Image.effect_noise((64, 64), 90), "JPEG")[:-900], "is damaged or incomplete"),
        ("half.webp", file(Image.effect_noise((64, 64), 90), "WEBP", lossless=True)[:-900], "is damaged or incomplete"),
        ("bomb.png", header(30_000, 30_000), "has 900,000,000 pixels; at most 50 million"),
        ("large.png", header(12_000, 9_000), "has 108,000,000 pixels; at most 50 million"),
        ("over.png", header(8_000, 8_000), "has 8000×8000 pixels; at most 50 million"),
        ("drawing.svg", SVG, "is an SVG drawing, which has no pixels"),
        ("drawing.png", SVG.partition(b"\n")[2], "is an SVG drawing, which has no pixels"),
        ("moving.gif", file(RED, "GIF"), "is a GIF"),
        ("scan.tif", file(RED, "TIFF"), "is a TIFF picture"),
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC or AVIF photo"),
        ("paper.pdf", b"%PDF-1.7\n", "is a PDF document"),
        ("x.bin", bytes(range(200)), "is no PNG, JPEG or WebP picture"),
        ("heavy.png", bytes(MOST_BYTES + 1), "has 20 MB; at most 20 MB are read"),
    ],
)
def test_a_bad_file_is_refused_by_name_with_its_reason_and_with_advice(name, content, reason):
    with pytest.raises(DataError) as refused:
        read(name, content)

    assert str(refused.value).startswith(f"'{name}' ")
    assert reason in str(refused.value)
    assert str(refused.value).count(".") - name.count(".") == 1, "one sentence"
    assert ";" in str(refused.value), "it says what to do"


def test_a_huge_picture_is_refused_before_it_is_decoded(monkeypatch):
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(DataError):
        read("over.png", header(8_000, 8_000))


def test_a_name_is_shown_without_its_folders_and_cut():
    with pytest.raises(DataError) as refused:
        read("../../etc/" + "x" * 300 + "\x1b.png", b"")

    assert "etc" not in str(refused.value) and "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 160


def test_a_moving_picture_gives_its_first_frame_and_says_so():
    blue = Image.new("RGB", RED.size, "blue")
    for kind in ("WEBP", "PNG"):
        picture = read("moving", file(RED, kind, save_all=True, append_images=[blue], lossless=True))
        assert picture.image.getpixel((3, 3)) == (255, 0, 0)
        assert picture.notes == ("The picture moves; its first frame is used.",)


def test_sixteen_bits_are_scaled_and_not_cut_off():
    values = np.linspace(0, 65_535, 256, dtype=np.uint16)[None].repeat(4, 0)
    picture = read("deep.png", file(Image.fromarray(values)))

    assert np.array_equal(np.asarray(picture.image)[0, :, 0], np.arange(256))
    assert "65,536" in picture.notes[0]


def test_colours_of_print_become_those_of_a_screen():
    picture = read("print.jpg", file(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG"))

    assert np.abs(np.asarray(picture.image, np.int16) - (255, 0, 0)).max() < 8
    assert "CMYK" in picture.notes[0]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_white_paper(mode):
    ink = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    ink.paste((0, 0, 0, 255), (5, 5, 10, 10))
    picture = read("ink.png", file(ink.convert(mode)))

    assert picture.image.getpixel((1, 1)) == (255, 255, 255)
    assert picture.image.getpixel((7, 7)) == (0, 0, 0)
    assert picture.notes == ("Its transparent parts became white.",)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_turned_upright_and_loses_what_the_camera_wrote(kind):
    photo = Image.new("RGB", (60, 20), "white")
    photo.paste("black", (0, 0, 30, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the left side is the top
    exif[0x010F] = "Maker"
    picture = read("photo", file(photo, kind, exif=exif))

    assert picture.image.size == (20, 60)
    top, bottom = (picture.image.getpixel((10, row))[0] for row in (5, 55))
    assert top < 10 and bottom > 240
    assert picture.notes == ("It was turned upright, as the camera recorded it.",)
    assert picture.image.info == {} and not picture.image.getexif()


def test_a_large_photo_is_reduced_and_keeps_its_shape():
    picture = read("photo.jpg", file(Image.new("RGB", (4_000, 1_000), "green"), "JPEG"))

    assert picture.image.size == (LONGEST_SIDE, LONGEST_SIDE // 4)
    assert picture.notes == (f"It was reduced from 4000×1000 to {LONGEST_SIDE}×{LONGEST_SIDE // 4} pixels.",)


@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.data())
def test_damaged_bytes_give_a_picture_or_a_sentence(kind, data):
    content = bytearray(file(RED, kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert max(read("mine", bytes(content)).image.size) <= LONGEST_SIDE
    except DataError as refused:
        assert str(refused).startswith("'mine' ")

"""A picture from a file that nobody vouches for: read within bounds, or refused with a reason. Nothing is written to disk."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath

import numpy as np
from PIL import Image, ImageFile

from cnnlab.errors import DataError
from cnnlab.i18n import N_, say
from cnnlab.text import shape_text, shortened, size_text

FORMATS = ("PNG", "JPEG", "WEBP")
ENDINGS = ("png", "jpg", "jpeg", "webp")  # for the file dialog; what is read depends on the content
MOST_BYTES = 20_000_000
MOST_PIXELS = 50_000_000  # the largest photos of phones; at most 400 MB while one is decoded
LONGEST_SIDE = 640  # of what is kept: no data set has larger pictures, and twenty of them take 25 MB

# One at a time: the memory for one decoded picture is bounded, and a class that uploads at once must not need it thirty times.
_decoding = threading.Lock()

# Pictures that people try, by their first bytes: the reason is then better than "no picture".
_KNOWN = (
    (b"GIF8", N_("a GIF")),
    (b"BM", N_("a BMP picture")),
    (b"II*\0", N_("a TIFF picture")),
    (b"MM\0*", N_("a TIFF picture")),
    (b"%PDF", N_("a PDF document")),
    (b"\0\0\1\0", N_("an icon file")),
)
_ORIENTATION = 0x0112  # EXIF's number for how the camera was held
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """A picture that could be read."""

    name: str
    image: Image.Image  # RGB, upright, its longest side at most LONGEST_SIDE
    notes: tuple[str, ...]  # what was done so that it could be used, each a sentence


def read(name: str, content: bytes) -> OwnPicture:
    """The picture in the file called `name`. Raises DataError, which names the file, what is wrong with it, and what to do."""
    if not content:
        raise DataError(say("{file} is empty; choose another file.", file=_called(name)))
    if len(content) > MOST_BYTES:
        sizes = {"size": size_text(len(content)), "most": size_text(MOST_BYTES)}
        raise DataError(say("{file} has {size}; at most {most} are read; make the picture smaller.", file=_called(name), **sizes))
    try:
        with _decoding, Image.open(BytesIO(content), formats=FORMATS) as opened:
            return _decoded(name, opened)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        count = re.search(r"\d+", str(error))  # Pillow refuses before anybody can ask for the size
        size = say("{count:,} pixels", count=int(count[0])) if count else N_("far too many pixels")
        raise _too_large(name, size) from None
    except Image.UnidentifiedImageError:
        raise DataError(_reason(name, content)) from None
    except Exception as error:  # damaged bytes can raise anything: Pillow's readers raise SyntaxError and struct.error, too
        text = say("{file} is damaged or incomplete; save or copy it once more, and choose it again.", file=_called(name))
        raise DataError(text) from error


def _decoded(name: str, opened: ImageFile.ImageFile) -> OwnPicture:
    """Its first frame. The size stands in the file's header, so it is compared before anything is decoded."""
    width, height = opened.size
    if width * height > MOST_PIXELS:
        raise _too_large(name, say("{size} pixels", size=shape_text((width, height))))
    notes: list[str] = []
    # Photos of some phones hold a second, smaller copy ("MPO"); they do not move.
    if opened.format in ("PNG", "WEBP") and getattr(opened, "is_animated", False):
        notes.append(N_("The picture moves; its first frame is used."))
    image, reduced = upright(opened, notes, LONGEST_SIDE)
    if max(width, height) > LONGEST_SIDE:
        sizes = {"whole": shape_text((width, height)), "size": shape_text(reduced)}
        notes.append(say("It was reduced from {whole} to {size} pixels.", **sizes))
    image = image.convert("RGB")
    image.info.clear()  # where and when a photo was taken is nobody's business
    return OwnPicture(name, image, tuple(notes))


def upright(
    opened: ImageFile.ImageFile, notes: list[str], longest: int, *, whole: bool = False
) -> tuple[Image.Image, tuple[int, int]]:
    """A picture as grey or RGB values of 8 bits on white paper, turned as the camera was held, and its size before it was turned.

    Its longest side is at most `longest`; with `whole` it is only decoded at a size near it. What was done is added to `notes`.
    """
    if opened.format in ("JPEG", "MPO"):
        opened.draft(None, (2 * longest, 2 * longest))  # decodes a large photo at a half, a quarter or an eighth
    opened.load()
    mode = opened.mode
    image = _eight_bits(opened)
    if mode == "CMYK":
        notes.append(N_("Its colours were those of print (CMYK); they became red, green and blue."))
    elif mode.startswith(("I", "F")):
        notes.append(N_("It had 65,536 levels of brightness; they became 256."))
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    if not whole:
        image.thumbnail((longest, longest), Image.Resampling.BOX)  # before all else, which then costs nothing
    reduced = image.size
    if image.mode == "RGBA":
        if image.getextrema()[3][0] < 255:
            notes.append(N_("Its transparent parts became white."))
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper
    turn = _TURNS.get(opened.getexif().get(_ORIENTATION, 1))
    if turn is not None:
        image = image.transpose(turn)
        notes.append(N_("It was turned upright, as the camera recorded it."))
    return image, reduced


def _eight_bits(image: Image.Image) -> Image.Image:
    """A picture of 16 bits a pixel scaled to 8: Pillow's own conversion cuts off at 255, and nearly all becomes white."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image).astype(np.float32) / 257
    return Image.fromarray(values.round().clip(0, 255).astype(np.uint8))


def _reason(name: str, content: bytes) -> str:
    """What a file that is no picture of FORMATS seems to be, and what to do."""
    called = _called(name)
    start = content[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:4].lower() == b"<svg" or (start[:5] == b"<?xml" and b"<svg" in content[:4096]):
        return say("{file} is an SVG drawing, which has no pixels; save it as PNG, JPEG or WebP and choose that file.", file=called)
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"):
        return say("{file} is a HEIC or AVIF photo; save it as PNG, JPEG or WebP and choose that file.", file=called)
    for signature, kind in _KNOWN:
        if content.startswith(signature):
            return say("{file} is {kind}; save it as PNG, JPEG or WebP and choose that file.", file=called, kind=kind)
    if b"\0" not in content[:4096] and PurePath(name).suffix.lower().lstrip(".") in ENDINGS:
        return say("{file} is text, whatever its name says; choose a PNG, JPEG or WebP picture instead.", file=called)
    return say("{file} is no PNG, JPEG or WebP picture; choose a PNG, JPEG or WebP picture instead.", file=called)


def _called(name: str) -> str:
    return shortened(PurePath(name).name or N_("The picture"))


def _too_large(name: str, size: str) -> DataError:
    text = say(
        "{file} has {size}; at most {most} million are decoded; make the picture smaller.", file=_called(name), size=size,
        most=MOST_PIXELS // 1_000_000,
    )  # fmt: skip
    return DataError(text)

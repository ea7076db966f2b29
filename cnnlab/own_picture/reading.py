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
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"%PDF", "a PDF document"),
    (b"\0\0\1\0", "an icon file"),
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
_SAVE = "save it as PNG, JPEG or WebP and choose that file"
_CHOOSE = "choose a PNG, JPEG or WebP picture instead"


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """A picture that could be read."""

    name: str
    image: Image.Image  # RGB, upright, its longest side at most LONGEST_SIDE
    notes: tuple[str, ...]  # what was done so that it could be used, each a sentence


def read(name: str, content: bytes) -> OwnPicture:
    """The picture in the file called `name`. Raises DataError, which names the file, what is wrong with it, and what to do."""
    if not content:
        raise _refused(name, "is empty", "choose another file")
    if len(content) > MOST_BYTES:
        raise _refused(name, f"has {size_text(len(content))}; at most {size_text(MOST_BYTES)} are read", "make the picture smaller")
    try:
        with _decoding, Image.open(BytesIO(content), formats=FORMATS) as opened:
            return _decoded(name, opened)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        count = re.search(r"\d+", str(error))  # Pillow refuses before anybody can ask for the size
        raise _too_large(name, f"{int(count[0]):,} pixels" if count else "far too many pixels") from None
    except Image.UnidentifiedImageError:
        raise _refused(name, *_kind(name, content)) from None
    except Exception as error:  # damaged bytes can raise anything: Pillow's readers raise SyntaxError and struct.error, too
        raise _refused(name, "is damaged or incomplete", "save or copy it once more, and choose it again") from error


def _decoded(name: str, opened: ImageFile.ImageFile) -> OwnPicture:
    """Its first frame. The size stands in the file's header, so it is compared before anything is decoded."""
    width, height = opened.size
    if width * height > MOST_PIXELS:
        raise _too_large(name, f"{shape_text((width, height))} pixels")
    notes = []
    # Photos of some phones hold a second, smaller copy ("MPO"); they do not move.
    if opened.format in ("PNG", "WEBP") and getattr(opened, "is_animated", False):
        notes.append("The picture moves; its first frame is used.")
    if opened.format in ("JPEG", "MPO"):
        opened.draft(None, (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # decodes a large photo at a half, a quarter or an eighth
    opened.load()
    mode = opened.mode
    image = _eight_bits(opened)
    if mode == "CMYK":
        notes.append("Its colours were those of print (CMYK); they became red, green and blue.")
    elif mode.startswith(("I", "F")):
        notes.append("It had 65,536 levels of brightness; they became 256.")
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BOX)  # before all else, which then costs nothing
    reduced = image.size
    if image.mode == "RGBA":
        if image.getextrema()[3][0] < 255:
            notes.append("Its transparent parts became white.")
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper
    turn = _TURNS.get(opened.getexif().get(_ORIENTATION, 1))
    if turn is not None:
        image = image.transpose(turn)
        notes.append("It was turned upright, as the camera recorded it.")
    if max(width, height) > LONGEST_SIDE:
        notes.append(f"It was reduced from {shape_text((width, height))} to {shape_text(reduced)} pixels.")
    image = image.convert("RGB")
    image.info.clear()  # where and when a photo was taken is nobody's business
    return OwnPicture(name, image, tuple(notes))


def _eight_bits(image: Image.Image) -> Image.Image:
    """A picture of 16 bits a pixel scaled to 8: Pillow's own conversion cuts off at 255, and nearly all becomes white."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image).astype(np.float32) / 257
    return Image.fromarray(values.round().clip(0, 255).astype(np.uint8))


def _kind(name: str, content: bytes) -> tuple[str, str]:
    """What a file that is no picture of FORMATS seems to be, and what to do."""
    start = content[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:4].lower() == b"<svg" or (start[:5] == b"<?xml" and b"<svg" in content[:4096]):
        return "is an SVG drawing, which has no pixels", _SAVE
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"):
        return "is a HEIC or AVIF photo", _SAVE
    for signature, kind in _KNOWN:
        if content.startswith(signature):
            return f"is {kind}", _SAVE
    if b"\0" not in content[:4096] and PurePath(name).suffix.lower().lstrip(".") in ENDINGS:
        return "is text, whatever its name says", _CHOOSE
    return "is no PNG, JPEG or WebP picture", _CHOOSE


def _refused(name: str, problem: str, advice: str) -> DataError:
    return DataError(f"{shortened(PurePath(name).name or 'The picture')} {problem}; {advice}.")


def _too_large(name: str, size: str) -> DataError:
    return _refused(name, f"has {size}; at most {MOST_PIXELS // 1_000_000} million are decoded", "make the picture smaller")

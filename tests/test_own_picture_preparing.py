"""How a user's picture becomes one of the data set's: what each step does, and what its absence does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from drawn_digits import DIGITS
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from cnnlab.datasets import entries, entry
from cnnlab.own_picture.preparing import DIGIT_BOX, prepare, step_names, style_of
from cnnlab.own_picture.steps import centre_of_mass

MNIST, CLOTHES, PHOTOS = entry("mnist"), entry("fashion-mnist"), entry("cifar10")


def sheet(*box: int, size: tuple[int, int] = (280, 280), paper: str = "white", ink: str = "black") -> Image.Image:
    """A sheet with a filled rectangle: left, top, right, bottom."""
    image = Image.new("RGB", size, paper)
    ImageDraw.Draw(image).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), ink)
    return image


def step(prepared, name):
    return next(each for each in prepared.steps if each.name == name)


@pytest.mark.parametrize("data", entries(), ids=lambda data: data.name)
def test_whatever_is_left_out_the_result_has_the_shape_of_the_data_set(data):
    names = step_names(style_of(data))
    picture = sheet(20, 30, 90, 170, size=(300, 200))
    for count in range(len(names) + 1):
        for without in itertools.combinations(names, count):
            prepared = prepare(picture, data, without)
            assert prepared.pixels.shape == (data.channels, data.size, data.size)
            assert prepared.pixels.dtype == np.uint8
            assert tuple(each.name for each in prepared.steps if not each.taken) == without
            assert all(each.did for each in prepared.steps)


@pytest.mark.parametrize("drawn", DIGITS, ids=lambda drawn: str(drawn.digit))
def test_a_digit_drawn_in_a_corner_ends_in_the_middle_as_in_mnist(drawn):
    pixels = prepare(drawn.picture(), MNIST).pixels[0]
    row, column = centre_of_mass(pixels)

    assert abs(row - 14) <= 1 and abs(column - 14) <= 1
    rows, columns = (np.flatnonzero(pixels.max(axis)) for axis in (1, 0))
    longest = max(np.ptp(rows), np.ptp(columns)) + 1
    assert DIGIT_BOX - 1 <= longest <= DIGIT_BOX
    assert pixels.max() >= 250 and pixels[0, 0] == 0, "white ink on black"


def test_without_centring_a_digit_stays_in_its_corner():
    picture = sheet(20, 20, 40, 120)
    row, column = centre_of_mass(prepare(picture, MNIST, {"centre"}).pixels[0])

    assert row < 11 and column < 6


def test_a_chalk_drawing_and_a_pen_drawing_give_the_same_picture():
    pen, chalk = sheet(60, 40, 90, 200), sheet(60, 40, 90, 200, paper="black", ink="white")

    assert np.array_equal(prepare(pen, MNIST).pixels, prepare(chalk, MNIST).pixels)
    assert step(prepare(chalk, MNIST), "invert").did.startswith("Not needed")
    left_out = prepare(pen, MNIST, {"invert"}).pixels
    assert np.median(left_out[0, 0]) > 250, "the paper stays white, and so does the frame around it"


def test_shadows_on_paper_become_black_and_do_not_count_as_drawn():
    shadow = np.linspace(150, 215, 280, dtype=np.uint8)[None].repeat(280, 0)
    paper = Image.fromarray(shadow).convert("RGB")
    ImageDraw.Draw(paper).line((80, 60, 110, 200), (30, 30, 60), 16)
    photo = paper.filter(ImageFilter.GaussianBlur(1))

    def middle(without):
        pixels = prepare(photo, MNIST, without).pixels[0]
        return pixels[:3].max(), pixels[14].max()

    assert middle(())[0] == 0 and middle(())[1] > 200
    assert middle({"contrast"})[0] > 20


def test_a_tall_picture_keeps_its_shape_and_loses_it_where_scaling_is_left_out():
    def width(without=()):
        return len(np.flatnonzero(prepare(sheet(100, 40, 120, 240), MNIST, without).pixels[0].max(0) > 60))

    assert width() == 2
    assert width({"scale"}) == 28


def test_a_piece_of_clothing_fills_the_frame_and_stands_in_its_middle():
    pixels = prepare(sheet(10, 30, 60, 150), CLOTHES).pixels[0]
    columns, rows = np.flatnonzero(pixels.max(0) > 60), np.flatnonzero(pixels.max(1) > 60)

    assert len(rows) == 28
    assert abs(columns[0] - (27 - columns[-1])) <= 1


def test_a_piece_of_clothing_on_gray_paper_gets_a_black_background_and_keeps_its_shades():
    photo = sheet(60, 60, 200, 220, paper="#dcdcdc", ink="#303030")
    ImageDraw.Draw(photo).rectangle((100, 100, 150, 150), "#707070")
    pixels, with_paper = prepare(photo, CLOTHES).pixels[0], prepare(photo, CLOTHES, {"contrast"}).pixels[0]

    assert pixels.min() == 0 and with_paper.min() > 30
    assert 100 < pixels[12, 12] < 170 < pixels[25, 12], "two shades of gray"


def test_a_photo_loses_its_sides_and_is_squeezed_where_cropping_is_left_out():
    photo = sheet(0, 0, 100, 200, size=(400, 200), paper="blue", ink="red")  # the left quarter is red

    assert not prepare(photo, PHOTOS).pixels[0].any(), "the middle square has no red"
    assert (prepare(photo, PHOTOS, {"crop"}).pixels[0].mean(0) > 200).sum() == 8


def test_reducing_averages_and_without_it_single_pixels_are_picked():
    stripes = Image.fromarray(np.tile(np.array([[0, 255]], np.uint8), (320, 160))).convert("RGB")

    assert np.abs(prepare(stripes, PHOTOS).pixels.astype(int)[:, 2:-2, 2:-2] - 127).max() < 8
    assert set(np.unique(prepare(stripes, PHOTOS, {"scale"}).pixels)) <= {0, 255}


@pytest.mark.parametrize("colour", ["white", "black", "gray"])
def test_an_empty_sheet_is_a_warning_and_no_error(colour):
    for data in (MNIST, CLOTHES, PHOTOS):
        prepared = prepare(Image.new("RGB", (50, 50), colour), data)
        assert "Nothing can be seen" in prepared.warning
    assert prepare(sheet(20, 20, 60, 90), MNIST).warning == ""


@given(
    st.integers(1, 60), st.integers(1, 60), st.sets(st.sampled_from(step_names("digits"))), st.integers(0, 2**32 - 1),
    st.sampled_from(["mnist", "fashion-mnist", "cifar10"]),
)  # fmt: skip
def test_any_picture_can_be_prepared(width, height, without, seed, name):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    data = entry(name)

    assert prepare(Image.fromarray(noise), data, without).pixels.shape == (data.channels, data.size, data.size)

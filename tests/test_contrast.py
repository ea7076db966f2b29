"""Colours of the pages: every pair of text and ground has the contrast that WCAG 2 asks for, in both themes."""

from __future__ import annotations

import re
import tomllib

import pytest
from page_fakes import ROOT

THEMES = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
STYLE = (ROOT / "pages" / "_parts" / "shell.css").read_text(encoding="utf-8")
TEXT, SHAPES = 4.5, 3.0  # WCAG 2.2: 1.4.3 for text of normal size, 1.4.11 for what shows a state


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(colour: str, ground: str, share: float) -> str:
    """`colour` over `ground` with an opacity of `share`."""
    pairs = [(int(colour[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * over + (1 - share) * under):02x}" for over, under in pairs)


def styled(selector: str, theme: str) -> str:
    """The first colour that shell.css gives to `selector` in a theme."""
    block = STYLE[STYLE.index(selector) :]
    pair = re.search(r"light-dark\((#\w{6}), (#\w{6})\)", block[: block.index("}")])
    return pair[1 + ("light", "dark").index(theme)]


def grounds(theme: str) -> list[str]:
    return [
        THEMES[theme]["backgroundColor"],
        THEMES[theme]["secondaryBackgroundColor"],
        THEMES[theme]["sidebar"]["backgroundColor"],
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_links_and_captions_can_be_read_on_every_ground(theme):
    colours = [THEMES[theme]["textColor"], THEMES[theme]["linkColor"], styled("stCaptionContainer", theme)]

    assert min(contrast(colour, ground) for colour in colours for ground in grounds(theme)) >= TEXT


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chosen_value_can_be_read_on_the_tint_that_streamlit_gives_it(theme):
    primary = THEMES[theme]["primaryColor"]

    assert min(contrast(primary, mixed(primary, ground, 0.1)) for ground in grounds(theme)) >= TEXT


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_primary_button_can_be_read_and_found(theme):
    primary = THEMES[theme]["primaryColor"]

    assert contrast(styled("stBaseButton-primary", theme), primary) >= TEXT
    assert min(contrast(primary, ground) for ground in grounds(theme)) >= SHAPES


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_primary_link_looks_like_a_primary_button_and_can_be_read_in_each_state(theme):
    link = '[class*="st-key-primary-link"] a'
    words = styled(f"{link} :is(", theme)

    assert styled(f"{link} {{", theme) == THEMES[theme]["primaryColor"].lower()
    assert all(contrast(words, styled(f"{link}{state}", theme)) >= TEXT for state in (" {", ":hover", "[disabled]"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_focus_can_be_seen(theme):
    assert min(contrast(styled("a:focus-visible", theme), ground) for ground in grounds(theme)) >= SHAPES


def test_contrast_is_computed_as_wcag_defines_it():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WCAG's own example of a near miss

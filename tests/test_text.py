"""Sizes, percentages, durations and counts as text: one convention."""

import pytest

from cnnlab import text


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (999.6, "1 kB"),
        (1_000, "1 kB"),
        (61_706 * 4, "246.8 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1 MB"),
        (999_950_000, "1 GB"),
        (16 * 10**9, "16 GB"),
        (80 * 2**30, "85.9 GB"),
        (1_234_567 * 10**6, "1,234.6 GB"),
    ],
)
def test_sizes_go_in_steps_of_a_thousand_and_never_reach_the_next_unit(count, words):
    assert text.size_text(count) == words


def test_percentages_have_a_space_and_one_decimal_or_none():
    assert [text.percent(share) for share in (0, 0.0963, 0.824, 1, None)] == ["0.0 %", "9.6 %", "82.4 %", "100.0 %", "–"]
    assert [text.percent(share, 0) for share in (0, 0.42, 1)] == ["0 %", "42 %", "100 %"]


@pytest.mark.parametrize(
    ("seconds", "sentence", "figures"),
    [
        (0, "0 seconds", "0:00"),
        (0.2, "1 second", "0:00"),
        (59.6, "60 seconds", "1:00"),
        (80, "80 seconds", "1:20"),
        (119.7, "2 minutes", "2:00"),
        (3_480, "58 minutes", "58:00"),
        (5_399, "90 minutes", "1:29:59"),
        (7_380, "2 hours", "2:03:00"),
        (129_600, "1.5 days", "36:00:00"),
        (10**8, "1,157 days", "27777:46:40"),
    ],
)
def test_durations_have_one_form_in_sentences_and_one_in_figures(seconds, sentence, figures):
    assert text.duration_text(seconds) == sentence
    assert text.duration(seconds) == figures


def test_counts_that_do_not_fit_are_rounded():
    assert [text.count_text(count) for count in (0, 61_706, 9_999_999, 128_807_306, 999_960_000, 7_550_000_000)] == [
        "0",
        "61,706",
        "9,999,999",
        "128.8 million",
        "1.00 billion",
        "7.55 billion",
    ]


def test_the_time_since_a_moment_is_in_the_largest_unit_that_fits():
    ages = (0, 59, 60, 7_199, 86_400 * 3)
    assert [text.ago(0, age) for age in ages] == ["just now", "just now", "1 minute ago", "1 hour ago", "3 days ago"]

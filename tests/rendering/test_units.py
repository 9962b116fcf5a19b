"""Sizes, times and numbers read the same everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from jupyter_mlops.rendering import plain, units
from jupyter_mlops.rendering.blocks import Bar, Bars, Code, Document, Mark, Table, Tone, prompted, say


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1200, "1.2 kB"), (82_400_000, "82 MB"), (999_999, "1.0 MB")],
)
def test_sizes(bytes_, text):
    assert units.size(bytes_) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds, text):
    assert units.duration(seconds) == text


def test_times_show_their_zone():
    moment = datetime(2026, 5, 1, 14, 3, tzinfo=UTC)
    assert units.moment(moment) == "2026-05-01 14:03 UTC"
    assert units.moment(moment.astimezone(timezone(timedelta(hours=4)))).endswith("UTC+04:00")


def test_versions_show_their_digest_once():
    assert units.label("v4", "7f3a9c") == "v4·7f3a"
    assert units.label("v4·7f3a", "7f3a9c") == "v4·7f3a"


def test_data_is_never_rounded():
    assert units.exact(1234.56789) == "1234.56789"
    assert units.exact(1234567) == "1234567"
    assert units.number(1234.56789) == "1,234.6"


def test_effects_stand_below_each_other():
    bars = tuple(Bar(name, value, 0.1, Mark("steady", Tone.GOOD)) for name, value in (("a", 0.6952), ("b", 0.0008094)))
    first, second = plain.document(Document("Drift", (Bars("Effect", bars),))).splitlines()[-2:]
    assert first.index("0.695") == second.index("0.001")


def test_a_face_names_its_own_way_to_type_a_line():
    page = Document("Runs", (say("Type", Code("%mlops run")), Table("x", ("a",), ((Code("%mlops log"),), ("%mlops",)))))
    said = plain.document(prompted(page, "jupyter mlops"))
    assert "jupyter mlops run" in said
    assert "jupyter mlops log" in said
    assert "%mlops\n" in said + "\n"

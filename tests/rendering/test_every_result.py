"""Every verb's result has a face, and no text in it can become markup or steer a terminal."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops import rendering
from jupyter_mlops.errors import UsageError
from jupyter_mlops.verbs import verbs

sys.path.insert(0, str(Path(__file__).parent))
from builders import result_of, results

HOSTILE = st.sampled_from(
    (
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onload='x",
        "</style><b>",
        "]]>&amp;",
        "\x1b[2J",
        "a|b\n\u202ec",
        "",
    )
)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


class Tags(HTMLParser):
    """Collects tags and attribute names, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


ALLOWED = {
    "html",
    "head",
    "body",
    "main",
    "meta",
    "title",
    "style",
    "div",
    "p",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "span",
    "strong",
    "code",
    "pre",
    "details",
    "summary",
    "section",
    "h1",
    "h3",
    "h4",
    "figure",
    "svg",
    "rect",
    "line",
    "text",
    "path",
    "g",
    "footer",
    "a",
    "img",
}


@pytest.mark.parametrize("name", sorted(verbs()))
def test_every_result_has_text_and_html(name):
    @settings(FEW, max_examples=8)
    @given(result_of(name, st.text(max_size=8)))
    def check(result):
        assert rendering.text(result).strip()
        assert "<div" in rendering.html(result)

    check()


@FEW
@given(results(HOSTILE))
def test_no_text_becomes_markup(result):
    parser = Tags()
    parser.feed(rendering.page(result)[1])
    assert not parser.open
    assert parser.tags <= ALLOWED
    assert not any(name.startswith("on") for name in parser.attributes)


@FEW
@given(results(HOSTILE))
def test_no_text_steers_a_terminal(result):
    assert all(character.isprintable() or character == "\n" for character in rendering.text(result))


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_error_becomes_markup(message, context, hint):
    error = UsageError("bad", message, context=context, hint=hint)
    parser = Tags()
    parser.feed(rendering.error_html(error))
    assert parser.tags <= ALLOWED
    assert len(rendering.error_text(UsageError("bad", "m", context="c", hint="h")).splitlines()) == 3

"""References, the scrubber, and what is taken for a secret."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.errors import EnvironmentFault, UsageError
from jupyter_mlops.trust.detecting import blacked_out, looks_secret, require_no_secret
from jupyter_mlops.trust.secrets import MASK, Reference, Scrubber, references, require_present

VALUE = "s3cr+t/Wert&\"ä'"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("secret://env/API_TOKEN", ("API_TOKEN",)),
        ("secret://keyring/my%20shop/sara", ("my shop", "sara")),
        ("secret://file/keys/token", ("keys/token",)),
        ("secret://file//run/secrets/token", ("/run/secrets/token",)),
    ],
)
def test_references_name_a_place(text, place):
    assert Reference.parse(text).place == place


@pytest.mark.parametrize(
    "text",
    [
        "secret://",
        "secret://env/",
        "secret://env/A-B",
        "secret://env/A;rm",
        "secret://keyring/only",
        "secret://vault/x",
        "secret://file/",
    ],
)
def test_what_names_no_place_is_refused_with_the_ways_to_write_one(text):
    with pytest.raises(UsageError) as raised:
        references({"token": text})
    assert "secret://keyring/SERVICE/USER" in raised.value.hint


def test_a_secret_in_a_list_is_refused():
    with pytest.raises(UsageError, match="parameter of its own"):
        references({"tokens": ["secret://env/A"]})


def test_a_missing_secret_is_named_with_the_remedy(tmp_path):
    (tmp_path / "empty").write_text("")
    for text, remedy in (
        ("secret://env/NOPE", "export NOPE=…"),
        ("secret://file/nope", "out of git"),
        ("secret://file/empty", "out of git"),
    ):
        with pytest.raises(EnvironmentFault) as raised:
            require_present({"token": text}, tmp_path, {})
        assert (raised.value.reference, remedy in raised.value.hint) == ("secret-missing", True)
    (tmp_path / "token").write_text("value")
    require_present({"token": "secret://file/token", "C": 1, "b": "secret://env/B"}, tmp_path, {"B": "1"})


def test_a_keyring_that_is_not_installed_is_said(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(EnvironmentFault, match="keyring is not installed"):
        require_present({"token": "secret://keyring/a/b"}, tmp_path, {})


@pytest.mark.parametrize(
    "form",
    [
        str,
        quote,
        quote_plus,
        lambda value: quote(value, safe=""),
        html.escape,
        lambda value: json.dumps({"a": value}),
        lambda value: repr([value]),
        lambda value: value.encode().hex(),
    ],
)
def test_a_value_is_found_in_each_form(form):
    text = f"before {form(VALUE)} after"
    clean = Scrubber([VALUE]).text(text)
    assert MASK in clean
    assert clean.startswith("before ")
    assert clean.endswith(" after")


@given(st.binary(max_size=7), st.text(alphabet="abcXYZ019+/-_ä", min_size=9, max_size=30), st.binary(max_size=7))
def test_base64_is_found_wherever_it_begins(before, value, after):
    data = before + value.encode() + after
    scrubber = Scrubber([value])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert scrubber.holds(encode(data).decode())
        assert value not in scrubber.text(encode(data).decode())


@given(
    st.recursive(
        st.text(alphabet="abcdef", max_size=9),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="abcdef", max_size=6), inner),
    )
)
def test_no_document_keeps_a_value(document):
    assert "abcd" not in json.dumps(Scrubber(["abcd"]).document(document))


def test_lines_of_a_document_that_nbformat_split_are_read_as_one():
    document = {"text": ["begin sec\n", "ret-two-lines end\n"]}
    assert "ret-two" not in "".join(Scrubber(["sec\nret-two-lines"]).document(document)["text"])


def test_each_line_of_a_long_key_is_a_secret_too():
    scrubber = Scrubber(["-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nshort\n-----END KEY-----"])
    assert scrubber.text("x MIIEvQIBADANBgkqhkiG9w0BAQEFAASC y") == f"x {MASK} y"


def test_a_short_value_is_refused():
    with pytest.raises(UsageError) as raised:
        Scrubber(["abc"])
    assert raised.value.reference == "secret-too-short"


def test_a_value_across_two_chunks_of_a_file_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_mlops.trust.secrets.CHUNK_BYTES", 8)
    (tmp_path / "out.bin").write_bytes(b"\xff" * 13 + VALUE.encode() + b"\xfe" * 9)
    assert Scrubber([VALUE]).stands_in(tmp_path / "out.bin")
    assert not Scrubber(["another one"]).stands_in(tmp_path / "out.bin")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", "abc123def456"),
        ("api_key", "9f8e7d6c5b4a3210"),
        ("OPENAI_KEY", "sk-proj1234567890abcdefghij"),
        ("anything", "ghp_" + "a1B2" * 9),
        ("region", "AKIAIOSFODNN7EXAMPLE"),
        ("password", "hunter2!"),
        ("db_passwd", "letmein"),
        ("url", "postgres://sara:geheim@db/x"),
        ("key", "-----BEGIN RSA PRIVATE KEY-----"),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN"),
    ],
)
def test_what_looks_like_a_secret_is_refused_without_repeating_it(name, value):
    with pytest.raises(UsageError) as raised:
        require_no_secret({name: value})
    assert raised.value.reference == "secret-in-the-open"
    assert value not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", "secret://env/TOKEN"),
        ("tokenizer", "bert-base-uncased-v2"),
        ("pad_token", "[PAD]"),
        ("eos_token", "</s>"),
        ("max_tokens", 128),
        ("key", "customer_id"),
        ("join_key", "customer_id_2024"),
        ("password", ""),
        ("password", "<your password>"),
        ("secret_santa", "no digits here"),
        ("path", "/data/2024/passengers.csv"),
        ("model", "gpt-4o-mini-2024-07-18"),
        ("digest", "9f8e7d6c5b4a32109f8e7d6c5b4a3210"),
        ("url", "https://example.org/a?b=1"),
    ],
)
def test_ordinary_settings_are_none(name, value):
    assert not looks_secret(name, value)


def test_lines_that_are_public_already_stay():
    text = "password = 'open sesame'\npassword = 'new one'\n"
    assert blacked_out(text, {"password = 'open sesame'"}) == ("password = 'open sesame'\npassword = '…'\n", 1)


def test_code_that_only_names_a_secret_stays():
    code = "token = tokens[12]\napi_key = os.environ['API_KEY_2']\nsecret_key=load_key_2()\n"
    assert blacked_out(code, is_code=True) == (code, 0)


def test_a_private_key_is_blacked_out_as_a_whole():
    text = "a = 1\n-----BEGIN PRIVATE KEY-----\nMIIE\nvQIB\n-----END PRIVATE KEY-----\nb = 2\n"
    assert blacked_out(text) == ("a = 1\n…\n…\n…\n…\nb = 2\n", 1)

"""What of an address may be written down."""

from __future__ import annotations

import pytest

from jupyter_mlops.trust.addresses import redacted, redacted_all, without_secrets


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://ana:word@host.org/a?token=x&b=1#part", "https://host.org/a?b=1"),
        ("https://word@host.org/r.git::data@v1", "https://host.org/r.git::data@v1"),
        ("https://b.s3.amazonaws.com/k?X-Amz-Signature=1&X-Amz-Credential=2&versionId=9", "https://b.s3.amazonaws.com/k?versionId=9"),
        ("https://a.blob.core.windows.net/c/b?sv=2&se=3&sp=r&sig=abc", "https://a.blob.core.windows.net/c/b?sv=2"),
        ("s3://KEY:word@bucket/k.csv", "s3://bucket/k.csv"),
        ("delta+s3://KEY:word@bucket/t", "delta+s3://bucket/t"),
        ("abfss://container:word@account.dfs/x", "abfss://container@account.dfs/x"),
        ("ssh://me:word@host/p", "ssh://me@host/p"),
        ("postgresql://me:word@host:5432/db?sslmode=require&password=q", "postgresql://me@host:5432/db?sslmode=require"),
        ("sqlite:///x.db", "sqlite:///x.db"),
        ("sqlite:////abs/x.db", "sqlite:////abs/x.db"),
        ("https://host/x?b=a%20b", "https://host/x?b=a%20b"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("/path/to::data@v3", "/path/to::data@v3"),
        ("git@github.com:o/r.git::data", "git@github.com:o/r.git::data"),
    ],
)  # fmt: skip
def test_an_address_says_where_and_what_and_no_more(given, kept):
    assert without_secrets(given) == kept
    assert "word" not in redacted(f"could not open '{given}': no")


def test_texts_are_redacted_wherever_they_lie():
    address = "https://ana:word@host/x"
    assert redacted_all({"url": address, "many": (address,), "deep": [{"n": 3, "a": address}]}) == {
        "url": "https://host/x",
        "many": ("https://host/x",),
        "deep": [{"n": 3, "a": "https://host/x"}],
    }
    assert redacted("AccountKey=abc;EndpointSuffix=x") == "AccountKey=…;EndpointSuffix=x"

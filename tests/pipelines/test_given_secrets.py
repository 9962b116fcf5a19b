"""A secret is refused as a parameter; what only sounds like one is not."""

from __future__ import annotations

import pytest
from chains import write_notebook

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError
from jupyter_mlops.trust.detecting import is_secret


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "hunter2"),
        ("db_password", "x"),
        ("dbPassword", "x"),
        ("API_KEY", "abcdefgh"),
        ("apiKey", "0123456789"),
        ("token", "0123456789abcdef"),
        ("AWS_SECRET_ACCESS_KEY", "wJalr"),
        ("anything", "AKIAABCDEFGHIJKLMNOP"),
        ("anything", "ghp_" + "a" * 36),
        ("url", "postgresql://sara:hunter2@db/credit"),
        ("names", ["x", "-----BEGIN RSA PRIVATE KEY-----"]),
        ("x", "eyJhbGciOiJI.eyJzdWIiOiIx.abc"),
    ],
)
def test_secrets(name, value):
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "secret://env/PASSWORD"),
        ("password", ""),
        ("pad_token", "[PAD]"),
        ("eos_token", "<eos>"),
        ("tokenizer", "bert-base-uncased"),
        ("max_tokens", 512),
        ("token_count", "four hundred"),
        ("key", "user_id"),
        ("secretary", "Sara Ahmed"),
        ("url", "https://example.org/a:b"),
        ("monkey", "a long text"),
    ],
)
def test_no_secrets(name, value):
    assert not is_secret(name, value)


@pytest.mark.parametrize("verb", ["stage", "run", "notebook"])
def test_a_secret_is_refused_before_it_is_written_anywhere(chain, verb):
    write_notebook(chain / "job.ipynb", "password = ''")
    calls = {
        "stage": lambda: mlops.stage.add("job", "job.ipynb", parameters={"password": "hunter2"}, project=chain),
        "run": lambda: mlops.run(["train"], parameters={"name": "ghp_" + "a" * 36}, project=chain),
        "notebook": lambda: mlops.run(["job.ipynb"], parameters={"password": "hunter2"}, project=chain),
    }

    with pytest.raises(UsageError) as raised:
        calls[verb]()

    assert raised.value.reference == "secret-in-the-open"
    assert "secret://env/" in raised.value.hint
    assert "hunter2" not in str(raised.value)
    written = [path.read_bytes() for path in chain.rglob("*.yaml")]
    assert not any(b"hunter2" in data or b"ghp_" in data for data in written)


def test_a_reference_to_a_secret_is_kept(chain):
    write_notebook(chain / "job.ipynb", "password = ''")

    mlops.stage.add("job", "job.ipynb", parameters={"password": "secret://env/DB"}, project=chain)

    assert "secret://env/DB" in (chain / "params.yaml").read_text()

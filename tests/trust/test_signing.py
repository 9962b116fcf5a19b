"""SSH signatures, made and checked by the real ssh-keygen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from jupyter_mlops.errors import UsageError
from jupyter_mlops.trust.signing import check, sign


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def test_a_signature_is_of_these_bytes_only(key):
    signature = sign(b"said", str(key))

    assert check(b"said", signature).state == "valid"
    assert check(b"said", signature).fingerprint.startswith("SHA256:")
    assert check(b"other", signature).state == "invalid"
    assert check(b"said", "no signature").state == "invalid"


def test_a_key_of_the_list_is_trusted_and_another_is_not(key, tmp_path):
    signers = tmp_path / "allowed"
    signers.write_text(f"sara@example.org {key.with_suffix('.pub').read_text()}")
    found = check(b"said", sign(b"said", str(key)), signers)
    assert (found.state, found.signer) == ("trusted", "sara@example.org")

    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    assert check(b"said", sign(b"said", str(other)), signers).state == "valid"


def test_without_a_key_it_is_said_how_to_get_one(tmp_path):
    for given in ("", "ABCD1234", str(tmp_path / "nowhere")):
        with pytest.raises(UsageError) as caught:
            sign(b"said", given)
        assert caught.value.reference == "no-signing-key"
        assert "user.signingkey" in caught.value.hint

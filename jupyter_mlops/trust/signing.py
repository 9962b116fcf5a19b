"""Signatures by SSH keys, as git makes them: an adapter to ``ssh-keygen -Y``."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs

from jupyter_mlops.errors import EnvironmentFault, UsageError

NAMESPACE = "jupyter-mlops"
LITERAL = re.compile(r"(?:key::)?((?:ssh-|ecdsa-|sk-)\S+ \S+.*)")
FINGERPRINT = re.compile(r"SHA256:[\w+/=]+")
HINT = "git config gpg.format ssh; git config user.signingkey ~/.ssh/id_ed25519.pub"


@attrs.frozen
class Checked:
    """What a signature proves.

    Attributes
    ----------
    state
        ``trusted``: by a key of the list of allowed signers; ``valid``: by the key with this fingerprint, of which the
        list does not tell whose it is; ``invalid``: it is not of these bytes.
    signer
        Whom the list names for the key; empty unless trusted.
    fingerprint
        Of the key; empty when invalid.
    """

    state: str
    signer: str = ""
    fingerprint: str = ""


def sign(data: bytes, key: str) -> str:
    """The signature of `data`, armoured.

    Parameters
    ----------
    key
        As ``user.signingkey`` of git: the path of a key, or a public key whose private half the agent has.

    Raises
    ------
    UsageError
        ``no-signing-key``.
    EnvironmentFault
        ``signing-failed``.
    """
    require_key(key)
    with tempfile.TemporaryDirectory(prefix="mlops-sign-") as folder:
        file = Path(folder, "statement")
        file.write_bytes(data)
        done = _run(["-Y", "sign", "-n", NAMESPACE, "-f", str(_key_file(key, Path(folder))), str(file)])
        signature = file.with_name("statement.sig")
        if done.returncode or not signature.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise EnvironmentFault(
                "signing-failed", "The verdict could not be signed.", context=said[-1] if said else "", hint=HINT
            )
        return signature.read_text()


def require_key(key: str) -> None:
    """Check that there is something to sign with.

    Raises
    ------
    UsageError
        ``no-signing-key``.
    """
    if not key:
        raise UsageError("no-signing-key", "git has no SSH key to sign with.", hint=HINT)
    if not LITERAL.fullmatch(key) and not Path(key).expanduser().is_file():
        raise UsageError("no-signing-key", "The signing key of git is no SSH key that is here.", context=key, hint=HINT)


def check(data: bytes, signature: str, allowed: Path | None = None) -> Checked:
    """What `signature` proves of `data`.

    Parameters
    ----------
    allowed
        The list of allowed signers, ``gpg.ssh.allowedSignersFile`` of git.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-sign-") as folder:
        file = Path(folder, "statement.sig")
        file.write_text(signature)
        done = _run(["-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(file)], data)
        found = FINGERPRINT.search(done.stdout.decode(errors="replace"))
        if done.returncode or found is None:
            return Checked("invalid")
        for name in _principals(file, allowed) if allowed else ():
            words = ["-Y", "verify", "-n", NAMESPACE, "-f", str(allowed), "-I", name, "-s", str(file)]
            if _run(words, data).returncode == 0:
                return Checked("trusted", name, found[0])
        return Checked("valid", "", found[0])


def _principals(signature: Path, allowed: Path) -> Sequence[str]:
    """Whom the list names for the key of the signature."""
    done = _run(["-Y", "find-principals", "-f", str(allowed), "-s", str(signature)])
    return done.stdout.decode(errors="replace").splitlines() if done.returncode == 0 else ()


def _key_file(key: str, folder: Path) -> Path:
    """The file that ``ssh-keygen`` reads; a key given as text is written to one."""
    if literal := LITERAL.fullmatch(key):
        file = folder / "key.pub"
        file.write_text(literal[1] + "\n")
        return file
    return Path(key).expanduser()


def _run(words: Sequence[str], data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ``ssh-keygen``, which can ask nobody: a key with a passphrase needs the agent."""
    command = ["ssh-keygen", *words]
    try:
        return subprocess.run(command, input=data, capture_output=True, check=False, start_new_session=True)
    except FileNotFoundError as error:
        raise EnvironmentFault(
            "ssh-keygen-missing", "ssh-keygen is not installed.", hint="Install OpenSSH 8.1 or newer."
        ) from error

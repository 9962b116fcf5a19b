"""The process in which an unknown model file is read for the first time.

Whatever the file does there (crash, fill the memory, never end), the server lives on. Importing
the libraries takes longer than reading most models: so this process imports them once, reads each
model in a child of its own, and is ready for the next.
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import IO

import msgspec

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.registry.formats import load_libraries, make_ready
from jupyter_mlops.serving.control import ErrorDocument
from jupyter_mlops.serving.spec import Target

READY = b"{}"


def main() -> None:
    """``python -m jupyter_mlops.serving.preparation``: a target a line on stdin, ``{}`` or an error document each."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    orders = os.fdopen(0, "rb", buffering=0)
    while line := orders.readline():
        target = msgspec.json.decode(line, type=Target)
        load_libraries(target.suffix)
        replies.write(_apart(target, orders) + b"\n")


def _apart(target: Target, orders: IO[bytes]) -> bytes:
    """Make `target` ready in a child; it ends with whoever gives the orders."""
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(told, _said(target))
        finally:
            os._exit(0)
    os.close(told)
    with os.fdopen(heard, "rb") as pipe:
        if orders in select.select([orders, pipe], [], [])[0]:
            os.kill(child, signal.SIGKILL)
        said = pipe.read()
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return said or _document("model-unloadable", f"The process that read it ended with {ended}.")


def _said(target: Target) -> bytes:
    try:
        make_ready(Path(target.source), target.suffix, Path(target.ready), target.trust)
    except MlopsError as error:
        return msgspec.json.encode({**error.as_json(), "exit_code": error.exit_code})
    return READY


def _document(reference: str, reason: str) -> bytes:
    words = {"reference": reference, "message": "The file cannot be loaded as a model.", "context": reason, "hint": ""}
    return msgspec.json.encode(ErrorDocument(words))


if __name__ == "__main__":
    main()

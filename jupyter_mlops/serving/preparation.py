"""A process of its own in which an unknown model file is read for the first time.

Whatever the file does there (crash, fill the memory, never end), the server lives on.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.registry.formats import make_ready
from jupyter_mlops.serving.spec import Target


def main() -> int:
    """``python -m jupyter_mlops.serving.preparation TARGET``; an error document on stdout when it fails."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    target = msgspec.json.decode(sys.argv[1], type=Target)
    try:
        make_ready(Path(target.source), target.suffix, Path(target.ready), target.trust)
    except MlopsError as error:
        replies.write(msgspec.json.encode({**error.as_json(), "exit_code": error.exit_code}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

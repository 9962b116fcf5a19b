"""``python -m jupyter_mlops VERB …``, for kernels whose scripts are not on the path."""

from __future__ import annotations

import sys

from jupyter_mlops.cli import main

if __name__ == "__main__":
    sys.exit(main())

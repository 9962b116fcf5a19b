"""What loading us costs: the import and the magic over bare IPython, and the server's start over one without us.

Prints medians and their difference in milliseconds; every figure is a fresh process.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 11
BARE = "from IPython.core.interactiveshell import InteractiveShell; s = InteractiveShell.instance()"
LOADED = f"{BARE}; import jupyter_mlops; s.run_line_magic('load_ext', 'jupyter_mlops')"
SERVER = """
import logging, sys
from jupyter_server.serverapp import ServerApp
app = ServerApp(open_browser=False, port=0, log_level=logging.ERROR, allow_root=True, jpserver_extensions={extensions})
app.initialize(argv=[], find_extensions=False)
"""


def process_s(code: str) -> float:
    """Wall seconds of one fresh Python process that runs `code`."""
    began_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.perf_counter() - began_s


def paired_ms(without: str, with_us: str) -> tuple[float, float, float]:
    """Medians without us, with us, and of the difference pair by pair, in milliseconds."""
    pairs = [(process_s(without), process_s(with_us)) for _ in range(RUNS)]
    differences = [loaded - bare for bare, loaded in pairs]
    return tuple(1000 * statistics.median(row) for row in (*zip(*pairs, strict=True), differences))


def main() -> None:
    """Measure and print."""
    server = SERVER.format(extensions="{}"), SERVER.format(extensions="{'jupyter_mlops': True}")
    for name, pair, bound_ms in (("import and magic", (BARE, LOADED), 100), ("server start", server, 50)):
        bare, loaded, more = paired_ms(*pair)
        print(f"{name}: bare {bare:.0f} ms, with us {loaded:.0f} ms, ours {more:.0f} ms (bound {bound_ms} ms)")


if __name__ == "__main__":
    main()

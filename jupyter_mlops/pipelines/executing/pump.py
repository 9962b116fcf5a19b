"""What kernels print beside their notebooks, on its way to the log: secrets are taken out first."""

from __future__ import annotations

import contextlib
import os
import threading

from jupyter_mlops.trust.secrets import Scrubber

CHUNK_BYTES = 1 << 16


class Pump:
    """Carries what is written to `inlet` to a file, a line at a time.

    Parameters
    ----------
    target
        The descriptor of the file.
    scrubber
        What it knows when a line passes is taken out of it.
    """

    def __init__(self, target: int, scrubber: Scrubber) -> None:
        self._outlet, self.inlet = os.pipe()
        os.set_inheritable(self._outlet, False)
        self._target = target
        self._scrubber = scrubber
        self._thread = threading.Thread(target=self._carry, name="pump", daemon=True)
        self._thread.start()

    def close(self, patience_s: float = 1.0) -> None:
        """Carry what is still on its way; what a process left behind writes later is lost."""
        os.close(self.inlet)
        self._thread.join(patience_s)

    def _carry(self) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while data := os.read(self._outlet, CHUNK_BYTES):
                head, mark, rest = (rest + data).rpartition(b"\n")
                if len(rest) > CHUNK_BYTES:
                    head, mark, rest = rest, b"", b""
                self._write(head + mark)
            self._write(rest)

    def _write(self, data: bytes) -> None:
        if data:
            os.write(self._target, self._scrubber.document(data))

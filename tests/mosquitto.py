"""A mosquitto of its own for a test: on loopback, on a free port, gone afterwards."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

CONFIGURATION = """
listener {port} 127.0.0.1
allow_anonymous {anonymous}
set_tcp_nodelay true
persistence {persistence}
persistence_location {directory}/
user root
log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
"""


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Mosquitto:
    """Starts, stops, freezes and kills a broker; the port stays the same.

    Args:
        directory: for its files.
        persistent: keep retained messages and sessions over an orderly stop.
        anonymous: take clients without a name and password.
        more: further lines of its configuration.
    """

    def __init__(self, directory: Path, *, persistent: bool = False, anonymous: bool = True, more: str = "") -> None:
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._file = directory / "mosquitto.conf"
        self._file.write_text(
            CONFIGURATION.format(
                port=self.port,
                directory=directory,
                persistence=str(persistent).lower(),
                anonymous=str(anonymous).lower(),
            )
            + more
        )

    def start(self) -> None:
        """Returns when it takes connections."""
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if program is None:
            raise FileNotFoundError("mosquitto is not installed: apt-get install mosquitto")
        self._process = subprocess.Popen([program, "-c", str(self._file)], stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if line.rstrip().endswith("running"):
                # a broker whose log nobody reads stops when the pipe is full
                self._reader = threading.Thread(target=self._process.stderr.read, daemon=True)
                self._reader.start()
                return
        raise RuntimeError("mosquitto did not start")

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it: `SIGTERM` in order, `SIGKILL` as a power cut does."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            while process.poll() is None:
                process.send_signal(how)
                with suppress(subprocess.TimeoutExpired):  # it forgets a signal that comes while it starts
                    process.wait(0.5)
            if self._reader is not None:
                self._reader.join()
            assert process.stderr is not None
            process.stderr.close()

    def freeze(self) -> None:
        """Take packets, answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

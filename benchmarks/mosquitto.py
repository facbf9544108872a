"""A mosquitto of its own for a measurement: the shipped configuration, on loopback and a free port."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "firmware_config" / "mosquitto" / "mosquitto.conf"
PATIENCE_S = 10.0


@contextmanager
def mosquitto(directory: Path) -> Generator[int]:
    """Its port; it takes connections when this begins.

    Raises:
        FileNotFoundError: it is not installed.
        TimeoutError: it does not start.
    """
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        raise FileNotFoundError("mosquitto is not installed: apt-get install mosquitto")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    text = SHIPPED.read_text(encoding="utf-8").replace("listener 1883", f"listener {port}")
    text = text.replace("/var/lib/mosquitto/", f"{directory}/").replace("log_dest syslog", "log_dest none")
    file = directory / "mosquitto.conf"
    file.write_text(f"{text}\nuser root\n", encoding="utf-8")
    process = subprocess.Popen([program, "-c", str(file)], stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    until_s = time.perf_counter() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.perf_counter() > until_s:
                raise TimeoutError("mosquitto does not start") from None
            time.sleep(0.02)
        else:
            return

"""The socket under a connection: sends at once, may be encrypted, and says in words why there is none."""

from __future__ import annotations

import socket
import ssl
from typing import Any


def without_delay(_client: Any, _data: Any, wire: Any) -> None:
    """Send small packets at once; paho's callback for a socket that was opened."""
    # paho leaves Nagle's algorithm on: an answer to an answer would wait 40 ms for the other side's ACK
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def decrypted(wire: socket.socket) -> bool:
    """Whether bytes lie ready in TLS's own buffer, of which a selector knows nothing."""
    return isinstance(wire, ssl.SSLSocket) and wire.pending() > 0


def words(error: OSError) -> str:
    """Why no connection came about, for the log."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no encryption with the broker: {str(error.reason).lower().replace('_', ' ')}"
    return (error.strerror or str(error) or type(error).__name__).lower()

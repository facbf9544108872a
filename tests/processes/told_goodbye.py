"""``gatehouse``, which says when it begins to take leave of the broker."""

from __future__ import annotations

from edge.cli import main
from edge.runtime.link import MqttLink

GOODBYE = "the link begins to close"

_close = MqttLink.close


def _told(self: MqttLink) -> None:
    print(GOODBYE, flush=True)
    _close(self)


if __name__ == "__main__":
    MqttLink.close = _told
    main()

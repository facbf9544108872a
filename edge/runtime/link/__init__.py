"""The connection to the broker (paho-mqtt, MQTT 5 or else 3.1.1, QoS 1): a wire, not a queue.

What it promises, and what it does not:

- `LinkUp`, then messages, then `LinkSynced` when all retained ones have arrived, then messages, then
  `LinkDown`; and so on. It finds back by itself.
- What is published while it is down is dropped. What was under way when it fell may have arrived or
  not. Whoever needs to know keeps an outbox and sends again after `LinkUp`; receivers deduplicate.
- Each connection has a client object of its own. paho would send again by itself what the last
  connection did not get acknowledged, and an old retained state would then overwrite a newer one.
- `Delivered` counts acknowledgements of the broker, which free a window and prove nothing: no broker
  measured keeps through a power cut what it has acknowledged.

``mqtt`` keeps a connection, ``connection`` is one, ``wire`` is the socket under it, ``version`` is what the two
versions of MQTT differ in, ``waiting`` what it still has to send, ``terms`` says who we are and how a connection ends,
``patience`` when to try again.
"""

from edge.runtime.link.connection import MESSAGE_LIMIT
from edge.runtime.link.mqtt import MqttLink
from edge.runtime.link.waiting import WAITING_LIMIT

__all__ = ["MESSAGE_LIMIT", "WAITING_LIMIT", "MqttLink"]

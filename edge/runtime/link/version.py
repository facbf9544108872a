"""The two versions of MQTT that the link speaks, and all that differs between them.

Version 5 says of a message whether it was published to be retained, also to who was subscribed already.
3.1.1 says so only of what is sent because of a subscription; it is for brokers that know no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

NEVER_S = 0xFFFF_FFFF
"""A session expiry that means never, as 3.1.1 does: the broker's own limit holds."""

UNSUPPORTED_VERSION = 0x84
"""Reason of a CONNACK; paho gives it for 3.1.1's return code 1 as well."""

SESSION_TAKEN_OVER = 0x8E
"""Reason of a DISCONNECT: another client has connected with our name."""

KEEP_ALIVE_TIMEOUT = 0x8D
"""Reason of an end that paho gives when the broker did not answer in time."""


@dataclass(frozen=True, slots=True)
class Version:
    """How to say the same in one version.

    Attributes:
        protocol: its number.
        client: paho's arguments for a session that outlives the connection, when a client is made,
        connect: and when it connects.
        plain: options of a subscription.
        as_published: options of a subscription whose messages are to say how they were published,
            where the version can.
    """

    protocol: MQTTProtocolVersion
    client: Mapping[str, Any]
    connect: Mapping[str, Any]
    plain: Any
    as_published: Any


def _lasting() -> Any:
    properties: Any = Properties(PacketTypes.CONNECT)  # paho types none of them
    properties.SessionExpiryInterval = NEVER_S
    return properties


V5 = Version(
    MQTTProtocolVersion.MQTTv5,
    client={},
    connect={"clean_start": False, "properties": _lasting()},
    plain=SubscribeOptions(qos=1),
    as_published=SubscribeOptions(qos=1, retainAsPublished=True),
)

V311 = Version(
    MQTTProtocolVersion.MQTTv311,
    client={"clean_session": False},
    connect={},
    plain=1,
    as_published=1,
)

"""Who may say and hear what at the broker: accounts and mosquitto's access list, made from the table of topics.

A device says only what stands under its own name, hears its peers, and of what is meant for one device only what
is meant for it. So whoever takes a gate's account opens no other lane.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from edge.site.contract import TOPICS, Party, Topic

SITE, SERVER, LIBRARY, CONSOLE, READER = "site", "server", "library", "console", "reader-"
TAKEN: Final = frozenset({SITE, SERVER, LIBRARY, CONSOLE})
"""Accounts that no device may be named after; nor may its name begin with `READER`."""

Verb = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Account:
    """One login at the broker.

    Attributes:
        parties: what it is in the table of topics.
        device: the device under whose name it speaks; None: it speaks for none.
        silent: rows of the table that it hears at most.
    """

    name: str
    parties: frozenset[Party]
    device: str | None = None
    silent: frozenset[str] = frozenset()


def accounts(gates: Iterable[str], network_readers: Collection[str], *, recorder_acks: bool) -> list[Account]:
    """Everybody who has business at the broker of one site.

    Args:
        gates: their names.
        network_readers: those with a reader on the network, which has an account of its own.
        recorder_acks: the site's process acknowledges events, and no booking server does.
    """
    either = frozenset({"acks"})
    return [
        *(Account(name, frozenset({"gate", "device"}), name) for name in gates),
        *(Account(READER + name, frozenset({"network reader"}), name) for name in network_readers),
        Account(SITE, frozenset({"keeper", "recorder", "device"}), SITE, frozenset() if recorder_acks else either),
        Account(SERVER, frozenset({"booking server"}), silent=either if recorder_acks else frozenset()),
        Account(LIBRARY, frozenset({"library system"})),
        Account(CONSOLE, frozenset({"console"})),
    ]


def rules(account: Account, site: str) -> Iterator[tuple[Verb, str]]:
    """What an account may do, each with a topic or filter."""
    for row in TOPICS.values():
        if row.name not in account.silent:
            yield from _rules(account, site, "write", row, row.publishers)
        yield from _rules(account, site, "read", row, row.subscribers)


def _rules(
    account: Account, site: str, verb: Verb, row: Topic, parties: Collection[Party]
) -> Iterator[tuple[Verb, str]]:
    scopes = {_scope(party, verb, row, account.device) for party in account.parties.intersection(parties)}
    if scopes:
        device = None if None in scopes else next(iter(scopes))
        yield verb, row.filter(site) if device is None else row.filter(site, device=device)


def _scope(party: Party, verb: Verb, row: Topic, device: str | None) -> str | None:
    """The device of whose topics of this row it is; None for all."""
    if "device" not in row.parameters or party not in ("gate", "device", "network reader"):
        return None
    told_to_peers = row.from_device and "gate" in row.subscribers
    return None if verb == "read" and told_to_peers else device


def access_list(site: str, accounts: Iterable[Account]) -> str:
    """The file for mosquitto's ``acl_file``. What it does not name is refused."""
    lines = [f"# Access list of the site {site}, made by gatehouse provision: make it anew rather than change it."]
    for account in accounts:
        lines += ["", f"user {account.name}", *(f"topic {verb} {topic}" for verb, topic in rules(account, site))]
    return "\n".join(lines) + "\n"

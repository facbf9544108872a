"""The law of one lane: every state, every trigger, what follows.

A tap goes IDLE → CHECKING → RECORDING → OPEN → back to rest; the guard's button leads to LET_THROUGH
and back to rest. MANUAL, HELD, LOCKDOWN and RELEASED are, as IDLE is, where the lane rests while a *mode*
holds (contract: the strongest of fire, released, lockdown, held, manual, normal): the mode decides which,
and the target `REST` stands for that state.

- Nothing is unlocked before the admission is on disk: only RECORDING × COMMITTED opens for a reader.
- Release acts at once, from every state: RELEASE_PRESSED and the mode `released` never wait for a disk.
- A lockdown keeps outside whoever has not walked in yet, also where the lane is open for them already: their
  place is given back. The button is pressed by somebody who stands there and sees who walks, and it works in
  all modes: a lockdown waits until that passage is over, as does every weaker mode for any passage.
- Exits are not in this table. Nobody who wants out is ever asked anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from edge.site.contract import Mode


class State(StrEnum):
    """What the lane is doing."""

    IDLE = "idle"
    CHECKING = "checking"
    RECORDING = "recording"
    OPEN = "open"  # for whoever was admitted
    LET_THROUGH = "let_through"  # for whoever stands there, by the guard's button
    MANUAL = "manual"
    HELD = "held"
    LOCKDOWN = "lockdown"
    RELEASED = "released"


class Trigger(StrEnum):
    """What can happen to the lane, as its controller sees it."""

    TAP_ACCEPTED = "tap accepted"  # all that can be known without measuring speaks for the reader
    PASSED_CHECKS = "passed checks"  # temperature and places too
    REFUSED = "refused"
    GRANTED_BY_HAND = "granted by hand"  # a guard's `admit` or `open_once`
    COMMITTED = "committed"
    COMMIT_FAILED = "commit failed"
    RELEASE_PRESSED = "release pressed"
    ENTERED = "entered"  # the entry beam was broken
    LAST_ENTERED = "last entered"  # ... by the last person the lane was opened for
    LEASE_OVER = "lease over"
    MODE_NORMAL = "mode normal"
    MODE_MANUAL = "mode manual"
    MODE_HELD = "mode held"
    MODE_LOCKDOWN = "mode lockdown"
    MODE_RELEASED = "mode released"


class Action(StrEnum):
    """What the controller does on the way; its methods bear these names."""

    BEGIN_CHECKS = "begin checks"
    END_CHECKS = "end checks"
    REFER_TO_GUARD = "refer to guard"
    RECORD = "record"
    WITHDRAW = "withdraw"  # give the recorded place back
    UNLOCK = "unlock"
    LOCK = "lock"
    COUNT_ENTRY = "count entry"
    COUNT_INTRUSION = "count intrusion"  # tailgating or forced entry


REST: Final = "rest"
"""A target: the state in which the lane rests while its present mode holds."""


class Row(NamedTuple):
    """Where to go and what to do on the way, in order."""

    to: State | str
    actions: tuple[Action, ...] = ()


IGNORE: Final = None
"""Nothing happens; written out, so that no cell of the table is empty by accident."""

A, S, T = Action, State, Trigger

_SHUT: Mapping[Trigger, Row | None] = {
    T.TAP_ACCEPTED: IGNORE,
    T.PASSED_CHECKS: IGNORE,
    T.REFUSED: IGNORE,
    T.GRANTED_BY_HAND: IGNORE,
    T.COMMITTED: IGNORE,
    T.COMMIT_FAILED: IGNORE,
    T.RELEASE_PRESSED: Row(S.LET_THROUGH, (A.UNLOCK,)),
    T.ENTERED: Row(REST, (A.COUNT_INTRUSION,)),
    T.LAST_ENTERED: Row(REST, (A.COUNT_INTRUSION,)),
    T.LEASE_OVER: IGNORE,
    T.MODE_NORMAL: Row(S.IDLE),
    T.MODE_MANUAL: Row(S.MANUAL),
    T.MODE_HELD: Row(S.HELD),
    T.MODE_LOCKDOWN: Row(S.LOCKDOWN),
    T.MODE_RELEASED: Row(S.RELEASED, (A.UNLOCK,)),
}
"""A shut lane at rest; the rows below say where they differ."""

_WALKING: Mapping[Trigger, Row | None] = {
    **_SHUT,
    T.LAST_ENTERED: Row(REST, (A.COUNT_ENTRY, A.LOCK)),
    T.LEASE_OVER: Row(REST, (A.LOCK, A.WITHDRAW)),
    T.MODE_NORMAL: IGNORE,
    T.MODE_MANUAL: IGNORE,
    T.MODE_HELD: IGNORE,
    T.MODE_RELEASED: Row(S.RELEASED, (A.WITHDRAW, A.UNLOCK)),
}
"""A lane that is open for so many people, until the lease ends."""

TRANSITIONS: Final[Mapping[State, Mapping[Trigger, Row | None]]] = {
    S.IDLE: {
        **_SHUT,
        T.TAP_ACCEPTED: Row(S.CHECKING, (A.BEGIN_CHECKS,)),
        T.GRANTED_BY_HAND: Row(S.RECORDING, (A.RECORD,)),
    },
    S.MANUAL: {
        **_SHUT,
        T.TAP_ACCEPTED: Row(S.MANUAL, (A.REFER_TO_GUARD,)),
        T.GRANTED_BY_HAND: Row(S.RECORDING, (A.RECORD,)),
    },
    S.HELD: {**_SHUT},
    S.LOCKDOWN: {**_SHUT},
    S.CHECKING: {
        **_SHUT,
        T.PASSED_CHECKS: Row(S.RECORDING, (A.END_CHECKS, A.RECORD)),
        T.REFUSED: Row(REST, (A.END_CHECKS,)),
        T.RELEASE_PRESSED: Row(S.LET_THROUGH, (A.END_CHECKS, A.UNLOCK)),
        T.ENTERED: Row(S.CHECKING, (A.COUNT_INTRUSION,)),
        T.LAST_ENTERED: Row(S.CHECKING, (A.COUNT_INTRUSION,)),
        T.MODE_NORMAL: IGNORE,
        T.MODE_MANUAL: Row(S.MANUAL, (A.REFER_TO_GUARD, A.END_CHECKS)),
        T.MODE_HELD: Row(S.HELD, (A.END_CHECKS,)),
        T.MODE_LOCKDOWN: Row(S.LOCKDOWN, (A.END_CHECKS,)),
        T.MODE_RELEASED: Row(S.RELEASED, (A.END_CHECKS, A.UNLOCK)),
    },
    S.RECORDING: {
        **_SHUT,
        T.COMMITTED: Row(S.OPEN, (A.UNLOCK,)),
        T.COMMIT_FAILED: Row(REST, (A.WITHDRAW,)),
        T.ENTERED: Row(S.RECORDING, (A.COUNT_INTRUSION,)),
        T.LAST_ENTERED: Row(S.RECORDING, (A.COUNT_INTRUSION,)),
        T.MODE_NORMAL: IGNORE,
        T.MODE_MANUAL: IGNORE,
        T.MODE_HELD: Row(S.HELD, (A.WITHDRAW,)),
        T.MODE_LOCKDOWN: Row(S.LOCKDOWN, (A.WITHDRAW,)),
        T.MODE_RELEASED: Row(S.RELEASED, (A.WITHDRAW, A.UNLOCK)),
    },
    S.OPEN: {
        **_WALKING,
        T.ENTERED: Row(S.OPEN, (A.COUNT_ENTRY, A.UNLOCK)),
        T.MODE_LOCKDOWN: Row(S.LOCKDOWN, (A.LOCK, A.WITHDRAW)),
    },
    S.LET_THROUGH: {
        **_WALKING,
        T.ENTERED: Row(S.LET_THROUGH, (A.COUNT_ENTRY, A.UNLOCK)),
        T.MODE_LOCKDOWN: IGNORE,
    },
    S.RELEASED: {
        **_SHUT,
        T.RELEASE_PRESSED: Row(S.RELEASED, (A.UNLOCK,)),
        T.ENTERED: Row(S.RELEASED, (A.COUNT_ENTRY,)),
        T.LAST_ENTERED: Row(S.RELEASED, (A.COUNT_ENTRY,)),
        T.LEASE_OVER: Row(S.RELEASED, (A.UNLOCK,)),
        T.MODE_NORMAL: Row(S.IDLE, (A.LOCK,)),
        T.MODE_MANUAL: Row(S.MANUAL, (A.LOCK,)),
        T.MODE_HELD: Row(S.HELD, (A.LOCK,)),
        T.MODE_LOCKDOWN: Row(S.LOCKDOWN, (A.LOCK,)),
        T.MODE_RELEASED: IGNORE,
    },
}


PASSAGE: Final = frozenset({S.OPEN, S.LET_THROUGH})
"""Open for so many people; RELEASED is open for everybody."""

AT_REST: Final[Mapping[Mode, tuple[State, Trigger]]] = {
    Mode.RELEASED: (S.RELEASED, T.MODE_RELEASED),
    Mode.LOCKDOWN: (S.LOCKDOWN, T.MODE_LOCKDOWN),
    Mode.HELD: (S.HELD, T.MODE_HELD),
    Mode.MANUAL: (S.MANUAL, T.MODE_MANUAL),
    Mode.NORMAL: (S.IDLE, T.MODE_NORMAL),
}
"""The state in which a mode lets the lane rest, and the trigger that tells the lane of it."""


class Lane:
    """Where one lane stands in the table, and which modes hold."""

    def __init__(self) -> None:
        self.state = State.IDLE
        self.causes: dict[str, Mode] = {}

    @property
    def mode(self) -> Mode:
        """The strongest mode that any cause asks for."""
        if not self.causes:  # almost always
            return Mode.NORMAL
        held = set(self.causes.values())
        return next((mode for mode in Mode if mode in held), Mode.NORMAL)

    @property
    def resting(self) -> bool:
        """Whether nobody is being served."""
        return self.state is AT_REST[self.mode][0]

    def take(self, trigger: Trigger) -> tuple[Action, ...]:
        """Follow the table; the actions are for the caller to do, in order."""
        row = TRANSITIONS[self.state][trigger]
        if row is None:
            return ()
        self.state = AT_REST[self.mode][0] if row.to == REST else State(row.to)
        return row.actions


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documents."""
    lines = ["stateDiagram-v2", "    [*] --> idle"]
    for state, row in TRANSITIONS.items():
        for trigger, target in row.items():
            if target is not None and target.to != state:
                actions = f" / {', '.join(target.actions)}" if target.actions else ""
                lines.append(f"    {state} --> {target.to} : {trigger}{actions}")
    return "\n".join(lines) + "\n"

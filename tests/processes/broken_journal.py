"""``gatehouse``, whose thread of the journal dies of a defect when somebody has left."""

from __future__ import annotations

from collections.abc import Sequence

from edge.cli import main
from edge.runtime.journal import Store
from edge.runtime.journal.rows import Transaction

_write = Store.write


def _refuse_exits(self: Store, batch: Sequence[Transaction]) -> None:
    if "visit.exited" in repr(batch):
        raise ZeroDivisionError("a defect of the journal")
    _write(self, batch)


if __name__ == "__main__":
    Store.write = _refuse_exits
    main()

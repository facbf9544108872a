"""``python -m edge.cli`` is ``gatehouse``."""

from edge.cli import main

main()

"""The Pi's I2C bus as CircuitPython's libraries want it."""

from __future__ import annotations

from importlib import import_module


def open_circuitpython() -> object:
    """Open the bus on pins SDA and SCL.

    Raises:
        ModuleNotFoundError: the extra ``adafruit`` is not installed.
        NotImplementedError, RuntimeError: this is no board that Blinka knows.
    """
    board, busio = import_module("board"), import_module("busio")
    return busio.I2C(board.SCL, board.SDA)

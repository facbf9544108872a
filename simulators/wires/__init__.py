"""Fake buses under the real drivers: pins, SMBus, CircuitPython I2C, evdev, and a broker in virtual time."""

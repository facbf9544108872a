"""The composition roots: the only place that puts drivers or simulators into a controller.

Simulation is chosen by the command, never by a fallback: a sensor that is missing at the start is an
error, not a simulator.
"""

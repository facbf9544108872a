"""What the wires are connected to: people, a lane, the air of the hall."""

"""Everything that stands in for the world: fake wires under the real drivers, people, a booking server."""

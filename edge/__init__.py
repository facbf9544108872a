"""Gatehouse decides here: entrances, cabinets and the site they share. No hardware, no sleeping, no wall clock."""

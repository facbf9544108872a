"""What every controller stands on: loop, clock, journal, link, pin guard, configuration, alerts."""

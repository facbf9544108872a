"""What the product has to reach, measured: ``make bench``. Never part of a test."""

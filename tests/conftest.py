"""What holds for all tests."""

from hypothesis import settings

# how long an example takes on a busy machine says nothing; what is measured is measured in benchmarks
settings.register_profile("gatehouse", deadline=None)
settings.load_profile("gatehouse")

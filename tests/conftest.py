"""What holds for all tests."""

import signal

from hypothesis import settings

# how long an example takes on a busy machine says nothing; what is measured is measured in benchmarks
settings.register_profile("gatehouse", deadline=None)
settings.load_profile("gatehouse")

# a shell starts what it runs in the background with Ctrl-C ignored, and the programs under test would inherit that
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

"""What all tests share."""

import signal

from hypothesis import settings

settings.register_profile("project", deadline=None)  # the time of one example depends on what else the machine does
settings.load_profile("project")

# A shell starts what runs in the background deaf to Ctrl-C, and so would be the commands that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

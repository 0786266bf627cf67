"""What all tests share."""

from hypothesis import settings

settings.register_profile("project", deadline=None)  # the time of one example depends on what else the machine does
settings.load_profile("project")

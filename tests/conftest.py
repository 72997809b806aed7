"""Settings for the whole suite."""

from hypothesis import settings

# No test may fail because the machine is busy.
settings.register_profile("echodepth", deadline=None)
settings.load_profile("echodepth")

"""Settings of every test: how long and how freely hypothesis searches.

After changing a rule, search longer: ``pytest --hypothesis-profile thorough``.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "local", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "ci", parent=settings.get_profile("local"), derandomize=True, max_examples=40
)
settings.register_profile("thorough", parent=settings.get_profile("local"), max_examples=300)
settings.load_profile("ci" if os.environ.get("CI") else "local")

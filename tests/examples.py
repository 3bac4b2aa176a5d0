"""How many examples a property test tries: all of them in `make test`, a tenth in `make check`."""

from typing import Final

from hypothesis import HealthCheck, settings

ALL: Final = 100
"""What Hypothesis tries where nothing is said. The profile `quick` tries a tenth of it."""


def register_quick() -> None:
    """Register the profile of the quick loop, for `--hypothesis-profile=quick`."""
    settings.register_profile("quick", max_examples=ALL // 10)


def examples(number: int = ALL) -> settings:
    """So many examples, in the quick loop a tenth; however long one takes."""
    share = max(1, number * settings().max_examples // ALL)
    return settings(deadline=None, max_examples=share, suppress_health_check=list(HealthCheck))

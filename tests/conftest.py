"""Settings of all tests."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A kernel's first call compiles it, so a deadline per example would only measure numba. The same examples every time:
# a failure seen once can be seen again.
settings.register_profile(
    "stratagem", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("stratagem")


@pytest.fixture(scope="session")
def replays() -> Path:
    """The folder of recorded human games beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "replays"
    if not folder.is_dir():
        pytest.skip(f"no recorded games at {folder}")
    return folder

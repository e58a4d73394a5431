"""What `make` installs beside torch leaves torch alone."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"


@pytest.mark.parametrize("name", ["base", "services", "test"])
def test_only_cuda_txt_pins_what_a_cuda_build_of_torch_pins_as_well(name):
    pins = (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    assert not [pin for pin in pins if re.match(r"(nvidia|cuda|numba-cuda|triton|torch)\b", pin)]

"""Where networks compute in bfloat16."""

import pytest
import torch

from learner.precision import half_pays


@pytest.mark.parametrize(("abilities", "pays"), [({"amx_bf16": True}, True), ({"amx_bf16": False}, False), ({}, False)])
def test_on_a_cpu_it_pays_with_matrix_units_alone(monkeypatch, abilities, pays):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities, raising=False)
    assert half_pays(torch.device("cpu")) is pays
    assert half_pays(torch.device("cuda"))
    assert not half_pays(torch.device("meta"))


def test_a_torch_that_does_not_tell_computes_in_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not half_pays(torch.device("cpu"))

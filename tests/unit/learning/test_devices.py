import logging

import pytest
import torch

from firstlight import InvalidInputError, PreconditionError
from firstlight.learning import choose_device, cpu_threads, deterministic, with_fallback


def test_auto_takes_cuda_where_there_is_a_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    assert choose_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    with pytest.raises(PreconditionError, match="no CUDA device"):
        choose_device("cuda")
    with pytest.raises(InvalidInputError, match="unknown device 'gpu'"):
        choose_device("gpu")


def test_out_of_device_memory_falls_back_to_the_cpu(caplog):
    tried = []

    def work(device):
        tried.append(device.type)
        if device.type == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 42

    with caplog.at_level(logging.WARNING):
        assert with_fallback(torch.device("cuda"), work) == 42
    assert tried == ["cuda", "cpu"]
    assert "out of memory" in caplog.text


def test_other_errors_and_a_full_cpu_are_not_hidden():
    def work(device):
        raise torch.OutOfMemoryError("no memory")

    with pytest.raises(torch.OutOfMemoryError):
        with_fallback(torch.device("cpu"), work)
    with pytest.raises(ZeroDivisionError):
        with_fallback(torch.device("cuda"), lambda device: 1 // 0)


def test_deterministic_seeds_and_leaves_the_callers_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with deterministic(1):
        first = torch.rand(3)
        assert torch.are_deterministic_algorithms_enabled()
    with deterministic(1):
        assert torch.equal(first, torch.rand(3))
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(expected, torch.rand(3))


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with cpu_threads(1):
        assert torch.get_num_threads() == 1
    with cpu_threads(None):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before

"""Which execution provider is chosen, on any machine: the lists are faked."""

import logging

import pytest

from firstlight.runtime.providers import CPU, CUDA, choose_providers, cuda_devices

BUILT_FOR_GPU = ["TensorrtExecutionProvider", CUDA, CPU]


def test_cuda_is_chosen_where_build_and_device_are_there():
    assert choose_providers(available=BUILT_FOR_GPU, devices=lambda: 1) == (CUDA, CPU)


def test_cpu_is_chosen_where_there_is_no_device():
    assert choose_providers(available=BUILT_FOR_GPU, devices=lambda: 0) == (CPU,)


def test_devices_are_not_asked_for_where_the_build_cannot_use_one():
    def devices() -> int:
        raise AssertionError("asked")

    assert choose_providers(available=[CPU], devices=devices) == (CPU,)


def test_a_machine_without_a_driver_has_no_devices_and_logs_nothing(monkeypatch, caplog):
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", missing)
    with caplog.at_level(logging.DEBUG):
        assert cuda_devices() == 0
    assert not caplog.records


@pytest.mark.parametrize(("init", "count", "expected"), [(0, 2, 2), (0, 0, 0), (100, 2, 0)])
def test_the_driver_is_asked(monkeypatch, init, count, expected):
    class Driver:
        def cuInit(self, flags: int) -> int:  # noqa: N802  # the driver's name
            return init

        def cuDeviceGetCount(self, into) -> int:  # noqa: N802
            into._obj.value = count
            return 0

    monkeypatch.setattr("ctypes.CDLL", lambda name: Driver())
    assert cuda_devices() == expected

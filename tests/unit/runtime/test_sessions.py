"""ONNX sessions: real ones on CPU, faked ones that run out of device memory."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from firstlight.errors import CorruptBundleError
from firstlight.runtime import SessionRunner, open_session
from firstlight.runtime.providers import CPU, CUDA

OUT_OF_MEMORY = "Failed to allocate memory for requested buffer of size 4294967296"


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    """y = x + x for x (batch, 2)."""
    shape = ["batch", 2]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "doubling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "doubling.onnx")
    return tmp_path / "doubling.onnx"


@pytest.mark.parametrize("batch", [0, 1, 7, 64])
def test_a_model_runs_at_every_batch_size(doubling: Path, batch: int):
    x = np.arange(batch * 2, dtype=np.float32).reshape(batch, 2)
    np.testing.assert_array_equal(open_session(doubling).run({"x": x})["y"], 2 * x)


def test_the_provider_is_named(doubling: Path):
    assert open_session(doubling, providers=(CPU,)).provider == CPU


def test_cuda_is_asked_for_whole_float32_products(doubling: Path, monkeypatch):
    asked = []

    def open_fake(path, options, providers):
        asked.extend(providers)
        return SimpleNamespace(get_outputs=list, get_inputs=list)

    monkeypatch.setattr("onnxruntime.InferenceSession", open_fake)
    open_session(doubling, providers=(CUDA, CPU))
    assert asked == [(CUDA, {"use_tf32": "0"}), (CPU, {})]


def test_a_file_that_is_no_model_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"nonsense")
    with pytest.raises(CorruptBundleError, match=r"broken\.onnx"):
        open_session(path)


class Device:
    """Opens fake sessions; on CUDA they fail where ``fails`` says, with ``message``."""

    def __init__(self, fails: str, message: str = OUT_OF_MEMORY) -> None:
        self.fails, self.message = fails, message
        self.opened: list[str] = []

    def __call__(self, path: Path, providers: Sequence[str]) -> SimpleNamespace:
        provider = providers[0]
        self.opened.append(provider)
        if provider == CUDA and self.fails == "open":
            raise RuntimeError(self.message)

        def run(outputs: Sequence[str], inputs: dict) -> list:
            if provider == CUDA and self.fails == "run":
                raise RuntimeError(self.message)
            return [inputs["x"] * 2]

        return SimpleNamespace(
            run=run,
            get_inputs=lambda: [SimpleNamespace(name="x")],
            get_outputs=lambda: [SimpleNamespace(name="y")],
            get_providers=lambda: [provider],
        )


@pytest.mark.parametrize("fails", ["open", "run"])
def test_out_of_device_memory_the_same_call_is_answered_on_cpu(fails: str):
    device = Device(fails)
    runner = SessionRunner(Path("m.onnx"), (CUDA, CPU), device)
    assert runner.run({"x": np.ones(2)})["y"].tolist() == [2, 2]
    assert runner.provider == CPU
    runner.run({"x": np.ones(2)})
    assert device.opened == [CUDA, CPU]


@pytest.mark.parametrize("fails", ["open", "run"])
def test_another_fault_is_not_hidden_by_a_fallback(fails: str):
    device = Device(fails, "the kernel does not exist")
    with pytest.raises(RuntimeError, match="kernel"):
        SessionRunner(Path("m.onnx"), (CUDA, CPU), device).run({"x": np.ones(2)})
    assert device.opened == [CUDA]


def test_out_of_memory_on_cpu_is_an_error():
    runner = SessionRunner(Path("m.onnx"), (CPU,), Device("never"))
    runner._session.run = lambda *_: (_ for _ in ()).throw(RuntimeError(OUT_OF_MEMORY))
    with pytest.raises(RuntimeError, match="allocate"):
        runner.run({"x": np.ones(2)})

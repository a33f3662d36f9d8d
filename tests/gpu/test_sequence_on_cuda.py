"""The base model on a device: trained there, exported there, served there, and what happens when its memory is full."""

import numpy as np
import onnxruntime
import pytest
import torch

from firstlight import Dataset, FitOptions, Histories, ItemTable, Queries, Schema, TrainingData
from firstlight.learning import check_parity, with_fallback
from firstlight.runtime import BundleRuntime, open_session
from firstlight.runtime.providers import CPU, CUDA
from firstlight_plugins.popularity import Popularity
from firstlight_plugins.sequence import Sequence, SequenceConfig

ITEMS, WIDTH, PROFILE = 20, 64, 2


def data():
    rng = np.random.default_rng(0)
    rows = [list(rng.permutation(10)[:6] + 10 * (user % 2)) for user in range(60)]
    dataset = Dataset(
        Schema(), tuple(map(str, range(60))), tuple(map(str, range(ITEMS))), ({},) * 60, ({},) * ITEMS,
        Histories.from_rows(rows),
    )  # fmt: skip
    content = np.repeat(np.eye(2, dtype=np.float32), 10, axis=0)
    profiles = np.tile(np.array([[1, 0]], np.float32), (60, 1))
    table = ItemTable(content, dataset.counts())
    return TrainingData(dataset, profiles, ("g=x", "g=y"), ("g", "g"), table, ("k=a", "k=b"), np.arange(0, 60, 6))


def fit(device):
    given = data()
    prior = Popularity()
    prior.fit(given, FitOptions())
    component = Sequence(SequenceConfig(epochs=4, batch_size=16, learning_rate=0.01))
    component.fit(given, FitOptions(device=device, components={"popularity": prior}))
    return component, prior


def users(batch, length=5):
    rng = np.random.default_rng(batch)
    mask = (np.arange(length) < np.arange(batch)[:, None] % (length + 1)).astype(np.float32)
    return {
        "codes": rng.standard_normal((batch, length, WIDTH), np.float32) * mask[..., None],
        "features": rng.standard_normal((batch, length, 4), np.float32) * mask[..., None],
        "types": np.zeros((batch, length), np.int64),
        "mask": mask,
        "profile": np.zeros((batch, PROFILE), np.float32),
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    component, prior = fit("cuda")
    directory = tmp_path_factory.mktemp("sequence")
    component.export(directory)
    return component, prior, directory


def test_it_trains_and_exports_on_the_device_and_serves_on_it(trained):
    component, prior, directory = trained
    assert next(component._encoder.module.parameters()).device.type == "cuda"
    assert open_session(directory / "encoder.onnx").provider == CUDA
    loaded = Sequence()
    loaded.load(directory, BundleRuntime(component._items, {"popularity": prior}))
    queries = Queries(np.zeros((2, PROFILE), np.float32), Histories.from_rows([[3], []]))
    positions = np.tile(np.arange(ITEMS, dtype=np.int32), (2, 1))
    values = loaded.score(queries, positions).values
    np.testing.assert_allclose(values, component.score(queries, positions).values, atol=1e-3)
    assert values[0, :10].mean() > values[0, 10:].mean()


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_cuda_equals_torch_and_the_cpu(trained, batch):
    component, _, directory = trained
    path = directory / "encoder.onnx"
    on_cuda, on_cpu = open_session(path), open_session(path, providers=(CPU,))
    assert check_parity(component._encoder, on_cuda, users, name=path.name, batches=(batch,), tolerance=1e-3) < 1e-3
    assert check_parity(on_cpu, on_cuda, users, name=path.name, batches=(batch,), tolerance=1e-3) < 1e-3


def test_io_binding_keeps_tensors_on_the_device(trained):
    path = trained[2] / "encoder.onnx"
    expected = open_session(path, providers=(CPU,)).run(users(7))["state"]
    session = onnxruntime.InferenceSession(str(path), providers=[CUDA, CPU])
    binding = session.io_binding()
    for name, value in users(7).items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value, "cuda", 0))
    binding.bind_output("state", "cuda", 0)
    session.run_with_iobinding(binding)
    state = binding.get_outputs()[0]
    assert state.device_name().lower() == "cuda"
    np.testing.assert_allclose(state.numpy(), expected, atol=1e-3)


def test_training_falls_back_to_the_cpu_when_the_device_is_full():
    def work(device):
        if device.type == "cuda":
            torch.empty(1 << 44, dtype=torch.uint8, device=device)
        return device.type

    assert with_fallback(torch.device("cuda"), work) == "cpu"


def test_serving_falls_back_to_the_cpu_when_the_device_is_full(trained):
    session = open_session(trained[2] / "encoder.onnx")
    assert session.provider == CUDA
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    hog = torch.empty(free - (1 << 29), dtype=torch.uint8, device="cuda")
    try:
        given = users(4, length=8000)
        state = session.run(given)["state"]
    finally:
        del hog
        torch.cuda.empty_cache()
    assert session.provider == CPU
    assert np.isfinite(state).all()

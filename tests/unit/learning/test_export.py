import numpy as np
import pytest
import torch
from torch import nn

from firstlight import CorruptBundleError
from firstlight.learning import TorchRunner, check_parity, export_onnx, verify_export
from firstlight.runtime import open_session


class MaskedMean(nn.Module):
    """Projected mean over real tokens; an empty history gives the bias."""

    def __init__(self, width):
        super().__init__()
        self.project = nn.Linear(4, width)

    def forward(self, tokens, mask):
        total = (tokens * mask[..., None]).sum(dim=1)
        return self.project(total / mask.sum(dim=1, keepdim=True).clamp(min=1))


def inputs(batch):
    rng = np.random.default_rng(batch)
    mask = (np.arange(6) < np.arange(batch)[:, None] % 7).astype(np.float32)
    return {"tokens": rng.standard_normal((batch, 6, 4)).astype(np.float32), "mask": mask}


DYNAMIC = {"tokens": {0: "batch", 1: "history"}, "mask": {0: "batch", 1: "history"}}


def runner(width=3):
    torch.manual_seed(0)
    return TorchRunner(MaskedMean(width), ("tokens", "mask"), ("state",))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "mean.onnx"
    made = runner()
    assert verify_export(made, path, inputs, DYNAMIC) < 1e-5
    return made, path


def test_it_is_silent_and_every_length_works(exported, capfd):
    made, path = exported
    session = open_session(path)
    for batch, length in ((1, 1), (2, 9), (64, 3)):
        tokens = np.ones((batch, length, 4), np.float32)
        given = {"tokens": tokens, "mask": np.ones((batch, length), np.float32)}
        np.testing.assert_allclose(session.run(given)["state"], made.run(given)["state"], atol=1e-5)
    assert capfd.readouterr() == ("", "")


def test_large_weights_lie_beside_the_graph(tmp_path, capfd):
    path = tmp_path / "wide.onnx"
    made = runner(width=100_000)
    export_onnx(made, path, inputs(3), DYNAMIC)
    assert (tmp_path / "wide.onnx.data").stat().st_size > 1_000_000
    assert path.stat().st_size < 100_000
    assert open_session(path).run(inputs(2))["state"].shape == (2, 100_000)
    assert capfd.readouterr() == ("", "")


def test_a_model_that_differs_is_refused(exported):
    made, path = exported
    with torch.no_grad():
        other = runner()
        other.module.project.bias += 0.01
    with pytest.raises(CorruptBundleError, match="differs from torch at batch 1") as caught:
        check_parity(other, open_session(path), inputs, name="mean.onnx")
    assert caught.value.reason == "PARITY_FAILED"
    assert check_parity(made, open_session(path), inputs, name="mean.onnx") < 1e-5


class Says:
    def __init__(self, **outputs):
        self.outputs = outputs

    def run(self, inputs):
        return self.outputs


def test_nan_shape_and_missing_outputs_are_no_parity():
    one, nan = np.ones((1, 2), np.float32), np.full((1, 2), np.nan, np.float32)
    for expected, found, message in (
        (nan, {"state": nan}, "not finite"),
        (one, {"state": nan}, "largest difference nan"),
        (one, {"state": one[0]}, "shape"),
        (one, {}, "shape None"),
    ):
        with pytest.raises(CorruptBundleError, match=message):
            check_parity(Says(state=expected), Says(**found), inputs, name="x")

import numpy as np
import pytest
import torch
from torch import nn

from firstlight.learning import TorchRunner, export_onnx, quantize_onnx
from firstlight.runtime import open_session


def inputs(batch, seed=0):
    return {"rows": np.random.default_rng(seed).standard_normal((batch, 64)).astype(np.float32)}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
    folder = tmp_path_factory.mktemp("quantize")
    runner = TorchRunner(module, ("rows",), ("state",))
    export_onnx(runner, folder / "whole.onnx", inputs(3), {"rows": {0: "batch"}})
    session = quantize_onnx(folder / "whole.onnx", folder / "small.onnx", [inputs(32, seed) for seed in range(4)])
    return runner, session, folder


def test_it_is_smaller_and_near(graphs):
    runner, session, folder = graphs
    assert (folder / "small.onnx").stat().st_size < 0.5 * (folder / "whole.onnx").stat().st_size
    wanted, found = runner.run(inputs(20, 9))["state"], session.run(inputs(20, 9))["state"]
    assert 0 < np.abs(found - wanted).max() < 0.1 * np.abs(wanted).max()


def test_the_file_answers_as_the_session_that_was_returned(graphs):
    _, session, folder = graphs
    again = open_session(folder / "small.onnx")
    np.testing.assert_array_equal(again.run(inputs(5))["state"], session.run(inputs(5))["state"])


def test_a_batch_is_its_rows_one_by_one(graphs):
    """Scales are fixed: a neighbour with large numbers changes nothing."""
    _, session, _ = graphs
    rows = inputs(6)["rows"]
    rows[0] *= 50
    together = session.run({"rows": rows})["state"]
    for n in range(1, 6):
        np.testing.assert_allclose(session.run({"rows": rows[n : n + 1]})["state"][0], together[n], atol=1e-6)


def test_it_is_silent(graphs, capfd, tmp_path, caplog):
    _, _, folder = graphs
    quantize_onnx(folder / "whole.onnx", tmp_path / "again.onnx", [inputs(4)])
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]

import subprocess
import sys

import pytest

from firstlight import learning


def test_every_public_name_is_there_and_no_other():
    for name in learning.__all__:
        assert getattr(learning, name) is not None
    assert sorted(learning.__all__) == sorted(learning._HOME_OF)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = learning.nothing


def test_torch_loads_only_when_a_plugin_trains_with_it():
    code = (
        "import sys, firstlight.learning as l, firstlight_plugins.sequence as s; l.held_out; s.Sequence();"
        "assert not {'torch', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

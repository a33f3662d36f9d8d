"""What a serving process must never import."""

import subprocess
import sys

import pytest

FORBIDDEN = ("torch", "polars", "matplotlib", "onnxscript", "opentelemetry")


@pytest.mark.parametrize("module", ["firstlight.pipeline", "firstlight.server", "firstlight.server.worker"])
def test_serving_imports_none_of_what_only_training_or_an_option_needs(module: str):
    code = (
        f"import sys, {module}; from firstlight.plugins import load_plugins; plugins = load_plugins();"
        "assert not [i.error for i in plugins.infos if i.error], plugins.infos;"
        f"print([name for name in {FORBIDDEN} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"

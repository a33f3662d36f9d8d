import contextlib
import io
import re
from pathlib import Path

import pytest

from firstlight.client import Client

pytestmark = pytest.mark.xdist_group("grpc")

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_example_runs(client: Client, server: object) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert "127.0.0.1:7070" in code
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code.replace("127.0.0.1:7070", server.address).replace("timeout_s=5", "timeout_s=20"), names)
    assert len(printed.getvalue().splitlines()) == 5
    assert len(names["nearest"].items) == 5
    assert len(names["answers"]) >= 80
    client.delete_users(["ada"])


def test_every_method_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    protos = PAGE.parents[1] / "protos" / "firstlight" / "v1"
    for file in protos.glob("*_service.proto"):
        for name in re.findall(r"^  rpc (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE):
            assert f"`{name}`" in text

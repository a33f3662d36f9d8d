"""What was found, as text and in the file of a home."""

import tomllib

from firstlight.settings import Settings, init_home
from firstlight.tuning.toml import to_toml, write_settings

FOUND = {
    "plugins.sequence.learning_rate": 0.002,
    "plugins.sequence.optimizer": "sgd",
    "plugins.factors.embedding_size": 64,
}


def test_text_to_paste_is_toml():
    assert tomllib.loads(to_toml(FOUND)) == {
        "plugins": {"sequence": {"learning_rate": 0.002, "optimizer": "sgd"}, "factors": {"embedding_size": 64}}
    }
    assert "[plugins.sequence]" in to_toml(FOUND)
    assert to_toml({}) == ""


def test_writing_keeps_the_rest_of_the_file(tmp_path):
    home = init_home(tmp_path / "home").home
    file = home / "firstlight.toml"
    file.write_text(file.read_text() + "\n[plugins.factors]  # mine\niterations = 3\n")
    assert write_settings(home, FOUND) == file
    settings = Settings.load(home)
    assert settings.plugins["factors"] == {"iterations": 3, "embedding_size": 64}
    assert settings.plugins["sequence"] == {"learning_rate": 0.002, "optimizer": "sgd"}
    assert "# mine" in file.read_text()
    write_settings(home, {"plugins.factors.embedding_size": 16})
    assert Settings.load(home).plugins["factors"] == {"iterations": 3, "embedding_size": 16}

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
from pydantic import BaseModel

from firstlight.errors import FirstlightError, InvalidInputError
from firstlight.hookspecs import Register, hookimpl
from firstlight.plugins import GROUP, load_plugins


class Config(BaseModel):
    weight: float = 1.0


def point(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: object) -> EntryPoint:
    module = ModuleType(f"stranger_{name}")
    for key, value in attributes.items():
        setattr(module, key, value)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return EntryPoint(name, module.__name__, GROUP)


@hookimpl
def firstlight_register_reranker(register: Register) -> None:
    register("shuffle", lambda config: config, config=Config)


def test_a_stranger_registers_a_component(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = load_plugins(extra=[point(monkeypatch, "zz", firstlight_register_reranker=firstlight_register_reranker)])
    [registration] = plugins.of_role("reranker")
    assert (registration.name, registration.plugin) == ("shuffle", "zz")
    assert registration.create({"weight": 2}).weight == 2.0


def test_an_unknown_setting_names_the_nearest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = load_plugins(extra=[point(monkeypatch, "zz", firstlight_register_reranker=firstlight_register_reranker)])
    with pytest.raises(InvalidInputError, match="did you mean 'weight'"):
        plugins.registrations["shuffle"].create({"wieght": 2})


def test_bad_plugins_are_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    @hookimpl
    def firstlight_after_recomend() -> None: ...

    plugins = load_plugins(
        extra=[
            EntryPoint("absent", "no_such_module_anywhere", GROUP),
            point(monkeypatch, "misspelt", firstlight_after_recomend=firstlight_after_recomend),
            point(monkeypatch, "one", firstlight_register_reranker=firstlight_register_reranker),
            point(monkeypatch, "two", firstlight_register_reranker=firstlight_register_reranker),
        ]
    )
    errors = {info.name: info.error for info in plugins.infos}
    assert "no_such_module_anywhere" in errors["absent"]
    assert "firstlight_after_recomend" in errors["misspelt"]
    assert errors["one"] == ""
    assert "already registered by plugin 'one'" in errors["two"]
    assert plugins.registrations["shuffle"].plugin == "one"


def test_a_disabled_plugin_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = load_plugins(disabled=["absent"], extra=[EntryPoint("absent", "no_such_module_anywhere", GROUP)])
    assert "absent" not in {info.name for info in plugins.infos}


def test_a_disabled_plugin_that_does_not_exist_is_named(caplog: pytest.LogCaptureFixture) -> None:
    load_plugins(disabled=["populrity"])
    assert "no plugin is named 'populrity', which settings disable; did you mean 'popularity'?" in caplog.text


def test_a_failing_observer_does_not_silence_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    @hookimpl
    def raising(catalog_id: str) -> None:
        raise RuntimeError(catalog_id)

    @hookimpl
    def watching(count: int) -> None:
        seen.append(count)

    plugins = load_plugins(
        extra=[
            point(monkeypatch, "bad", firstlight_interactions_written=raising),
            point(monkeypatch, "good", firstlight_interactions_written=watching),
        ]
    )
    plugins.observe("firstlight_interactions_written", catalog_id="default", count=3)
    assert seen == [3]


def test_every_error_has_a_status_code_and_a_reason() -> None:
    def tree(kind: type[FirstlightError]) -> list[type[FirstlightError]]:
        return [kind, *(leaf for child in kind.__subclasses__() for leaf in tree(child))]

    for kind in tree(FirstlightError):
        assert kind.code.isupper()
        assert kind("x").reason == kind.default_reason

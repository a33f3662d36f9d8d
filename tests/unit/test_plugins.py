import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

from firstlight.errors import FirstlightError, InvalidInputError, PluginError
from firstlight.hookspecs import Register, hookimpl
from firstlight.plugins import GROUP, PluginRules, PluginState, Registration, load_plugins


class Config(BaseModel):
    weight: float = 1.0


def point(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: object) -> EntryPoint:
    module = ModuleType(f"stranger_{name}")
    for key, value in attributes.items():
        setattr(module, key, value)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return EntryPoint(name, module.__name__, GROUP)


class Shuffle:
    def __init__(self, config: Config) -> None:
        self.weight = config.weight

    def rerank(self, queries, positions, values):
        return positions


@hookimpl
def firstlight_register_reranker(register: Register) -> None:
    register("shuffle", Shuffle, config=Config)


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


def test_a_plugin_with_a_fault_is_an_error_where_rules_are_strict() -> None:
    absent = EntryPoint("absent", "no_such_module_anywhere", GROUP)
    with pytest.raises(PluginError, match="absent: ModuleNotFoundError"):
        load_plugins(PluginRules(strict=True), extra=[absent])


@pytest.mark.parametrize(
    ("register", "words"),
    [
        (lambda register: register("Big Name", Shuffle), "no component name"),
        (lambda register: register("shuffle", 3), "cannot be called"),
        (lambda register: register("shuffle", Shuffle, config=dict), "no pydantic model"),
        (lambda register: register("shuffle", Shuffle, replaces="populrity"), "did you mean 'popularity'"),
        (lambda register: register("popularity", Shuffle), "already registered by plugin 'popularity'"),
        (lambda register: sys.exit("away"), "SystemExit: away"),
    ],
)
def test_a_bad_registration_is_told(monkeypatch: pytest.MonkeyPatch, register, words: str) -> None:
    def firstlight_register_reranker(register) -> None:
        call(register)

    call = register
    marked = hookimpl(firstlight_register_reranker)
    plugins = load_plugins(extra=[point(monkeypatch, "bad", firstlight_register_reranker=marked)])
    [info] = [info for info in plugins.infos if info.name == "bad"]
    assert info.state is PluginState.FAILED
    assert words in info.error
    assert "popularity" in plugins.registrations


def test_a_hook_with_an_argument_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    @hookimpl
    def firstlight_bundle_activated(catalogue: str) -> None: ...

    plugins = load_plugins(extra=[point(monkeypatch, "bad", firstlight_bundle_activated=firstlight_bundle_activated)])
    [info] = [info for info in plugins.infos if info.name == "bad"]
    assert "catalogue" in info.error


def test_a_hook_without_its_mark_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def firstlight_bundle_activated(catalog_id: str) -> None: ...

    plugins = load_plugins(extra=[point(monkeypatch, "bad", firstlight_bundle_activated=firstlight_bundle_activated)])
    [info] = [info for info in plugins.infos if info.name == "bad"]
    assert "not marked with @hookimpl" in info.error


def test_a_component_without_its_roles_attribute_is_told() -> None:
    class Sideless:
        names = fields = ()

        def fit(self, schema, rows, *, seed): ...
        def encode(self, rows): ...
        def export(self, directory): ...
        def load(self, directory): ...

    with pytest.raises(PluginError, match="no feature_encoder: it has no attribute side"):
        Registration("bad", "feature_encoder", "bad", Sideless).create()


class Wordless:
    """Lacks the method of a reranker."""


class Short:
    def rerank(self, queries):
        return queries


@pytest.mark.parametrize(("factory", "words"), [(Wordless, "no method rerank"), (Short, "does not take (queries, pos")])
def test_a_component_without_its_roles_methods_is_told(monkeypatch: pytest.MonkeyPatch, factory, words: str) -> None:
    @hookimpl
    def firstlight_register_reranker(register: Register) -> None:
        register("bad", factory)

    plugins = load_plugins(extra=[point(monkeypatch, "bad", firstlight_register_reranker=firstlight_register_reranker)])
    with pytest.raises(PluginError, match=words.replace("(", r"\(")):
        plugins.registrations["bad"].create()
    assert plugins.created("reranker", {}) == {}


ABSENT = EntryPoint("absent", "no_such_module_anywhere", GROUP)


@pytest.mark.parametrize(
    "rules", [PluginRules(block=("absent",)), PluginRules(allow=()), PluginRules(allow=("other",), strict=True)]
)
def test_a_plugin_that_rules_leave_out_is_not_imported(rules: PluginRules) -> None:
    plugins = load_plugins(rules, extra=[ABSENT])
    states = {info.name: info.state for info in plugins.infos}
    assert states["absent"] is PluginState.BLOCKED
    assert states["popularity"] is PluginState.LOADED


def install(site: Path, distribution: str, plugin: str, code: str) -> None:
    """What pip leaves behind, in ``site``."""
    module = f"{plugin}_module"
    (site / f"{module}.py").write_text(code)
    info = site / f"{distribution.replace('-', '_')}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{plugin} = {module}\n")


def names_loaded(site: Path, rules: str) -> list[str]:
    code = (
        "from firstlight.plugins import *; "
        f"print(*[i.name for i in load_plugins(PluginRules({rules})).infos if i.state == 'loaded'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_an_unlisted_distributions_code_is_never_imported(tmp_path: Path) -> None:
    sentinel = tmp_path / "was-here"
    for letter in "ab":
        install(tmp_path, f"Shop-{letter}", letter, f"open({str(sentinel)!r} + {letter!r}, 'w').close()")
    loaded = names_loaded(tmp_path, "allow=('shop.a',)")
    assert loaded[-1] == "a"
    assert "popularity" in loaded
    assert sorted(path.name for path in tmp_path.glob("was-here*")) == ["was-herea"]
    assert "b" not in names_loaded(tmp_path, "block=('shop_b',)")
    assert not Path(f"{sentinel}b").exists()


def test_the_order_is_built_ins_then_names_then_the_list_in_settings(tmp_path: Path) -> None:
    install(tmp_path, "one", "zebra", "")
    install(tmp_path, "two", "ant", "")
    (tmp_path / "bee.py").write_text("")
    loaded = names_loaded(tmp_path, "explicit=('bee',)")
    assert loaded[-3:] == ["ant", "zebra", "bee"]
    assert loaded[0] == "ease"


def test_hook_calls_are_traced(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    @hookimpl
    def firstlight_bundle_activated(bundle_id: str) -> None: ...

    plugin = point(monkeypatch, "calm", firstlight_bundle_activated=firstlight_bundle_activated)
    plugins = load_plugins(PluginRules(trace=True), extra=[plugin, ABSENT])
    plugins.observe("firstlight_bundle_activated", catalog_id="default", bundle_id="b")
    text = capsys.readouterr().err
    assert "plugin trace: calm: firstlight_bundle_activated(bundle_id) took" in text
    assert "plugin trace: absent: failed" in text


def test_a_disabled_plugin_that_does_not_exist_is_named(caplog: pytest.LogCaptureFixture) -> None:
    load_plugins(PluginRules(block=("populrity",)))
    assert "no plugin or distribution is named 'populrity', as in disable_plugins; did you mean 'popularity'?" in (
        caplog.text
    )


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

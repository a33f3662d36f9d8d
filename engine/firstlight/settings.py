"""Settings of one home directory: ``firstlight.toml``, every key overridable by the environment.

``[serve] port`` is ``FIRSTLIGHT_SERVE__PORT``: upper case, two underscores between table and key. Home layout::

    firstlight.toml   settings; its `format` is the home's format version
    firstlight.db     the SQLite database, unless database_url names another
    bundles/ reports/ rejects/ cache/ logs/ run/
"""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import tomlkit
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from firstlight.errors import InvalidInputError, PreconditionError, Reason, Violation
from firstlight.plugins import PluginRules

HOME_FORMAT = 1
SETTINGS_FILE = "firstlight.toml"
DIRECTORIES = ("bundles", "reports", "rejects", "cache", "logs")
_PREFIX = "FIRSTLIGHT_"

_Folder = Annotated[Path, AfterValidator(Path.expanduser)]


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class IsolationSettings(BaseModel):
    """``[isolation]``: how components that are neither built in nor trusted are kept from doing harm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threads: int = Field(default=4, ge=1, le=256, description="Threads in which they answer.")
    time_share: float = Field(
        default=0.25, gt=0, lt=1, description="Share of what is left of a deadline that one call of one gets."
    )
    longest_call_s: float = Field(default=1.0, gt=0, description="Seconds that one call gets at most.")
    faults: int = Field(default=5, ge=1, description="Faults within window_s after which one is left out.")
    window_s: float = Field(default=60.0, gt=0, description="Seconds that a fault counts.")
    probe_after_s: float = Field(default=30.0, gt=0, description="Seconds after which one left out is tried again.")
    promote_after: int = Field(
        default=1000, ge=1, description="Clean calls under promote_below_ms after which one answers without a hop."
    )
    promote_below_ms: float = Field(default=1.0, gt=0, description="Milliseconds of a call that is quick enough.")
    stuck_threads: int = Field(default=3, ge=1, description="Threads that hang before the worker is replaced.")


class ServeSettings(BaseModel):
    """``[serve]``: the gRPC server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=7070, ge=0, le=65535, description="Port; 0 takes a free one.")
    workers: int = Field(default=1, ge=1, le=256, description="Worker processes.")
    worker_ports: bool = Field(
        default=False, description="Whether each worker listens on a port of its own too: the next ones after port."
    )
    takeover: bool = Field(
        default=False, description="Whether to take the place of a server of this home that has the port."
    )
    route: Literal["auto", "full", "fast"] = Field(
        default="auto",
        description="How to answer: full, fast, or auto: fast where it was measured to be as good within 3 %.",
    )
    threads: int = Field(default=1, ge=1, le=1024, description="Threads that a worker computes with.")
    drain_delay_s: float = Field(
        default=1.0, ge=0, description="Seconds between reporting NOT_SERVING and refusing calls."
    )
    drain_timeout_s: float = Field(
        default=10.0, ge=0, description="Seconds that running calls get to finish at a stop."
    )
    hang_timeout_s: float = Field(
        default=2.0, ge=1, description="Seconds without a sign of life after which a worker is killed and replaced."
    )
    max_connection_age_s: float = Field(
        default=300.0,
        gt=0,
        le=1_000_000,
        description="Seconds after which a caller connects anew, so that new workers get their share.",
    )
    max_connection_age_grace_s: float = Field(
        default=3600.0, ge=0, le=1_000_000, description="Seconds that calls on an old connection get to finish."
    )
    max_concurrent_streams: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="Calls at a time on one connection; further ones wait at the caller.",
    )
    max_pending_requests: int = Field(
        default=80,
        ge=1,
        le=1_000_000,
        description="Calls that wait to be taken in before gRPC cancels some; of a fifth more it cancels all.",
    )
    max_queue_delay_s: float = Field(
        default=0.1,
        gt=0,
        description="Seconds that calls may wait, beyond one full batch, before some are refused with a push-back.",
    )
    poll_interval_s: float = Field(default=0.05, gt=0, description="Seconds between looks at the store for changes.")
    user_cache_size: int = Field(default=100_000, ge=1, description="Users whose state a worker keeps in memory.")
    max_message_mb: int = Field(default=16, ge=1, le=1024, description="Largest request, in MiB.")
    metrics_port: int | None = Field(
        default=None, ge=0, le=65535, examples=[9090], description="Port of Prometheus metrics; none by default."
    )
    traces: Literal["none", "otlp"] = Field(
        default="none", description="Traces: none, or otlp: to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="What the server and its training jobs log: text, or json: an object a line."
    )


class TrainSettings(BaseModel):
    """``[train]``: defaults of a training run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["small", "base", "large"] = Field(
        default="small", description="Size of the model: small, base or large."
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Seed of everything random.")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where to train: auto, cpu or cuda.")
    time_budget_min: float | None = Field(
        default=None, gt=0, examples=[30], description="Minutes after which training stops; no limit by default."
    )
    text_model: _Folder | None = Field(
        default=None,
        examples=["~/models/all-MiniLM-L6-v2"],
        description="Folder of a sentence-transformers model in ONNX; by default hashed n-grams.",
    )


_TABLES: dict[str, type[BaseModel]] = {
    "serve": ServeSettings,
    "train": TrainSettings,
    "isolation": IsolationSettings,
}
_TOP_LEVEL = (
    "ranker",
    "fast_route",
    "fast_generators",
    "allow_plugins",
    "disable_plugins",
    "load_plugins",
    "trusted_plugins",
    "strict_plugins",
    "trace_plugins",
)


class _Environment(EnvSettingsSource):
    """FIRSTLIGHT_HOME only chooses which home to open; a misspelt table is an error, as it is in the file."""

    def __call__(self) -> dict[str, Any]:
        found = super().__call__()
        found.pop("home", None)
        for name in self.env_vars:
            if name.upper().startswith(_PREFIX) and "__" in name:
                table = name[len(_PREFIX) :].split("__")[0].lower()
                if table not in self.settings_cls.model_fields:
                    found[table] = name
        return found


class Settings(BaseSettings):
    """All settings of one home; frozen. Unknown keys are errors that name the nearest valid one."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Path
    database_url: str = Field(
        default="", repr=False, description="SQLAlchemy URL of the database; empty means SQLite in this directory."
    )
    ranker: str = Field(default="fusion", description="The component that ranks candidates.")
    fast_route: _Names = Field(
        default=("popularity", "student", "projection"),
        description="The built-in components of the fast route, which every component of another plugin takes part in.",
    )
    fast_generators: _Names = Field(
        default=("popularity", "student"),
        description="Those of them that propose items there, as other plugins' do; the rest only scores these.",
    )
    allow_plugins: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_split)] = Field(
        default=None,
        examples=[["newest", "firstlight-bandit"]],
        description="Plugins or distributions to load beside the built-in ones; all that are installed by default.",
    )
    disable_plugins: _Names = Field(default=(), description="Plugins or distributions not to load.")
    load_plugins: _Names = Field(
        default=(), examples=[["shop.recommending"]], description="Modules to load as plugins, in this order."
    )
    trusted_plugins: _Names = Field(
        default=(), description="Plugins or distributions whose components answer without a guard on their time."
    )
    strict_plugins: bool = Field(default=False, description="Whether a plugin that cannot be loaded is an error.")
    trace_plugins: bool = Field(default=False, description="Whether to print every hook call to standard error.")
    isolation: IsolationSettings = IsolationSettings()
    serve: ServeSettings = ServeSettings()
    train: TrainSettings = TrainSettings()
    plugins: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Settings of one component each: [plugins.popularity], ..."
    )

    @property
    def plugin_rules(self) -> PluginRules:
        """Which plugins may load."""
        return PluginRules(
            allow=self.allow_plugins,
            block=self.disable_plugins,
            explicit=self.load_plugins,
            strict=self.strict_plugins,
            trace=self.trace_plugins,
        )

    @property
    def bundles(self) -> Path:
        """The folder that ``BundleRecord.path`` is relative to."""
        return self.home / "bundles"

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the database, never empty."""
        return self.database_url or f"sqlite:///{self.home / 'firstlight.db'}"

    @classmethod
    def load(cls, home: Path) -> Settings:
        """The settings of an initialised home.

        Raises:
            PreconditionError: HOME_NOT_FOUND, or HOME_TOO_NEW where a newer version made it.
            InvalidInputError: SETTINGS_INVALID, naming every bad key.
        """
        home = home.expanduser().absolute()
        file = home / SETTINGS_FILE
        values = _read(file)
        version = values.pop("format", HOME_FORMAT)
        if not isinstance(version, int) or version > HOME_FORMAT:
            raise PreconditionError(
                f"{home} was made by a newer version of Firstlight (format {version}, this one knows {HOME_FORMAT}): "
                "upgrade Firstlight; nothing was changed",
                reason=Reason.HOME_TOO_NEW,
            )
        try:
            return cls(**{**values, "home": home})
        except ValidationError as error:
            raise _invalid(file, error) from error
        except SettingsError as error:
            raise InvalidInputError(f"environment: {error}", reason=Reason.SETTINGS_INVALID) from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose values arrive as arguments."""
        return _Environment(settings_cls), init_settings


def rules_of_environment() -> PluginRules:
    """Which plugins may load where there is no home: what the environment says.

    Raises:
        InvalidInputError: SETTINGS_INVALID.
    """
    try:
        return Settings(home=Path()).plugin_rules
    except ValidationError as error:
        raise _invalid(Path("environment"), error) from error


def init_home(home: Path, *, database_url: str = "") -> Settings:
    """Make ``home`` a home directory, or complete an existing one; its settings. Safe to repeat.

    An existing ``firstlight.toml`` is kept; only a ``database_url`` that is given and differs is written into it.

    Raises:
        PreconditionError: HOME_TOO_NEW.
        InvalidInputError: SETTINGS_INVALID.
    """
    home = home.expanduser().absolute()
    file = home / SETTINGS_FILE
    if file.exists():
        Settings.load(home)
        document = tomlkit.parse(file.read_text("utf-8"))
    else:
        document = _template()
    if database_url and document.get("database_url") != database_url:
        document["database_url"] = database_url
    home.mkdir(parents=True, exist_ok=True)
    text = tomlkit.dumps(document)
    if not file.exists() or file.read_text("utf-8") != text:
        file.write_text(text, "utf-8")
    for name in DIRECTORIES:
        (home / name).mkdir(exist_ok=True)
    return Settings.load(home)


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise PreconditionError(
            f"{file.parent} is not a Firstlight home: run `firstlight init` first", reason=Reason.HOME_NOT_FOUND
        )
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file} is not valid TOML: {error}", reason=Reason.SETTINGS_INVALID) from error


def _template() -> tomlkit.TOMLDocument:
    """Every setting with its description, commented out at its default."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Settings of this Firstlight home. Remove the # before a key to change it."))
    document.add(tomlkit.comment("The environment overrides every key: [serve] port is FIRSTLIGHT_SERVE__PORT."))
    document.add("format", tomlkit.item(HOME_FORMAT).comment("version of this directory's layout; not a setting"))
    document.add("database_url", tomlkit.item("").comment(_description(Settings, "database_url")))
    for line in _defaults(Settings, _TOP_LEVEL):
        document.add(tomlkit.comment(line))
    for name, model in _TABLES.items():
        table = tomlkit.table()
        for line in _defaults(model, tuple(model.model_fields)):
            table.add(tomlkit.comment(line))
        document.add(tomlkit.nl())
        document.add(name, table)
    document.add(tomlkit.nl())
    document.add(tomlkit.comment(f"[plugins.popularity]  # {_description(Settings, 'plugins')}"))
    return document


def _defaults(model: type[BaseModel], names: tuple[str, ...]) -> list[str]:
    def written(name: str) -> str:
        field = model.model_fields[name]
        value = field.examples[0] if field.examples else field.default
        return str(tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string())

    return [f"{name} = {written(name)}  # {_description(model, name)}" for name in names]


def _description(model: type[BaseModel], name: str) -> str:
    return model.model_fields[name].description or ""


def _invalid(file: Path, error: ValidationError) -> InvalidInputError:
    found = [_violation(part["loc"], part["type"], part["msg"]) for part in error.errors()]
    lines = "; ".join(f"{v.field}: {v.description}" for v in found)
    return InvalidInputError(f"{file}: {lines}", violations=found, reason=Reason.SETTINGS_INVALID)


def _violation(location: tuple[int | str, ...], kind: str, message: str) -> Violation:
    path = ".".join(map(str, location))
    variable = _PREFIX + "__".join(map(str, location)).upper()
    if variable in os.environ:
        path = f"{path} (from {variable})"
    if kind != "extra_forbidden":
        return Violation(path, message)
    model = _TABLES.get(str(location[0]), Settings) if len(location) > 1 else Settings
    valid = [name for name in model.model_fields if name != "home"]
    nearest = get_close_matches(str(location[-1]), valid, 1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"valid: {', '.join(valid)}"
    return Violation(path, f"unknown setting; {hint}")

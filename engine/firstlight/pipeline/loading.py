"""From a bundle on disk to components that answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firstlight.bundle import Bundle
from firstlight.domain import ItemTable
from firstlight.errors import CorruptBundleError, PluginError, PreconditionError
from firstlight.features import FeatureEncoders
from firstlight.pipeline.model import FLOOR, Model
from firstlight.pipeline.requirements import check_requirements, in_order
from firstlight.pipeline.routes import Routes
from firstlight.plugins import Plugins
from firstlight.roles import Component, FeatureEncoder, UsesItems
from firstlight.runtime import BundleRuntime
from firstlight.runtime.text import TextModel

log = logging.getLogger(__name__)

ComponentSettings = Mapping[str, Mapping[str, Any]]
"""Settings by component, the tables ``[plugins.<component>]``."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Models from a bundle. ``absent``: what could not be loaded, with the reason; it is left out of every answer."""

    routes: Routes
    absent: Mapping[str, str]


def load_model(
    bundle: Bundle, encoders: FeatureEncoders, plugins: Plugins, settings: ComponentSettings, *, threads: int = 1
) -> Loaded:
    """Load every component of ``bundle`` and its rankers.

    A component whose plugin is not there or fails is left out, with those that require it.

    Raises:
        PluginError: popularity, the floor of every answer, is one of them.
        CorruptBundleError: a file cannot be read.
    """
    absent: dict[str, str] = {}
    created: dict[str, Component] = {}
    for name in bundle.manifest.components:
        try:
            created[name] = _create(plugins, name, settings)
        except Exception as error:  # whatever a plugin raises, the others answer
            _leave_out(absent, name, error, plugins)
    loaded: dict[str, Component] = {}
    for name in in_order(created):
        try:
            check_requirements(name, created[name], loaded)
            folder = bundle.component(name)
            created[name].load(folder, BundleRuntime(bundle.items, loaded, threads, folder))
        except CorruptBundleError:
            raise
        except Exception as error:
            _leave_out(absent, name, error, plugins)
        else:
            loaded[name] = created[name]
    if FLOOR not in loaded:
        raise PluginError(f"bundle {bundle.manifest.bundle_id} cannot answer: {absent.get(FLOOR, 'no popularity')}")
    model = Model(
        items=bundle.items,
        components=loaded,
        ranker=_load_ranker(bundle.manifest.ranker, bundle.ranker, plugins, settings, absent),
        positive_value=bundle.manifest.schema.positive_value,
        profile_fields=encoders.profile_fields,
        ranker_name=bundle.manifest.ranker,
    )
    return Loaded(_routes(bundle, model, plugins, settings, absent), absent)


def _routes(
    bundle: Bundle, model: Model, plugins: Plugins, settings: ComponentSettings, absent: dict[str, str]
) -> Routes:
    """The fast route too, where all its components are there."""
    fast = bundle.manifest.fast
    if fast is None or not set(fast.components) <= set(model.names):
        return Routes(model)
    ranker = _load_ranker(bundle.manifest.ranker, bundle.fast, plugins, settings, absent)
    quality = {int(knot): share for knot, share in fast.quality.items()}
    return Routes(model, model.of(fast.components, ranker, generators=fast.generators), quality)


def load_encoders(
    bundle: Bundle,
    text_model: Path | None,
    plugins: Plugins | None = None,
    settings: ComponentSettings | None = None,
    *,
    threads: int = 1,
) -> FeatureEncoders:
    """The feature encoders of ``bundle``; ``text_model``: the folder of a text model, opened only where it is needed.

    An encoder that ``plugins`` do not offer, or that fails to load, is in ``FeatureEncoders.absent``.

    Raises:
        PreconditionError: the bundle was trained with a text model that ``text_model`` is not.
        PluginError: an encoder is absent, and ``plugins`` are strict.
    """

    def make(name: str) -> FeatureEncoder:
        registration = plugins.registrations.get(name) if plugins else None
        if registration is None or registration.role != "feature_encoder":
            raise PluginError(f"no loaded plugin offers feature encoder {name!r}")
        encoder: FeatureEncoder = registration.create((settings or {}).get(name))
        return encoder

    wanted = FeatureEncoders.required_text_model(bundle.encoders)
    model = TextModel(text_model, threads=threads) if wanted and text_model is not None else None
    if model is not None and model.key != wanted:
        raise PreconditionError(
            f"bundle {bundle.manifest.bundle_id} was trained with the text model {wanted}, and {text_model} holds "
            f"{model.key}: set [train] text_model, or train again"
        )
    encoders = FeatureEncoders.load(bundle.encoders, model, make=make)
    for name, why in encoders.absent.items():
        if plugins and plugins.strict:
            raise PluginError(f"feature encoder {name!r} {why}")
        log.error("feature encoder %s %s; its columns are zeros", name, why)
    return encoders


def give_items(
    components: dict[str, Any],
    items: ItemTable,
    content_names: tuple[str, ...],
    absent: dict[str, str],
    plugins: Plugins,
) -> None:
    """Tell each of ``components`` that wants to know what the items are; one that fails is moved to ``absent``."""
    for name, component in list(components.items()):
        if isinstance(component, UsesItems):
            try:
                component.use_items(items, content_names)
            except Exception as error:
                _leave_out(absent, name, error, plugins)
                del components[name]


def _load_ranker(
    name: str, directory: Path, plugins: Plugins, settings: ComponentSettings, absent: dict[str, str]
) -> Any:
    if not name:
        return None
    try:
        ranker = _create(plugins, name, settings)
        ranker.load(directory)
    except CorruptBundleError:
        raise
    except Exception as error:
        _leave_out(absent, name, error, plugins)
        return None
    return ranker


def _create(plugins: Plugins, name: str, settings: ComponentSettings) -> Any:
    if name not in plugins.registrations:
        raise PluginError(f"no loaded plugin offers component {name!r}")
    return plugins.registrations[name].create(settings.get(name))


def _leave_out(absent: dict[str, str], name: str, error: Exception, plugins: Plugins) -> None:
    if plugins.strict:
        raise error
    log.error("component %s cannot be loaded and is left out of every answer: %s", name, error, exc_info=error)
    absent[name] = f"cannot be loaded: {error}"

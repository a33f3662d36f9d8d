"""One fit: encoders and every component, in the order they need each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from firstlight.domain import Dataset, TrainingData
from firstlight.features import FeatureEncoders, training_data
from firstlight.pipeline import Model
from firstlight.pipeline.requirements import check_requirements, in_order
from firstlight.plugins import Plugins
from firstlight.roles import Component, FitOptions, Progress
from firstlight.runtime.text import TextModel
from firstlight.settings import Settings
from firstlight.training.blocks import validation_users

GENERATING = ("candidate_generator", "cold_start_strategy")


@dataclass(frozen=True, slots=True)
class Fitted:
    """Encoders, data and components of one fit; ``metrics`` as ``<component>.<metric>``."""

    encoders: FeatureEncoders
    data: TrainingData
    components: Mapping[str, Component]
    metrics: Mapping[str, float]

    def model(self) -> Model:
        """The components as serving sees them, without a ranker."""
        return Model(
            items=self.data.items,
            components=self.components,
            positive_value=self.data.dataset.schema.positive_value,
            profile_fields=self.data.profile_fields,
        )


def fit(
    dataset: Dataset,
    plugins: Plugins,
    settings: Settings,
    options: FitOptions,
    *,
    catalog_id: str,
    text: TextModel | None,
    progress: Progress,
) -> Fitted:
    """Fit everything on ``dataset``; ``text`` encodes text attributes, None = hashed n-grams.

    ``progress("", share)`` is told the share of this fit that is done.

    Raises:
        PluginError: a component requires one that is missing, or that requires it in turn; or a feature encoder fails.
        InvalidInputError: a setting cannot be used.
    """
    encoders = FeatureEncoders.fit(
        dataset,
        seed=options.seed,
        embed=text,
        embed_key=text.key if text is not None else "",
        plugged={r.name: r.create(settings.plugins.get(r.name)) for r in plugins.of_role("feature_encoder")},
    )
    data = training_data(dataset, encoders, validation=validation_users(catalog_id, dataset))
    components: dict[str, Component] = {}
    metrics: dict[str, float] = {}
    waiting = create(plugins, settings)
    for done, name in enumerate(in_order(waiting)):
        component = waiting[name]
        check_requirements(name, component, components)

        def report(_stage: str, share: float, done: int = done) -> None:
            progress("", (done + share) / len(waiting))

        report("", 0.0)
        found = component.fit(data, replace(options, progress=report, components=dict(components)))
        components[name] = component
        metrics.update({f"{name}.{metric}": float(value) for metric, value in found.items()})
    progress("", 1.0)
    return Fitted(encoders, data, components, metrics)


def create(plugins: Plugins, settings: Settings) -> dict[str, Component]:
    """A new component of every registration that scores candidates, with its settings."""
    return {r.name: r.create(settings.plugins.get(r.name)) for r in plugins.of_role(*GENERATING)}

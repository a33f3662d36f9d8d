"""Counters in this process alone."""

from prometheus_client import REGISTRY

from firstlight.server.metrics import PrometheusMeter


def test_refused_bundles_are_counted_by_catalogue_and_bundle() -> None:
    meter = PrometheusMeter()
    meter.refused("shop", "bad")
    meter.refused("shop", "bad")
    meter.refused("shop", "worse")

    def counted(bundle_id: str) -> float | None:
        labels = {"catalog_id": "shop", "bundle_id": bundle_id}
        return REGISTRY.get_sample_value("firstlight_refused_bundles_total", labels)

    assert [counted("bad"), counted("worse"), counted("other")] == [2.0, 1.0, None]

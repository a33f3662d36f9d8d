from typing import ClassVar

from firstlight.testing import ColdStartStrategyContract
from firstlight_plugins.projection import Projection, ProjectionSettings

LACKS = {"onnx": "a closed form, exported as arrays"}


class TestProjection(ColdStartStrategyContract):
    component = Projection
    lacks: ClassVar = LACKS


class TestLowRankProjection(ColdStartStrategyContract):
    component = staticmethod(lambda: Projection(ProjectionSettings(dense_items=0, embedding_size=8)))
    lacks: ClassVar = LACKS

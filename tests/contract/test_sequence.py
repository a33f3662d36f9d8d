from typing import ClassVar

from firstlight.testing import ColdStartStrategyContract
from firstlight_plugins.popularity import Popularity
from firstlight_plugins.sequence import Sequence, SequenceConfig


class TestSequence(ColdStartStrategyContract):
    factory = staticmethod(lambda: Sequence(SequenceConfig(epochs=2)))
    required: ClassVar = {"popularity": Popularity}

from typing import ClassVar

from firstlight.testing import ColdStartStrategyContract
from firstlight_plugins.popularity import Popularity
from firstlight_plugins.sequence import Sequence, SequenceConfig


class TestSequence(ColdStartStrategyContract):
    component = staticmethod(lambda: Sequence(SequenceConfig(epochs=2)))
    long_running = staticmethod(lambda: Sequence(SequenceConfig(epochs=5000)))
    required: ClassVar = {"popularity": Popularity}
    time_budget_s = 0.5

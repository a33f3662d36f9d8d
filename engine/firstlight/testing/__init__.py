"""Contract kits for plugin authors: subclass one in a test module, name the factory, and pytest does the rest::

    from firstlight.testing import CandidateGeneratorContract

    class TestMine(CandidateGeneratorContract):
        factory = staticmethod(MyComponent)

Needs pytest.
"""

from firstlight.testing.catalogue import (
    CALM_ITEMS,
    LOUD_ITEMS,
    UNSEEN_ITEMS,
    tiny_dataset,
    tiny_training_data,
)
from firstlight.testing.contracts import CandidateGeneratorContract, ColdStartStrategyContract

__all__ = [
    "CALM_ITEMS",
    "LOUD_ITEMS",
    "UNSEEN_ITEMS",
    "CandidateGeneratorContract",
    "ColdStartStrategyContract",
    "tiny_dataset",
    "tiny_training_data",
]

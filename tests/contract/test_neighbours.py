from firstlight.testing import CandidateGeneratorContract
from firstlight_plugins.neighbours import Neighbours, NeighboursSettings

LACKS = {
    "new_users": "it starts from the items of a history",
    "live_items": "an item that nobody has met has no neighbours",
    "item_vectors": "similarities are kept by pair, not as vectors",
    "onnx": "a closed form, exported as sparse arrays",
}


class TestNeighbours(CandidateGeneratorContract):
    component = Neighbours
    lacks = LACKS


class TestFewNeighbours(CandidateGeneratorContract):
    component = staticmethod(lambda: Neighbours(NeighboursSettings(neighbours=3)))
    lacks = LACKS

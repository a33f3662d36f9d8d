from firstlight.testing import CandidateGeneratorContract
from firstlight_plugins.ease import Ease, EaseSettings

LACKS = {
    "new_users": "it starts from the items of a history",
    "live_items": "an item that nobody has met has no weights",
    "item_vectors": "weights are kept by pair, not as vectors",
    "onnx": "a closed form, exported as sparse arrays",
}


class TestEase(CandidateGeneratorContract):
    component = Ease
    lacks = LACKS


class TestEaseItemByItem(CandidateGeneratorContract):
    component = staticmethod(lambda: Ease(EaseSettings(dense_items=10)))
    lacks = LACKS

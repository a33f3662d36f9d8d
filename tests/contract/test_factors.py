from firstlight.testing import CandidateGeneratorContract
from firstlight_plugins.factors import Factors, FactorsSettings

LACKS = {
    "new_users": "a user is folded in from the history",
    "live_items": "an item that nobody has met has no factors",
    "item_vectors": "its factors are not yet offered for similar items",
    "onnx": "a closed form, exported as arrays",
}


class TestFactors(CandidateGeneratorContract):
    component = staticmethod(lambda: Factors(FactorsSettings(embedding_size=4)))
    lacks = LACKS


class TestExplicitFactors(CandidateGeneratorContract):
    component = staticmethod(lambda: Factors(FactorsSettings(objective="explicit", embedding_size=4)))
    lacks = LACKS

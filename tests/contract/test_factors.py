from firstlight.testing import CandidateGeneratorContract
from firstlight_plugins.factors import Factors, FactorsSettings


class TestFactors(CandidateGeneratorContract):
    factory = staticmethod(lambda: Factors(FactorsSettings(embedding_size=4)))


class TestExplicitFactors(CandidateGeneratorContract):
    factory = staticmethod(lambda: Factors(FactorsSettings(objective="explicit", embedding_size=4)))

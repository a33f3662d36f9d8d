from firstlight.testing import CandidateGeneratorContract
from firstlight_plugins.neighbours import Neighbours, NeighboursSettings


class TestNeighbours(CandidateGeneratorContract):
    factory = Neighbours


class TestFewNeighbours(CandidateGeneratorContract):
    factory = staticmethod(lambda: Neighbours(NeighboursSettings(neighbours=3)))

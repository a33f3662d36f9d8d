from firstlight.testing import RankerContract
from firstlight_plugins.fusion import Fusion, FusionSettings


class TestFusion(RankerContract):
    component = Fusion


class TestFusionForTheBestGuess(RankerContract):
    component = staticmethod(lambda: Fusion(FusionSettings(new_item_cost=0)))

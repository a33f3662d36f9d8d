from firstlight.testing import ColdStartStrategyContract
from firstlight_plugins.popularity import Popularity


class TestPopularity(ColdStartStrategyContract):
    factory = Popularity

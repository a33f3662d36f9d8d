from typing import ClassVar

from firstlight.testing import ColdStartStrategyContract
from firstlight_plugins.popularity import Popularity


class TestPopularity(ColdStartStrategyContract):
    component = Popularity
    lacks: ClassVar = {
        "item_vectors": "alike in popularity is not alike",
        "onnx": "a closed form, exported as arrays",
    }

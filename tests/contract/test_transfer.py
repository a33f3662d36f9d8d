from firstlight.testing import ColdStartStrategyContract
from firstlight_plugins.transfer import Transfer

LACKS = {
    "item_vectors": "its vectors say who would like an item, not which items are alike",
    "onnx": "a closed form, exported as arrays",
}


class TestTransfer(ColdStartStrategyContract):
    component = Transfer
    lacks = LACKS

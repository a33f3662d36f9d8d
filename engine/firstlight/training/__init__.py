"""One training run: cross-fit, fusion, refit, bundle, gate."""

from firstlight.training.options import TrainOptions
from firstlight.training.product import Product, fit_product
from firstlight.training.run import TrainResult, train

__all__ = ["Product", "TrainOptions", "TrainResult", "fit_product", "train"]

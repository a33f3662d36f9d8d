"""Raw attributes to arrays: profile columns of users and content vectors of items."""

from firstlight.features.encoders import FeatureEncoders, training_data
from firstlight.features.plugged import MakeEncoder
from firstlight.features.vectors import Embed

__all__ = ["Embed", "FeatureEncoders", "MakeEncoder", "training_data"]

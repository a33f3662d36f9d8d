"""Hyper-parameters of components, chosen by how well the whole product does on users it has not seen."""

from firstlight.tuning.objective import OBJECTIVES, held_out_fold
from firstlight.tuning.space import Parameter, default_space, parse_parameter
from firstlight.tuning.study import Tuned, tune
from firstlight.tuning.toml import to_toml, write_settings

__all__ = [
    "OBJECTIVES",
    "Parameter",
    "Tuned",
    "default_space",
    "held_out_fold",
    "parse_parameter",
    "to_toml",
    "tune",
    "write_settings",
]

"""Which plugins there are and what they registered: discovery, order, and the faults met on the way."""

from firstlight.plugins.attempt import Attempt
from firstlight.plugins.loading import GROUP, load_plugins
from firstlight.plugins.registration import Registration
from firstlight.plugins.registry import PluginInfo, Plugins, PluginState
from firstlight.plugins.rules import BUILT_IN_DISTRIBUTION, PluginRules, named

__all__ = [
    "BUILT_IN_DISTRIBUTION",
    "GROUP",
    "Attempt",
    "PluginInfo",
    "PluginRules",
    "PluginState",
    "Plugins",
    "Registration",
    "load_plugins",
    "named",
]

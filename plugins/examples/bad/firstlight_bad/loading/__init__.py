"""Plugins that cannot be loaded, one for each reason."""

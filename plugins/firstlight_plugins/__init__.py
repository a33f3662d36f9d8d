"""The built-in strategies: plugins like any other, registered through the public hooks."""

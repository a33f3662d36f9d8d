"""``python -m firstlight.cli``: the same as the ``firstlight`` script."""

from firstlight.cli import main

main()

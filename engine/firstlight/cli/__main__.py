"""``python -m firstlight.cli``: the same as the ``firstlight`` script."""

from firstlight.cli import main

if __name__ == "__main__":  # a process that this one spawned imports it too
    main()

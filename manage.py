#!/usr/bin/env python
"""Django's command line for a clone of chatapp. Installed by pip, the same is called `chatapp`."""

from chatapp.cli import main

if __name__ == "__main__":
    main()

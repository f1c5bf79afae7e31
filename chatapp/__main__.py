"""`python -m chatapp`: the same as the command `chatapp`."""

from chatapp.cli import main

main()

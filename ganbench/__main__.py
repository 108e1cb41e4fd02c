"""`python -m ganbench`, where the command itself is not on the path."""

from ganbench.cli import main

main()

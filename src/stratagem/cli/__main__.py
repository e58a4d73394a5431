"""`python -m stratagem.cli` is the command `stratagem`."""

from stratagem.cli import main

main()

"""`python -m enrollscope` is the command `enrollscope`."""

from enrollscope.cli import main

main()

"""Lets `python -m ops` be the command `xp`; nothing else belongs here."""

from ops.cli import main

main()

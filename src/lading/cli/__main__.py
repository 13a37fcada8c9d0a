"""`python -m lading.cli`: how the supervisor starts its children, wherever the script lies."""

from __future__ import annotations

from lading.cli import main

main()

"""Make the app of `serving` available: what all tests of the API share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from serving import services, world

__all__ = ["services", "world"]

"""Everything that can be set from outside, read once at start."""

from lading.settings.model import Settings
from lading.settings.reading import Given, from_environment, gather, to_environment
from lading.settings.table import TABLE, Setting

__all__ = ["TABLE", "Given", "Setting", "Settings", "from_environment", "gather", "to_environment"]

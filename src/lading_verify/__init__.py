"""The offline verifier of Lading's audit bundles: the standard library and `cryptography`, nothing of the server."""

from typing import Final

__version__: Final = "0.1.0"

"""Lading runs exports as durable, auditable jobs."""

__version__ = "0.1.0"

"""Exports that no profile describes: evidence packs, audit reports and snapshots."""

"""Artifacts: stored files, the deterministic zip, the package with its manifest and statement, its verification."""

"""Audit bundles: a span of a tenant's ledger as one signed file that anybody verifies without us (decision 27)."""

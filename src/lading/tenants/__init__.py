"""Tenants, their keys, and who is asking."""

"""Webhooks: other people's addresses that are called when something happens in a tenant."""

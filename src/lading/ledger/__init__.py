"""The ledger: every change as one line in the tenant's Merkle tree, under signed heads."""

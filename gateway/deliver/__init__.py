"""Batches to the hub, and the read API that central systems pull from."""

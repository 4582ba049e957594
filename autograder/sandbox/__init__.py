"""Confined processes for untrusted input: a worker runs student code, a reader parses the submitted file."""

"""The engine: a pytest plugin, the helpers that tests speak with, and what they found out."""

"""Measurements that anyone can repeat; each prints its numbers and what they are held against."""

"""Student code in a process of its own, where it can harm nobody: `confine` says how, `session` uses it."""

"""The student's classes as a test sees them: in this process (`local`) or behind the sandbox (`remote`)."""

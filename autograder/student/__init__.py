"""The student's classes as tests see them, when they run in this process; `sandbox.remote_student` has the same API."""

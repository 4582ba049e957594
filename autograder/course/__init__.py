"""The course around the grades: whose submission a file is, the roster, what is due when.

identity     a student's key, from the path of a file
platforms    what a platform's download says beside the files: names, times
roster       the students of a course, from the exports of Canvas, Moodle and Gradescope
origin       where a result comes from: path, students, time
handins      which file counts for which student
latest       which of the files of one student counts
settings     course.toml
rubric       rubric.toml: what a named mistake costs
toml_file    what a TOML file says, and on which line
corrections  what people change about a grade, and why
consistency  whether the files agree that a TA edits
"""

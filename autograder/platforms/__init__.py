"""Where a grade goes: Otter-Grader and Gradescope.

container     what runs in a container of `otter grade` or of Gradescope
otter_plugin  the plugin through which `otter run` grades
gradescope    a grade as Gradescope's results.json
deferred      results of a machine with a GPU, for the points that were deferred
otter_check   which submission has no result after `otter grade`, and why
"""

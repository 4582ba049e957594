"""The training that is graded: who is trained, with what, and whether what comes back can be believed.

policy     does this submission have to be trained?
proof      is its network proved to be the reference's?
turns      how many train at once
attempts   whose fault it is when the GPU is blamed
control    does this machine train as the one that was measured?
setup      what a grading trains with
trainer    all of it, for one submission
"""

"""From submissions to results.

grade             one submission
pool              many in parallel processes
classroom         a whole folder, resumable
find_submissions  which files are submissions
look              what a file of a student defines, to choose among several
results_folder    result files and the folder's key
result            what a result file holds, with its JSON Schema
merge             results of machines that share nothing
provenance        which grader made a result: a result of other code is not reused
reproduce         a submission graded again, and compared
similar           pairs of submissions whose code is nearly the same: a hint
slurm             a class graded by the nodes of a cluster
seeds             the secret from which random draws are derived
"""

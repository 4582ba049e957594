"""From submissions to results.

grade             one submission
pool              many in parallel processes
classroom         a whole folder, resumable
find_submissions  which files are submissions, and what their result files are called
results_folder    result files and the folder's key
result            what a result file holds, with its JSON Schema
seeds             the secret from which random draws are derived
"""

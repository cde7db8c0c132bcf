"""Jobs: what administrators begin, and takes longer than a request.

A job is a row. One of all workers does all jobs, a batch of each in turn, so that a long one holds
up nobody. What a batch changes and how far the job is are written together, under the lease of that
worker: whoever takes over goes on after the last batch that was written, and nothing is done twice.
"""

"""Many signals in one job: what is to be fitted, in which stacks, what is done, and the report."""

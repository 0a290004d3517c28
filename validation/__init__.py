"""Studies that measure the toolkit against known truth; each module has a `run` that returns a table."""

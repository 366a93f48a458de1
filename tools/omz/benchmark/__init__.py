"""What a model costs: candidates measured in turn, compared, and recommended."""

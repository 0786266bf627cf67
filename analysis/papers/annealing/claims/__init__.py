"""The claims of the annealing paper and of its reviewers."""

"""Better schedules and budgets: what the laws would choose, and what came of it when it was trained.

optimize    the schedule of a family, or of all monotone ones, that should end lowest, by exact gradients (gradient)
regret      which law chooses best among schedules that were trained
trial       a schedule that was found, trained beside others
plan        which size, length and schedule a budget of FLOPs should buy
"""

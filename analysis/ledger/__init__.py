"""Forecasts of the project's own runs, registered before these were trained: results/ledger."""

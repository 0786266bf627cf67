"""What training costs: loops side by side, a whole sweep, and a step against model size and batch."""

"""What every page is made of: figures, their common parts, templates, and the one writer."""

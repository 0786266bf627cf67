"""One folder for every paper whose claims are held against measurements, and what they share.

paper    a Paper: its runs, claims, tables, figures and page, `python -m analysis paper NAME`
claim    one statement of a paper, and the verdict on it
"""

"""The figures of the other papers, one module each, named as the paper's package in `analysis/claims`."""

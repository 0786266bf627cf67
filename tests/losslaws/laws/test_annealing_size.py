from tests.losslaws.laws.cases import Case

CASES = [Case({"L0": 2.1, "A": 0.9, "alpha": 0.45, "C": 0.31, "lambda": 0.985, "B": 1.4, "beta": 0.3, "gamma": 0.08})]

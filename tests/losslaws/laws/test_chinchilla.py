from tests.losslaws.laws.cases import Case

CASES = [Case({"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2100.0, "beta": 0.37})]

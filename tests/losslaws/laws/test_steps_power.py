from tests.losslaws.laws.cases import Case

CASES = [Case({"L0": 2.1, "A": 9.0, "alpha": 0.4})]

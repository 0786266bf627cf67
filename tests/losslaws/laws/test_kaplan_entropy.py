from tests.losslaws.laws.cases import Case

CASES = [Case({"E": 1.7, "log_A": 6.5, "alpha": 0.41, "log_B": 7.2, "beta": 0.45})]

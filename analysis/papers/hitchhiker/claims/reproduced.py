"""The printed numbers on the public families, and the unit trap."""

from analysis.papers.claim import Claim, Test, answer, claim, verdict
from analysis.papers.comparisons import at_most, near
from analysis.papers.hitchhiker.estimation import CUT, smallest
from analysis.papers.hitchhiker.evidence import Evidence
from losslaws.curves.public.hitchhiker import olmo_tests
from losslaws.words import values

CLOSE = 0.003  # distance at which an ARE counts as the printed one
LARGEST = 175e9
GPT3 = {4: 0.0568, 5: 0.0510, 7: 0.0272}
OPT = {0.0: (0.142, 0.176, 0.165), CUT: (0.054, 0.083, 0.074)}
MODELS = (3, 4, 5)
SINGLE = {6.7e9: 0.325, 13e9: 0.249, 30e9: 0.150}


@claim
def gpt3(e: Evidence) -> list[Claim]:
    table = e.families["GPT-3"]
    found = {k: e.are("GPT-3", smallest(table, k), LARGEST) for k in GPT3}
    opt_four = e.are("OPT", smallest(e.families["OPT"], 4), LARGEST, cut=CUT)
    return [
        answer(
            "hitchhiker-01a-gpt3",
            on_paper_data=values(found.values(), "{:.4f}"),
            verdict=verdict(near("AREs", list(found.values()), list(GPT3.values()), CLOSE)),
        ),
        answer(
            "hitchhiker-01b-below-ten",
            on_paper_data=f"GPT-3 {found[4]:.3f}; OPT {opt_four:.3f} in nats, "
            f"{e.are('OPT perplexity', smallest(e.families['OPT'], 4), LARGEST, cut=CUT):.3f} of the perplexity",
            verdict=verdict(
                *(at_most(f"{name}: ARE below .1", are, 0.1) for name, are in (("GPT-3", found[4]), ("OPT", opt_four)))
            ),
        ),
    ]


def with_and_without(name: str, statement: str, found: dict[float, list[float]], unit: str) -> Claim:
    """A claim on OPT from its smallest models, without the cut and with it; `found` are the AREs by cut."""
    both = "{} without the cut, {} with it"
    return answer(
        f"hitchhiker-{name}",
        on_paper_data=both.format(*(values(row) for row in found.values())) + f" ({unit})",
        verdict=verdict(
            *(near(f"AREs with{'' if cut else 'out'} the cut", found[cut], OPT[cut], CLOSE) for cut in OPT)
        ),
    )


@claim
def opt(e: Evidence) -> list[Claim]:
    def errors(unit, cut):
        table = e.families[unit]
        return [e.are(unit, smallest(table, k), LARGEST, cut=cut) for k in MODELS]

    raw, nats = ({cut: errors(unit, cut) for cut in OPT} for unit in ("OPT perplexity", "OPT"))
    single, single_nats = (
        [e.are(unit, (n,), LARGEST, cut=CUT, share=1.0, method="borrowed") for n in SINGLE]
        for unit in ("OPT perplexity", "OPT")
    )
    return [
        with_and_without(
            "02a-opt",
            "OPT 175B from its 3, 4 and 5 smallest models: leaving out the first 10 billion tokens halves the error",
            raw,
            "perplexity taken as the loss",
        ),
        with_and_without(
            "02b-unit-trap",
            "The same errors come out when OPT's losses are in nats, as those of the other families are",
            nats,
            "nats",
        ),
        answer(
            "hitchhiker-03a-single",
            on_paper_data=f"{values(single)} (perplexity, its last checkpoint left out as the paper's code does); "
            f"in nats {values(single_nats)}",
            verdict=verdict(near("AREs", single, list(SINGLE.values()), CLOSE)),
        ),
    ]


@claim
def olmo(e: Evidence) -> Claim:
    found = [e.are(name, (1e9,), 7e9, share=1.0, cut=CUT, method="borrowed") for name in ("OLMo", "OLMo twin")]
    small, large = olmo_tests("OLMo-1B"), olmo_tests("OLMo-7B")
    return answer(
        "hitchhiker-03b-olmo",
        on_paper_data=f"{found[0]:.4f} (7B), {found[1]:.4f} (7B twin); means over {len(small)} and {len(large)} tests, "
        f"{len(small & large)} of them common",
        verdict=verdict(
            at_most("ARE below .01", found[0], 0.01),
            Test(
                "both models are judged by some of the same tests",
                bool(small & large),
                f"{len(small & large)} in common",
            ),
        ),
    )

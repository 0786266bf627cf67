"""The systems of other papers, on which their claims (`analysis.claims`) and pages stand.

kaplan, reconciliation, allocation      Kaplan et al. 2020, Pearce and Song 2024, and what a budget buys by them
widths                                  loss prediction over widths under muP
loss_to_loss                            Loss-to-Loss Prediction
estimation                              A Hitchhiker's Guide to Scaling Law Estimation
paper                                   the page of one paper: `python -m analysis paper NAME`
"""

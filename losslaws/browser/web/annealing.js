// The annealing law, L = L0 + A S1^-alpha - C S2, as losslaws/laws/annealing.py; treatment of the warm-up: "as-peak" | "true" | "full".

// S1, S2 and the loss after each of `steps` (from 1, rising), [steps] each.
function annealingAt(params, lr, warmup, treatment, steps) {
  const { lambda, ...others } = params;
  if (!(lambda >= 0 && lambda <= 1) || !Object.values(others).every(Number.isFinite)) throw new Error("lambda must lie between 0 and 1, and every parameter be a number");
  const peak = largest(lr), S1 = new Float64Array(steps.length), S2 = new Float64Array(steps.length), loss = new Float64Array(steps.length);
  let forward = 0, momentum = 0, annealing = 0, before = 0;
  for (let t = 0, k = 0; k < steps.length; t++) {
    const rate = treatment === "as-peak" && t < warmup ? peak : lr[t];
    const drop = t === 0 || (treatment === "true" && t < warmup) ? 0 : before - rate;
    before = rate;
    momentum = lambda * momentum + drop;
    forward += rate;
    annealing += momentum;
    if (t + 1 === steps[k]) {
      S1[k] = forward;
      S2[k] = annealing;
      loss[k++] = params.L0 + params.A * forward ** -params.alpha - params.C * annealing;
    }
  }
  return { S1, S2, loss };
}

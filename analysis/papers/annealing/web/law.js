// The annealing law, L = L0 + A S1^-alpha - C S2, as in losslaws/laws/annealing.py.

// Rates and drops as the law counts them; treatment of the warm-up: "as-peak" | "true" | "full".
function ratesAndDrops(lr, warmup, treatment) {
  const rate = Float64Array.from(lr);
  if (treatment === "as-peak") rate.fill(rate.reduce((a, b) => Math.max(a, b)), 0, warmup);
  const drop = rate.map((value, i) => (i === 0 || (treatment === "true" && i < warmup) ? 0 : rate[i - 1] - value));
  return [rate, drop];
}

// S1, S2 and the loss after every step, [T] each.
function annealingLaw(p, lr, warmup, treatment) {
  const [rate, drop] = ratesAndDrops(lr, warmup, treatment);
  const S1 = new Float64Array(lr.length), S2 = new Float64Array(lr.length), loss = new Float64Array(lr.length);
  let forward = 0, momentum = 0, annealing = 0;
  for (let i = 0; i < lr.length; i++) {
    momentum = p.lambda * momentum + drop[i];
    S1[i] = forward += rate[i];
    S2[i] = annealing += momentum;
    loss[i] = p.L0 + p.A * forward ** -p.alpha - p.C * annealing;
  }
  return { S1, S2, loss };
}

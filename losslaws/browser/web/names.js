// Which column of a log is what, by the words of its name, as losslaws/curves/logs/names.py; the words themselves come from there.

const wordsOf = (name) => name
  .replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, " ")
  .toLowerCase().match(/[a-z]+|\d+/g) ?? [];

// A column's name without that of its run, which W&B's charts put before " - ".
const metricOf = (name) => name.slice(name.lastIndexOf(" - ") + 1 ? name.lastIndexOf(" - ") + 3 : 0);

class Names {
  constructor({ UNIT, ...words }) {
    this.unitOfRate = new RegExp(UNIT, "i");
    for (const [name, some] of Object.entries(words)) this[name] = new Set(["BARE", "SHORT"].includes(name) ? some.map(([key]) => key[0]) : some);
    this.short = Object.fromEntries(words.SHORT);
    this.bare = Object.fromEntries(words.BARE.map(([key, side]) => [key.join(" "), side]));
  }

  split(name) {
    const words = wordsOf(name), heldOut = (i) => ["held", "hold"].includes(words[i]) && words[i + 1] === "out";
    return words.flatMap((word, i) => {
      if (heldOut(i) || heldOut(i - 1)) return word === "out" ? [] : ["heldout"];
      const end = ["loss", "ppl"].find((one) => word.endsWith(one) && this.SIDES.has(word.slice(0, -one.length)));
      return end ? [word.slice(0, -end.length), end] : this.short[word] ?? [word];
    });
  }

  // {kind, side, rank, name} of what a column of this name may be; null: nothing that is read.
  role(name) {
    const metric = metricOf(name), slash = metric.indexOf("/");
    const words = this.split(this.OUTER.has(metric.slice(0, Math.max(slash, 0)).toLowerCase()) && metric.slice(slash + 1) ? metric.slice(slash + 1) : metric);
    if (!words.length || words.length > 12) return null;
    return this.loss(words) ?? this.rate(words) ?? this.count(words, metric.trim());
  }

  loss(words) {
    const has = new Set(words), any = (some) => words.some((word) => some.has(word)), bare = this.bare[words.join(" ")];
    if (bare) return { kind: "loss", side: bare, rank: 8, name: "" };
    const kind = any(this.PERPLEXITY) ? "perplexity" : any(this.BITS) ? "bits" : "loss";
    if (kind === "loss" && !any(this.LOSS) && !(has.has("cross") && has.has("entropy"))) return null;
    if (any(this.OTHER_LOSS) || has.has("lr") || has.has("rate") || ["tokens", "steps"].includes(words[words.length - 1])) return null;
    const training = any(this.TRAINING), validation = any(this.VALIDATION), test = any(this.TEST);
    const side = training && !validation ? "train" : validation || test ? "val" : "train";
    const unknown = words.filter((word) => !this.KNOWN.has(word) && !/^\d+$/.test(word));
    let rank = has.has("epoch") && side === "train" ? 3 : side === "val" ? (["step", "batch", "micro"].some((w) => has.has(w)) ? 2 : any(this.AVERAGE) ? 1 : 0)
      : any(this.AVERAGE) && !has.has("global") ? 2 : any(this.PURE) ? 0 : 1;
    if (any(this.TOTAL)) rank = 4;
    if (unknown.length) rank = 5;
    return { kind, side, rank: rank + (test && !validation && !training ? 6 : 0), name: unknown.join(" ") };
  }

  rate(words) {
    const has = new Set(words), alone = words.length === 1 && words[0] === "rate";
    if (!(words.some((word) => this.RATE.has(word)) || (has.has("rate") && (has.has("learning") || has.has("learn"))) || alone)) return null;
    const without = words.some((word) => this.WITHOUT.has(word));
    if (words.some((word) => word !== "rate" && this.OTHER_RATE.has(word) && !(without && this.WEIGHT_DECAY.has(word)))) return null;
    const rest = words.filter((word) => !["learning", "learn", "rate"].includes(word) && !this.RATE.has(word) && !this.PLAIN_RATE.has(word));
    const unknown = rest.filter((word) => !this.GROUP.has(word) && !/^\d+$/.test(word));
    return { kind: "lr", side: "", rank: unknown.length ? 2 : rest.length ? 1 : 0, name: rest.join(" ") };
  }

  // Whether a name is "lr decay": the decay of the rate or, beside those of other groups, the rate of the parameters with weight decay.
  decayed(name) {
    const words = this.split(metricOf(name)), rest = words.filter((word) => !this.RATE.has(word));
    return rest.length < words.length && rest.every((word) => word === "decay") && rest.length > 0;
  }

  // The power of ten below 1 that follows the word of a rate's name, as in lr_x1e-4, lr(1e-4) and lr*1e4; 1 where none does.
  unit(name) {
    const found = this.unitOfRate.exec(metricOf(name));
    return found ? Number(`1e-${found[3]}`) : 1;
  }

  count(words, name) {
    const any = (some) => words.some((word) => some.has(word)), all = (some) => words.every((word) => some.has(word));
    if (any(this.WRITERS) && all(new Set([...this.WRITERS, "local", "global", "id"]))) return { kind: "rank", side: "", rank: 0, name: "" };
    if ((words.includes("epoch") || words.includes("epochs")) && all(this.EPOCH)) return { kind: "epoch", side: "", rank: 0, name: "" };
    const but = (kept) => words.some((word) => this.NO_COUNT.has(word) && !kept(word));
    if (any(this.TOKENS) && !but((word) => this.TOKENS.has(word) || ["of", "number", "total"].includes(word))) return { kind: "tokens", side: "", rank: 0, name: "" };
    const step = (rank, side = "") => ({ kind: "step", side, rank, name: "" });
    if (name === "_step") return step(9);
    if (["i", "s", "n iter"].includes(words.join(" "))) return step(4);
    if (["progress", "progress k", "position"].includes(words.join(" "))) return step(5);
    if (words.join(" ") === "first number") return step(6);
    if (words.slice(-2).join(" ") === "time batch" && all(new Set([...this.TRAINING, "time", "batch"]))) return step(8);
    const side = any(this.VALIDATION) ? "val" : "";
    const batches = any(new Set(["batch", "batches"])) && all(new Set([...this.SMALL, ...this.PLAIN_COUNT, ...this.VALIDATION]));
    if (!(any(this.COUNTERS) || batches) || but((word) => this.VALIDATION.has(word) || word === "of" || (batches && this.SMALL.has(word)))) return null;
    if (!words.every((word) => this.COUNTERS.has(word) || this.OPTIMISER.has(word) || this.VALIDATION.has(word) || this.PLAIN_COUNT.has(word) || this.SMALL.has(word) || word === "of")) return null;
    if (words.some((word) => this.SMALL.has(word) && word !== "local")) return step(7, side);
    if (any(this.OPTIMISER)) return step(0, side);
    return step(words.includes("step") || words.includes("steps") ? 1 : 2, side);
  }
}

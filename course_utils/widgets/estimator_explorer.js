// The estimator explorer: the exact gradient of an average reward, and two ways to estimate it from samples.

// --- the mathematics, equal to estimator_explorer.py -------------------------------------------------

const BATCHES = 8;
const SCORE = 0; // streams of random numbers
const DIFFERENCES = 1;

function rewardOf(kind, x) {
  if (kind === "step") return Math.floor(x);
  return kind === "thumb" ? (x >= 0 ? 1 : -1) : x;
}

// The uniform numbers of all batches. They depend on the seed and the draw alone, so they are kept: a lab
// that is dragged only counts anew, and more samples continue the samples there were.
function makeSource() {
  let key = "";
  let kept = [];
  return (seed, draw, batch, stream, count) => {
    if (key !== `${seed} ${draw}`) [key, kept] = [`${seed} ${draw}`, []];
    const place = 2 * batch + stream;
    const old = kept[place] ?? new Float64Array(0);
    if (old.length < count) {
      kept[place] = new Float64Array(count);
      kept[place].set(old);
      for (let i = old.length; i < count; i += 1) kept[place][i] = uniform(seed, draw, batch, stream, i);
    }
    return kept[place];
  };
}

// How often each action is drawn by the numbers u[first], u[first + stride], … below index m.
function countDrawn(probabilities, u, m, first = 0, stride = 1) {
  const below = [];
  probabilities.slice(0, -1).reduce((s, p) => (below.push(s + p), s + p), 0);
  const counts = probabilities.map(() => 0);
  for (let i = first; i < m; i += stride) {
    let a = 0;
    while (a < below.length && u[i] >= below[a]) a += 1;
    counts[a] += 1;
  }
  return counts;
}

// What one batch's distance from the exact gradient is, squared, and what it is on average: variance plus squared bias.
function withErrors(estimator, exact) {
  const { batches, mean, error } = estimator;
  const bias = mean.map((v, a) => v - exact[a]);
  const squaredError = batches.map((g) => sum(g.map((v, a) => (v - exact[a]) ** 2)));
  return { ...estimator, bias, squaredError, expectedSquaredError: sum(error.map((e, a) => e ** 2 + bias[a] ** 2)) };
}

const BATCH = Array.from({ length: BATCHES }, (_, b) => b);

function scoreFunction({ rewards, samples: m, seed, draw }, pi, exact, source) {
  return {
    batches: BATCH.map((b) => {
      const counts = countDrawn(pi, source(seed, draw, b, SCORE, m), m);
      const total = dot(counts, rewards);
      return pi.map((p, a) => (counts[a] * rewards[a] - p * total) / m);
    }),
    mean: exact,
    error: exact.map((g, a) => {
      const square = sum(pi.map((p, b) => p * (rewards[b] * ((a === b ? 1 : 0) - pi[a])) ** 2));
      return Math.sqrt(Math.max(square - g * g, 0) / m);
    }),
  };
}

// Each logit is tried up and down; the tries share the budget. Null when it is too small for one sample each.
function finiteDifferences({ logits, rewards, samples: m, h: step, seed, draw }, source) {
  const sides = 2 * logits.length;
  if (m < sides) return null;
  const tries = Array.from({ length: sides }, (_, e) => {
    const moved = softmax(logits.map((z, a) => z + (a === e >> 1 ? (e % 2 === 0 ? step : -step) : 0)));
    const mean = dot(moved, rewards);
    const count = Math.floor((m - e + sides - 1) / sides);
    return { moved, mean, count, variance: (dot(moved, rewards.map((R) => R * R)) - mean * mean) / count };
  });
  const averages = BATCH.map((b) => {
    const u = source(seed, draw, b, DIFFERENCES, m);
    return tries.map(({ moved, count }, e) => dot(countDrawn(moved, u, m, e, sides), rewards) / count);
  });
  const pair = (values, combine) => logits.map((_, a) => combine(values[2 * a], values[2 * a + 1]) / (2 * step));
  return {
    batches: averages.map((J) => pair(J, (up, down) => up - down)),
    mean: pair(tries, (up, down) => up.mean - down.mean),
    error: pair(tries, (up, down) => Math.sqrt(Math.max(up.variance + down.variance, 0))),
  };
}

function estimateAll(set, source) {
  const { logits, rewards } = set;
  const probabilities = softmax(logits);
  const performance = dot(probabilities, rewards);
  const exact = probabilities.map((p, a) => p * (rewards[a] - performance));
  const difference = finiteDifferences(set, source);
  return {
    probabilities,
    exact,
    score: withErrors(scoreFunction(set, probabilities, exact, source), exact),
    difference: difference && withErrors(difference, exact),
  };
}

// --- what the lab says in words ----------------------------------------------------------------------

// An error as text: two significant digits.
function few(x) {
  return x === 0 || x >= 100 ? short(x) : x >= 1e-4 ? String(Number(x.toPrecision(2))) : minusSign(x.toExponential(1));
}

function whatIsSeen({ samples, h: step, differences }, { exact, score, difference }) {
  const ofScore = score.expectedSquaredError;
  if (exact.every((g) => Math.abs(g) < 1e-12) && ofScore < 1e-20)
    return "All rewards are 0 where it matters: the gradient is 0, and so is every estimate.";
  const lead = `With m = ${grouped(samples)} the score-function estimate has mean squared error ${few(ofScore)}.`;
  if (!differences) return `${lead} Ten times as many samples make it ten times smaller, and its root √10 ≈ 3.2 times.`;
  if (difference === null)
    return `${lead} Finite differences need at least 6 samples: each of 3 logits is tried up and down.`;
  const ofOther = difference.expectedSquaredError;
  const ratio = ofOther / ofScore;
  const beside =
    ofScore < 1e-20 ? ""
    : ratio >= 1.05 ? `, ${ratio < 10 ? ratio.toFixed(1) : Number(ratio.toPrecision(2))} times as much`
    : ratio > 0.95 ? ", about the same"
    : `, less: ${(1 / ratio).toFixed(1)} times smaller`;
  const share = ofOther > 0 ? dot(difference.bias, difference.bias) / ofOther : 0;
  const wide = `h = ${short(step)} is a wide step, and more samples will not cure it`;
  const why =
    share > 0.2 ? ` Bias makes up ${Math.round(100 * share)} % of that: ${wide}.`
    : step <= 0.2 ? ` They are noisy: the noise in Ĵ is divided by 2h = ${short(2 * step)}.`
    : "";
  return `${lead} Finite differences on the same budget: ${few(ofOther)}${beside}.${why}`;
}

// --- the picture -------------------------------------------------------------------------------------

const LOGITS = [-8, 8];
const QUANTITIES = [-10, 10];
const NICE_LIMITS = [0.1, 0.2, 0.5, 1, 2, 3, 5, 10];
const SAMPLE_SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];
const SMALL = { height: 164, left: 34, right: 6, top: 26, low: 140 };
const GRADIENT = { ...SMALL, height: 238, low: 192 };
const LINE = { height: 84, rows: { score: 14, difference: 40 }, low: 58 };
const POWERS = { "-6": "10⁻⁶", "-4": "10⁻⁴", "-2": "0.01", 0: "1", 2: "100" }; // of 10, on the line of squared errors
const KINDS = [
  ["number", "any number"],
  ["step", "stairs: x rounded down"],
  ["thumb", "a thumb, up or down"],
];
const ESTIMATORS = [
  { name: "score", words: "score function", sign: "●", brief: "score", fill: SAMPLED },
  { name: "difference", words: "differences", sign: "□", brief: "differences", fill: PAPER },
];

function nearest(values, wanted) {
  const away = values.map((v) => Math.abs(Math.log(v / wanted)));
  return away.indexOf(Math.min(...away));
}

// A dot, a square or, off the scale, a triangle that points to where the mark would be.
function markPath(kind, x, y, size, beyond) {
  if (beyond !== 0) return `M${x - size} ${y} L${x + size} ${y} L${x} ${y - beyond * 1.6 * size} z`;
  if (kind === "difference") return `M${x - size} ${y - size} h${2 * size} v${2 * size} h${-2 * size} z`;
  return `M${x - size} ${y} a${size} ${size} 0 1 0 ${2 * size} 0 a${size} ${size} 0 1 0 ${-2 * size} 0 z`;
}

// Fields below a picture's columns, for the numbers of one trait.
function drawFields(set, trait, role, word, limits, name, half, { change, refuse }) {
  const names = set.actions.map((action) => `${word} of ${action}`);
  const values = set[trait].map((v) => Number(v.toFixed(3)));
  const setter = (a) => change.entry(trait, a);
  return typedRow(name, half, SMALL, role, names, limits, values, setter, refuse, trait === "logits" ? "logit" : "");
}

function drawPolicy(set, { probabilities }, { half }, lab) {
  const { actions, logits } = set;
  const x = columnsIn(half, SMALL, actions.length);
  const y = scale([0, 1], [SMALL.low, SMALL.top]);
  const column = (action, a) => {
    const p = probabilities[a];
    const slider = {
      label: `logit of ${action}`, value: logits[a], text: `${short(logits[a])}, probability ${p.toFixed(2)}`,
      limits: LOGITS, steps: [0.1, 1], grip: 24, round: (z) => roundTo(0.01, z),
      axis: Object.assign(() => y(p), { back: (at) => logitFor(y.back(at), logits, a) }),
      set: lab.change.entry("logits", a),
    };
    return [
      nameAt(x(a), SMALL.height - 7, action, x.band),
      h("g", { ...about("logit", a), slider },
        x.reach(a),
        bar(x(a), Math.min(44, x.band * 0.56), y(p), SMALL.low, POLICY, about("pi", a, p)),
        label(x(a), y(p) - 13, probabilityText(p)),
        handle(x(a), y(p), POLICY, 8)),
    ];
  };
  return panel(
    title("probability π(a | s)"),
    drawing("probability π(a | s)", [half, SMALL.height],
      rules([1, 0.5, 0], y, x.ends, shareText),
      actions.map(column)),
    drawFields(set, "logits", "logit-input", "logit", LOGITS, "logits, typed", half, lab));
}

// Bars are rewards; the handle is the number that they are made of. The axis stands still while a bar is dragged.
function drawRewards(set, { half }, limit, still, lab) {
  const { actions, quantities, rewards, reward_kind: kind } = set;
  const isNumber = kind === "number";
  const x = columnsIn(half, SMALL, actions.length);
  const y = scale([-limit, limit], [SMALL.low, SMALL.top]);
  const stairs = Array.from({ length: 2 * Math.ceil(limit) - 1 }, (_, i) => i + 1 - Math.ceil(limit));
  const column = (action, a) => {
    const [q, R] = [quantities[a], rewards[a]];
    const slider = {
      label: `${isNumber ? "reward" : "x"} of ${action}`, value: q, steps: [0.1, 1],
      text: isNumber ? signed(R) : `x ${signed(q)}, reward ${signed(R)}`,
      limits: QUANTITIES, within: still.isHeld() ? [-limit, limit] : QUANTITIES, ...still.hand,
      axis: y, grip: 24, round: snapTo(limit), set: lab.change.entry("quantities", a),
    };
    return [
      nameAt(x(a), SMALL.height - 7, action, x.band),
      h("g", { ...about("quantity", a), slider },
        x.reach(a),
        bar(x(a), Math.min(44, x.band * 0.56), y(R), y(0), tintOf(R), about("reward", a, R)),
        !isNumber && line(x(a), y(R), x(a), y(q), NEUTRAL, { "stroke-dasharray": "2 3" }),
        handle(x(a), y(q), isNumber ? tintOf(R) : NEUTRAL, 8)),
      label(x(a), 13, kind === "thumb" ? `${R > 0 ? "up" : "down"} ${signed(R)}` : signed(R)),
    ];
  };
  return panel(
    title("reward R(a)", key(isNumber ? "" : " — bar R, handle x")),
    drawing("reward R(a)", [half, SMALL.height],
      rules([limit, 0, -limit], y, x.ends, signed),
      kind === "step" &&
        stairs.map((level) => level !== 0 && line(x.ends[0], y(level), x.ends[1], y(level), colour("rule"))),
      actions.map(column)),
    drawFields(set, "quantities", "quantity-input", "x", QUANTITIES, "rewards, typed", half, lab));
}

function drawSettings({ samples, h: step, differences, draw }, { get, change }) {
  const scaled = (role, text, values, value, shown, spoken, set) =>
    range(role, text, [0, values.length - 1, 1], nearest(values, value), shown, (i) => set(values[i]), spoken);
  const many = grouped(samples);
  const reset = () => change({ logits: get("initial_logits"), quantities: get("initial_quantities"), draw: 0 });
  return row("pgc-sampling",
    scaled("samples", "samples m", SAMPLE_SIZES, samples, many, `${many} samples`, change.to("samples")),
    differences && scaled("h", "step h", STEPS, step, short(step), `h = ${short(step)}`, change.to("h")),
    button("draw-again", "draw again", () => change({ draw: draw + 1 }), primary),
    button("reset", "reset", reset));
}

// One estimator of one logit: its batches, and the two standard errors around its mean.
function drawEstimates({ name, words, sign, fill }, { batches, mean, error }, a, from, width, y, limit, isWide) {
  const inside = (g) => y(clamp(g, [-limit, limit]));
  const [high, low] = [inside(mean[a] + 2 * error[a]), inside(mean[a] - 2 * error[a])];
  const band = { "fill-opacity": 0.25, ...about(`${name}-band`, a), "data-error": error[a], "data-mean": mean[a] };
  const middle = { "stroke-width": 1.5, "stroke-dasharray": "4 3" };
  const x = columnsOf(BATCHES, [from, from + width]);
  return [
    rect(from, high, width, Math.max(0, low - high), SAMPLED, band),
    name === "difference" && line(from, inside(mean[a]), from + width, inside(mean[a]), RIM, middle),
    batches.map((batch, b) => {
      const g = batch[a];
      const beyond = g > limit ? 1 : g < -limit ? -1 : 0;
      const look = { stroke: RIM, "stroke-width": 1.2, fill, "data-batch": b, ...about(`${name}-mark`, a, g) };
      return path(markPath(name, x(b), inside(g), isWide ? 4 : 3, beyond), look);
    }),
    label(from + width / 2, GRADIENT.low + 17, isWide ? words : sign),
  ];
}

function limitOfGradient({ rewards }, { exact }) {
  const largest = Math.max(...exact.map(Math.abs), Math.max(...rewards.map(Math.abs)) / 3);
  return niceLimit(1.25 * largest, NICE_LIMITS);
}

function drawGradient({ actions, samples, differences }, all, shown, { inner, isWide }, limit) {
  const { exact } = all;
  const x = columnsIn(inner, GRADIENT, actions.length);
  const y = scale([-limit, limit], [GRADIENT.low, GRADIENT.top]);
  const at = (a) => y(clamp(exact[a], [-limit, limit])); // beyond it only while a hand holds the scale
  const half = x.band * 0.44;
  const estimates = shown.flatMap(({ name }) => all[name].batches.flat());
  const beyond = estimates.filter((g) => Math.abs(g) > limit).length;
  const off = beyond === 0 ? "" : ` (▵ ${beyond} off the scale)`;
  const keys = `◆ exact ● score function${differences ? " □ differences" : ""}`;
  return panel(
    title("gradient ∂J/∂z", key(` — ${keys}: 8 batches of m = ${grouped(samples)}${off}`)),
    drawing("gradient ∂J/∂z", [inner, GRADIENT.height],
      rules([limit, 0, -limit], y, x.ends, signed),
      actions.map((action, a) => [
        nameAt(x(a), GRADIENT.height - 8, isWide ? `z of ${action}` : action, x.band),
        shown.map((one) => {
          const from = one.name === "score" ? x(a) - half : x(a) + 12;
          return drawEstimates(one, all[one.name], a, from, half - 12, y, limit, isWide);
        }),
        line(x(a) - half, at(a), x(a) + (differences ? half : 12), at(a), EXACT, { "stroke-width": 1.2 }),
        diamond(x(a), at(a), 8, about("exact", a, exact[a])),
        label(x(a), 13, isWide ? `exact ${signed(exact[a])}` : signed(exact[a])),
      ])));
}

// How far the batches are from the exact gradient, on a line of powers of 10.
function drawErrors({ differences }, all, { inner, isWide }) {
  const powers = Object.keys(POWERS).map(Number).sort((one, two) => one - two);
  const ends = [isWide ? 128 : 84, inner - 66];
  const place = scale([powers[0], powers.at(-1)], ends);
  const x = (error) => clamp(place(Math.log10(Math.max(error, 1e-300))), ends);
  const isTold = (power) => isWide || powers.indexOf(power) % 2 === 0;
  const drawRow = ({ name, words, brief, fill }) => {
    const [estimator, y] = [all[name], LINE.rows[name]];
    const expected = estimator?.expectedSquaredError;
    const long = name === "score" ? words : `finite ${words}`;
    const look = { fill, "fill-opacity": 0.8, stroke: RIM };
    return [
      line(ends[0], y, ends[1], y, colour("line")),
      label(0, y + 4, isWide ? long : brief, "start"),
      estimator?.squaredError.map((error, b) =>
        path(markPath(name, x(error), y, 4, 0), { ...look, ...about(`${name}-squared-error`, b, error) })),
      estimator && diamond(x(expected), y, 8, about(`${name}-expected-error`, null, expected)),
      label(inner - 2, y + 4, estimator ? few(expected) : "m < 6", "end"),
    ];
  };
  return panel(
    title("squared error, summed over the logits", key(" — ◆ expected, exact")),
    drawing("squared error, summed over the logits", [inner, LINE.height],
      ticks(powers, place, [4, LINE.low], 16, (power) => (isTold(power) ? POWERS[power] : ""), () => colour("rule")),
      ESTIMATORS.filter(({ name }) => name === "score" || differences).map(drawRow)));
}

function drawTable({ actions, differences }, { exact, score, difference }, formulas) {
  const cleared = (v) => signed(Math.abs(v) < 1e-12 ? 0 : v);
  const rows = [
    ["exact", worded("exact gradient", formulas.exact), exact, cleared],
    ["score-batch", worded("score function, batch 1", formulas.score), score.batches[0], cleared],
    ["score-error", "its standard error", score.error, few],
    ["difference-batch", worded("differences, batch 1", formulas.difference), difference?.batches[0], cleared],
    ["difference-bias", "their bias", difference?.bias, cleared],
    ["difference-error", "their standard error", difference?.error, few],
  ].slice(0, differences ? 6 : 3).map(([name, words, values, write]) =>
    [name, words, actions.map((_, a) => (values ? [values[a], write(values[a])] : [null, "–"]))]);
  return h("details", { class: "pgc-fold", "data-role": "numbers" },
    h("summary", {}, "the estimates in numbers"),
    table("the estimates in numbers", actions, rows, "logit of"));
}

const render = makeLab({ name: "estimator", label: "Estimator explorer" }, (lab) => {
  const { get, state, change } = lab;
  const [source, still] = [makeSource(), holdStill(lab.refresh)];
  return (size) => {
    const set = state("actions", "logits", "quantities", "reward_kind", "samples", "h", "seed", "draw");
    const { actions, quantities, reward_kind: kind, differences } = Object.assign(set, state("differences"));
    set.rewards = quantities.map((x) => rewardOf(kind, x));
    const all = estimateAll(set, source);
    const shown = ESTIMATORS.filter(({ name }) => name === "score" || (differences && all.difference !== null));
    const words = whatIsSeen(set, all);
    const [ofRewards, ofGradient] = still.keep(() => [
      niceLimit(Math.max(3, ...[...quantities, ...set.rewards].map(Math.abs)), NICE_LIMITS), limitOfGradient(set, all),
    ]);
    return {
      seen: [
        row("",
          select("reward-kind", "Reward ", KINDS, kind, change.to("reward_kind")),
          check("differences", "finite differences beside it", differences, change.to("differences"))),
        div("pgc-panels", drawPolicy(set, all, size, lab), drawRewards(set, size, ofRewards, still, lab)),
        drawSettings(set, lab),
        message(lab.refused()),
        drawGradient(set, all, shown, size, ofGradient),
        drawErrors(set, all, size),
        sentence(words),
        drawTable(set, all, get("formulas")),
      ],
      said: `Exact gradient: ${namedValues(actions, all.exact, signed)}. ${words}`,
    };
  };
});

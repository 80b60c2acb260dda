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

function squaredErrors(estimator, exact) {
  estimator.squaredError = estimator.batches.map((g) => g.reduce((s, v, a) => s + (v - exact[a]) ** 2, 0));
  estimator.expectedSquaredError = exact.reduce(
    (s, g, a) => s + estimator.error[a] ** 2 + (estimator.mean[a] - g) ** 2,
    0,
  );
  return estimator;
}

function estimateAll({ logits, rewards, samples: m, h, seed, draw }, source) {
  const pi = softmax(logits);
  const performance = dot(pi, rewards);
  const exact = pi.map((p, a) => p * (rewards[a] - performance));
  const batches = Array.from({ length: BATCHES }, (_, b) => b);

  const score = {
    batches: batches.map((b) => {
      const counts = countDrawn(pi, source(seed, draw, b, SCORE, m), m);
      const total = dot(counts, rewards);
      return pi.map((p, a) => (counts[a] * rewards[a] - p * total) / m);
    }),
    mean: exact,
    error: exact.map((g, a) => {
      const square = pi.reduce((s, p, b) => s + p * (rewards[b] * ((a === b ? 1 : 0) - pi[a])) ** 2, 0);
      return Math.sqrt(Math.max(square - g * g, 0) / m);
    }),
  };

  const sides = 2 * pi.length;
  let difference = null;
  if (m >= sides) {
    const tries = Array.from({ length: sides }, (_, e) => {
      const moved = softmax(logits.map((z, a) => z + (a === e >> 1 ? (e % 2 === 0 ? h : -h) : 0)));
      const mean = dot(moved, rewards);
      const count = Math.floor((m - e + sides - 1) / sides); // its share of the budget
      return { moved, mean, count, variance: (dot(moved, rewards.map((R) => R * R)) - mean * mean) / count };
    });
    const averages = batches.map((b) => {
      const u = source(seed, draw, b, DIFFERENCES, m);
      return tries.map(({ moved, count }, e) => dot(countDrawn(moved, u, m, e, sides), rewards) / count);
    });
    const pair = (values, combine) => pi.map((_, a) => combine(values[2 * a], values[2 * a + 1]) / (2 * h));
    difference = {
      batches: averages.map((J) => pair(J, (up, down) => up - down)),
      mean: pair(tries, (up, down) => up.mean - down.mean),
      error: pair(tries, (up, down) => Math.sqrt(Math.max(up.variance + down.variance, 0))),
    };
  }
  return {
    probabilities: pi,
    performance,
    exact,
    score: squaredErrors(score, exact),
    difference: difference && squaredErrors(difference, exact),
  };
}

// --- what the lab says in words ----------------------------------------------------------------------

function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

// An error as text: two significant digits.
function few(x) {
  return x === 0 || x >= 100 ? short(x) : x >= 1e-4 ? String(Number(x.toPrecision(2))) : minusSign(x.toExponential(1));
}

function whatIsSeen({ samples, h, differences }, all) {
  const ofScore = all.score.expectedSquaredError;
  if (all.exact.every((g) => Math.abs(g) < 1e-12) && ofScore < 1e-20)
    return "All rewards are 0 where it matters: the gradient is 0, and so is every estimate.";
  const lead = `With m = ${grouped(samples)} the score-function estimate has mean squared error ${few(ofScore)}.`;
  if (!differences) return `${lead} Ten times as many samples make it ten times smaller.`;
  if (all.difference === null)
    return `${lead} Finite differences need at least 6 samples: each of 3 logits is tried up and down.`;
  const ofOther = all.difference.expectedSquaredError;
  const bias = all.difference.mean.reduce((s, v, a) => s + (v - all.exact[a]) ** 2, 0);
  const ratio = ofOther / ofScore;
  const beside =
    ofScore < 1e-20 ? ""
    : ratio >= 1.05 ? `, ${ratio < 10 ? ratio.toFixed(1) : Number(ratio.toPrecision(2))} times as much`
    : ratio > 0.95 ? ", about the same"
    : `, less: ${(1 / ratio).toFixed(1)} times smaller`;
  const share = ofOther > 0 ? bias / ofOther : 0;
  const why =
    share > 0.2 ? ` Bias makes up ${Math.round(100 * share)} % of that: h = ${short(h)} is a wide step, and more samples will not cure it.`
    : h <= 0.2 ? ` They are noisy: the noise in Ĵ is divided by 2h = ${short(2 * h)}.`
    : "";
  return `${lead} Finite differences on the same budget: ${few(ofOther)}${beside}.${why}`;
}

// --- the picture -------------------------------------------------------------------------------------

const LOGIT_LIMIT = 8;
const REWARD_LIMIT = 10;
const NICE_LIMITS = [0.1, 0.2, 0.5, 1, 2, 3, 5, 10];
const SAMPLE_SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
const WIDTHS_H = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];
const MARGIN = { left: 34, right: 6, top: 26, bottom: 24 };
const HEIGHT = 164;
const GRADIENT = { height: 238, top: 26, bottom: 46 };
const LINE = { height: 84, first: 14, second: 40, low: 58 };
const EXPONENTS = [-6, -4, -2, 0, 2]; // of the number line of squared errors
const INK = colour("sampled-ink"); // outline of what is sampled
const KINDS = [
  ["number", "any number"],
  ["step", "stairs: x rounded down"],
  ["thumb", "a thumb, up or down"],
];
const ROWS = [
  ["exact", "exact", "exact gradient"],
  ["score-batch", "score", "score function, batch 1"],
  ["score-error", null, "its standard error"],
  ["difference-batch", "difference", "differences, batch 1"],
  ["difference-bias", null, "their bias"],
  ["difference-error", null, "their standard error"],
];

function nearest(values, wanted) {
  return values.reduce((best, v, i) => (Math.abs(Math.log(v / wanted)) < Math.abs(Math.log(values[best] / wanted)) ? i : best), 0);
}

// A dot, a square or, off the scale, a triangle that points to where the mark would be.
function markPath(kind, x, y, size, beyond) {
  if (beyond !== 0) {
    const tip = y - beyond * 1.6 * size;
    return `M${x - size} ${y} L${x + size} ${y} L${x} ${tip} z`;
  }
  if (kind === "difference") return `M${x - size} ${y - size} h${2 * size} v${2 * size} h${-2 * size} z`;
  return `M${x - size} ${y} a${size} ${size} 0 1 0 ${2 * size} 0 a${size} ${size} 0 1 0 ${-2 * size} 0 z`;
}

function diamondPath(x, y, size) {
  return `M${x} ${y - size} L${x + size} ${y} L${x} ${y + size} L${x - size} ${y} z`;
}

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "estimator",
    role: "group",
    "aria-label": "Estimator explorer",
  });
  const save = makeSaver(model, root);
  keepPlainKeys(root);
  const source = makeSource();
  const get = (name) => model.get(name);
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    setText(message, "");
    save();
  };
  const state = () => ({
    actions: get("actions"),
    logits: get("logits"),
    quantities: get("quantities"),
    kind: get("reward_kind"),
    rewards: get("quantities").map((x) => rewardOf(get("reward_kind"), x)),
    samples: get("samples"),
    h: get("h"),
    differences: get("differences"),
    seed: get("seed"),
    draw: get("draw"),
  });
  const replaced = (list, index, value) => list.map((old, i) => (i === index ? value : old));
  const many = (make) => get("actions").map((_, index) => make(index));

  // --- what the learner sets
  const top = htmlNode(root, "div", { class: "pgc-row" });
  const kindLabel = htmlNode(top, "label", {}, "Reward ");
  const kind = htmlNode(kindLabel, "select", { "data-role": "reward-kind" });
  for (const [value, text] of KINDS) htmlNode(kind, "option", { value }, text);
  const differencesLabel = htmlNode(top, "label", {});
  const differences = htmlNode(differencesLabel, "input", { type: "checkbox", "data-role": "differences" });
  differencesLabel.append("finite differences beside it");

  const panels = htmlNode(root, "div", { class: "pgc-panels" });
  const panel = (parent, title) => {
    const box = htmlNode(parent, "div", { class: "pgc-panel" });
    const heading = htmlNode(box, "p", { class: "pgc-title" }, title);
    const svg = svgNode(box, "svg", { role: "group", "aria-label": title });
    return { box, heading, svg };
  };
  const left = panel(panels, "probability π(a | s)");
  const right = panel(panels, "reward R(a)");
  const rightKey = htmlNode(right.heading, "span", { class: "pgc-key" });
  const typedRow = (box, label) => htmlNode(box, "div", { class: "pgc-typed", role: "group", "aria-label": label });
  const logitRow = typedRow(left.box, "logits, typed");
  const quantityRow = typedRow(right.box, "rewards, typed");

  const bottom = htmlNode(root, "div", { class: "pgc-row pgc-sampling" });
  const scale = (role, text, values, set) => {
    const label = htmlNode(bottom, "label", {}, text);
    const input = htmlNode(label, "input", { type: "range", min: 0, max: values.length - 1, step: 1, "data-role": role });
    const shown = htmlNode(label, "span", { class: "pgc-shown", "data-role": `${role}-shown` });
    input.addEventListener("input", () => set(values[Number(input.value)]));
    return { label, input, shown };
  };
  const samples = scale("samples", "samples m", SAMPLE_SIZES, (v) => change({ samples: v }));
  const width = scale("h", "step h", WIDTHS_H, (v) => change({ h: v }));
  const button = (role, text, primary = false) =>
    htmlNode(bottom, "button", { type: "button", "data-role": role, class: primary ? "pgc-primary" : "" }, text);
  const again = button("draw-again", "draw again", true);
  const reset = button("reset", "reset");
  const message = htmlNode(root, "p", { class: "pgc-message", role: "alert", "data-role": "message" });
  const refuse = (text) => setText(message, text);

  // --- what follows from it
  const gradient = panel(root, "gradient ∂J/∂z");
  const gradientKey = htmlNode(gradient.heading, "span", { class: "pgc-key" });
  const line = panel(root, "squared error, summed over the logits");
  htmlNode(line.heading, "span", { class: "pgc-key" }, " — ◆ expected, exact");
  const sentence = htmlNode(root, "p", { class: "pgc-sentence", "data-role": "sentence" });
  const fold = htmlNode(root, "details", { class: "pgc-fold", "data-role": "numbers" });
  htmlNode(fold, "summary", {}, "the estimates in numbers");
  const table = htmlNode(fold, "table", { class: "pgc-estimates", role: "table", "aria-label": "the estimates in numbers" });
  const live = makeLiveRegion(root);

  // --- nodes that stay and are only moved
  const text = (svg, anchor = "middle", attributes = {}) =>
    svgNode(svg, "text", { "text-anchor": anchor, "aria-hidden": "true", ...attributes });
  const axis = (svg) => ({
    lines: Array.from({ length: 3 }, () => svgNode(svg, "line", { stroke: colour("rule") })),
    labels: Array.from({ length: 3 }, () => text(svg, "end")),
  });
  const leftAxis = axis(left.svg);
  const rightAxis = axis(right.svg);
  const gradientAxis = axis(gradient.svg);
  const stairs = Array.from({ length: 2 * REWARD_LIMIT + 1 }, () => svgNode(right.svg, "line", { stroke: colour("rule") }));
  const names = (svg) => many(() => text(svg));
  const [leftNames, rightNames, gradientNames] = [left, right, gradient].map(({ svg }) => names(svg));

  let geometry = null;
  let dragLimit = null; // the axis stands still while a bar is dragged
  const rewardLimit = () => {
    if (dragLimit !== null) return dragLimit;
    const largest = Math.max(...get("quantities").map(Math.abs), ...state().rewards.map(Math.abs));
    return NICE_LIMITS.find((limit) => limit >= Math.max(3, largest)) ?? REWARD_LIMIT;
  };

  const probabilityBars = many((index) => {
    const group = svgNode(left.svg, "g", { "data-role": "logit", "data-index": index });
    const reach = svgNode(group, "rect", { fill: "transparent" });
    const bar = svgNode(group, "rect", { "data-role": "pi", "data-index": index, fill: colour("policy") });
    const label = text(group);
    const ring = svgNode(group, "circle", { class: "pgc-ring", r: 12 });
    const handle = svgNode(group, "circle", { class: "pgc-handle", r: 8, fill: colour("policy") });
    let offset = 0;
    makeSlider(group, {
      // The logit that gives this bar the height under the pointer, the other logits as they are.
      valueAt: (x, y) => {
        const height = geometry.probabilityAt(y - left.svg.getBoundingClientRect().top - offset);
        const p = Math.min(0.995, Math.max(0.002, height));
        const others = get("logits").filter((_, i) => i !== index);
        const highest = Math.max(...others);
        const rest = highest + Math.log(others.reduce((s, z) => s + Math.exp(z - highest), 0));
        return Number((Math.log(p / (1 - p)) + rest).toFixed(2));
      },
      get: () => get("logits")[index],
      set: (value) => change({ logits: replaced(get("logits"), index, value) }),
      limits: () => [-LOGIT_LIMIT, LOGIT_LIMIT],
      small: 0.1,
      large: 1,
      onStart: (event) => {
        const y = event.clientY - left.svg.getBoundingClientRect().top;
        const at = geometry.probabilityY(softmax(get("logits"))[index]);
        offset = Math.abs(y - at) < 24 ? y - at : 0;
      },
    });
    return { group, reach, bar, label, ring, handle };
  });

  const rewardBars = many((index) => {
    const group = svgNode(right.svg, "g", { "data-role": "quantity", "data-index": index });
    const reach = svgNode(group, "rect", { fill: "transparent" });
    const bar = svgNode(group, "rect", { "data-role": "reward", "data-index": index });
    const thread = svgNode(group, "line", { stroke: colour("neutral"), "stroke-dasharray": "2 3" });
    const ring = svgNode(group, "circle", { class: "pgc-ring", r: 12 });
    const handle = svgNode(group, "circle", { class: "pgc-handle", r: 8 });
    const label = text(right.svg);
    let offset = 0;
    makeSlider(group, {
      valueAt: (x, y) => {
        const value = geometry.rewardAt(y - right.svg.getBoundingClientRect().top - offset);
        return Math.abs(value) < 0.01 * rewardLimit() ? 0 : Number(value.toFixed(2));
      },
      get: () => get("quantities")[index],
      set: (value) => change({ quantities: replaced(get("quantities"), index, value) }),
      limits: () => (dragLimit === null ? [-REWARD_LIMIT, REWARD_LIMIT] : [-dragLimit, dragLimit]),
      small: 0.1,
      large: 1,
      onStart: (event) => {
        dragLimit = rewardLimit();
        const y = event.clientY - right.svg.getBoundingClientRect().top;
        const at = geometry.rewardY(get("quantities")[index]);
        offset = Math.abs(y - at) < 24 ? y - at : 0;
      },
      onEnd: () => {
        dragLimit = null;
        refresh();
      },
    });
    return { group, reach, bar, thread, label, ring, handle };
  });

  const typed = (parent, role, trait, limit, word) =>
    many((index) =>
      makeNumberInput(
        parent,
        { "data-role": role, "data-index": index, "aria-label": `${word} of ${get("actions")[index]}, typed` },
        {
          get: () => Number(get(trait)[index].toFixed(3)),
          set: (value) => change({ [trait]: replaced(get(trait), index, value) }),
          low: -limit,
          high: limit,
          name: () => `${word} of ${get("actions")[index]}`,
          refuse,
        },
      ),
    );
  const logitInputs = typed(logitRow, "logit-input", "logits", LOGIT_LIMIT, "logit");
  const quantityInputs = typed(quantityRow, "quantity-input", "quantities", REWARD_LIMIT, "x");

  const clusters = many((index) => {
    const cluster = {};
    for (const name of ["score", "difference"]) {
      const group = svgNode(gradient.svg, "g", { "data-cluster": name });
      cluster[name] = {
        group,
        band: svgNode(group, "rect", { fill: colour("sampled"), "fill-opacity": 0.25, "data-role": `${name}-band`, "data-index": index }),
        centre: svgNode(group, "line", { stroke: colour("sampled-ink"), "stroke-width": 1.5, "stroke-dasharray": "4 3" }),
        marks: Array.from({ length: BATCHES }, (_, b) =>
          svgNode(group, "path", { "data-role": `${name}-mark`, "data-index": index, "data-batch": b, stroke: INK, "stroke-width": 1.2, fill: name === "score" ? colour("sampled") : colour("paper") }),
        ),
        label: text(group),
      };
    }
    cluster.exactLine = svgNode(gradient.svg, "line", { stroke: colour("exact"), "stroke-width": 1.2 });
    cluster.exact = svgNode(gradient.svg, "path", { "data-role": "exact", "data-index": index, fill: colour("exact") });
    cluster.value = text(gradient.svg);
    return cluster;
  });

  const ticks = EXPONENTS.map(() => ({ line: svgNode(line.svg, "line", { stroke: colour("rule") }), label: text(line.svg) }));
  const errorRows = ["score", "difference"].map((name) => {
    const group = svgNode(line.svg, "g", { "data-row": name });
    return {
      name,
      group,
      rule: svgNode(group, "line", { stroke: colour("line") }),
      label: text(group, "start"),
      marks: Array.from({ length: BATCHES }, () =>
        svgNode(group, "path", { "data-role": `${name}-squared-error`, fill: name === "score" ? colour("sampled") : colour("paper"), "fill-opacity": 0.8, stroke: INK }),
      ),
      expected: svgNode(group, "path", { "data-role": `${name}-expected-error`, fill: colour("exact") }),
      value: text(group, "end"),
    };
  });

  const head = htmlNode(htmlNode(table, "thead", { role: "rowgroup" }), "tr", { role: "row" });
  htmlNode(head, "th", { role: "columnheader", scope: "col" }, "logit of");
  const columns = many(() => htmlNode(head, "th", { role: "columnheader", scope: "col" }));
  const body = htmlNode(table, "tbody", { role: "rowgroup" });
  const rows = Object.fromEntries(
    ROWS.map(([name, formulaName, words]) => {
      const row = htmlNode(body, "tr", { role: "row" });
      const header = htmlNode(row, "th", { role: "rowheader", scope: "row" });
      htmlNode(header, "span", { class: "pgc-word" }, words);
      if (formulaName !== null) htmlNode(header, "span", { class: "pgc-formula" }).innerHTML = get("formulas")[formulaName] ?? "";
      return [name, { row, cells: many((index) => htmlNode(row, "td", { role: "cell", "data-row": name, "data-index": index })) }];
    }),
  );

  // --- drawing
  function layout() {
    const inner = (root.clientWidth || UNSEEN_WIDTH) - 24;
    if (inner <= 0) return;
    const wide = inner >= 560;
    root.classList.toggle("pgc-narrow", !wide);
    const small = Math.floor(wide ? (inner - 16) / 2 : inner);
    const band = (small - MARGIN.left - MARGIN.right) / 3;
    const low = HEIGHT - MARGIN.bottom;
    const span = low - MARGIN.top;
    const gradientLow = GRADIENT.height - GRADIENT.bottom;
    const cluster = (inner - MARGIN.left - MARGIN.right) / 3;
    const lineLeft = wide ? 128 : 84;
    const lineRight = inner - 66;
    geometry = {
      wide,
      small,
      inner,
      band,
      low,
      cluster,
      gradientLow,
      lineLeft,
      lineRight,
      centre: (index) => MARGIN.left + band * (index + 0.5),
      probabilityY: (p) => MARGIN.top + span * (1 - p),
      probabilityAt: (y) => 1 - (y - MARGIN.top) / span,
      rewardY: (R) => MARGIN.top + (span * (1 - R / rewardLimit())) / 2,
      rewardAt: (y) => (1 - (2 * (y - MARGIN.top)) / span) * rewardLimit(),
      clusterCentre: (index) => MARGIN.left + cluster * (index + 0.5),
      gradientY: (g, limit) => GRADIENT.top + ((gradientLow - GRADIENT.top) * (1 - g / limit)) / 2,
      errorX: (error) => {
        const [first, last] = [EXPONENTS[0], EXPONENTS[EXPONENTS.length - 1]];
        const at = (Math.log10(Math.max(error, 1e-300)) - first) / (last - first);
        return lineLeft + (lineRight - lineLeft) * Math.min(1, Math.max(0, at));
      },
    };
    for (const { svg } of [left, right]) setAttributes(svg, { width: small, height: HEIGHT, viewBox: `0 0 ${small} ${HEIGHT}` });
    setAttributes(gradient.svg, { width: inner, height: GRADIENT.height, viewBox: `0 0 ${inner} ${GRADIENT.height}` });
    setAttributes(line.svg, { width: inner, height: LINE.height, viewBox: `0 0 ${inner} ${LINE.height}` });
    for (const row of [logitRow, quantityRow]) {
      row.style.padding = `0 ${MARGIN.right}px 0 ${MARGIN.left}px`;
      row.style.width = `${small}px`;
    }
    refresh();
  }

  function fitName(node, name, room) {
    const most = Math.max(3, Math.floor(room / 7.2));
    setText(node, name.length > most ? `${name.slice(0, most - 1)}…` : name);
  }

  function drawAxis({ lines, labels }, values, y, right_, text_) {
    values.forEach((value, i) => {
      setAttributes(lines[i], { x1: MARGIN.left, x2: right_, y1: y(value), y2: y(value), stroke: value === 0 ? colour("axis") : colour("rule") });
      setAttributes(labels[i], { x: MARGIN.left - 5, y: y(value) + 4 });
      setText(labels[i], text_(value));
    });
  }

  function drawPolicy({ actions, logits }, { probabilities }) {
    const barWidth = Math.min(44, geometry.band * 0.56);
    drawAxis(leftAxis, [1, 0.5, 0], geometry.probabilityY, geometry.small - MARGIN.right, (p) => (p === 0.5 ? ".5" : String(p)));
    probabilityBars.forEach(({ group, reach, bar, label, ring, handle }, index) => {
      const p = probabilities[index];
      const x = geometry.centre(index);
      const y = geometry.probabilityY(p);
      setAttributes(reach, { x: x - geometry.band / 2, width: geometry.band, y: MARGIN.top, height: geometry.low - MARGIN.top });
      setAttributes(bar, { x: x - barWidth / 2, width: barWidth, y, height: geometry.low - y, "data-value": p });
      setAttributes(handle, { cx: x, cy: y });
      setAttributes(ring, { cx: x, cy: y });
      setAttributes(label, { x, y: y - 13 });
      setText(label, probabilityText(p));
      describeSlider(group, `logit of ${actions[index]}`, logits[index], [-LOGIT_LIMIT, LOGIT_LIMIT], `${short(logits[index])}, probability ${p.toFixed(2)}`);
      setAttributes(leftNames[index], { x, y: HEIGHT - 7 });
      fitName(leftNames[index], actions[index], geometry.band);
      logitInputs[index].show();
    });
  }

  function drawRewards({ actions, quantities, rewards, kind: how }) {
    const limit = rewardLimit();
    const barWidth = Math.min(44, geometry.band * 0.56);
    const zero = geometry.rewardY(0);
    const plotRight = geometry.small - MARGIN.right;
    drawAxis(rightAxis, [limit, 0, -limit], geometry.rewardY, plotRight, signed);
    stairs.forEach((stair, i) => {
      const level = i - REWARD_LIMIT;
      const y = geometry.rewardY(level);
      const hidden = how !== "step" || Math.abs(level) >= limit || level === 0;
      setAttributes(stair, { x1: MARGIN.left, x2: plotRight, y1: y, y2: y, visibility: hidden ? "hidden" : null });
    });
    rewardBars.forEach(({ group, reach, bar, thread, label, ring, handle }, index) => {
      const [x_, R] = [quantities[index], rewards[index]];
      const x = geometry.centre(index);
      const [y, yHandle] = [geometry.rewardY(R), geometry.rewardY(x_)];
      const tint = R > 0 ? colour("above") : R < 0 ? colour("below") : colour("neutral");
      setAttributes(reach, { x: x - geometry.band / 2, width: geometry.band, y: MARGIN.top, height: geometry.low - MARGIN.top });
      setAttributes(bar, { x: x - barWidth / 2, width: barWidth, y: Math.min(y, zero), height: Math.abs(y - zero), fill: tint, "data-value": R });
      setAttributes(thread, { x1: x, x2: x, y1: y, y2: yHandle, visibility: how === "number" ? "hidden" : null });
      setAttributes(handle, { cx: x, cy: yHandle, fill: how === "number" ? tint : colour("neutral") });
      setAttributes(ring, { cx: x, cy: yHandle });
      setAttributes(label, { x, y: 13 });
      setText(label, how === "thumb" ? `${R > 0 ? "up" : "down"} ${signed(R)}` : signed(R));
      const spoken = how === "number" ? signed(R) : `x ${signed(x_)}, reward ${signed(R)}`;
      const what = how === "number" ? "reward" : "x";
      describeSlider(group, `${what} of ${actions[index]}`, x_, [-REWARD_LIMIT, REWARD_LIMIT], spoken);
      setAttributes(rightNames[index], { x, y: HEIGHT - 7 });
      fitName(rightNames[index], actions[index], geometry.band);
      quantityInputs[index].show();
    });
    setText(rightKey, { number: "", step: " — bar R, handle x", thumb: " — bar R, handle x" }[how]);
  }

  function drawGradient({ actions, rewards, samples: m, differences: both }, all) {
    const largest = Math.max(...all.exact.map(Math.abs), Math.max(...rewards.map(Math.abs)) / 3);
    const limit = NICE_LIMITS.find((nice) => nice >= 1.25 * largest) ?? 10;
    const y = (g) => geometry.gradientY(g, limit);
    drawAxis(gradientAxis, [limit, 0, -limit], y, geometry.inner - MARGIN.right, signed);
    let offScale = 0;
    clusters.forEach((cluster, index) => {
      const middle = geometry.clusterCentre(index);
      const half = geometry.cluster * 0.44;
      const exact = all.exact[index];
      for (const name of ["score", "difference"]) {
        const parts = cluster[name];
        const estimator = all[name];
        const shown = estimator !== null && (name === "score" || both);
        parts.group.style.display = shown ? "" : "none";
        if (!shown) continue;
        const start = name === "score" ? middle - half : middle + 12;
        const width_ = half - 12;
        const inside = (g) => y(Math.min(limit, Math.max(-limit, g)));
        const [high, low] = [estimator.mean[index] + 2 * estimator.error[index], estimator.mean[index] - 2 * estimator.error[index]];
        setAttributes(parts.band, { x: start, width: width_, y: inside(high), height: Math.max(0, inside(low) - inside(high)), "data-error": estimator.error[index], "data-mean": estimator.mean[index] });
        setAttributes(parts.centre, { x1: start, x2: start + width_, y1: inside(estimator.mean[index]), y2: inside(estimator.mean[index]), visibility: name === "difference" ? null : "hidden" });
        const size = geometry.wide ? 4 : 3;
        parts.marks.forEach((mark, b) => {
          const g = estimator.batches[b][index];
          const beyond = g > limit ? 1 : g < -limit ? -1 : 0;
          if (beyond !== 0) offScale += 1;
          const x = start + (width_ * (b + 0.5)) / BATCHES;
          setAttributes(mark, { d: markPath(name, x, y(beyond === 0 ? g : beyond * limit), size, beyond), "data-value": g });
        });
        setAttributes(parts.label, { x: start + width_ / 2, y: geometry.gradientLow + 17 });
        setText(parts.label, name === "score" ? (geometry.wide ? "score function" : "●") : geometry.wide ? "differences" : "□");
      }
      setAttributes(cluster.exactLine, { x1: middle - half, x2: middle + (both ? half : 12), y1: y(exact), y2: y(exact) });
      setAttributes(cluster.exact, { d: diamondPath(middle, y(exact), 8), "data-value": exact });
      setAttributes(cluster.value, { x: middle, y: 13 });
      setText(cluster.value, geometry.wide ? `exact ${signed(exact)}` : signed(exact));
      setAttributes(gradientNames[index], { x: middle, y: GRADIENT.height - 8 });
      fitName(gradientNames[index], geometry.wide ? `z of ${actions[index]}` : actions[index], geometry.cluster);
    });
    const off = offScale === 0 ? "" : ` (▵ ${offScale} off the scale)`;
    setText(gradientKey, ` — ◆ exact ● score function${both ? " □ differences" : ""}: 8 batches of m = ${grouped(m)}${off}`);
  }

  function drawErrors({ differences: both }, all) {
    EXPONENTS.forEach((exponent, i) => {
      const x = geometry.errorX(10 ** exponent);
      setAttributes(ticks[i].line, { x1: x, x2: x, y1: 4, y2: LINE.low });
      setAttributes(ticks[i].label, { x, y: LINE.low + 16 });
      setAttributes(ticks[i].label, { visibility: geometry.wide || i % 2 === 0 ? null : "hidden" });
      setText(ticks[i].label, exponent === 0 ? "1" : exponent === 2 ? "100" : exponent === -2 ? "0.01" : `10${exponent === -4 ? "⁻⁴" : "⁻⁶"}`);
    });
    errorRows.forEach(({ name, group, rule, label, marks, expected, value }, i) => {
      const estimator = all[name];
      const shown = name === "score" || both;
      group.style.display = shown ? "" : "none";
      if (!shown) return;
      const y = i === 0 ? LINE.first : LINE.second;
      setAttributes(rule, { x1: geometry.lineLeft, x2: geometry.lineRight, y1: y, y2: y });
      setAttributes(label, { x: 0, y: y + 4 });
      setText(label, name === "score" ? (geometry.wide ? "score function" : "score") : geometry.wide ? "finite differences" : "differences");
      setAttributes(value, { x: geometry.inner - 2, y: y + 4 });
      setText(value, estimator === null ? "m < 6" : few(estimator.expectedSquaredError));
      marks.forEach((mark, b) => {
        const error = estimator?.squaredError[b];
        setAttributes(mark, { d: estimator === null ? "" : markPath(name, geometry.errorX(error), y, 4, 0), "data-value": error });
      });
      setAttributes(expected, { d: estimator === null ? "" : diamondPath(geometry.errorX(estimator.expectedSquaredError), y, 8), "data-value": estimator?.expectedSquaredError });
    });
  }

  function drawTable({ actions, differences: both }, { exact, score, difference }) {
    const values = {
      exact,
      "score-batch": score.batches[0],
      "score-error": score.error,
      "difference-batch": difference?.batches[0],
      "difference-bias": difference?.mean.map((v, a) => v - exact[a]),
      "difference-error": difference?.error,
    };
    columns.forEach((node, index) => setText(node, actions[index]));
    for (const [name] of ROWS) {
      rows[name].row.hidden = name.startsWith("difference") && !both;
      rows[name].cells.forEach((cell, index) => {
        const value = values[name]?.[index];
        setAttributes(cell, { "data-value": value });
        setText(cell, value === undefined ? "–" : name.endsWith("error") ? few(value) : signed(Math.abs(value) < 1e-12 ? 0 : value));
      });
    }
  }

  function refresh() {
    if (geometry === null) return;
    const now = state();
    const all = estimateAll(now, source);
    drawPolicy(now, all);
    drawRewards(now);
    drawGradient(now, all);
    drawErrors(now, all);
    drawTable(now, all);
    kind.value = now.kind;
    differences.checked = now.differences;
    samples.input.value = nearest(SAMPLE_SIZES, now.samples);
    setText(samples.shown, grouped(now.samples));
    setAttributes(samples.input, { "aria-valuetext": `${grouped(now.samples)} samples` });
    width.input.value = nearest(WIDTHS_H, now.h);
    setText(width.shown, short(now.h));
    setAttributes(width.input, { "aria-valuetext": `h = ${short(now.h)}` });
    width.label.hidden = !now.differences;
    const words = whatIsSeen(now, all);
    setText(sentence, words);
    live.say(`Exact gradient: ${now.actions.map((a, i) => `${a} ${signed(all.exact[i])}`).join(", ")}. ${words}`);
  }

  kind.addEventListener("change", () => change({ reward_kind: kind.value }));
  differences.addEventListener("change", () => change({ differences: differences.checked }));
  again.addEventListener("click", () => change({ draw: get("draw") + 1 }));
  reset.addEventListener("click", () =>
    change({ logits: get("initial_logits"), quantities: get("initial_quantities"), draw: 0 }),
  );

  model.on("change", refresh);
  const observer = new ResizeObserver(layout);
  observer.observe(root);
  layout();
  return () => {
    observer.disconnect();
    live.stop();
    model.off("change", refresh);
  };
}

export default { render };

// The clip lab: where PPO's clip turns the gradient of one sample off, and what that does not bound.

// --- the mathematics, equal to clip_lab.py -----------------------------------------------------------

const MOST_STEPS = 100;

function oneSample(ratio, advantage, epsilon) {
  const unclipped = ratio * advantage;
  const clipped = Math.min(Math.max(ratio, 1 - epsilon), 1 + epsilon) * advantage;
  const [above, below] = [ratio > 1 + epsilon, ratio < 1 - epsilon];
  const active = (above && advantage > 0) || (below && advantage < 0);
  return {
    unclipped,
    clipped,
    surrogate: Math.min(unclipped, clipped),
    gradient: active ? 0 : unclipped,
    above,
    below,
    outside: above || below,
    active,
  };
}

// The batch at a policy: each sample, and the gradient of their mean. Without a clip ε is Infinity.
function batchAt({ logits: start, sampled, advantages }, logits, epsilon) {
  const [old, log] = [logSoftmax(start), logSoftmax(logits)];
  const pi = softmax(logits);
  const samples = sampled.map((a, i) => oneSample(Math.exp(log[a] - old[a]), advantages[i], epsilon));
  const slopes = samples.map(({ gradient }) => gradient / samples.length);
  return {
    pi,
    ratios: log.map((v, a) => Math.exp(v - old[a])),
    kl: old.reduce((s, v, a) => s + Math.exp(v) * (v - log[a]), 0),
    samples,
    gradient: pi.map((p, k) => sampled.reduce((s, a, i) => s + slopes[i] * ((a === k ? 1 : 0) - p), 0)),
  };
}

// The batch after 0, 1, …, `steps` steps of gradient ascent on it.
function ascend(world, epsilon, stepSize, steps) {
  let logits = world.logits;
  const path = [batchAt(world, logits, epsilon)];
  for (let k = 0; k < steps; k += 1) {
    const { gradient } = path[k];
    logits = logits.map((z, a) => z + stepSize * gradient[a]);
    path.push(batchAt(world, logits, epsilon));
  }
  return path;
}

// --- what the lab says in words ----------------------------------------------------------------------

const plain = (x) => String(Number(x.toFixed(2)));

function aboutTheSample({ advantage, epsilon }, seen) {
  const [high, low] = [`1 + ε = ${plain(1 + epsilon)}`, `1 − ε = ${plain(1 - epsilon)}`];
  if (advantage === 0) return "A = 0: this sample pushes nowhere, whatever its ratio.";
  const kind = `${seen.above ? "Likelier" : "Rarer"} and ${advantage > 0 ? "good" : "bad"}`;
  const place = seen.above ? `above ${high}` : `below ${low}`;
  if (seen.active) return `${kind}: ${place}, the clipped term is the smaller one. It is flat in ρ, so the gradient is off.`;
  if (seen.outside)
    return `${kind}: ${place}, yet ρA is the smaller term. The gradient is on and pushes back, with weight ρA = ${signed(seen.gradient)}.`;
  const way = advantage > 0 ? "likelier" : "rarer";
  return `Inside 1 ± ε the two terms are the same: the gradient is on, and makes the action ${way}.`;
}

const listed = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);

function aboutTheBatch({ clip, epsilon, steps }, { actions }, now, states) {
  if (steps === 0)
    return `All ratios are 1: π is still π_old. Predict how far the largest ratio goes ${clip ? `with ε = ${plain(epsilon)}` : "without the clip"}. Then step.`;
  const largest = Math.max(...now.ratios);
  const name = actions[now.ratios.indexOf(largest)];
  const limit = `1 + ε = ${plain(1 + epsilon)}`;
  if (!clip) return `Without the clip no sample is ever off: the largest ratio, of ${name}, is ${short(largest)}, and each step takes it further.`;
  if (states.every((state) => state === "off")) {
    const where = largest > 1 + epsilon ? `rests at ρ = ${short(largest)}, above ${limit}: nothing pulls it back` : `rests at ρ = ${short(largest)}`;
    return `All ${now.samples.length} samples are off: the gradient is 0 and the policy stands still. ${name} ${where}.`;
  }
  const [on, back] = ["on", "back"].map((wanted) => actions.filter((_, a) => states[a] === wanted));
  const pushing = actions.filter((_, a) => states[a] !== "off");
  const pushed = back.length > 0 ? ` ${listed(back)}: outside 1 ± ε, yet on, pushing back.` : "";
  if (states[now.ratios.indexOf(largest)] === "off")
    return `${name} is off, yet its ratio is ${short(largest)}, above ${limit}. The samples of ${listed(pushing)} still push their own action down, and the softmax hands the freed probability on.${pushed}`;
  const off = actions.filter((_, a) => states[a] === "off");
  if (off.length > 0) return `${listed(off)}: gradient off. The samples of ${listed(pushing)} still push.${pushed}`;
  if (on.length === actions.length) return "All ratios are still inside 1 ± ε: the clip has changed nothing yet.";
  return `No sample is off.${pushed}`;
}

// --- the picture -------------------------------------------------------------------------------------

const RATIO_LIMIT = 2;
const ADVANTAGE_LIMIT = 2;
const HEIGHT_LIMIT = 4; // of ρA
const CURVE = { height: 300, top: 26, bottom: 46, left: 36, right: 12 };
const SMALL = { height: 154, top: 16, bottom: 24, left: 44, right: 44 };
const RATIOS_SHOWN = 4; // a larger one is drawn at the top with an arrow
const LOWEST_KL = 1e-3;
const HIGHEST_KL = 10;
const ARROW = 14; // px for a gradient of 1
const [BLUE, GREEN, RED, GREY] = [colour("policy"), colour("above"), colour("below"), colour("reference")];
const CASES = [
  ["A > 0, good", ["pushes back", "pushes up", "gradient off"]],
  ["A < 0, bad", ["gradient off", "pushes down", "pushes back"]],
];
const STATE_WORDS = { on: "gradient on", off: "gradient off", back: "pushes back" };

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "clip",
    role: "group",
    "aria-label": "clip lab",
  });
  const save = makeSaver(model, root);
  keepPlainKeys(root);
  const get = (name) => model.get(name);
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    save();
  };
  const state = () => ({
    ratio: get("ratio"),
    advantage: get("advantage"),
    epsilon: get("epsilon"),
    clip: get("clip"),
    stepSize: get("step_size"),
    steps: get("steps"),
  });
  const world = get("world");
  const old = softmax(world.logits);
  const kinds = world.actions.map((_, k) => world.sampled.indexOf(k)); // one sample of each action: its others have its sign

  // --- builders
  const text = (svg, anchor = "middle", attributes = {}, content = null) =>
    svgNode(svg, "text", { "text-anchor": anchor, "aria-hidden": "true", ...attributes }, content);
  const rules = (svg, count) =>
    Array.from({ length: count }, () => ({ line: svgNode(svg, "line", { stroke: colour("rule") }), label: text(svg, "end") }));
  const panel = (parent, title, label) => {
    const box = htmlNode(parent, "div", { class: "pgc-panel" });
    const heading = htmlNode(box, "p", { class: "pgc-title" }, title);
    const key = htmlNode(heading, "span", { class: "pgc-key" });
    return { box, heading, key, svg: svgNode(box, "svg", { role: "group", "aria-label": label }) };
  };
  const formula = (parent, name) => (htmlNode(parent, "span", { class: "pgc-formula" }).innerHTML = get("formulas")[name] ?? "");
  const swatch = (parent, stroke, dash, width = 2.4) => {
    const svg = svgNode(parent, "svg", { width: 24, height: 8, class: "pgc-swatch", "aria-hidden": "true" });
    svgNode(svg, "line", { x1: 1, x2: 23, y1: 4, y2: 4, stroke, "stroke-width": width, "stroke-dasharray": dash });
    return htmlNode(parent, "span", {});
  };
  const range = (parent, role, words, trait, attributes) => {
    const label = htmlNode(parent, "label", {}, words);
    const input = htmlNode(label, "input", { type: "range", "data-role": role, ...attributes });
    const shown = htmlNode(label, "span", { class: "pgc-shown" });
    input.addEventListener("input", () => change({ [trait]: Number(input.value) }));
    return { input, shown };
  };
  const button = (parent, role, words, onClick, attributes = {}) =>
    htmlNode(parent, "button", { type: "button", "data-role": role, ...attributes }, words).addEventListener("click", onClick);
  const facts = (parent, label, list) => {
    const box = htmlNode(parent, "dl", { class: "pgc-facts", "aria-label": label });
    return Object.fromEntries(
      list.map(([name, words]) => {
        const pair = htmlNode(box, "div", {});
        htmlNode(pair, "dt", {}, words);
        return [name, htmlNode(pair, "dd", { "data-name": name })];
      }),
    );
  };
  const writeFact = (node, value, words) => {
    setAttributes(node, { "data-value": Number(value) });
    setText(node, words);
  };

  // --- one sample
  const top = htmlNode(root, "div", { class: "pgc-row pgc-settings" });
  const epsilonInput = range(top, "epsilon", "clip range ε ", "epsilon", { min: 0, max: 0.5, step: 0.01 });
  button(top, "reset", "reset", () => change(get("initial")));
  const hint = htmlNode(top, "span", { class: "pgc-key" }, "Drag the dot (ρ) and the diamond (A).");
  setAttributes(hint, { "data-role": "hint" });

  const first = htmlNode(root, "div", { class: "pgc-first" });
  const chart = panel(first, "One sample: ", "surrogate against the ratio");
  formula(chart.heading, "surrogate");
  const keyRow = htmlNode(chart.box, "p", { class: "pgc-key pgc-swatches" });
  chart.box.insertBefore(keyRow, chart.svg);
  setText(swatch(keyRow, colour("exact"), null), "surrogate");
  setText(swatch(keyRow, GREY, "2 3"), "ρA, without clip");
  const side = htmlNode(first, "div", { class: "pgc-side" });
  const cases = htmlNode(side, "table", { class: "pgc-cases", role: "table", "aria-label": "what the gradient does" });
  const headRow = htmlNode(htmlNode(cases, "thead", { role: "rowgroup" }), "tr", { role: "row" });
  htmlNode(headRow, "td", { role: "cell" });
  [
    ["rarer", "ρ < 1 − ε"],
    ["inside", "1 ± ε"],
    ["likelier", "ρ > 1 + ε"],
  ].forEach(([word, symbol]) => {
    const cell = htmlNode(headRow, "th", { role: "columnheader", scope: "col" }, `${word} `);
    htmlNode(cell, "span", { class: "pgc-key" }, symbol);
  });
  const casesBody = htmlNode(cases, "tbody", { role: "rowgroup" });
  const caseCells = CASES.map(([words, cells]) => {
    const row = htmlNode(casesBody, "tr", { role: "row" });
    htmlNode(row, "th", { role: "rowheader", scope: "row" }, words);
    return cells.map((word) => htmlNode(row, "td", { role: "cell", "data-role": "case", "data-words": word }, word));
  });
  const numbers = facts(side, "numbers of the one sample", [
    ["unclipped", "ρA"],
    ["clipped", "clip(ρ)·A"],
    ["surrogate", "surrogate"],
    ["gradient", "∂ / ∂ log π"],
    ["outside", "outside 1 ± ε?"],
    ["active", "clip active?"],
  ]);
  const sentence = htmlNode(side, "p", { class: "pgc-sentence", "data-role": "sentence" });

  const regions = ["off", "back"].map((name) => {
    const area = svgNode(chart.svg, "rect", { "data-role": "region", "data-name": name, fill: name === "off" ? colour("block") : colour("wash") });
    return { name, area };
  });
  const chartRules = rules(chart.svg, 5);
  const edges = ["1 − ε", "1 + ε"].map((words, k) => ({
    line: svgNode(chart.svg, "line", { stroke: colour("axis"), "stroke-dasharray": "4 3" }),
    label: text(chart.svg, k === 0 ? "end" : "start", {}, words),
  }));
  const ticks = [0, 0.5, 1, 1.5, 2].map((at) => ({ at, label: text(chart.svg, "middle", {}, String(at)) }));
  const railOfA = svgNode(chart.svg, "line", { stroke: colour("line"), "stroke-width": 4, "stroke-linecap": "round" });
  const plainLine = svgNode(chart.svg, "path", { fill: "none", stroke: GREY, "stroke-width": 2.4, "stroke-dasharray": "2 3", "data-role": "plain-line" });
  const clippedLine = svgNode(chart.svg, "path", { fill: "none", stroke: colour("exact"), "stroke-width": 2.6, "stroke-linejoin": "round", "data-role": "surrogate-line" });
  const dial = svgNode(chart.svg, "g", { "data-role": "ratio", class: "pgc-across" });
  const rail = svgNode(dial, "rect", { fill: colour("wash"), height: 4, rx: 2 });
  const reach = [svgNode(dial, "rect", { fill: "transparent" }), svgNode(dial, "rect", { fill: "transparent" })];
  const dialLine = svgNode(dial, "line", { stroke: BLUE, "stroke-width": 2 });
  const plainDot = svgNode(dial, "circle", { r: 4.5, fill: colour("paper"), stroke: GREY, "stroke-width": 2, "data-role": "plain-point" });
  const dot = svgNode(dial, "circle", { r: 5.5, fill: colour("exact"), stroke: colour("paper"), "stroke-width": 1.5, "data-role": "point" });
  const arrow = svgNode(dial, "path", { fill: "none", stroke: colour("exact"), "stroke-width": 2.4, "data-role": "arrow" });
  const ring = svgNode(dial, "circle", { class: "pgc-ring", r: 13 });
  const handle = svgNode(dial, "circle", { class: "pgc-handle", r: 9, fill: BLUE });
  const dialName = text(dial, "middle", { "font-weight": 600 });
  for (const region of regions) {
    const words = (region.name === "off" ? "gradient off" : "pushes back").split(" ");
    region.labels = words.map((word) => text(chart.svg, "middle", { class: `pgc-on-${region.name}` }, word));
  }
  const lift = svgNode(chart.svg, "g", { "data-role": "advantage" });
  const reachOfA = svgNode(lift, "rect", { fill: "transparent", width: 36, height: 36 });
  const ringOfA = svgNode(lift, "circle", { class: "pgc-ring", r: 14 });
  const handleOfA = svgNode(lift, "path", { class: "pgc-handle" });
  const nameOfA = text(lift, "end", { "font-weight": 600 });
  let geometry = null;
  makeSlider(dial, {
    valueAt: (x) => Number(geometry.ratioAt(x - chart.svg.getBoundingClientRect().left).toFixed(2)),
    get: () => get("ratio"),
    set: (value) => change({ ratio: value }),
    limits: () => [0, RATIO_LIMIT],
    small: 0.01,
    large: 0.1,
    onStart: (event) => {
      const x = geometry.ratioAt(event.clientX - chart.svg.getBoundingClientRect().left);
      change({ ratio: Math.min(RATIO_LIMIT, Math.max(0, Number(x.toFixed(2)))) });
    },
  });
  makeSlider(lift, {
    valueAt: (_, y) => Math.round(20 * geometry.heightAt(y - chart.svg.getBoundingClientRect().top)) / 20,
    get: () => get("advantage"),
    set: (value) => change({ advantage: value + 0 }), // no −0
    limits: () => [-ADVANTAGE_LIMIT, ADVANTAGE_LIMIT],
    small: 0.05,
    large: 0.5,
  });

  // --- one batch, used again and again
  const second = htmlNode(root, "div", { class: "pgc-second" });
  const heading = htmlNode(second, "p", { class: "pgc-title" }, "One state, one batch: ");
  htmlNode(heading, "span", { class: "pgc-key" }, `${world.sampled.length} sampled actions with their advantages. Each step is gradient ascent on all of them.`);
  const groups = world.actions.map((name, k) => {
    const row = htmlNode(second, "div", { class: "pgc-batch" });
    htmlNode(row, "span", { class: "pgc-action" }, name);
    const list = htmlNode(row, "span", { class: "pgc-chips", role: "list", "aria-label": `samples of ${name}` });
    const chips = world.advantages
      .filter((_, i) => world.sampled[i] === k)
      .map((value) => htmlNode(list, "span", { class: "pgc-chip", role: "listitem", "data-role": "chip" }, signed(value)));
    return { chips, status: htmlNode(row, "span", { class: "pgc-status", "data-role": "status", "data-index": k }) };
  });
  const controls = htmlNode(second, "div", { class: "pgc-row pgc-controls" });
  const step = (number) => () => change({ steps: Math.min(MOST_STEPS, get("steps") + number) });
  button(controls, "step", "one step", step(1), { class: "pgc-primary" });
  button(controls, "ten-steps", "10 steps", step(10), { class: "pgc-primary" });
  button(controls, "restart", "back to π_old", () => change({ steps: 0 }));
  const clipLabel = htmlNode(controls, "label", {});
  const clipBox = htmlNode(clipLabel, "input", { type: "checkbox", "data-role": "clip" });
  clipLabel.append("clip");
  clipBox.addEventListener("change", () => change({ clip: clipBox.checked }));
  const stepSizeInput = range(controls, "step-size", "step size η ", "step_size", { min: 0.1, max: 2, step: 0.1 });
  const stepsInput = range(controls, "steps", "steps ", "steps", { min: 0, max: MOST_STEPS, step: 1 });
  const batchSentence = htmlNode(second, "p", { class: "pgc-sentence pgc-gap", "data-role": "batch-sentence" });

  const panels = htmlNode(second, "div", { class: "pgc-panels" });
  const bars = panel(panels, "policy", "policy, now and old");
  const ratioPanel = panel(panels, "ratio ", "ratio of each action");
  formula(ratioPanel.heading, "ratio");
  const seriesPanels = [
    panel(panels, "largest ratio", "largest ratio against the steps taken"),
    panel(panels, "", "KL of old and new policy against the steps taken"),
  ];
  formula(seriesPanels[1].heading, "kl");
  htmlNode(seriesPanels[1].heading, "span", { class: "pgc-key" }, "log scale");
  const barKey = bars.key;
  const key = (parent, style, words) => {
    htmlNode(parent, "span", { class: `pgc-mark pgc-fill ${style}`, "aria-hidden": "true" });
    htmlNode(parent, "span", {}, words);
  };
  key(barKey, "pgc-now", "π now");
  key(barKey, "pgc-old", "π_old");
  key(barKey, "pgc-bracket", "1 ± ε");
  key(htmlNode(ratioPanel.heading, "span", { class: "pgc-key" }), "pgc-band", "1 ± ε");
  const totals = facts(second, "numbers of the batch", [
    ["largest", "largest ratio"],
    ["kl", "KL(π_old ‖ π)"],
    ["clip-fraction", "outside 1 ± ε"],
    ["active-fraction", "clip active"],
    ["length", "gradient’s length"],
  ]);
  const live = makeLiveRegion(root);

  const barRules = rules(bars.svg, 3);
  const policyBars = world.actions.map((name, a) => ({
    now: svgNode(bars.svg, "rect", { "data-role": "now", "data-index": a, fill: BLUE }),
    before: svgNode(bars.svg, "rect", { "data-role": "old", "data-index": a, fill: "none", stroke: colour("reference"), "stroke-width": 1.8, "stroke-dasharray": "2 3" }),
    bracket: svgNode(bars.svg, "path", { fill: "none", stroke: colour("exact"), "stroke-width": 1.6 }),
    value: text(bars.svg),
    name: text(bars.svg, "middle", {}, name),
  }));
  const band = svgNode(ratioPanel.svg, "rect", { "data-role": "band", fill: colour("band") });
  const ratioRules = rules(ratioPanel.svg, 5);
  const ratioMarks = world.actions.map((name, a) => ({
    stem: svgNode(ratioPanel.svg, "line", { stroke: BLUE, "stroke-width": 4 }),
    head: svgNode(ratioPanel.svg, "path", { fill: BLUE, stroke: colour("paper"), "stroke-width": 1.5, "data-role": "ratio-mark", "data-index": a }),
    value: text(ratioPanel.svg, "start"),
    name: text(ratioPanel.svg, "middle", {}, name),
  }));
  const log10 = (v) => Math.log10(Math.min(HIGHEST_KL, Math.max(LOWEST_KL, v)));
  const series = [
    {
      ...seriesPanels[0],
      name: "largest",
      of: ({ ratios }) => Math.max(...ratios),
      marks: [1, 4, 7, 10],
      share: (v) => (v - 1) / 9,
    },
    {
      ...seriesPanels[1],
      name: "kl",
      of: ({ kl }) => kl,
      marks: [0.001, 0.01, 0.1, 1, 10],
      share: (v) => (log10(v) - log10(LOWEST_KL)) / (log10(HIGHEST_KL) - log10(LOWEST_KL)),
    },
  ].map((one) => {
    const legend = htmlNode(one.box, "p", { class: "pgc-key pgc-swatches" });
    one.box.insertBefore(legend, one.svg);
    const words = [swatch(legend, colour("exact"), null), swatch(legend, GREY, "2 3")];
    const itsRules = rules(one.svg, one.marks.length);
    const places = [0, 50, 100].map((at) => ({ at, label: text(one.svg, "middle", {}, at === 50 ? "50 steps" : String(at)) }));
    const limit =
      one.name === "largest"
        ? { line: svgNode(one.svg, "line", { stroke: colour("axis"), "stroke-dasharray": "4 3" }), label: text(one.svg, "start", {}, "1 + ε") }
        : null;
    const lines = [false, true].map((on) => ({
      on,
      path: svgNode(one.svg, "path", {
        fill: "none",
        stroke: on ? colour("exact") : GREY,
        "stroke-width": on ? 2.4 : 2.2,
        "stroke-dasharray": on ? null : "2 3",
        "data-role": "series",
        "data-name": `${one.name} ${on ? "clip" : "free"}`,
      }),
      end: svgNode(one.svg, "circle", { r: 4.5, stroke: colour("paper"), "stroke-width": 1 }),
    }));
    return { ...one, words, rules: itsRules, places, limit, lines };
  });

  // The two paths are computed once for a setting.
  let [kept, paths] = [null, null];
  const compute = ({ epsilon, stepSize, steps }) => {
    const wanted = `${epsilon} ${stepSize} ${steps}`;
    if (wanted !== kept)
      [kept, paths] = [wanted, { true: ascend(world, epsilon, stepSize, steps), false: ascend(world, Infinity, stepSize, steps) }];
    return paths;
  };

  // --- drawing
  function layout() {
    const inner = Math.max(120, (root.clientWidth || UNSEEN_WIDTH) - 24); // a side bar may leave next to nothing
    const wide = inner >= 560;
    root.classList.toggle("pgc-narrow", !wide);
    root.classList.toggle("pgc-slim", inner < 340);
    const width = Math.floor(wide ? inner - 16 - Math.min(300, 0.43 * inner) : inner);
    const small = Math.floor(wide ? (inner - 16) / 2 : inner);
    const [left, right, low] = [CURVE.left, width - CURVE.right, CURVE.height - CURVE.bottom];
    geometry = {
      left,
      right,
      low,
      small,
      x: (ratio) => left + ((right - left) * ratio) / RATIO_LIMIT,
      y: (v) => CURVE.top + ((low - CURVE.top) * (HEIGHT_LIMIT - v)) / (2 * HEIGHT_LIMIT),
      ratioAt: (x) => ((x - left) / (right - left)) * RATIO_LIMIT,
      heightAt: (y) => HEIGHT_LIMIT - ((y - CURVE.top) / (low - CURVE.top)) * 2 * HEIGHT_LIMIT,
      smallLow: SMALL.height - SMALL.bottom,
      smallRight: small - SMALL.right,
    };
    const size = (svg, w, h) => setAttributes(svg, { width: w, height: h, viewBox: `0 0 ${w} ${h}` });
    size(chart.svg, width, CURVE.height);
    for (const { svg } of [bars, ratioPanel, ...seriesPanels]) size(svg, small, SMALL.height);
    refresh();
  }

  const polyline = (list) => list.map(([x, y], k) => `${k === 0 ? "M" : "L"}${x.toFixed(2)} ${y.toFixed(2)}`).join(" ");
  const diamond = (x, y, size) => `M${x} ${y - size} L${x + size} ${y} L${x} ${y + size} L${x - size} ${y} z`;

  function drawRules(nodes, values, y, left, right, words = short, gap = 5) {
    nodes.forEach(({ line, label }, i) => {
      const at = y(values[i]);
      setAttributes(line, { x1: left, x2: right, y1: at, y2: at, stroke: values[i] === 0 ? colour("axis") : colour("rule") });
      setAttributes(label, { x: left - gap, y: at + 4 });
      setText(label, words(values[i]));
    });
  }

  function drawSample({ ratio, advantage, epsilon }, seen) {
    const { x, y, left, right, low } = geometry;
    const [from, to] = [x(1 - epsilon), x(1 + epsilon)];
    const good = advantage > 0;
    for (const { name, area, labels } of regions) {
      const [start, end] = (name === "off") === good ? [to, right] : [left, from];
      const visibility = advantage === 0 ? "hidden" : null;
      setAttributes(area, { x: start, width: Math.max(0, end - start), y: CURVE.top, height: low - CURVE.top, visibility });
      const base = good ? low - 34 : CURVE.top + 22; // the half that the curves leave free
      labels.forEach((label, k) => setAttributes(label, { x: (start + end) / 2, y: base + 15 * k, visibility }));
    }
    drawRules(chartRules, [4, 2, 0, -2, -4], y, left, right, short, 13); // the handle of ρ stays clear of the numbers
    edges.forEach(({ line, label }, k) => {
      const at = k === 0 ? from : to;
      setAttributes(line, { x1: at, x2: at, y1: CURVE.top, y2: low });
      setAttributes(label, { x: k === 0 ? Math.max(at - 3, left + 34) : at + 3, y: CURVE.top - 8 });
    });
    ticks.forEach(({ at, label }) => setAttributes(label, { x: x(at), y: low + 22 }));
    setAttributes(railOfA, { x1: x(1), x2: x(1), y1: y(-ADVANTAGE_LIMIT), y2: y(ADVANTAGE_LIMIT) });
    setAttributes(plainLine, { d: polyline([0, RATIO_LIMIT].map((r) => [x(r), y(r * advantage)])) });
    const corners = [0, 1 - epsilon, 1 + epsilon, RATIO_LIMIT];
    setAttributes(clippedLine, { d: polyline(corners.map((r) => [x(r), y(oneSample(r, advantage, epsilon).surrogate)])) });
    const at = x(ratio);
    const height = y(seen.surrogate);
    setAttributes(rail, { x: left, width: Math.max(0, right - left), y: low - 2 });
    setAttributes(reach[0], { x: left - 10, width: Math.max(0, right - left + 20), y: low - 14, height: 28 });
    setAttributes(reach[1], { x: at - 16, width: 32, y: CURVE.top, height: low - CURVE.top }); // a finger elsewhere scrolls the page
    setAttributes(dialLine, { x1: at, x2: at, y1: height, y2: low });
    setAttributes(plainDot, { cx: at, cy: y(seen.unclipped), "data-value": seen.unclipped });
    setAttributes(dot, { cx: at, cy: height, "data-value": seen.surrogate });
    const length = ARROW * seen.gradient;
    const tip = at + Math.sign(length) * 9 + length;
    const barb = Math.sign(length) * 6;
    const shaft = `M${at + Math.sign(length) * 9} ${height} H${tip} M${tip - barb} ${height - 5} L${tip} ${height} L${tip - barb} ${height + 5}`;
    setAttributes(arrow, { d: shaft, visibility: Math.abs(length) < 0.5 ? "hidden" : null });
    setAttributes(handle, { cx: at, cy: low });
    setAttributes(ring, { cx: at, cy: low });
    setAttributes(dialName, { x: Math.min(right - 34, Math.max(left + 34, at)), y: CURVE.height - 6 });
    setText(dialName, `ratio ρ = ${plain(ratio)}`);
    const spoken = `${plain(ratio)}, surrogate ${signed(seen.surrogate)}, ${seen.active ? "gradient off" : `gradient ${signed(seen.gradient)}`}`;
    describeSlider(dial, "ratio ρ", ratio, [0, RATIO_LIMIT], spoken);
    setAttributes(dial, { "aria-orientation": "horizontal" });

    const [middle, level] = [x(1), y(advantage)];
    setAttributes(reachOfA, { x: middle - 18, y: level - 18 });
    setAttributes(ringOfA, { cx: middle, cy: level });
    setAttributes(handleOfA, { d: diamond(middle, level, 10), fill: advantage === 0 ? colour("neutral") : good ? GREEN : RED });
    setAttributes(nameOfA, { x: good ? middle - 13 : middle + 13, y: level - 9, "text-anchor": good ? "end" : "start" });
    setText(nameOfA, `A = ${signed(advantage)}`);
    describeSlider(lift, "advantage A", advantage, [-ADVANTAGE_LIMIT, ADVANTAGE_LIMIT], signed(advantage));

    const present = seen.below ? 0 : seen.above ? 2 : 1;
    caseCells.forEach((row, i) =>
      row.forEach((cell, k) => {
        const here = advantage !== 0 && (advantage > 0) === (i === 0) && k === present;
        cell.classList.toggle("pgc-here", here);
        setAttributes(cell, { "aria-current": here ? "true" : null });
      }),
    );
    for (const name of ["unclipped", "clipped", "surrogate", "gradient"]) writeFact(numbers[name], seen[name], signed(seen[name]));
    for (const name of ["outside", "active"]) writeFact(numbers[name], seen[name], seen[name] ? "yes" : "no");
    setText(sentence, aboutTheSample({ advantage, epsilon }, seen));
  }

  function drawPolicy({ epsilon }, now) {
    const { small, smallLow } = geometry;
    const right = small - 14;
    const y = (p) => SMALL.top + (smallLow - SMALL.top) * (1 - p);
    const width = Math.max(0, right - SMALL.left) / old.length;
    drawRules(barRules, [1, 0.5, 0], y, SMALL.left, right, String);
    policyBars.forEach(({ now: bar, before, bracket, value, name }, a) => {
      const middle = SMALL.left + width * (a + 0.5);
      const [p, q] = [now.pi[a], old[a]];
      setAttributes(bar, { x: middle - 0.2 * width, width: 0.4 * width, y: y(p), height: smallLow - y(p), "data-value": p });
      setAttributes(before, { x: middle - 0.29 * width, width: 0.58 * width, y: y(q), height: smallLow - y(q), "data-value": q });
      const [at, high, low] = [middle + 0.4 * width, y(q * (1 + epsilon)), y(q * (1 - epsilon))];
      setAttributes(bracket, { d: `M${at - 4} ${high} h8 M${at} ${high} V${low} M${at - 4} ${low} h8` });
      setAttributes(value, { x: middle, y: y(p) - 5 });
      setText(value, probabilityText(p));
      setAttributes(name, { x: middle, y: SMALL.height - 7 });
    });
  }

  function drawRatios({ epsilon }, now) {
    const { smallLow, smallRight } = geometry;
    const y = (v) => SMALL.top + ((smallLow - SMALL.top) * (RATIOS_SHOWN - v)) / RATIOS_SHOWN;
    const width = Math.max(0, smallRight - SMALL.left) / old.length;
    drawRules(ratioRules, [4, 3, 2, 1, 0], y, SMALL.left, smallRight);
    setAttributes(band, {
      x: SMALL.left,
      width: Math.max(0, smallRight - SMALL.left),
      y: y(1 + epsilon),
      height: Math.max(1.5, y(1 - epsilon) - y(1 + epsilon)),
    });
    ratioMarks.forEach(({ stem, head, value, name }, a) => {
      const ratio = now.ratios[a];
      const middle = SMALL.left + width * (a + 0.5);
      const beyond = ratio > RATIOS_SHOWN;
      const level = y(Math.min(RATIOS_SHOWN, ratio));
      setAttributes(stem, { x1: middle, x2: middle, y1: y(1), y2: level });
      const shape = beyond ? `M${middle} ${level - 9} l8 13 h-16 z` : `M${middle - 6} ${level} a6 6 0 1 0 12 0 a6 6 0 1 0 -12 0 z`;
      setAttributes(head, { d: shape, "data-value": ratio });
      setAttributes(value, { x: middle + 10, y: level + 4 });
      setText(value, short(ratio));
      setAttributes(name, { x: middle, y: SMALL.height - 7 });
    });
  }

  function drawSeries({ epsilon, steps, clip }, all) {
    const { smallLow, smallRight } = geometry;
    const x = (k) => SMALL.left + (Math.max(0, smallRight - SMALL.left) * k) / MOST_STEPS;
    for (const one of series) {
      const y = (v) => smallLow - (smallLow - SMALL.top) * one.share(v);
      drawRules(one.rules, one.marks, y, SMALL.left, smallRight, String, 8);
      one.places.forEach(({ at, label }) => setAttributes(label, { x: x(at), y: SMALL.height - 7 }));
      if (one.limit !== null) {
        setAttributes(one.limit.line, { x1: SMALL.left, x2: smallRight, y1: y(1 + epsilon), y2: y(1 + epsilon) });
        setAttributes(one.limit.label, { x: smallRight + 8, y: y(1 + epsilon) + 4 });
      }
      one.lines.forEach(({ on, path, end }) => {
        const values = all[on].map(one.of);
        path.values = values; // for tests: the numbers behind the line
        setAttributes(path, { d: polyline(values.map((v, k) => [x(k), y(v)])) });
        setAttributes(end, { cx: x(steps), cy: y(values[steps]), fill: on === clip ? BLUE : GREY });
        setText(one.words[on ? 0 : 1], `${on ? "with clip" : "without"} ${short(values[steps])}`);
      });
    }
  }

  function statesOf({ clip, epsilon }, now) {
    return kinds.map((i, a) => {
      const seen = oneSample(now.ratios[a], world.advantages[i], epsilon);
      return !clip || !seen.outside ? "on" : seen.active ? "off" : "back";
    });
  }

  function drawBatch(setting, all) {
    const { clip, epsilon } = setting;
    const now = all[clip].at(-1);
    const states = statesOf(setting, now);
    groups.forEach(({ chips, status }, a) => {
      chips.forEach((chip) => chip.classList.toggle("pgc-off", states[a] === "off"));
      chips.forEach((chip) => chip.classList.toggle("pgc-back", states[a] === "back"));
      setText(status, STATE_WORDS[states[a]]);
      setAttributes(status, { "data-state": states[a] });
    });
    drawPolicy(setting, now);
    drawRatios(setting, now);
    drawSeries(setting, all);
    const count = now.samples.length;
    const outside = world.sampled.filter((a) => Math.abs(now.ratios[a] - 1) > epsilon).length;
    const active = now.samples.filter((sample) => sample.active).length;
    const length = Math.hypot(...now.gradient);
    writeFact(totals.largest, Math.max(...now.ratios), short(Math.max(...now.ratios)));
    writeFact(totals.kl, now.kl, short(now.kl));
    writeFact(totals["clip-fraction"], outside / count, `${outside} of ${count}`);
    writeFact(totals["active-fraction"], active / count, `${active} of ${count}`);
    writeFact(totals.length, length, short(length));
    setText(batchSentence, aboutTheBatch(setting, world, now, states));
  }

  const spoken = { sample: null, batch: null };
  function speak({ ratio, advantage, epsilon, clip, stepSize, steps }) {
    const keys = { sample: `${ratio} ${advantage} ${epsilon}`, batch: `${clip} ${stepSize} ${steps} ${epsilon}` };
    const words = [];
    if (keys.sample !== spoken.sample) words.push(`Ratio ${plain(ratio)}, advantage ${signed(advantage)}. ${sentence.textContent}`);
    if (keys.batch !== spoken.batch) words.push(`After ${steps} ${steps === 1 ? "step" : "steps"}: ${batchSentence.textContent}`);
    if (words.length > 0) live.say(words.join(" "));
    Object.assign(spoken, keys);
  }

  function refresh() {
    if (geometry === null) return;
    const now = state();
    const all = compute(now);
    for (const [{ input, shown }, value, words] of [
      [epsilonInput, now.epsilon, plain(now.epsilon)],
      [stepSizeInput, now.stepSize, plain(now.stepSize)],
      [stepsInput, now.steps, String(now.steps)],
    ]) {
      input.value = value;
      setText(shown, words);
      setAttributes(input, { "aria-valuetext": words });
    }
    clipBox.checked = now.clip;
    drawSample(now, oneSample(now.ratio, now.advantage, now.epsilon));
    drawBatch(now, all);
    speak(now);
  }

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

// The baseline lab: drag a baseline; the variance of a gradient estimate changes, its mean does not.

// --- the mathematics, equal to baseline_lab.py --------------------------------------------------------

// What one sample's estimate is on average and how it spreads, when the chosen actions have these weights.
function moments(pi, weights) {
  const each = weights.map((w, a) => pi.map((p, k) => w * ((a === k ? 1 : 0) - p)));
  const mean = pi.map((_, k) => pi.reduce((s, p, a) => s + p * each[a][k], 0));
  const variances = pi.map((_, k) => pi.reduce((s, p, a) => s + p * (each[a][k] - mean[k]) ** 2, 0));
  return { each, mean, variances, variance: variances.reduce((s, v) => s + v, 0) };
}

function weightsOf(rewards, b, c) {
  return rewards.map((R) => R - ((1 - c) * b + c * R));
}

function workOut({ logits, rewards, baseline: b, dependence: c }) {
  const pi = softmax(logits);
  const value = dot(pi, rewards);
  const squared = pi.map((p, a) => p * pi.reduce((s, q, k) => s + ((a === k ? 1 : 0) - q) ** 2, 0));
  const best = dot(squared, rewards) / squared.reduce((s, v) => s + v, 0);
  const variance = (baseline, dependence) => moments(pi, weightsOf(rewards, baseline, dependence)).variance;
  const weights = weightsOf(rewards, b, c);
  const now = moments(pi, weights);
  const exact = pi.map((p, a) => p * (rewards[a] - value));
  return {
    pi,
    value,
    best,
    weights,
    exact,
    variance,
    estimates: now.each, // a row for each action that can be drawn
    mean: now.mean,
    bias: now.mean.map((v, k) => v - exact[k]),
    deviations: now.variances.map(Math.sqrt),
    now: now.variance,
    at: { zero: variance(0, 0), value: variance(value, 0), best: variance(best, 0) },
  };
}

// The uniform numbers of a draw are kept: a lab that is dragged only counts anew.
function makeCounter() {
  let key = "";
  let kept = [];
  return ({ seed, draw, samples }, pi) => {
    const wanted = `${seed} ${draw} ${samples}`;
    if (key !== wanted) [key, kept] = [wanted, Array.from({ length: samples }, (_, i) => uniform(seed, draw, i))];
    const counts = pi.map(() => 0);
    for (const u of kept) counts[drawAction(pi, u)] += 1;
    return counts;
  };
}

// --- what the lab says in words -----------------------------------------------------------------------

// A variance as text: three significant digits.
function few(x) {
  return x < 1e-20 ? "0" : x >= 100 || x < 1e-5 ? short(x) : String(Number(x.toPrecision(x >= 1e-3 ? 3 : 2)));
}

function times(ratio) {
  return ratio >= 1e5 ? short(ratio) : ratio >= 100 ? String(Number(ratio.toPrecision(2))).replace(/\B(?=(\d{3})+$)/g, ",") : String(Number(ratio.toPrecision(2)));
}

function whatIsSeen({ actions, baseline: b, dependence: c }, all) {
  const plain = all.at.zero;
  if (c > 0) {
    if (all.exact.every((g) => Math.abs(g) < 1e-9))
      return "The exact gradient is 0 here: there is nothing that a baseline of each action could spoil.";
    const largest = all.bias.reduce((most, v, k) => (Math.abs(v) > Math.abs(all.bias[most]) ? k : most), 0);
    return `Now the baseline follows the drawn action. The variance is ${few(all.now)}, but the mean has left the exact gradient: on the logit of ${actions[largest]} the bias is ${signed(all.bias[largest])}. More samples do not cure a bias.`;
  }
  if (plain < 1e-20) return "All rewards are 0: without a baseline every estimate is 0, and so is the gradient.";
  const isWorse = all.at.value > 1.05 * plain;
  const reason = "the rare actions have the long scores, and V gives them the large weights.";
  const worse = isWorse ? ` Here V is worse than no baseline, ${times(all.at.value / plain)} times the variance: ${reason}` : "";
  if (Math.abs(b) < 1e-9)
    return `No baseline: one sample’s gradient has variance ${few(plain)}. Drag the large dot: the spread changes, the mean stays.${worse}`;
  const ratio = all.now / plain;
  const compared =
    ratio > 1.05 ? `${times(ratio)} times as much as without a baseline`
    : ratio > 0.95 ? "about as much as without a baseline"
    : `${times(1 / ratio)} times less than without a baseline`;
  if (isWorse && Math.abs(b - all.value) < 5e-3)
    return `At b = V the variance is ${few(all.now)}, ${compared}: ${reason} The mean is still the exact gradient.`;
  return `At b = ${short(b)} the variance is ${few(all.now)}, ${compared}. The mean is still the exact gradient.${worse}`;
}

// --- the picture --------------------------------------------------------------------------------------

const LOGIT_LIMIT = 8;
const REWARD_LIMIT = 20;
const BASELINE_LIMIT = 20;
const FIRST_DEPENDENCE = 0.5; // what the check box sets
const INK = colour("sampled-ink"); // outline of what is sampled
const CURVE = { height: 256, left: 40, right: 12, top: 56, bottom: 43, row: 16 };
const BARS = { height: 206, left: 40, right: 34, top: 26, bottom: 24 };
const STRIP = { height: 240, left: 76, right: 12, top: 2, row: 40, spreadRow: 36, zoomTop: 182, zoomRow: 34 };
const HEAP = 17; // most of a heap's radius
const TICKS = 9;
const MARKS = [
  ["zero", "no baseline (0)", colour("neutral"), "1.5 3"],
  ["value", "V = J", colour("value-ink"), "5 3"],
  ["best", "best b*", colour("exact"), null],
];
const OF_ACTIONS = [
  ["weight", "weight R − b"],
  ["exact", "exact gradient"],
  ["mean", "mean of the estimate"],
  ["bias", "bias"],
];
const OF_BASELINES = [
  ["baseline", "baseline"],
  ["variance", "variance"],
  ["ratio", "compared with b = 0"],
];

function diamondPath(x, y, size) {
  return `M${x} ${y - size} L${x + size} ${y} L${x} ${y + size} L${x - size} ${y} z`;
}

// Round numbers from low to high, about as many as wanted.
function roundTicks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.min(TICKS, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// The same, with room between them when `most` of them would crowd.
function fittingTicks(low, high, pixels, most, format) {
  for (let wanted = most; wanted > 0; wanted -= 1) {
    const ticks = roundTicks(low, high, wanted);
    const room = 7 * Math.max(...ticks.map((v) => format(v).length)) + 8;
    if (ticks.length < 2 || (pixels * (ticks[1] - ticks[0])) / (high - low) >= room) return ticks;
  }
  return [];
}

// So many dots, as a round heap about the origin; large heaps are denser.
function heapPath(count) {
  const spacing = Math.min(2.1, HEAP / Math.sqrt(Math.max(1, count)));
  const r = 0.95 * spacing;
  return Array.from({ length: count }, (_, i) => {
    const [from, angle] = [spacing * Math.sqrt(i + (count === 1 ? 0 : 0.5)), i * 2.399963];
    const [x, y] = [from * Math.cos(angle), from * Math.sin(angle)].map((v) => v.toFixed(2));
    return `M${x} ${y} m${-r} 0 a${r} ${r} 0 1 0 ${2 * r} 0 a${r} ${r} 0 1 0 ${-2 * r} 0`;
  }).join("");
}

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "baseline",
    role: "group",
    "aria-label": "Baseline lab",
  });
  const save = makeSaver(model, root);
  keepPlainKeys(root);
  const countDrawn = makeCounter();
  const get = (name) => model.get(name);
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    setText(message, "");
    save();
  };
  const state = () => ({
    actions: get("actions"),
    rewards: get("rewards"),
    logits: get("logits"),
    baseline: get("baseline"),
    dependence: get("action_dependence"),
    component: get("component"),
    samples: get("samples"),
    seed: get("seed"),
    draw: get("draw"),
  });
  const replaced = (list, index, value) => list.map((old, i) => (i === index ? value : old));
  const many = (make) => get("actions").map((_, index) => make(index));
  const text = (parent, anchor = "middle", attributes = {}) =>
    svgNode(parent, "text", { "text-anchor": anchor, "aria-hidden": "true", ...attributes });
  const axis = (svg, anchor) =>
    Array.from({ length: TICKS }, () => ({ line: svgNode(svg, "line", { stroke: colour("rule") }), label: text(svg, anchor) }));

  // --- situations
  const presets = htmlNode(root, "div", { class: "pgc-row pgc-presets", role: "group", "aria-label": "situations" });
  const button = (parent, role, words, act, primary = false) => {
    const node = htmlNode(parent, "button", { type: "button", "data-role": role, class: primary ? "pgc-primary" : "" }, words);
    node.addEventListener("click", act);
    return node;
  };
  for (const [name, { label, rewards, logits }] of Object.entries(get("presets")))
    button(presets, `preset-${name}`, label, () => change({ rewards, logits, baseline: 0, action_dependence: 0 }));
  button(presets, "reset", "reset", () =>
    change({
      rewards: get("initial_rewards"),
      logits: get("initial_logits"),
      baseline: get("initial_baseline"),
      action_dependence: get("initial_action_dependence"),
      draw: 0,
    }),
  );

  // --- the parabola
  const curveBox = htmlNode(root, "div", { class: "pgc-panel" });
  const curveTitle = htmlNode(curveBox, "p", { class: "pgc-title" }, "variance of one sample’s gradient");
  const curveKey = htmlNode(curveTitle, "span", { class: "pgc-key", "data-role": "curve-key" });
  const curveSvg = svgNode(curveBox, "svg", { role: "group", "aria-label": "variance against the baseline" });
  const curveX = axis(curveSvg, "middle");
  const curveY = axis(curveSvg, "end");
  const curveName = text(curveSvg, "middle");
  setText(curveName, "baseline b");
  const marks = MARKS.map(([name, words, tint, dash]) => ({
    name,
    words,
    line: svgNode(curveSvg, "line", { stroke: tint, "stroke-width": 1.5, "stroke-dasharray": dash }),
    tint,
  }));
  const faintCurve = svgNode(curveSvg, "path", { fill: "none", stroke: colour("reference"), "stroke-width": 2, "stroke-dasharray": "2 4" });
  const curve = svgNode(curveSvg, "path", { fill: "none", stroke: colour("exact"), "stroke-width": 2.5, "data-role": "curve" });
  marks.forEach((mark) => {
    mark.dot = svgNode(curveSvg, "path", { fill: mark.name === "zero" ? colour("paper") : mark.tint, stroke: mark.name === "zero" ? mark.tint : colour("paper"), "stroke-width": 1.5, "data-role": "mark", "data-name": mark.name });
    mark.label = text(curveSvg, "start", { "data-role": "mark-label", "data-name": mark.name });
    mark.label.style.fill = mark.tint;
  });
  const handle = svgNode(curveSvg, "g", { "data-role": "baseline" });
  const reach = svgNode(handle, "rect", { fill: "transparent" });
  const stem = svgNode(handle, "line", { stroke: colour("exact"), "stroke-width": 1.5 });
  const ring = svgNode(handle, "circle", { class: "pgc-ring", r: 13 });
  const knob = svgNode(handle, "circle", { class: "pgc-handle", r: 9, fill: colour("exact") });

  // --- what is typed and ticked
  const set = htmlNode(root, "div", { class: "pgc-row pgc-set" });
  const typed = htmlNode(set, "div", {});
  const typedLabel = htmlNode(typed, "label", {}, "b =");
  const message = htmlNode(root, "p", { class: "pgc-message", role: "alert", "data-role": "message" });
  const refuse = (words) => setText(message, words);
  const baselineInput = makeNumberInput(
    typedLabel,
    { "data-role": "baseline-input", "aria-label": "baseline b, typed" },
    {
      get: () => Number(get("baseline").toPrecision(4)),
      set: (value) => change({ baseline: value }),
      low: -BASELINE_LIMIT,
      high: BASELINE_LIMIT,
      name: () => "baseline b",
      refuse,
    },
  );
  htmlNode(typed, "span", {}, "or");
  button(typed, "set-zero", "b = 0", () => change({ baseline: 0 }));
  button(typed, "set-value", "b = V", () => change({ baseline: workOut(state()).value }));
  button(typed, "set-best", "b = b*", () => change({ baseline: workOut(state()).best }));
  const follow = htmlNode(set, "div", {});
  const followLabel = htmlNode(follow, "label", {});
  const depends = htmlNode(followLabel, "input", { type: "checkbox", "data-role": "depends" });
  followLabel.append("b depends on the action");
  depends.addEventListener("change", () => change({ action_dependence: depends.checked ? FIRST_DEPENDENCE : 0 }));
  const dependence = htmlNode(follow, "input", {
    type: "range",
    min: 0,
    max: 1,
    step: 0.05,
    "data-role": "dependence",
    "aria-label": "how far the baseline follows the action’s own reward",
  });
  dependence.addEventListener("input", () => change({ action_dependence: Number(dependence.value) }));
  const dependenceShown = htmlNode(follow, "span", { class: "pgc-shown", "data-role": "dependence-shown" });

  // --- weights and estimates
  const panels = htmlNode(root, "div", { class: "pgc-panels" });
  const panel = () => {
    const box = htmlNode(panels, "div", { class: "pgc-panel" });
    return { box, head: htmlNode(box, "div", { class: "pgc-head" }) };
  };
  const left = panel();
  const weightTitle = htmlNode(left.head, "p", { class: "pgc-title" });
  const barsSvg = svgNode(left.box, "svg", { role: "group", "aria-label": "weight of each action" });
  const rewardRow = htmlNode(left.box, "div", { class: "pgc-typed", role: "group", "aria-label": "rewards, typed" });
  const barsY = axis(barsSvg, "end");
  const barNames = many(() => text(barsSvg));
  const baselineName = text(barsSvg, "start");
  let range = null; // of rewards and baselines; it stands still while something is dragged
  const bars = many((index) => {
    const group = svgNode(barsSvg, "g", { "data-role": "reward", "data-index": index });
    const reachOf = svgNode(group, "rect", { fill: "transparent" });
    const bar = svgNode(group, "rect", { "data-role": "weight", "data-index": index });
    const level = svgNode(barsSvg, "line", { stroke: colour("exact"), "stroke-width": 2, "pointer-events": "none", "data-role": "level", "data-index": index });
    const ringOf = svgNode(group, "circle", { class: "pgc-ring", r: 12 });
    const knobOf = svgNode(group, "circle", { class: "pgc-handle", r: 8 });
    const label = text(barsSvg);
    let offset = 0;
    makeSlider(group, {
      valueAt: (_, y) => Number(geometry.rewardAt(y - barsSvg.getBoundingClientRect().top - offset).toFixed(1)),
      get: () => get("rewards")[index],
      set: (value) => change({ rewards: replaced(get("rewards"), index, value) }),
      limits: () => (range === null ? [-REWARD_LIMIT, REWARD_LIMIT] : [Math.max(-REWARD_LIMIT, range[0]), Math.min(REWARD_LIMIT, range[1])]),
      small: 0.1,
      large: 1,
      onStart: (event) => {
        range = findRange();
        const y = event.clientY - barsSvg.getBoundingClientRect().top;
        const at = geometry.rewardY(get("rewards")[index]);
        offset = Math.abs(y - at) < 24 ? y - at : 0;
      },
      onEnd: letGo,
    });
    return { group, reach: reachOf, bar, level, ring: ringOf, knob: knobOf, label };
  });
  const rewardInputs = many((index) =>
    makeNumberInput(
      rewardRow,
      { "data-role": "reward-input", "data-index": index },
      {
        get: () => Number(get("rewards")[index].toPrecision(4)),
        set: (value) => change({ rewards: replaced(get("rewards"), index, value) }),
        low: -REWARD_LIMIT,
        high: REWARD_LIMIT,
        name: () => `reward of ${get("actions")[index]}`,
        refuse,
      },
    ),
  );

  const right = panel();
  htmlNode(right.head, "p", { class: "pgc-title" }, "estimates for");
  const componentLabel = htmlNode(right.head, "label", {});
  const component = htmlNode(componentLabel, "select", { "data-role": "component", "aria-label": "action whose logit’s estimates are drawn" });
  const options = many((index) => htmlNode(component, "option", { value: index }));
  component.addEventListener("change", () => change({ component: Number(component.value) }));
  button(right.head, "draw-again", "draw again", () => change({ draw: get("draw") + 1 }), true);
  const stripSvg = svgNode(right.box, "svg", { role: "img" });
  const stripX = axis(stripSvg, "middle");
  const rules = many(() => svgNode(stripSvg, "line", { stroke: colour("rule") }));
  const band = svgNode(stripSvg, "rect", { fill: colour("sampled"), "fill-opacity": 0.28, "data-role": "deviation" });
  const guide = svgNode(stripSvg, "line", { stroke: colour("exact"), "stroke-width": 1.2 });
  const rowNames = () => [text(stripSvg, "start"), text(stripSvg, "start")];
  const heaps = many((index) => ({
    heap: svgNode(stripSvg, "path", { fill: colour("sampled"), stroke: INK, "stroke-width": 0.4, "data-role": "heap", "data-index": index }),
    names: rowNames(),
  }));
  const spreadNames = rowNames();
  const averageBand = svgNode(stripSvg, "line", { stroke: INK, "stroke-width": 1.5 });
  const average = svgNode(stripSvg, "circle", { r: 5, fill: colour("sampled"), stroke: INK, "stroke-width": 1.2, "data-role": "average" });
  const zoomFrame = svgNode(stripSvg, "rect", { fill: colour("muted"), rx: 4 });
  const zoomX = axis(stripSvg, "middle");
  const zoomNames = rowNames();
  const centre = svgNode(stripSvg, "line", { stroke: INK, "stroke-width": 3, "data-role": "mean" });
  const drift = svgNode(stripSvg, "path", { stroke: colour("below"), "stroke-width": 3, fill: "none", "data-role": "drift" });
  const exactMark = svgNode(stripSvg, "path", { fill: colour("exact"), stroke: colour("paper"), "stroke-width": 1, "data-role": "exact" });
  const readout = htmlNode(root, "p", { class: "pgc-readout", "data-role": "readout" });

  // --- the policy
  const policy = htmlNode(root, "div", { class: "pgc-policy", role: "group", "aria-label": "policy" });
  htmlNode(policy, "p", { class: "pgc-title" }, "policy π — one logit z for each action");
  const logits = many((index) => {
    const label = htmlNode(policy, "label", {});
    const words = htmlNode(label, "span", {});
    const name = htmlNode(words, "span", { class: "pgc-name" });
    const shown = htmlNode(words, "span", { class: "pgc-shown" });
    const share = htmlNode(htmlNode(label, "span", { class: "pgc-share" }), "i", { class: "pgc-fill", "data-role": "pi", "data-index": index });
    const input = htmlNode(label, "input", { type: "range", min: -LOGIT_LIMIT, max: LOGIT_LIMIT, step: 0.1, "data-role": "logit", "data-index": index });
    input.addEventListener("input", () => change({ logits: replaced(get("logits"), index, Number(input.value)) }));
    return { name, shown, share, input };
  });

  // --- numbers
  const sentence = htmlNode(root, "p", { class: "pgc-sentence", "data-role": "sentence" });
  const makeTable = (label, first, columnCount, rowsOf) => {
    const table = htmlNode(root, "table", { class: "pgc-table", role: "table", "aria-label": label });
    table.style.setProperty("--columns", columnCount);
    const head = htmlNode(htmlNode(table, "thead", { role: "rowgroup" }), "tr", { role: "row" });
    htmlNode(head, "th", { role: "columnheader", scope: "col" }, first);
    const columns = Array.from({ length: columnCount }, () => htmlNode(head, "th", { role: "columnheader", scope: "col" }));
    const body = htmlNode(table, "tbody", { role: "rowgroup" });
    const cells = Object.fromEntries(
      rowsOf.map(([name, words]) => {
        const row = htmlNode(body, "tr", { role: "row" });
        htmlNode(row, "th", { role: "rowheader", scope: "row" }, words);
        return [name, Array.from({ length: columnCount }, (_, index) => htmlNode(row, "td", { role: "cell", "data-row": name, "data-index": index }))];
      }),
    );
    return { columns, cells };
  };
  const ofBaselines = makeTable("variance at four baselines", "one sample’s gradient", 4, OF_BASELINES);
  ["your b", "b = 0", "V", "best b*"].forEach((words, i) => setText(ofBaselines.columns[i], words));
  const ofActions = makeTable("mean of the estimate, logit by logit", "logit of", 3, OF_ACTIONS);
  const live = makeLiveRegion(root);

  // --- the hand on the parabola
  let geometry = null;
  function findRange() {
    if (range !== null) return range;
    const [b, rewards] = [get("baseline"), get("rewards")];
    const [low, high] = [Math.min(0, ...rewards), Math.max(0, ...rewards)];
    const room = 0.1 * Math.max(high - low, 1);
    return [Math.min(low - room, b), Math.max(high + room, b)];
  }
  function letGo() {
    range = null;
    refresh();
  }
  let grip = 0;
  makeSlider(handle, {
    valueAt: (x) => Number(geometry.baselineAt(x - curveSvg.getBoundingClientRect().left - grip).toFixed(2)),
    get: () => get("baseline"),
    set: (value) => change({ baseline: value }),
    limits: () => (range === null ? [-BASELINE_LIMIT, BASELINE_LIMIT] : [Math.max(-BASELINE_LIMIT, range[0]), Math.min(BASELINE_LIMIT, range[1])]),
    small: 0.1,
    large: 1,
    onStart: (event) => {
      range = findRange();
      grip = event.clientX - curveSvg.getBoundingClientRect().left - geometry.baselineX(get("baseline"));
    },
    onEnd: letGo,
  });
  handle.classList.add("pgc-across");

  // --- drawing
  function layout() {
    const inner = Math.max(150, (root.clientWidth || UNSEEN_WIDTH) - 24); // a side bar may leave next to nothing
    const wide = inner >= 560;
    root.classList.toggle("pgc-narrow", !wide);
    const small = Math.floor(wide ? (inner - 16) / 2 : inner);
    geometry = { inner, wide, small, band: (small - BARS.left - BARS.right) / 3 };
    setAttributes(curveSvg, { width: inner, height: CURVE.height, viewBox: `0 0 ${inner} ${CURVE.height}` });
    setAttributes(barsSvg, { width: small, height: BARS.height, viewBox: `0 0 ${small} ${BARS.height}` });
    setAttributes(stripSvg, { width: small, height: STRIP.height, viewBox: `0 0 ${small} ${STRIP.height}` });
    rewardRow.style.padding = `0 ${BARS.right}px 0 ${BARS.left}px`;
    for (const node of [rewardRow, left.head, right.head]) node.style.width = `${small}px`;
    refresh();
  }

  // The scales. They follow from the rewards and the policy, not from the baseline that is dragged.
  function measure({ rewards, component: k }, all) {
    const [low, high] = findRange();
    const { inner, small } = geometry;
    const plot = { left: CURVE.left, right: inner - CURVE.right, top: CURVE.top, low: CURVE.height - CURVE.bottom };
    const most = 1.04 * Math.max(all.variance(low, 0), all.variance(high, 0)) || 1;
    const ends = [low, high].flatMap((b) => moments(all.pi, weightsOf(rewards, b, 0)).each.map((row) => row[k]));
    const [first, last] = [Math.min(0, ...ends), Math.max(0, ...ends)];
    const room = HEAP + 3; // for a heap at either end
    const stripSpan = Math.max(10, small - STRIP.right - STRIP.left - 2 * room);
    const nearest = 1.25 * Math.max(...all.exact.map(Math.abs)) || 1;
    const barsLow = BARS.height - BARS.bottom;
    Object.assign(geometry, {
      plot,
      low,
      high,
      most,
      first,
      last,
      baselineX: (b) => plot.left + ((plot.right - plot.left) * (b - low)) / (high - low),
      baselineAt: (x) => low + ((x - plot.left) / (plot.right - plot.left)) * (high - low),
      varianceY: (v) => plot.low - ((plot.low - plot.top) * v) / most,
      rewardY: (R) => barsLow - ((barsLow - BARS.top) * (R - low)) / (high - low),
      rewardAt: (y) => low + ((barsLow - y) / (barsLow - BARS.top)) * (high - low),
      nearest,
      stripSpan,
      estimateX: (g) => STRIP.left + room + (stripSpan * (g - first)) / (last - first || 1),
      zoomX: (g) => STRIP.left + room + (stripSpan * (g / nearest + 1)) / 2,
      centre: (index) => BARS.left + geometry.band * (index + 0.5),
    });
  }

  function drawTicks(nodes, values, place, format) {
    nodes.forEach(({ line, label }, i) => {
      const shown = i < values.length;
      for (const node of [line, label]) setAttributes(node, { visibility: shown ? null : "hidden" });
      setText(label, shown ? format(values[i]) : "");
      if (shown) place(values[i], line, label);
    });
  }

  function drawCurve({ baseline: b, dependence: c }, all) {
    const { plot, low, high, most, inner, wide, baselineX: x, varianceY: y } = geometry;
    drawTicks(curveX, fittingTicks(low, high, plot.right - plot.left, 7, short), (v, line, label) => {
      setAttributes(line, { x1: x(v), x2: x(v), y1: plot.low, y2: plot.low + 4, stroke: colour("axis") });
      setAttributes(label, { x: x(v), y: plot.low + 20 });
    }, short);
    drawTicks(curveY, roundTicks(0, most, 4), (v, line, label) => {
      setAttributes(line, { x1: plot.left, x2: plot.right, y1: y(v), y2: y(v), stroke: v === 0 ? colour("axis") : colour("rule") });
      setAttributes(label, { x: plot.left - 6, y: y(v) + 4 });
    }, few);
    setAttributes(curveName, { x: (plot.left + plot.right) / 2, y: CURVE.height - 5 });
    const path = (dependence) =>
      Array.from({ length: 121 }, (_, i) => {
        const at = low + ((high - low) * i) / 120;
        return `${i === 0 ? "M" : "L"}${x(at).toFixed(2)} ${y(all.variance(at, dependence)).toFixed(2)}`;
      }).join(" ");
    setAttributes(curve, { d: path(c) });
    setAttributes(faintCurve, { d: c > 0 ? path(0) : "", visibility: c > 0 ? null : "hidden" });
    const places = { zero: 0, value: all.value, best: all.best };
    marks.forEach(({ name, words, line, dot, label }, row) => {
      const at = x(places[name]);
      const top = (row + 1) * CURVE.row;
      setText(label, name === "zero" ? words : `${words} = ${short(places[name])}`);
      const room = 7 * label.textContent.length + 5;
      const crossed = (from, to) => marks.slice(0, row).some((mark) => x(places[mark.name]) > from + 1 && x(places[mark.name]) < to);
      const fits = { right: at + room <= inner, left: at - room >= 0 };
      const flip = fits.left && (!fits.right || (crossed(at, at + room) && !crossed(at - room, at)));
      setAttributes(label, { x: flip ? at - 5 : at + 5, y: top - 4, "text-anchor": flip ? "end" : "start" });
      setAttributes(line, { x1: at, x2: at, y1: top - 14, y2: plot.low });
      const v = all.at[name];
      const [px, py] = [at, y(v)];
      const round = `M${px - 4.5} ${py} a4.5 4.5 0 1 0 9 0 a4.5 4.5 0 1 0 -9 0 z`;
      setAttributes(dot, { d: name === "best" ? diamondPath(px, py, 7) : round, "data-value": v, "data-at": places[name] });
    });
    const [px, py] = [x(b), y(all.now)];
    const [from, to] = [Math.max(0, px - 28), Math.min(inner, px + 28)];
    setAttributes(reach, { x: from, width: to - from, y: plot.top, height: plot.low - plot.top + 6 });
    setAttributes(stem, { x1: px, x2: px, y1: py, y2: plot.low + 4 });
    for (const node of [ring, knob]) setAttributes(node, { cx: px, cy: py });
    setAttributes(knob, { "data-value": all.now });
    describeSlider(handle, "baseline b", b, [-BASELINE_LIMIT, BASELINE_LIMIT], `${short(b)}, variance ${few(all.now)}`);
    setAttributes(handle, { "aria-orientation": "horizontal" });
    setText(curveKey, `${wide ? " — " : ""}exact; at b = ${short(b)}: ${few(all.now)}${c > 0 ? ` ┈ ${wide ? "with " : ""}one b for all actions` : ""}`);
  }

  function fitName(node, name, room) {
    const most = Math.max(3, Math.floor(room / 7));
    setText(node, name.length > most ? `${name.slice(0, most - 1)}…` : name);
  }

  function drawWeights({ actions, rewards, dependence: c }, all) {
    const { small, band: wide, low, high, centre: x, rewardY: y } = geometry;
    const barWidth = Math.min(42, wide * 0.5);
    drawTicks(barsY, roundTicks(low, high, 4), (v, line, label) => {
      setAttributes(line, { x1: BARS.left, x2: small - BARS.right, y1: y(v), y2: y(v), stroke: v === 0 ? colour("axis") : colour("rule") });
      setAttributes(label, { x: BARS.left - 4, y: y(v) + 4 });
    }, short);
    bars.forEach(({ group, reach: area, bar, level, ring: halo, knob: grip_, label }, a) => {
      const [R, w] = [rewards[a], all.weights[a]];
      const b = R - w;
      const [yR, yb] = [y(R), y(b)];
      const tint = Math.abs(w) < 1e-12 ? colour("neutral") : w > 0 ? colour("above") : colour("below");
      setAttributes(area, { x: x(a) - wide / 2, width: wide, y: BARS.top, height: BARS.height - BARS.bottom - BARS.top });
      setAttributes(bar, { x: x(a) - barWidth / 2, width: barWidth, y: Math.min(yR, yb), height: Math.abs(yR - yb), fill: tint, "data-value": w });
      setAttributes(level, { x1: x(a) - wide / 2 - 0.5, x2: x(a) + wide / 2 + 0.5, y1: yb, y2: yb, "data-value": b });
      for (const node of [halo, grip_]) setAttributes(node, { cx: x(a), cy: yR });
      setAttributes(grip_, { fill: tint });
      setAttributes(label, { x: x(a), y: 13 });
      setText(label, signed(w));
      describeSlider(group, `reward of ${actions[a]}`, R, [-REWARD_LIMIT, REWARD_LIMIT], `${signed(R)}, weight ${signed(w)}`);
      setAttributes(barNames[a], { x: x(a), y: BARS.height - 7 });
      fitName(barNames[a], actions[a], wide);
      setAttributes(rewardInputs[a].input, { "aria-label": `reward of ${actions[a]}, typed` });
      rewardInputs[a].show();
    });
    setText(weightTitle, `weight R(a) − ${c > 0 ? "b(a)" : "b"} of each action`);
    const last = rewards[2] - all.weights[2];
    setAttributes(baselineName, { x: small - BARS.right + 5, y: y(last) + 4 });
    setText(baselineName, c > 0 ? "b(a)" : "b");
  }

  function drawStrip({ actions, component: k, samples: m }, all, counts) {
    const { small, estimateX: x, zoomX: near, first, last } = geometry;
    const right_ = small - STRIP.right;
    const axisY = STRIP.top + 3 * STRIP.row + STRIP.spreadRow;
    const averageOf = counts.reduce((s, n, a) => s + n * all.estimates[a][k], 0) / m;
    const spread = Math.sqrt(counts.reduce((s, n, a) => s + n * (all.estimates[a][k] - averageOf) ** 2, 0) / Math.max(1, m - 1) / m);
    const [mean, exact, sd] = [all.mean[k], all.exact[k], all.deviations[k]];
    const bias = Math.abs(all.bias[k]) < 1e-12 ? 0 : all.bias[k];
    const nameRow = ([upper, lower], y, words, note) => {
      setAttributes(upper, { x: 0, y: y - 3 });
      fitName(upper, words, STRIP.left - 6);
      setAttributes(lower, { x: 0, y: y + 13 });
      setText(lower, note);
    };
    drawTicks(stripX, fittingTicks(first, last, geometry.stripSpan, 5, signed), (v, line, label) => {
      setAttributes(line, { x1: x(v), x2: x(v), y1: STRIP.top, y2: axisY, stroke: v === 0 ? colour("axis") : colour("rule") });
      setAttributes(label, { x: x(v), y: axisY + 15 });
    }, signed);
    heaps.forEach(({ heap, names }, a) => {
      const y = STRIP.top + STRIP.row * (a + 0.5);
      if (heap.dataset.count !== String(counts[a])) setAttributes(heap, { d: heapPath(counts[a]), "data-count": counts[a] });
      setAttributes(heap, { transform: `translate(${x(all.estimates[a][k])} ${y})`, "data-value": all.estimates[a][k] });
      setAttributes(rules[a], { x1: 0, x2: right_, y1: STRIP.top + STRIP.row * (a + 1), y2: STRIP.top + STRIP.row * (a + 1) });
      nameRow(names, y, actions[a], `${counts[a]} drawn`);
    });
    setAttributes(guide, { x1: x(exact), x2: x(exact), y1: STRIP.top, y2: axisY });
    const y = axisY - STRIP.spreadRow / 2;
    const clamp = (px) => Math.min(right_, Math.max(STRIP.left, px));
    const [from, to] = [clamp(x(mean - sd)), clamp(x(mean + sd))];
    setAttributes(band, { x: from, width: Math.max(1.5, to - from), y: y - 14, height: 28, "data-value": sd });
    setAttributes(average, { cx: x(averageOf), cy: y, "data-value": averageOf });
    setAttributes(averageBand, { x1: clamp(x(averageOf - spread)), x2: clamp(x(averageOf + spread)), y1: y, y2: y });
    nameRow(spreadNames, y, "mean ± sd", "● sampled");

    const low = STRIP.zoomTop + STRIP.zoomRow;
    const middle = STRIP.zoomTop + STRIP.zoomRow / 2;
    setAttributes(zoomFrame, { x: STRIP.left, y: STRIP.zoomTop, width: right_ - STRIP.left, height: STRIP.zoomRow });
    drawTicks(zoomX, fittingTicks(-geometry.nearest, geometry.nearest, geometry.stripSpan, 5, signed), (v, line, label) => {
      setAttributes(line, { x1: near(v), x2: near(v), y1: STRIP.zoomTop, y2: low, stroke: v === 0 ? colour("axis") : colour("rule") });
      setAttributes(label, { x: near(v), y: low + 15 });
    }, signed);
    nameRow(zoomNames, middle, "zoom: mean", "◆ exact");
    setAttributes(centre, { x1: near(mean), x2: near(mean), y1: STRIP.zoomTop + 2, y2: low - 2, "data-value": mean });
    setAttributes(exactMark, { d: diamondPath(near(exact), middle, 8), "data-value": exact });
    const way = near(mean) - near(exact);
    const tip = 5 * Math.sign(way);
    const end = near(mean) - tip / 2;
    setAttributes(drift, {
      d: Math.abs(way) > 14 ? `M${near(exact)} ${middle} H${end} m${-tip} -5 l${tip} 5 l${-tip} 5` : `M${near(exact)} ${middle} H${near(mean)}`,
      visibility: Math.abs(way) > 1 ? null : "hidden",
    });
    setText(
      readout,
      `◆ Exact ∂J/∂z ${signed(exact)}, mean of the estimate ${signed(Math.abs(mean) < 1e-12 ? 0 : mean)}: bias ${signed(bias)}. sd ${few(sd)}. ● Mean of ${m}: ${signed(averageOf)} ± ${few(Number(spread.toPrecision(2)))}.`,
    );
    setAttributes(stripSvg, {
      "aria-label": `${m} estimates of the gradient for the logit of ${actions[k]}, by the action drawn: exact ${signed(exact)}, mean ${signed(mean)}, standard deviation ${few(sd)}`,
    });
  }

  function drawTables({ actions, baseline: b }, all) {
    const baselines = [b, 0, all.value, all.best];
    const variances = [all.now, all.at.zero, all.at.value, all.at.best];
    const put = (cell, value, words) => {
      setAttributes(cell, { "data-value": value });
      setText(cell, words);
    };
    ofBaselines.cells.baseline.forEach((cell, i) => put(cell, baselines[i], short(baselines[i])));
    ofBaselines.cells.variance.forEach((cell, i) => put(cell, variances[i], few(variances[i])));
    ofBaselines.cells.ratio.forEach((cell, i) => {
      const ratio = all.at.zero > 1e-20 ? variances[i] / all.at.zero : null;
      put(cell, ratio, ratio === null ? "–" : ratio < 1e-12 ? "0" : ratio < 0.995 ? `÷ ${times(1 / ratio)}` : `× ${times(ratio)}`);
    });
    const values = { weight: all.weights, exact: all.exact, mean: all.mean, bias: all.bias };
    actions.forEach((name, i) => setText(ofActions.columns[i], name));
    for (const [name] of OF_ACTIONS)
      ofActions.cells[name].forEach((cell, i) => put(cell, values[name][i], signed(Math.abs(values[name][i]) < 1e-12 ? 0 : values[name][i])));
  }

  function refresh() {
    if (geometry === null) return;
    const now = state();
    const all = workOut(now);
    measure(now, all);
    drawCurve(now, all);
    drawWeights(now, all);
    drawStrip(now, all, countDrawn(now, all.pi));
    drawTables(now, all);
    baselineInput.show();
    depends.checked = now.dependence > 0;
    dependence.value = now.dependence;
    setText(dependenceShown, `c = ${short(now.dependence)}`);
    setAttributes(dependence, { "aria-valuetext": `c = ${short(now.dependence)}` });
    options.forEach((option, a) => setText(option, now.actions[a]));
    component.value = now.component;
    logits.forEach(({ name, shown, share, input }, a) => {
      setText(name, now.actions[a]);
      setText(shown, `z ${short(now.logits[a])}, π ${all.pi[a] > 0.995 || all.pi[a] < 0.005 ? short(all.pi[a]) : probabilityText(all.pi[a])}`);
      share.style.width = `${100 * all.pi[a]}%`;
      setAttributes(share, { "data-value": all.pi[a] });
      input.value = now.logits[a];
      setAttributes(input, { "aria-label": `logit of ${now.actions[a]}`, "aria-valuetext": `${short(now.logits[a])}, probability ${short(all.pi[a])}` });
    });
    const words = whatIsSeen(now, all);
    setText(sentence, words);
    const largest = Math.max(...all.bias.map(Math.abs));
    live.say(`Baseline ${short(now.baseline)}: variance ${few(all.now)}, bias ${largest < 1e-12 ? "0" : short(largest)}. ${words}`);
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

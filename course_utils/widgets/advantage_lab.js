// The Advantage Lab: drag an advantage, watch one ascent step move the action probabilities.

// --- the mathematics, equal to course_utils.policy and course_utils.objectives ---------------------

function drawActions({ mode, logits, seed, draw, trajectory_length }) {
  if (mode === "expected") return [];
  const probabilities = softmax(logits);
  const length = mode === "sampled_action" ? 1 : trajectory_length;
  return Array.from({ length }, (_, t) => drawAction(probabilities, uniform(seed, draw, t)));
}

// One ascent step on the logits. The gradient is that of Σ_a π_a A_a, or of U for the sampled actions.
function ascentStep(state) {
  const { logits, advantages, step_size } = state;
  const probabilities = softmax(logits);
  const logProbabilities = logSoftmax(logits);
  const mean = dot(probabilities, advantages);
  const sampled = drawActions(state);
  const gradient = probabilities.map((p, a) => {
    if (state.mode === "expected") return p * (advantages[a] - mean);
    return sampled.reduce((s, drawn) => s + advantages[drawn] * ((drawn === a ? 1 : 0) - p), 0);
  });
  const newLogits = logits.map((z, a) => z + step_size * gradient[a]);
  const after = softmax(newLogits);
  return {
    probabilities,
    logProbabilities,
    mean,
    sampled,
    relative: advantages.map((A) => A - mean),
    score: probabilities.map((p, a) => (a === sampled[0] ? 1 : 0) - p),
    counts: probabilities.map((_, a) => sampled.filter((drawn) => drawn === a).length),
    gradient,
    newLogits,
    after,
    change: after.map((p, a) => p - probabilities[a]),
  };
}

// --- what the lab says in words ----------------------------------------------------------------------

const STILL = 5e-4; // a change in probability below this is called "hardly moves"

function whatHappens(state, step) {
  const { actions, advantages } = state;
  const { change } = step;
  const order = change.map((_, a) => a).sort((a, b) => change[b] - change[a]);
  if (Math.max(...change.map(Math.abs)) < STILL) return "No probability moves by as much as 0.0005.";
  const odd = order.find((a) => advantages[a] > 0 && change[a] < -STILL);
  if (odd !== undefined && state.mode === "expected")
    return `${actions[odd]} has a positive advantage (${signed(advantages[odd])}) and still loses probability (${signed(change[odd])}): the others’ logits pull harder.`;
  const idle = order.find((a) => advantages[a] === 0 && Math.abs(change[a]) > STILL);
  if (idle !== undefined && state.mode === "expected")
    return `${actions[idle]} has advantage 0, and its probability still moves (${signed(change[idle])}): probabilities share a total of 1.`;
  const up = order[0];
  const down = order[order.length - 1];
  return `${actions[up]} gains most (${signed(change[up])}); ${actions[down]} loses most (${signed(change[down])}).`;
}

function whatWasMissed(state, record) {
  const { actions, advantages } = state;
  const { before, predicted, actual, total_variation: gap } = record;
  const lead = `Gap between your bars and the step (total variation): ${short(gap)}.`;
  const miss = predicted.map((p, a) => Math.abs(p - actual[a]));
  const worst = miss.indexOf(Math.max(...miss));
  if (gap < 0.02) return `${lead} You saw it coming.`;
  const went = (delta) => (delta > 0.005 ? "rise" : delta < -0.005 ? "fall" : "stay");
  const wrong = predicted.findIndex(
    (p, a) => went(p - before[a]) !== went(actual[a] - before[a]) && Math.abs(actual[a] - before[a]) > 0.005,
  );
  if (wrong >= 0) {
    const A = advantages[wrong];
    const real = went(actual[wrong] - before[wrong]);
    const why =
      A === 0 ? "its own advantage is 0, but the probabilities share a total of 1"
      : A > 0 === (real === "rise") ? `its advantage is ${signed(A)}`
      : `its advantage is ${signed(A)}, but the other actions’ logits moved more`;
    return `${lead} You expected ${actions[wrong]} to ${went(predicted[wrong] - before[wrong])}; you will see it ${real}: ${why}.`;
  }
  const size = Math.abs(predicted[worst] - before[worst]) > Math.abs(actual[worst] - before[worst]) ? "smaller" : "larger";
  return `${lead} Your directions were right; the move of ${actions[worst]} is ${size} than you drew.`;
}

// --- the picture -------------------------------------------------------------------------------------

const NICE_LIMITS = [3, 5, 10, 20, 50, 100, 200, 500, 1000];
const ADVANTAGE_LIMIT = 1000;
const LOGIT_LIMIT = 1000;
const MARGIN = { left: 34, right: 6, top: 28, bottom: 24 };
const HEIGHT = 236;
const MODES = [
  ["expected", "all actions (expected)"],
  ["sampled_action", "one sampled action"],
  ["sampled_trajectory", "a sampled trajectory"],
];
const ROWS = ["logit", "probability", "advantage", "relative", "gradient", "new-logit", "probability-after", "change"];
const ROW_WORDS = {
  logit: "logit",
  probability: "probability",
  advantage: "advantage",
  relative: { expected: "above the mean", sampled_action: "score", sampled_trajectory: "times drawn" },
  gradient: "gradient",
  "new-logit": "new logit",
  "probability-after": "new probability",
  change: "change",
};
const HIDDEN_UNTIL_REVEALED = new Set(["gradient", "new-logit", "probability-after", "change"]);
let labCount = 0;

function render({ model, el }) {
  labCount += 1;
  const id = `pgc-advantage-${labCount}-${Math.floor(performance.now())}`;
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "advantage",
    role: "group",
    "aria-label": "Advantage Lab",
  });
  const save = makeSaver(model, root);
  keepPlainKeys(root);
  const get = (name) => model.get(name);
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    setText(message, "");
    save();
  };
  const state = () => ({
    actions: get("actions"),
    advantages: get("advantages"),
    logits: get("logits"),
    step_size: get("step_size"),
    mode: get("mode"),
    seed: get("seed"),
    draw: get("draw"),
    trajectory_length: get("trajectory_length"),
  });
  const fresh = { revealed: false, ghosts: [] }; // a new setting asks for a new prediction
  const replaced = (list, index, value) => list.map((old, i) => (i === index ? value : old));
  const waiting = () => get("predict_first") && !get("revealed");

  // Controls above the picture.
  const top = htmlNode(root, "div", { class: "pgc-row" });
  const presetLabel = htmlNode(top, "label", {}, "Situation ");
  const preset = htmlNode(presetLabel, "select", { "data-role": "preset" });
  htmlNode(preset, "option", { value: "" }, "your own");
  for (const [name, entry] of Object.entries(get("presets"))) htmlNode(preset, "option", { value: name }, entry.label);
  const modeLabel = htmlNode(top, "label", {}, "Update ");
  const mode = htmlNode(modeLabel, "select", { "data-role": "mode" });
  for (const [value, text] of MODES) htmlNode(mode, "option", { value }, text);
  const predictLabel = htmlNode(top, "label", {});
  const predict = htmlNode(predictLabel, "input", { type: "checkbox", "data-role": "predict-first" });
  predictLabel.append("predict first");

  const panels = htmlNode(root, "div", { class: "pgc-panels" });
  const panel = (title) => {
    const box = htmlNode(panels, "div", { class: "pgc-panel" });
    const heading = htmlNode(box, "p", { class: "pgc-title" }, title);
    const svg = svgNode(box, "svg", { role: "group", "aria-label": title });
    return { box, heading, svg };
  };
  const left = panel("advantage A(s, a)");
  const right = panel("probability π(a | s)");
  htmlNode(left.heading, "span", { class: "pgc-key" }, "drag a handle or type a number");
  const key = htmlNode(right.heading, "span", { class: "pgc-key" });
  const inputRow = htmlNode(left.box, "div", { class: "pgc-inputs", role: "group", "aria-label": "advantages, typed" });
  const sum = htmlNode(right.box, "p", { class: "pgc-key", "data-role": "ghost-sum" });

  const bottom = htmlNode(root, "div", { class: "pgc-row pgc-actions" });
  const sizeLabel = htmlNode(bottom, "label", {}, "step size η ");
  const size = htmlNode(sizeLabel, "input", { type: "range", min: 0.1, max: 10, step: 0.1, "data-role": "step-size" });
  const message = htmlNode(document.createDocumentFragment(), "p", { class: "pgc-message", role: "alert", "data-role": "message" });
  const refuse = (text) => setText(message, text);
  const sizeInput = makeNumberInput(
    bottom,
    { "data-role": "step-size-input", "aria-label": "step size, typed" },
    { get: () => get("step_size"), set: (v) => change({ step_size: v, ...fresh }), low: 0.001, high: 1000, name: () => "step size", refuse },
  );
  const button = (role, text, primary = false) =>
    htmlNode(bottom, "button", { type: "button", "data-role": role, class: primary ? "pgc-primary" : "" }, text);
  const reveal = button("reveal", "reveal the step", true);
  const stepButton = button("step", "step", true);
  const tenSteps = button("ten-steps", "10 steps");
  const sample = button("sample", "new sample");
  const reset = button("reset", "reset");
  const taken = htmlNode(bottom, "span", { class: "pgc-key", "data-role": "steps-taken" });

  root.append(message);
  const gap = htmlNode(root, "p", { class: "pgc-gap", "data-role": "gap" });
  const sentence = htmlNode(root, "p", { class: "pgc-sentence", "data-role": "sentence" });
  const drawn = htmlNode(root, "div", { class: "pgc-drawn", "data-role": "drawn" });
  const table = htmlNode(root, "table", { class: "pgc-table", role: "table", "aria-label": "the arithmetic of the step" });
  const live = makeLiveRegion(root);

  // Parts that exist once for each action; built again when the number of actions changes.
  let parts = null;
  let dragLimit = null; // the axis stands still while a bar is dragged
  let geometry = null;

  const advantageLimit = () => {
    if (dragLimit !== null) return dragLimit;
    const largest = Math.max(...get("advantages").map(Math.abs));
    return NICE_LIMITS.find((limit) => limit >= largest) ?? ADVANTAGE_LIMIT;
  };
  const setAdvantage = (index, value) =>
    change({ advantages: replaced(get("advantages"), index, value), ...fresh });
  const ghosts = () => {
    const own = get("ghosts");
    return own.length === get("actions").length ? own : softmax(get("logits"));
  };

  function build() {
    const { actions } = state();
    const count = actions.length;
    root.classList.toggle("pgc-many", count > 4);
    for (const { svg } of [left, right]) svg.replaceChildren();
    inputRow.replaceChildren();
    table.replaceChildren();
    const many = (make) => actions.map((_, index) => make(index));
    const defs = svgNode(right.svg, "defs");
    const hatch = svgNode(defs, "pattern", { id: `${id}-hatch`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    svgNode(hatch, "rect", { width: 6, height: 6, fill: colour("after") });
    svgNode(hatch, "rect", { width: 2, height: 6, fill: colour("paper") });
    const tip = svgNode(defs, "marker", { id: `${id}-tip`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
    svgNode(tip, "path", { d: "M0 0 L8 4 L0 8 z", fill: colour("ink") });

    const axis = (svg) => ({
      lines: Array.from({ length: 3 }, () => svgNode(svg, "line", { stroke: colour("rule") })),
      labels: Array.from({ length: 3 }, () => svgNode(svg, "text", { "text-anchor": "end", "aria-hidden": "true" })),
    });
    const leftAxis = axis(left.svg);
    const rightAxis = axis(right.svg);
    const names = (svg) => many(() => svgNode(svg, "text", { "text-anchor": "middle", "aria-hidden": "true" }));
    const leftNames = names(left.svg);
    const rightNames = names(right.svg);

    const advantageSliders = many((index) => {
      const group = svgNode(left.svg, "g", { "data-role": "advantage", "data-index": index });
      const reach = svgNode(group, "rect", { fill: "transparent" });
      const bar = svgNode(group, "rect", { "data-role": "advantage-bar", "data-index": index });
      const label = svgNode(group, "text", { "text-anchor": "middle", "aria-hidden": "true" });
      const ring = svgNode(group, "circle", { class: "pgc-ring", r: 12 });
      const handle = svgNode(group, "circle", { class: "pgc-handle", r: 8 });
      let offset = 0;
      makeSlider(group, {
        valueAt: (x, y) => {
          const value = geometry.advantageAt(y - left.svg.getBoundingClientRect().top - offset);
          return Math.abs(value) < 0.03 * advantageLimit() / 3 ? 0 : Number(value.toFixed(2));
        },
        get: () => get("advantages")[index],
        set: (value) => setAdvantage(index, value),
        limits: () => (dragLimit === null ? [-ADVANTAGE_LIMIT, ADVANTAGE_LIMIT] : [-dragLimit, dragLimit]),
        small: 0.1,
        large: 1,
        onStart: (event) => {
          dragLimit = advantageLimit();
          const y = event.clientY - left.svg.getBoundingClientRect().top;
          const top = geometry.advantageY(get("advantages")[index]);
          offset = Math.abs(y - top) < 24 ? y - top : 0; // take hold of the bar where it was touched
        },
        onEnd: () => {
          dragLimit = null;
          refresh();
        },
      });
      return { group, reach, bar, label, ring, handle };
    });

    const probabilityBars = many((index) => {
      const before = svgNode(right.svg, "rect", { "data-role": "pi-before", "data-index": index, fill: colour("policy") });
      const after = svgNode(right.svg, "rect", { "data-role": "pi-after", "data-index": index, fill: `url(#${id}-hatch)`, stroke: colour("policy") });
      const arrow = svgNode(right.svg, "line", { stroke: colour("ink"), "stroke-width": 1.5, "marker-end": `url(#${id}-tip)` });
      const beforeLabel = svgNode(right.svg, "text", { "text-anchor": "end", "aria-hidden": "true" });
      const afterLabel = svgNode(right.svg, "text", { "text-anchor": "start", "aria-hidden": "true" });
      const ghost = svgNode(right.svg, "g", { "data-role": "ghost", "data-index": index });
      const reach = svgNode(ghost, "rect", { fill: "transparent" });
      const outline = svgNode(ghost, "rect", { fill: colour("muted"), "fill-opacity": 0.6, stroke: colour("neutral"), "stroke-dasharray": "4 3" });
      const ring = svgNode(ghost, "circle", { class: "pgc-ring", r: 12 });
      const handle = svgNode(ghost, "circle", { class: "pgc-handle", r: 8, fill: colour("neutral") });
      makeSlider(ghost, {
        valueAt: (x, y) => Number(geometry.probabilityAt(y - right.svg.getBoundingClientRect().top).toFixed(3)),
        get: () => ghosts()[index],
        set: (value) => change({ ghosts: replaced(ghosts(), index, value) }),
        limits: () => [0, 1],
        small: 0.01,
        large: 0.1,
      });
      return { before, after, arrow, beforeLabel, afterLabel, ghost, reach, outline, ring, handle };
    });

    const advantageInputs = many((index) =>
      makeNumberInput(
        inputRow,
        { "data-role": "advantage-input", "data-index": index, "aria-label": `advantage of ${actions[index]}, typed` },
        {
          get: () => get("advantages")[index],
          set: (value) => setAdvantage(index, value),
          low: -ADVANTAGE_LIMIT,
          high: ADVANTAGE_LIMIT,
          name: () => `advantage of ${get("actions")[index]}`,
          refuse,
        },
      ),
    );

    const head = htmlNode(htmlNode(table, "thead", { role: "rowgroup" }), "tr", { role: "row" });
    htmlNode(head, "th", { role: "columnheader", scope: "col" }, "action");
    const columnNames = many(() => htmlNode(head, "th", { role: "columnheader", scope: "col" }));
    const body = htmlNode(table, "tbody", { role: "rowgroup" });
    const rows = {};
    const logitInputs = [];
    for (const name of ROWS) {
      const row = htmlNode(body, "tr", { role: "row" });
      const header = htmlNode(row, "th", { role: "rowheader", scope: "row" });
      const word = htmlNode(header, "span", { class: "pgc-word" });
      const formula = htmlNode(header, "span", { class: "pgc-formula" });
      const cells = many((index) => htmlNode(row, "td", { role: "cell", "data-row": name, "data-index": index }));
      rows[name] = { word, formula, cells, shown: null };
      if (name !== "logit") continue;
      cells.forEach((cell, index) =>
        logitInputs.push(
          makeNumberInput(
            cell,
            { "data-role": "logit-input", "data-index": index, "aria-label": `logit of ${actions[index]}, typed` },
            {
              get: () => Number(get("logits")[index].toPrecision(4)),
              set: (value) => change({ logits: replaced(get("logits"), index, value), steps_taken: 0, ...fresh }),
              low: -LOGIT_LIMIT,
              high: LOGIT_LIMIT,
              name: () => `logit of ${get("actions")[index]}`,
              refuse,
            },
          ),
        ),
      );
    }
    table.style.setProperty("--columns", count);
    parts = { count, actions, leftAxis, rightAxis, leftNames, rightNames, advantageSliders, probabilityBars, advantageInputs, columnNames, rows, logitInputs };
  }

  function layout() {
    const inner = (root.clientWidth || UNSEEN_WIDTH) - 24;
    if (inner <= 0) return;
    const wide = inner >= 560;
    root.classList.toggle("pgc-narrow", !wide);
    const width = Math.floor(wide ? (inner - 16) / 2 : inner);
    const band = (width - MARGIN.left - MARGIN.right) / parts.count;
    const low = HEIGHT - MARGIN.bottom;
    const span = low - MARGIN.top;
    geometry = {
      width,
      band,
      low,
      centre: (index) => MARGIN.left + band * (index + 0.5),
      advantageY: (A) => MARGIN.top + (span * (1 - A / advantageLimit())) / 2,
      advantageAt: (y) => (1 - (2 * (y - MARGIN.top)) / span) * advantageLimit(),
      probabilityY: (p) => MARGIN.top + span * (1 - p),
      probabilityAt: (y) => 1 - (y - MARGIN.top) / span,
    };
    for (const { svg } of [left, right]) setAttributes(svg, { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` });
    inputRow.style.padding = `0 ${MARGIN.right}px 0 ${MARGIN.left}px`;
    inputRow.style.width = `${width}px`;
    refresh();
  }

  function fitName(node, name) {
    const most = Math.max(3, Math.floor(geometry.band / (parts.count > 4 ? 6.2 : 7)));
    setText(node, name.length > most ? `${name.slice(0, most - 1)}…` : name);
  }

  function drawAxis({ lines, labels }, values, y, text) {
    values.forEach((value, i) => {
      setAttributes(lines[i], { x1: MARGIN.left, x2: geometry.width - MARGIN.right, y1: y(value), y2: y(value), stroke: value === 0 ? colour("neutral") : colour("rule") });
      setAttributes(labels[i], { x: MARGIN.left - 5, y: y(value) + 4 });
      setText(labels[i], text(value));
    });
  }

  function drawAdvantages({ actions, advantages, mode: update }, step) {
    const limit = advantageLimit();
    const barWidth = Math.min(40, geometry.band * 0.56);
    drawAxis(parts.leftAxis, [limit, 0, -limit], geometry.advantageY, signed);
    parts.advantageSliders.forEach(({ group, reach, bar, label, ring, handle }, index) => {
      const A = advantages[index];
      const x = geometry.centre(index);
      const y = geometry.advantageY(A);
      const zero = geometry.advantageY(0);
      const tint = A > 0 ? colour("above") : A < 0 ? colour("below") : colour("neutral");
      const idle = update !== "expected" && !step.sampled.includes(index); // this sample says nothing of it
      setAttributes(reach, { x: x - geometry.band / 2, width: geometry.band, y: MARGIN.top, height: geometry.low - MARGIN.top });
      setAttributes(bar, { x: x - barWidth / 2, width: barWidth, y: Math.min(y, zero), height: Math.abs(y - zero), fill: tint, "fill-opacity": idle ? 0.3 : 1, "data-value": A });
      setAttributes(handle, { cx: x, cy: y, fill: tint });
      setAttributes(ring, { cx: x, cy: y });
      setAttributes(label, { x, y: Math.min(y, zero) - 16 }); // a negative one above the axis, clear of the name
      setText(label, signed(A));
      describeSlider(group, `advantage of ${actions[index]}`, A, [-limit, limit], signed(A));
      setAttributes(parts.leftNames[index], { x, y: HEIGHT - 6 });
      fitName(parts.leftNames[index], actions[index]);
      setAttributes(parts.advantageInputs[index].input, { "aria-label": `advantage of ${actions[index]}, typed` });
      parts.advantageInputs[index].show();
    });
  }

  function drawProbabilities({ actions }, step) {
    const hidden = waiting();
    const barWidth = Math.min(30, geometry.band * 0.36);
    drawAxis(parts.rightAxis, [1, 0.5, 0], geometry.probabilityY, (p) => (p === 0.5 ? ".5" : String(p)));
    parts.probabilityBars.forEach((bars, index) => {
      const x = geometry.centre(index);
      const xAfter = x + barWidth / 2 + 1;
      const xBefore = x - barWidth / 2 - 1;
      const [p, q] = [step.probabilities[index], step.after[index]];
      const shownAfter = hidden ? ghosts()[index] : q;
      const [y, yAfter] = [geometry.probabilityY(p), geometry.probabilityY(shownAfter)];
      setAttributes(bars.before, { x: xBefore - barWidth / 2, width: barWidth, y, height: geometry.low - y, "data-value": p });
      setAttributes(bars.beforeLabel, { x: x - 2, y: y - 5 });
      setText(bars.beforeLabel, probabilityText(p));
      setAttributes(bars.after, { x: xAfter - barWidth / 2, width: barWidth, y: hidden ? geometry.low : yAfter, height: hidden ? 0 : geometry.low - yAfter, "data-value": hidden ? null : q, visibility: hidden ? "hidden" : null });
      const moved = Math.abs(yAfter - y) > 5;
      setAttributes(bars.arrow, { x1: xAfter, x2: xAfter, y1: y, y2: yAfter, visibility: hidden || !moved ? "hidden" : null });
      const labelY = (hidden ? yAfter - 9 : Math.min(y, yAfter)) - 5;
      setAttributes(bars.afterLabel, { x: x + 2, y: Math.max(11, labelY) });
      setText(bars.afterLabel, probabilityText(shownAfter));
      const predicting = get("predict_first") && (hidden || get("ghosts").length === parts.count);
      setAttributes(bars.ghost, { visibility: predicting ? null : "hidden", tabindex: hidden ? 0 : -1, "aria-hidden": hidden ? null : "true" });
      bars.ghost.style.pointerEvents = hidden ? "" : "none";
      const g = ghosts()[index];
      const yGhost = geometry.probabilityY(g);
      setAttributes(bars.outline, { x: xAfter - barWidth / 2, width: barWidth, y: yGhost, height: geometry.low - yGhost, "fill-opacity": hidden ? 0.6 : 0 });
      setAttributes(bars.handle, { cx: xAfter, cy: yGhost, visibility: hidden ? null : "hidden" });
      setAttributes(bars.ring, { cx: xAfter, cy: yGhost, visibility: hidden ? null : "hidden" });
      setAttributes(bars.reach, { x: xAfter - barWidth / 2, width: geometry.band / 2, y: MARGIN.top, height: geometry.low - MARGIN.top });
      if (predicting) describeSlider(bars.ghost, `your prediction for ${actions[index]}`, g, [0, 1], short(g));
      setAttributes(parts.rightNames[index], { x, y: HEIGHT - 6 });
      fitName(parts.rightNames[index], actions[index]);
    });
    setText(key, hidden ? "■ now  ┅ your prediction" : "■ now  ▨ after the step");
    const total = ghosts().reduce((s, v) => s + v, 0);
    sum.hidden = !hidden;
    setText(sum, Math.abs(total - 1) < 0.005 ? "Your bars sum to 1." : `Your bars sum to ${short(total)}; they are scaled to 1 when the step is revealed.`);
  }

  function drawTable({ actions, advantages, logits, mode: update }, step) {
    const values = {
      logit: logits,
      probability: step.probabilities,
      advantage: advantages,
      relative: { expected: step.relative, sampled_action: step.score, sampled_trajectory: step.counts }[update],
      gradient: step.gradient,
      "new-logit": step.newLogits,
      "probability-after": step.after,
      change: step.change,
    };
    const formulas = get("formulas");
    const plus = new Set(["advantage", "change", ...(update === "sampled_trajectory" ? [] : ["relative"]), "gradient"]);
    parts.columnNames.forEach((node, index) => {
      setText(node, actions[index]);
      node.classList.toggle("pgc-drawn-action", step.sampled.includes(index));
    });
    for (const name of ROWS) {
      const row = parts.rows[name];
      const word = ROW_WORDS[name];
      setText(row.word, typeof word === "string" ? word : word[update]);
      const svg = formulas[`${name}:${update}`] ?? formulas[name] ?? "";
      if (row.shown !== svg) {
        row.formula.innerHTML = svg;
        row.shown = svg;
      }
      const hidden = waiting() && HIDDEN_UNTIL_REVEALED.has(name);
      row.cells.forEach((cell, index) => {
        setAttributes(cell, { "data-value": hidden ? null : values[name][index] });
        if (name === "logit") parts.logitInputs[index].show();
        else setText(cell, hidden ? "?" : (plus.has(name) ? signed : short)(values[name][index]));
      });
    }
  }

  function drawSample({ actions, advantages, mode: update, draw }, step) {
    const lines =
      update === "expected"
        ? [`mean advantage under π: Ā = Σ π A = ${short(step.mean)}`]
        : step.sampled.map((a) => `${actions[a]}: ${short(step.logProbabilities[a])} × ${short(advantages[a])}`);
    const U = step.sampled.reduce((s, a) => s + step.logProbabilities[a] * advantages[a], 0);
    const title = update === "sampled_action" ? `Sample ${draw + 1}, log π × A` : `Trajectory ${draw + 1}, log π × A at each step`;
    const texts = update === "expected" ? lines : [`${title}:`, ...lines, `U = ${short(U)}`];
    while (drawn.children.length > texts.length) drawn.lastChild.remove();
    while (drawn.children.length < texts.length) htmlNode(drawn, "span");
    texts.forEach((text, i) => {
      setText(drawn.children[i], text);
      drawn.children[i].className = update !== "expected" && i > 0 && i < texts.length - 1 ? "pgc-chip" : "";
    });
  }

  function refresh() {
    const lengths = [get("actions"), get("advantages"), get("logits")].map((list) => list.length);
    if (new Set(lengths).size > 1) return; // a change of several traits is under way
    if (parts === null || parts.count !== get("actions").length || parts.actions.join("\n") !== get("actions").join("\n")) {
      build();
      layout();
      return;
    }
    if (geometry === null) return;
    const now = state();
    const step = ascentStep(now);
    drawAdvantages(now, step);
    drawProbabilities(now, step);
    drawTable(now, step);
    drawSample(now, step);
    preset.value = get("preset");
    mode.value = now.mode;
    predict.checked = get("predict_first");
    size.value = now.step_size;
    setAttributes(size, { max: Math.max(10, now.step_size), "aria-valuetext": short(now.step_size) });
    sizeInput.show();
    reveal.hidden = !waiting();
    stepButton.hidden = waiting();
    tenSteps.hidden = get("predict_first");
    sample.hidden = now.mode === "expected";
    const steps = get("steps_taken");
    setText(taken, steps === 0 ? "" : steps === 1 ? "1 step taken" : `${steps} steps taken`);
    const records = get("predictions");
    const record = get("predict_first") && get("revealed") ? records[records.length - 1] : undefined;
    gap.hidden = record === undefined;
    setText(gap, record === undefined ? "" : whatWasMissed(now, record));
    const words = waiting()
      ? "Drag the dashed bars to the probabilities you expect after one step, then reveal it."
      : whatHappens(now, step);
    setText(sentence, words);
    const spoken = waiting() ? "" : `After the step: ${now.actions.map((a, i) => `${a} ${step.after[i].toFixed(2)}`).join(", ")}. `;
    live.say(`${spoken}${record === undefined ? "" : whatWasMissed(now, record)} ${words}`.trim());
  }

  // --- what the controls do
  function advance(count) {
    let now = state();
    for (let i = 0; i < count; i += 1) {
      const logits = ascentStep(now).newLogits;
      if (logits.some((z) => Math.abs(z) > LOGIT_LIMIT)) {
        if (i > 0) break;
        refuse(`This step would carry a logit past ±${LOGIT_LIMIT}. Lower the step size or an advantage, or press reset.`);
        return;
      }
      now = { ...now, logits, draw: now.mode === "expected" ? now.draw : now.draw + 1 };
      change({ logits: now.logits, draw: now.draw, steps_taken: get("steps_taken") + 1, ...fresh });
    }
  }

  preset.addEventListener("change", () => {
    const entry = get("presets")[preset.value];
    if (entry === undefined) return change({ preset: "" });
    const { label, ...values } = entry;
    change({
      ...values,
      initial_advantages: values.advantages,
      initial_logits: values.logits,
      preset: preset.value,
      draw: 0,
      steps_taken: 0,
      ...fresh,
    });
  });
  mode.addEventListener("change", () => change({ mode: mode.value, ...fresh }));
  predict.addEventListener("change", () => change({ predict_first: predict.checked, ...fresh }));
  size.addEventListener("input", () => change({ step_size: Number(size.value), ...fresh }));
  stepButton.addEventListener("click", () => advance(1));
  tenSteps.addEventListener("click", () => advance(10));
  sample.addEventListener("click", () => change({ draw: get("draw") + 1, ...fresh }));
  reset.addEventListener("click", () =>
    change({ advantages: get("initial_advantages"), logits: get("initial_logits"), draw: 0, steps_taken: 0, ...fresh }),
  );
  reveal.addEventListener("click", () => {
    const now = state();
    const step = ascentStep(now);
    const drawnBars = ghosts();
    const total = drawnBars.reduce((s, v) => s + v, 0);
    if (total <= 0) return refuse("Your bars are all at 0. Drag at least one of them up, then reveal.");
    const predicted = drawnBars.map((v) => v / total);
    const record = {
      before: step.probabilities,
      predicted,
      actual: step.after,
      total_variation: totalVariation(predicted, step.after),
      advantages: now.advantages,
      logits: now.logits,
      step_size: now.step_size,
      mode: now.mode,
    };
    change({ predictions: [...get("predictions"), record], ghosts: predicted, revealed: true });
    stepButton.focus({ preventScroll: true });
  });

  model.on("change", refresh);
  build();
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

// The policy explorer: drag logits, watch the softmax's probabilities, and draw actions from them.

// --- the mathematics, equal to course_utils.policy -------------------------------------------------

function scaledLogits({ logits, shift, temperature }) {
  return logits.map((z) => (z + shift) / temperature);
}

function entropyOf(z) {
  const top = Math.max(...z);
  const logTotal = Math.log(z.reduce((s, v) => s + Math.exp(v - top), 0));
  const negative = softmax(z).reduce((s, p, a) => s + (p > 0 ? p * (z[a] - top - logTotal) : 0), 0);
  return 0 - negative;
}

// The policy of a setting and what was drawn from it: counts n_a, shares n_a / n, standard errors.
function explore(state) {
  const scaled = scaledLogits(state);
  const probabilities = softmax(scaled);
  const { seed, draws, draw_start: start } = state;
  const counts = probabilities.map(() => 0);
  let last = null;
  for (let i = 0; i < draws; i += 1) {
    last = drawAction(probabilities, uniform(seed, start + i));
    counts[last] += 1;
  }
  return {
    scaled,
    exponentials: scaled.map(Math.exp),
    probabilities,
    entropy: entropyOf(scaled),
    mostEntropy: Math.log(probabilities.length),
    counts,
    last,
    shares: counts.map((n) => n / draws),
    errors: probabilities.map((p) => Math.sqrt((p * (1 - p)) / draws)),
  };
}

// --- what the explorer says in words -----------------------------------------------------------------

function whatToSee(state, found) {
  const { actions, draws, shift } = state;
  const { probabilities, exponentials, shares, errors } = found;
  if (exponentials.some((e) => e === Infinity))
    return "e to such a power is too large for the computer (∞), and ∞/∞ is no number. With the largest logit subtracted first, the probabilities are fine.";
  if (exponentials.every((e) => e === 0))
    return "e to such powers rounds to 0 for every action, and 0/0 is no number. With the largest logit subtracted first, the probabilities are fine.";
  if (draws > 0) {
    const gaps = shares.map((share, a) => Math.abs(share - probabilities[a]));
    const worst = gaps.indexOf(Math.max(...gaps));
    const inErrors = errors[worst] > 0 ? `, which is ${short(gaps[worst] / errors[worst])} standard errors` : "";
    return `After ${draws} ${draws === 1 ? "draw" : "draws"} the share of ${actions[worst]} is ${short(gaps[worst])} away from its probability${inErrors}.`;
  }
  const order = probabilities.map((_, a) => a).sort((a, b) => probabilities[b] - probabilities[a]);
  const [top, bottom] = [order[0], order[order.length - 1]];
  const ratio = probabilities[top] / probabilities[bottom];
  const moved = shift === 0 ? "" : " All logits moved by the same number, so no difference and no probability changed.";
  if (ratio < 1.0005) return `All actions are equally probable: the entropy is as large as it can be.${moved}`;
  const times = ratio < 1e6 ? `${short(ratio)} times` : "over a million times";
  return `${actions[top]} is ${times} as probable as ${actions[bottom]}: e to the difference of their logits, over κ.${moved}`;
}

function whatWasMissed({ actions }, { predicted, actual, total_variation: gap }) {
  const lead = `Gap between your bars and the policy (total variation): ${short(gap)}.`;
  if (gap < 0.02) return `${lead} You saw it coming.`;
  const miss = predicted.map((p, a) => Math.abs(p - actual[a]));
  const worst = miss.indexOf(Math.max(...miss));
  const order = (p) => p.map((_, a) => a).sort((a, b) => p[b] - p[a] || a - b).join();
  const ranks = order(predicted) === order(actual) ? "The order of your bars is right. " : "";
  return `${lead} ${ranks}${actions[worst]} is ${predicted[worst] > actual[worst] ? "less" : "more"} probable than you drew: ${probabilityText(actual[worst])}, not ${probabilityText(predicted[worst])}.`;
}

function rounded(x) {
  return x === Infinity ? "∞" : short(x);
}

// --- the picture -------------------------------------------------------------------------------------

const NICE_LIMITS = [3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];
const LOGIT_LIMIT = 1000;
const SHIFT_LIMIT = 1000;
const TEMPERATURES = [0.05, 100];
const MOST_DRAWS = 10000;
const MARGIN = { left: 36, right: 6, top: 28, bottom: 24 };
const HEIGHT = 228;
const ROWS = ["logit", "scaled", "exponential", "probability", "count", "share", "error"];
const ROW_WORDS = {
  logit: "logit",
  scaled: "shifted, tempered",
  exponential: "e to that",
  probability: "probability",
  count: "times drawn",
  share: "share of draws",
  error: "standard error",
};
const ANSWER_ROWS = new Set(["exponential", "probability"]); // hidden until a prediction is made
const SAMPLE_ROWS = new Set(["count", "share", "error"]);

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "policy",
    role: "group",
    "aria-label": "Policy explorer",
  });
  const save = makeSaver(model, root);
  keepPlainKeys(root);
  const get = (name) => model.get(name);
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    setText(message, "");
    save();
  };
  const state = () =>
    Object.fromEntries(
      ["actions", "logits", "temperature", "shift", "seed", "draws", "draw_start"].map((name) => [name, get(name)]),
    );
  const freshSample = () => ({ draw_start: get("draw_start") + get("draws"), draws: 0, ghosts: [] }); // a new policy, new draws
  const waiting = () => get("predict_first") && !get("revealed");
  const ghosts = () => {
    const own = get("ghosts");
    const count = get("actions").length;
    return own.length === count ? own : Array.from({ length: count }, () => 1 / count);
  };
  const replaced = (list, index, value) => list.map((old, i) => (i === index ? value : old));

  // Controls above the picture.
  const message = htmlNode(document.createDocumentFragment(), "p", { class: "pgc-message", role: "alert", "data-role": "message" });
  const refuse = (text) => setText(message, text);
  const top = htmlNode(root, "div", { class: "pgc-row" });
  const countLabel = htmlNode(top, "label", {}, "Actions ");
  const count = htmlNode(countLabel, "select", { "data-role": "count-of-actions" });
  for (const n of [2, 3, 4, 5, 6]) htmlNode(count, "option", { value: n }, String(n));
  const dial = (text, role, range, typed) => {
    const row = htmlNode(top, "div", { class: "pgc-row pgc-dial" });
    const label = htmlNode(row, "label", {}, `${text} `);
    const slider = htmlNode(label, "input", { type: "range", "data-role": role, ...range });
    const input = makeNumberInput(row, { "data-role": `${role}-input`, "aria-label": `${text}, typed` }, { ...typed, refuse });
    return { slider, input };
  };
  const setTemperature = (value) => change({ temperature: value, ...freshSample() });
  const temperature = dial(
    "temperature κ",
    "temperature",
    { min: -1, max: 1, step: 0.02 },
    { get: () => get("temperature"), set: setTemperature, low: TEMPERATURES[0], high: TEMPERATURES[1], name: () => "temperature" },
  );
  const shift = dial(
    "shift all logits c",
    "shift",
    { min: -10, max: 10, step: 0.5 },
    { get: () => get("shift"), set: (value) => change({ shift: value }), low: -SHIFT_LIMIT, high: SHIFT_LIMIT, name: () => "shift" },
  );

  const panels = htmlNode(root, "div", { class: "pgc-panels" });
  const panel = (title) => {
    const box = htmlNode(panels, "div", { class: "pgc-panel" });
    const heading = htmlNode(box, "p", { class: "pgc-title" });
    const name = htmlNode(heading, "span", {}, title);
    const svg = svgNode(box, "svg", { role: "group", "aria-label": title });
    return { box, heading, name, svg };
  };
  const left = panel("logit z (drag)");
  const right = panel("probability π(a | s)");
  const key = htmlNode(right.heading, "span", { class: "pgc-key pgc-legend" });

  const meter = htmlNode(root, "div", { class: "pgc-entropy" });
  const entropyText = htmlNode(meter, "span", { "data-role": "entropy" });
  const track = htmlNode(meter, "div", { class: "pgc-track", "aria-hidden": "true" });
  const filled = htmlNode(track, "div", { class: "pgc-fill" });

  const bottom = htmlNode(root, "div", { class: "pgc-row pgc-actions" });
  const button = (role, text, primary = false) =>
    htmlNode(bottom, "button", { type: "button", "data-role": role, class: primary ? "pgc-primary" : "" }, text);
  const reveal = button("reveal", "reveal the probabilities", true);
  const drawOne = button("draw-1", "draw 1", true);
  const drawMany = button("draw-100", "draw 100", true);
  const clear = button("clear", "clear draws");
  const reset = button("reset", "reset");
  const drawnText = htmlNode(bottom, "span", { class: "pgc-key", "data-role": "drawn" });

  root.append(message);
  const gap = htmlNode(root, "p", { class: "pgc-gap", "data-role": "gap" });
  const sentence = htmlNode(root, "p", { class: "pgc-sentence", "data-role": "sentence" });
  const table = htmlNode(root, "table", { class: "pgc-table", role: "table", "aria-label": "the arithmetic of the policy" });
  const live = makeLiveRegion(root);

  // Parts that exist once for each action; built again when the actions change.
  let parts = null;
  let dragLimit = null; // the axis stands still while a bar is dragged
  let geometry = null;

  const axisLimit = () => {
    if (dragLimit !== null) return dragLimit;
    const largest = Math.max(...get("logits").map((z) => Math.abs(z + get("shift"))));
    return NICE_LIMITS.find((limit) => limit >= largest) ?? NICE_LIMITS[NICE_LIMITS.length - 1];
  };
  // The logits at the ends of the axis.
  const logitEnds = () => [-1, 1].map((side) => Math.min(LOGIT_LIMIT, Math.max(-LOGIT_LIMIT, side * axisLimit() - get("shift"))));
  const setLogit = (index, value) => change({ logits: replaced(get("logits"), index, value), ...freshSample() });

  function build() {
    const { actions } = state();
    for (const { svg } of [left, right]) svg.replaceChildren();
    table.replaceChildren();
    const many = (make) => actions.map((_, index) => make(index));
    const axis = (svg) => ({
      lines: Array.from({ length: 3 }, () => svgNode(svg, "line", { stroke: colour("rule") })),
      labels: Array.from({ length: 3 }, () => svgNode(svg, "text", { "text-anchor": "end", "aria-hidden": "true" })),
    });
    const leftAxis = axis(left.svg);
    const rightAxis = axis(right.svg);
    const names = (svg) => many(() => svgNode(svg, "text", { "text-anchor": "middle", "aria-hidden": "true" }));
    const leftNames = names(left.svg);
    const rightNames = names(right.svg);

    const logitSliders = many((index) => {
      const group = svgNode(left.svg, "g", { "data-role": "logit", "data-index": index });
      const reach = svgNode(group, "rect", { fill: "transparent" });
      const bar = svgNode(group, "rect", { "data-role": "logit-bar", "data-index": index, fill: colour("neutral") });
      const label = svgNode(group, "text", { "text-anchor": "middle", "aria-hidden": "true" });
      const ring = svgNode(group, "circle", { class: "pgc-ring", r: 12 });
      const handle = svgNode(group, "circle", { class: "pgc-handle", r: 8, fill: colour("neutral") });
      let offset = 0;
      const valueAt = (x, y) => {
        const value = geometry.logitAt(y - left.svg.getBoundingClientRect().top - offset) - get("shift");
        return Math.abs(value) < (0.03 * axisLimit()) / 3 ? 0 : Number(value.toFixed(2));
      };
      makeSlider(group, {
        valueAt,
        get: () => get("logits")[index],
        set: (value) => setLogit(index, value),
        limits: () => (dragLimit === null ? [-LOGIT_LIMIT, LOGIT_LIMIT] : logitEnds()),
        small: 0.1,
        large: 1,
        onStart: (event) => {
          dragLimit = axisLimit();
          const y = event.clientY - left.svg.getBoundingClientRect().top;
          const tip = geometry.logitY(get("logits")[index] + get("shift"));
          offset = Math.abs(y - tip) < 24 ? y - tip : 0; // take hold of the bar where it was touched
        },
        onEnd: () => {
          dragLimit = null;
          refresh();
        },
      });
      return { group, reach, bar, label, ring, handle };
    });

    const ghostSliders = many((index) => {
      const group = svgNode(right.svg, "g", { "data-role": "ghost", "data-index": index });
      const reach = svgNode(group, "rect", { fill: "transparent" });
      const outline = svgNode(group, "rect", { fill: colour("muted"), stroke: colour("neutral"), "stroke-dasharray": "4 3" });
      const label = svgNode(group, "text", { "text-anchor": "middle", "aria-hidden": "true" });
      const ring = svgNode(group, "circle", { class: "pgc-ring", r: 12 });
      const handle = svgNode(group, "circle", { class: "pgc-handle", r: 8, fill: colour("neutral") });
      makeSlider(group, {
        valueAt: (x, y) => Number(geometry.probabilityAt(y - right.svg.getBoundingClientRect().top).toFixed(3)),
        get: () => ghosts()[index],
        set: (value) => change({ ghosts: replaced(ghosts(), index, value) }),
        limits: () => [0, 1],
        small: 0.01,
        large: 0.1,
      });
      return { group, reach, outline, label, ring, handle };
    });

    const bars = many((index) => ({
      exact: svgNode(right.svg, "rect", { "data-role": "pi", "data-index": index, fill: colour("policy") }),
      exactLabel: svgNode(right.svg, "text", { "text-anchor": "middle", "aria-hidden": "true" }),
      band: svgNode(right.svg, "rect", { fill: colour("sampled"), "fill-opacity": 0.32 }),
      line: svgNode(right.svg, "line", { stroke: colour("ink"), "stroke-width": 1.5 }),
      dot: svgNode(right.svg, "circle", { "data-role": "share", "data-index": index, r: 5, fill: colour("sampled"), stroke: colour("sampled-ink") }),
    }));

    const head = htmlNode(htmlNode(table, "thead", { role: "rowgroup" }), "tr", { role: "row" });
    htmlNode(head, "th", { role: "columnheader", scope: "col" }, "action");
    const columnNames = many(() => htmlNode(head, "th", { role: "columnheader", scope: "col" }));
    const body = htmlNode(table, "tbody", { role: "rowgroup" });
    const rows = {};
    const logitInputs = [];
    for (const name of ROWS) {
      const row = htmlNode(body, "tr", { role: "row" });
      const header = htmlNode(row, "th", { role: "rowheader", scope: "row" });
      htmlNode(header, "span", { class: "pgc-word" }, ROW_WORDS[name]);
      const formula = htmlNode(header, "span", { class: "pgc-formula" });
      formula.innerHTML = get("formulas")[name] ?? "";
      rows[name] = many((index) => htmlNode(row, "td", { role: "cell", "data-row": name, "data-index": index }));
      if (name !== "logit") continue;
      rows[name].forEach((cell, index) =>
        logitInputs.push(
          makeNumberInput(
            cell,
            { "data-role": "logit-input", "data-index": index, "aria-label": `logit of ${actions[index]}, typed` },
            {
              get: () => Number(get("logits")[index].toPrecision(4)),
              set: (value) => setLogit(index, value),
              low: -LOGIT_LIMIT,
              high: LOGIT_LIMIT,
              name: () => `logit of ${get("actions")[index]}`,
              refuse,
            },
          ),
        ),
      );
    }
    table.style.setProperty("--columns", actions.length);
    parts = { actions, leftAxis, rightAxis, leftNames, rightNames, logitSliders, ghostSliders, bars, columnNames, rows, logitInputs };
  }

  function layout() {
    const inner = (root.clientWidth || UNSEEN_WIDTH) - 24;
    if (inner <= 0) return;
    const wide = inner >= 560;
    root.classList.toggle("pgc-narrow", !wide);
    const width = Math.floor(wide ? (inner - 16) / 2 : inner);
    const band = (width - MARGIN.left - MARGIN.right) / parts.actions.length;
    const low = HEIGHT - MARGIN.bottom;
    const span = low - MARGIN.top;
    geometry = {
      width,
      band,
      low,
      centre: (index) => MARGIN.left + band * (index + 0.5),
      logitY: (z) => MARGIN.top + (span * (1 - z / axisLimit())) / 2,
      logitAt: (y) => (1 - (2 * (y - MARGIN.top)) / span) * axisLimit(),
      probabilityY: (p) => MARGIN.top + span * (1 - p),
      probabilityAt: (y) => 1 - (y - MARGIN.top) / span,
    };
    for (const { box } of [left, right]) box.style.width = `${width}px`;
    for (const { svg } of [left, right]) setAttributes(svg, { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` });
    refresh();
  }

  function fitName(node, name) {
    const most = Math.max(3, Math.floor(geometry.band / 7.2));
    setText(node, name.length > most ? `${name.slice(0, most - 1)}…` : name);
  }

  function drawAxis({ lines, labels }, values, y, text) {
    values.forEach((value, i) => {
      setAttributes(lines[i], { x1: MARGIN.left, x2: geometry.width - MARGIN.right, y1: y(value), y2: y(value), stroke: value === 0 ? colour("neutral") : colour("rule") });
      setAttributes(labels[i], { x: MARGIN.left - 5, y: y(value) + 4 });
      setText(labels[i], text(value));
    });
  }

  function drawLogits({ actions, logits, shift: c }) {
    const limit = axisLimit();
    const barWidth = Math.min(40, geometry.band * 0.56);
    setText(left.name, c === 0 ? "logit z (drag)" : "logit z + c (drag)");
    drawAxis(parts.leftAxis, [limit, 0, -limit], geometry.logitY, signed);
    parts.logitSliders.forEach(({ group, reach, bar, label, ring, handle }, index) => {
      const shown = logits[index] + c;
      const x = geometry.centre(index);
      const y = Math.min(geometry.low, Math.max(MARGIN.top, geometry.logitY(shown))); // a pulled bar stays on the axis
      const zero = geometry.logitY(0);
      setAttributes(reach, { x: x - geometry.band / 2, width: geometry.band, y: MARGIN.top, height: geometry.low - MARGIN.top });
      setAttributes(bar, { x: x - barWidth / 2, width: barWidth, y: Math.min(y, zero), height: Math.abs(y - zero), "data-value": shown });
      setAttributes(handle, { cx: x, cy: y });
      setAttributes(ring, { cx: x, cy: y });
      setAttributes(label, { x, y: Math.min(y, zero) - 14 });
      setText(label, signed(Number(shown.toFixed(10))));
      describeSlider(group, `logit of ${actions[index]}`, logits[index], logitEnds(), signed(logits[index]));
      setAttributes(parts.leftNames[index], { x, y: HEIGHT - 6 });
      fitName(parts.leftNames[index], actions[index]);
      parts.logitInputs[index].show();
    });
  }

  function drawProbabilities({ actions, draws }, { probabilities, shares, errors }) {
    const hidden = waiting();
    const sampled = draws > 0 && !hidden;
    const barWidth = Math.min(sampled ? 30 : 44, geometry.band * (sampled ? 0.36 : 0.5));
    drawAxis(parts.rightAxis, [1, 0.5, 0], geometry.probabilityY, (p) => (p === 0.5 ? ".5" : String(p)));
    parts.bars.forEach(({ exact, exactLabel, band, line, dot }, index) => {
      const p = probabilities[index];
      const centre = geometry.centre(index);
      const x = sampled ? centre - barWidth / 2 - 2 : centre;
      const aside = centre + barWidth / 2 + 1;
      const y = geometry.probabilityY(p);
      setAttributes(exact, { x: x - barWidth / 2, width: barWidth, y: hidden ? geometry.low : y, height: hidden ? 0 : geometry.low - y, "data-value": hidden ? null : p, visibility: hidden ? "hidden" : null });
      setAttributes(exactLabel, { x, y: hidden ? geometry.low : y - 5, visibility: hidden ? "hidden" : null });
      setText(exactLabel, hidden ? "" : probabilityText(p));
      drawGhost(index, centre, hidden);
      for (const node of [band, line, dot]) setAttributes(node, { visibility: sampled ? null : "hidden" });
      if (sampled) {
        const high = geometry.probabilityY(Math.min(1, p + 2 * errors[index]));
        const low = geometry.probabilityY(Math.max(0, p - 2 * errors[index]));
        setAttributes(band, { x: aside - barWidth * 0.35, width: barWidth * 0.7, y: high, height: Math.max(1, low - high) });
        setAttributes(line, { x1: aside - barWidth * 0.35, x2: aside + barWidth * 0.35, y1: y, y2: y });
        setAttributes(dot, { cx: aside, cy: geometry.probabilityY(shares[index]), "data-value": shares[index] });
      }
      setAttributes(parts.rightNames[index], { x: centre, y: HEIGHT - 6 });
      fitName(parts.rightNames[index], actions[index]);
    });
    setText(key, hidden ? "┅ your prediction" : sampled ? "■ exact  ● share  ▒ ±2 s.e." : "■ exact");
  }

  // The learner's own bar: a slider while the answer is hidden, an outline afterwards.
  function drawGhost(index, centre, hidden) {
    const { group, reach, outline, label, ring, handle } = parts.ghostSliders[index];
    const shown = hidden || (get("predict_first") && get("ghosts").length === parts.actions.length);
    const width = Math.min(44, geometry.band * 0.5) + (hidden ? 0 : 8);
    const g = ghosts()[index];
    const y = geometry.probabilityY(g);
    setAttributes(group, { visibility: shown ? null : "hidden", tabindex: hidden ? 0 : -1, "aria-hidden": hidden ? null : "true" });
    group.style.pointerEvents = hidden ? "" : "none";
    setAttributes(outline, { x: centre - width / 2, width, y, height: geometry.low - y, "fill-opacity": hidden ? 0.6 : 0 });
    setAttributes(reach, { x: centre - geometry.band / 2, width: geometry.band, y: MARGIN.top, height: geometry.low - MARGIN.top });
    setAttributes(label, { x: centre, y: y - 14, visibility: hidden ? null : "hidden" });
    setText(label, probabilityText(g));
    for (const node of [ring, handle]) setAttributes(node, { cx: centre, cy: y, visibility: hidden ? null : "hidden" });
    describeSlider(group, `your prediction for ${parts.actions[index]}`, g, [0, 1], short(g));
  }

  function drawTable({ actions, logits, draws }, found) {
    const values = {
      logit: logits,
      scaled: found.scaled,
      exponential: found.exponentials,
      probability: found.probabilities,
      count: found.counts,
      share: found.shares,
      error: found.errors,
    };
    parts.columnNames.forEach((node, index) => {
      setText(node, actions[index]);
      node.classList.toggle("pgc-drawn-action", index === found.last && !waiting());
    });
    for (const name of ROWS) {
      const empty = SAMPLE_ROWS.has(name) && (draws === 0 || waiting());
      const secret = ANSWER_ROWS.has(name) && waiting();
      parts.rows[name].forEach((cell, index) => {
        setAttributes(cell, { "data-value": empty || secret ? null : values[name][index] });
        if (name !== "logit") setText(cell, secret ? "?" : empty ? "–" : rounded(values[name][index]));
      });
    }
  }

  function refresh() {
    if (parts === null || parts.actions.join("\n") !== get("actions").join("\n")) {
      build();
      layout();
      return;
    }
    if (geometry === null || get("logits").length !== get("actions").length) return;
    const now = state();
    const found = explore(now);
    drawLogits(now);
    drawProbabilities(now, found);
    drawTable(now, found);
    count.value = now.actions.length;
    temperature.slider.value = Math.log10(now.temperature);
    setAttributes(temperature.slider, { "aria-valuetext": short(now.temperature) });
    temperature.input.show();
    shift.slider.value = now.shift;
    setAttributes(shift.slider, { "aria-valuetext": signed(now.shift) });
    shift.input.show();
    const hidden = waiting();
    meter.hidden = hidden;
    reveal.hidden = !hidden;
    for (const node of [drawOne, drawMany, clear, drawnText]) node.hidden = hidden;
    const entropyWords = `entropy H(π) = ${short(found.entropy)} nats, of at most log ${now.actions.length} = ${short(found.mostEntropy)}`;
    setText(entropyText, hidden ? "" : entropyWords);
    setAttributes(entropyText, { "data-value": hidden ? null : found.entropy });
    filled.style.width = `${(100 * found.entropy) / found.mostEntropy}%`;
    const full = now.draws >= MOST_DRAWS;
    drawOne.disabled = full;
    drawMany.disabled = full;
    clear.disabled = now.draws === 0;
    const drawn = now.draws === 1 ? "1 draw" : `${now.draws} draws`;
    setText(drawnText, now.draws === 0 ? "nothing drawn yet" : `${drawn}, the last: ${now.actions[found.last]}${full ? " (as many as fit)" : ""}`);
    const records = get("predictions");
    const record = get("predict_first") && get("revealed") && get("ghosts").length > 0 ? records[records.length - 1] : undefined;
    gap.hidden = record === undefined;
    const missed = record === undefined ? "" : whatWasMissed(now, record);
    setText(gap, missed);
    if (hidden) {
      const total = ghosts().reduce((s, v) => s + v, 0);
      const sum = Math.abs(total - 1) < 0.005 ? "Your bars sum to 1." : `Your bars sum to ${short(total)}; they are scaled to 1 when the probabilities are revealed.`;
      setText(sentence, `Drag the dashed bars to the probabilities you expect, then reveal them. ${sum}`);
      live.say(sum);
      return;
    }
    const words = whatToSee(now, found);
    setText(sentence, words);
    const spoken = now.actions.map((action, a) => `${action} ${found.probabilities[a].toFixed(2)}`).join(", ");
    live.say(`${missed} Probabilities: ${spoken}. Entropy ${short(found.entropy)}. ${words}`.trim());
  }

  // --- what the controls do
  count.addEventListener("change", () => {
    const wanted = Number(count.value);
    const names = get("actions").slice(0, wanted);
    const logits = get("logits").slice(0, wanted);
    for (const letter of "abcdefghijkl") {
      if (names.length === wanted) break;
      if (names.includes(letter)) continue;
      names.push(letter);
      logits.push(0);
    }
    change({ actions: names, logits, ...freshSample() });
  });
  temperature.slider.addEventListener("input", () =>
    setTemperature(Number((10 ** Number(temperature.slider.value)).toPrecision(2))),
  );
  shift.slider.addEventListener("input", () => change({ shift: Number(shift.slider.value) }));
  const draw = (n) => change({ draws: Math.min(MOST_DRAWS, get("draws") + n) });
  drawOne.addEventListener("click", () => draw(1));
  drawMany.addEventListener("click", () => draw(100));
  clear.addEventListener("click", () => change(freshSample()));
  reset.addEventListener("click", () => change({ ...get("initial"), ...freshSample(), revealed: false }));
  reveal.addEventListener("click", () => {
    const now = state();
    const own = ghosts();
    const total = own.reduce((s, v) => s + v, 0);
    if (total <= 0) return refuse("Your bars are all at 0. Drag at least one of them up, then reveal.");
    const predicted = own.map((v) => v / total);
    const actual = explore(now).probabilities;
    const { logits, temperature: kappa, shift: c } = now;
    const record = { predicted, actual, total_variation: totalVariation(predicted, actual), logits, temperature: kappa, shift: c };
    change({ predictions: [...get("predictions"), record], ghosts: predicted, revealed: true });
    drawOne.focus({ preventScroll: true });
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

// The score explorer: the policy as a point of the simplex, its scores as arrows, and the mean of sampled scores.

// --- the mathematics, equal to course_utils.policy -------------------------------------------------

const LEAST = 0.01; // a hand cannot bring a probability below this

function scoreOf(action, probabilities) {
  return probabilities.map((p, b) => (b === action ? 1 : 0) - p);
}

function norm(x) {
  return Math.sqrt(x.reduce((s, v) => s + v * v, 0));
}

// Numbers of draws at which the running mean is shown: each of the first, then fewer and fewer.
function milestones(n) {
  const found = [];
  for (let k = 1; k <= n; k = Math.max(k + 1, Math.round(k * 1.06))) found.push(k);
  if (n > 0 && found[found.length - 1] !== n) found.push(n);
  return found;
}

// Scores, their exact mean and the mean of those drawn, with the running mean at the milestones.
function explore({ probabilities, seed, draws, draw_start: start }) {
  const scores = probabilities.map((_, a) => scoreOf(a, probabilities));
  const meanOf = (weights, total) =>
    probabilities.map((_, b) => scores.reduce((s, score, a) => s + weights[a] * score[b], 0) / total);
  const counts = probabilities.map(() => 0);
  const trail = [];
  const drawn = [];
  let next = 0;
  const shown = milestones(draws);
  for (let i = 0; i < draws; i += 1) {
    const action = drawAction(probabilities, uniform(seed, start + i));
    counts[action] += 1;
    if (i >= draws - 8) drawn.push(action);
    if (shown[next] !== i + 1) continue;
    const shares = counts.map((count) => count / (i + 1));
    trail.push({ n: i + 1, shares, length: norm(meanOf(counts, i + 1)) });
    next += 1;
  }
  const variances = probabilities.map((p) => p * (1 - p));
  return {
    scores,
    lengths: scores.map(norm),
    exactMean: meanOf(probabilities, 1).map((v) => (Math.abs(v) < 1e-15 ? 0 : v)),
    counts,
    drawn,
    trail,
    sampleMean: meanOf(counts, draws),
    errors: variances.map((v) => Math.sqrt(v / draws)),
    typical: (n) => Math.sqrt(variances.reduce((s, v) => s + v, 0) / n),
  };
}

// The nearest policy that keeps every probability at least at LEAST, rounded to three decimals.
function keepInside(probabilities) {
  const excess = probabilities.map((p) => Math.max(0, p - LEAST));
  const total = excess.reduce((s, v) => s + v, 0) || 1;
  const inside = excess.map((v) => LEAST + (v * (1 - LEAST * probabilities.length)) / total);
  const rounded = inside.map((p) => Number(p.toFixed(3)));
  const largest = rounded.indexOf(Math.max(...rounded));
  const others = rounded.reduce((s, p, a) => (a === largest ? s : s + p), 0);
  return rounded.map((p, a) => (a === largest ? Number((1 - others).toFixed(3)) : p));
}

// Change one probability; the others keep their proportions.
function withProbability(probabilities, index, value) {
  const scale = (1 - value) / (1 - probabilities[index]);
  return keepInside(probabilities.map((p, a) => (a === index ? value : p * scale)));
}

// --- what the explorer says in words -----------------------------------------------------------------

function whatToSee({ actions, probabilities, draws, weighted }, found) {
  if (draws > 0) {
    const length = norm(found.sampleMean);
    const times = draws === 1 ? "One score" : `The mean of ${draws} scores`;
    return `${times} has length ${short(length)}; typical for ${draws} ${draws === 1 ? "draw" : "draws"} is ${short(found.typical(draws))}. The exact mean has length 0.`;
  }
  if (weighted) return "Each arrow is now as long as its action is probable. Pulled like this, the point stays where it is: the three arrows add up to 0.";
  const rarest = probabilities.indexOf(Math.min(...probabilities));
  const most = probabilities.indexOf(Math.max(...probabilities));
  if (Math.abs(probabilities[rarest] - probabilities[most]) < 0.02) return "All actions are about equally probable: all scores are about equally long.";
  return `Each score points from π to the corner of its action. ${actions[rarest]} is rarest (${probabilityText(probabilities[rarest])}): ${found.lengths[rarest] >= Math.max(...found.lengths) - 1e-12 ? "its score is the longest" : "its score is long"}, ${short(found.lengths[rarest])}; that of ${actions[most]} has length ${short(found.lengths[most])}.`;
}

// --- the picture -------------------------------------------------------------------------------------

const ROWS = ["probability", "score-0", "score-1", "score-2", "exact-mean", "sample-mean", "error"];
const MOST_DRAWS = 10000;
const TOP = 26;
const PLOT = { height: 190, left: 34, right: 8, top: 10, bottom: 36, most: 1.4 };
let labCount = 0;

function render({ model, el }) {
  labCount += 1;
  const id = `pgc-score-${labCount}-${Math.floor(performance.now())}`;
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "score",
    role: "group",
    "aria-label": "Score explorer",
  });
  const save = makeSaver(model, root);
  keepPlainKeys(root);
  const get = (name) => model.get(name);
  const message = htmlNode(document.createDocumentFragment(), "p", { class: "pgc-message", role: "alert", "data-role": "message" });
  const refuse = (text) => setText(message, text);
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    setText(message, "");
    save();
  };
  const state = () =>
    Object.fromEntries(
      ["actions", "probabilities", "weighted", "seed", "draws", "draw_start"].map((name) => [name, get(name)]),
    );
  const freshSample = () => ({ draw_start: get("draw_start") + get("draws"), draws: 0 }); // a new policy, new draws
  const setPolicy = (probabilities) => {
    const old = get("probabilities");
    if (probabilities.some((p, a) => p !== old[a])) change({ probabilities, ...freshSample() });
  };

  const panels = htmlNode(root, "div", { class: "pgc-panels" });
  const panel = (title) => {
    const box = htmlNode(panels, "div", { class: "pgc-panel" });
    htmlNode(box, "p", { class: "pgc-title" }, title);
    return { box, svg: svgNode(box, "svg", { role: "group", "aria-label": title }) };
  };
  const left = panel("the policy π (drag it) and its scores");
  const right = panel("length of the mean of n scores");
  const drawn = htmlNode(right.box, "div", { class: "pgc-drawn", "data-role": "drawn" });
  htmlNode(right.box, "p", { class: "pgc-key" }, "● π · ◆ exact mean · • mean of the draws, its way there, ±2 standard errors");
  const key = right.box.lastChild;

  const bottom = htmlNode(root, "div", { class: "pgc-row pgc-actions" });
  const button = (role, text, primary = false) =>
    htmlNode(bottom, "button", { type: "button", "data-role": role, class: primary ? "pgc-primary" : "" }, text);
  const drawButtons = [1, 10, 100].map((n) => [n, button(`draw-${n}`, `draw ${n}`, true)]);
  const clear = button("clear", "clear draws");
  const reset = button("reset", "reset");
  const weighLabel = htmlNode(bottom, "label", {});
  const weigh = htmlNode(weighLabel, "input", { type: "checkbox", "data-role": "weighted" });
  weighLabel.append("shorten each arrow by its probability");

  root.append(message);
  const sentence = htmlNode(root, "p", { class: "pgc-sentence", "data-role": "sentence" });
  const table = htmlNode(root, "table", { class: "pgc-table", role: "table", "aria-label": "the scores in numbers" });
  const live = makeLiveRegion(root);

  // The triangle.
  const defs = svgNode(left.svg, "defs");
  const tip = (name, fill) => {
    const marker = svgNode(defs, "marker", { id: `${id}-${name}`, viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 11, markerHeight: 11, orient: "auto", markerUnits: "userSpaceOnUse" });
    svgNode(marker, "path", { d: "M0 0 L8 4 L0 8 z", fill });
  };
  tip("tip", colour("ink"));
  const inside = svgNode(svgNode(defs, "clipPath", { id: `${id}-inside` }), "polygon");
  const triangle = svgNode(left.svg, "polygon", { fill: colour("muted"), stroke: colour("edge") });
  const ellipse = svgNode(svgNode(left.svg, "g", { "clip-path": `url(#${id}-inside)` }), "ellipse", { "data-role": "error-ellipse", fill: colour("sampled"), "fill-opacity": 0.28 });
  const corners = [0, 1, 2].map((index) => ({
    disc: svgNode(left.svg, "circle", { fill: colour("sampled"), "fill-opacity": 0.75 }),
    name: svgNode(left.svg, "text", { "text-anchor": "middle", "aria-hidden": "true" }),
    index,
  }));
  const arrows = [0, 1, 2].map((index) => svgNode(left.svg, "line", { "data-role": "score", "data-index": index, stroke: colour("ink"), "stroke-width": 2, "marker-end": `url(#${id}-tip)` }));
  const trail = svgNode(left.svg, "polyline", { "data-role": "trail", fill: "none", stroke: colour("sampled"), "stroke-width": 1.5, "stroke-opacity": 0.8, "clip-path": `url(#${id}-inside)` });
  const arrowLabels = [0, 1, 2].map(() => svgNode(left.svg, "text", { class: "pgc-halo", "text-anchor": "middle", "aria-hidden": "true" }));
  const meanArrow = svgNode(left.svg, "line", { "data-role": "mean", stroke: colour("sampled"), "stroke-width": 4 });
  const point = svgNode(left.svg, "g", { "data-role": "policy" });
  const reach = svgNode(point, "circle", { r: 24, fill: "transparent" });
  const ring = svgNode(point, "circle", { class: "pgc-ring", r: 14 });
  const handle = svgNode(point, "circle", { class: "pgc-handle", r: 10, fill: colour("policy") });
  const pi = svgNode(point, "text", { "text-anchor": "middle", "aria-hidden": "true", class: "pgc-pi" }, "π");
  const diamond = svgNode(left.svg, "path", { "data-role": "exact", fill: colour("exact"), stroke: colour("paper"), "stroke-width": 1.2, "pointer-events": "none" });
  const meanDot = svgNode(left.svg, "circle", { r: 5, fill: colour("sampled"), stroke: colour("sampled-ink"), "pointer-events": "none" });

  // The length of the mean against the number of draws.
  const plot = {
    grid: [0, 0.5, 1].map((value) => ({
      value,
      line: svgNode(right.svg, "line", { stroke: value === 0 ? colour("ink") : colour("rule"), "stroke-width": value === 0 ? 1.5 : 1 }),
      label: svgNode(right.svg, "text", { "text-anchor": "end", "aria-hidden": "true" }, value === 0.5 ? ".5" : String(value)),
    })),
    ticks: [1, 10, 100, 1000, 10000].map((value) => ({
      value,
      line: svgNode(right.svg, "line", { stroke: colour("neutral") }),
      label: svgNode(right.svg, "text", { "text-anchor": "middle", "aria-hidden": "true" }, value === 10000 ? "10⁴" : String(value)),
    })),
    axis: svgNode(right.svg, "text", { "text-anchor": "middle", "aria-hidden": "true" }, "number of draws n"),
    typical: svgNode(right.svg, "polyline", { "data-role": "typical", fill: "none", stroke: colour("ink"), "stroke-width": 1.5 }),
    dots: svgNode(right.svg, "g"),
    exact: svgNode(right.svg, "path", { fill: colour("exact") }),
    exactLabel: svgNode(right.svg, "text", { class: "pgc-halo", "text-anchor": "end", "aria-hidden": "true" }, "exact mean: 0"),
    typicalLabel: svgNode(right.svg, "text", { class: "pgc-halo", "text-anchor": "start", "aria-hidden": "true" }, "typical length (exact)"),
    invitation: svgNode(right.svg, "text", { "text-anchor": "middle", "aria-hidden": "true" }, "draw some actions"),
  };

  // The table.
  const head = htmlNode(htmlNode(table, "thead", { role: "rowgroup" }), "tr", { role: "row" });
  htmlNode(head, "th", { role: "columnheader", scope: "col" }, "entry b of the vector");
  const columnNames = [0, 1, 2].map(() => htmlNode(head, "th", { role: "columnheader", scope: "col" }));
  htmlNode(head, "th", { role: "columnheader", scope: "col" }, "length");
  const body = htmlNode(table, "tbody", { role: "rowgroup" });
  const rows = {};
  const inputs = [];
  for (const name of ROWS) {
    const row = htmlNode(body, "tr", { role: "row" });
    const header = htmlNode(row, "th", { role: "rowheader", scope: "row" });
    const word = htmlNode(header, "span", { class: "pgc-word" });
    const formula = htmlNode(header, "span", { class: "pgc-formula" });
    formula.innerHTML = get("formulas")[name.startsWith("score") ? "score" : name] ?? "";
    const cells = [0, 1, 2].map((index) => htmlNode(row, "td", { role: "cell", "data-row": name, "data-index": index }));
    rows[name] = { word, cells, length: htmlNode(row, "td", { role: "cell", "data-row": `${name}-length` }) };
    if (name !== "probability") continue;
    cells.forEach((cell, index) =>
      inputs.push(
        makeNumberInput(
          cell,
          { "data-role": "probability-input", "data-index": index, "aria-label": `probability ${index + 1}, typed` },
          {
            get: () => Number(get("probabilities")[index].toPrecision(3)),
            set: (value) => setPolicy(withProbability(get("probabilities"), index, value)),
            low: LEAST,
            high: 1 - 2 * LEAST,
            name: () => `probability of ${get("actions")[index]}`,
            refuse,
          },
        ),
      ),
    );
  }

  // --- where things are
  let geometry = null;
  const at = (weights) => [0, 1].map((axis) => weights.reduce((s, w, a) => s + w * geometry.corners[a][axis], 0));

  function layout() {
    const inner = (root.clientWidth || UNSEEN_WIDTH) - 24;
    if (inner <= 0) return;
    const wide = inner >= 560;
    root.classList.toggle("pgc-narrow", !wide);
    const width = wide ? Math.floor(inner * 0.55) : inner;
    const side = Math.min(330, width - 64);
    const tall = (side * Math.sqrt(3)) / 2;
    const middle = width / 2;
    geometry = {
      side,
      corners: [[middle, TOP], [middle - side / 2, TOP + tall], [middle + side / 2, TOP + tall]],
      plotWidth: wide ? inner - width - 16 : inner,
    };
    const height = Math.ceil(TOP + tall + 28);
    setAttributes(left.svg, { width, height, viewBox: `0 0 ${width} ${height}` });
    setAttributes(right.svg, { width: geometry.plotWidth, height: PLOT.height, viewBox: `0 0 ${geometry.plotWidth} ${PLOT.height}` });
    const outline = geometry.corners.map((corner) => corner.join(",")).join(" ");
    for (const node of [triangle, inside]) setAttributes(node, { points: outline });
    right.box.style.width = `${geometry.plotWidth}px`;
    refresh();
  }

  // The probabilities at a point of the screen: three areas of the triangle, as shares.
  function probabilitiesAt(clientX, clientY) {
    const box = left.svg.getBoundingClientRect();
    const [x, y] = [clientX - box.left, clientY - box.top];
    const [[ax, ay], [bx, by], [cx]] = geometry.corners;
    const first = (by - y) / (by - ay);
    const third = (x - bx - (first * (ax - bx))) / (cx - bx);
    return [first, 1 - first - third, third];
  }

  function drawTriangle({ actions, probabilities, draws, weighted }, found) {
    const [x, y] = at(probabilities);
    const line = (node, to) => setAttributes(node, { x1: x, y1: y, x2: to[0], y2: to[1] });
    arrows.forEach((arrow, a) => {
      const weight = weighted ? probabilities[a] : 1;
      const to = at(probabilities.map((p, b) => p + weight * found.scores[a][b]));
      line(arrow, to);
      const reaches = Math.hypot(to[0] - x, to[1] - y);
      setAttributes(arrow, { "data-value": weight * found.lengths[a] });
      const aside = 20 / Math.max(1, reaches); // beside the arrow, always on the same side of it
      const [right, down] = [to[0] - x, to[1] - y];
      setAttributes(arrowLabels[a], { x: x + 0.55 * right - aside * down, y: y + 0.55 * down + 0.7 * aside * right + 4, visibility: reaches > 50 ? null : "hidden" });
      setText(arrowLabels[a], short(weight * found.lengths[a]));
    });
    corners.forEach(({ disc, name, index }) => {
      const [cx, cy] = geometry.corners[index];
      const share = draws > 0 ? found.counts[index] / draws : 0;
      setAttributes(disc, { cx, cy, r: 15 * Math.sqrt(share), visibility: share > 0 ? null : "hidden" });
      const full = `${actions[index]}${draws > 0 ? ` ${found.counts[index]}×` : ""}`;
      const most = Math.floor(geometry.side / 2 / 7);
      const anchor = ["middle", "start", "end"][index];
      setAttributes(name, { x: cx + [0, -28, 28][index], y: index === 0 ? cy - 13 : cy + 22, "text-anchor": anchor, "font-weight": 600 });
      setText(name, full.length > most ? `${full.slice(0, most - 1)}…` : full);
    });
    for (const node of [reach, ring, handle]) setAttributes(node, { cx: x, cy: y });
    setAttributes(pi, { x, y: y + 4.5, visibility: draws > 0 ? "hidden" : null });
    const shares = found.counts.map((n) => n / draws);
    for (const node of [ellipse, trail, meanArrow, meanDot, diamond]) setAttributes(node, { visibility: draws > 0 ? null : "hidden" });
    if (draws > 0) {
      const mean = at(shares);
      line(meanArrow, mean);
      setAttributes(meanArrow, { "data-value": norm(found.sampleMean) });
      setAttributes(meanDot, { cx: mean[0], cy: mean[1] });
      setAttributes(diamond, { d: `M${x} ${y - 6} L${x + 6} ${y} L${x} ${y + 6} L${x - 6} ${y} z` });
      setAttributes(trail, { points: found.trail.map((step) => at(step.shares).map((v) => v.toFixed(1)).join(",")).join(" ") });
      drawEllipse(probabilities, draws, x, y);
    }
    setAttributes(point, {
      role: "slider",
      tabindex: 0,
      "aria-label": "the policy; arrow keys move it, up towards " + actions[0],
      "aria-valuemin": LEAST,
      "aria-valuemax": 1 - 2 * LEAST,
      "aria-valuenow": probabilities[0],
      "aria-valuetext": actions.map((action, a) => `${action} ${probabilities[a].toFixed(2)}`).join(", "),
    });
  }

  // Two standard errors of the mean in every direction: the covariance of the score over n, in the picture's plane.
  function drawEllipse(probabilities, draws, x, y) {
    const entry = (i, j) =>
      probabilities.reduce((s, p, a) => s + p * geometry.corners[a][i] * geometry.corners[a][j], 0) - [x, y][i] * [x, y][j];
    const [xx, xy, yy] = [entry(0, 0), entry(0, 1), entry(1, 1)];
    const half = (xx + yy) / 2;
    const apart = Math.hypot((xx - yy) / 2, xy);
    const radius = (variance) => 2 * Math.sqrt(Math.max(0, variance) / draws);
    const turn = (Math.atan2(2 * xy, xx - yy) * 90) / Math.PI;
    setAttributes(ellipse, { cx: x, cy: y, rx: radius(half + apart), ry: radius(half - apart), transform: `rotate(${turn} ${x} ${y})` });
  }

  function drawPlot({ draws }, found) {
    const width = geometry.plotWidth;
    const low = PLOT.height - PLOT.bottom;
    const across = (n) => PLOT.left + ((width - PLOT.left - PLOT.right - 8) * Math.log10(n)) / 4;
    const up = (length) => low - ((low - PLOT.top) * Math.min(PLOT.most, length)) / PLOT.most;
    for (const { value, line, label } of plot.grid) {
      setAttributes(line, { x1: PLOT.left, x2: width - PLOT.right, y1: up(value), y2: up(value) });
      setAttributes(label, { x: PLOT.left - 6, y: up(value) + 4 });
    }
    for (const { value, line, label } of plot.ticks) {
      setAttributes(line, { x1: across(value), x2: across(value), y1: low, y2: low + 4 });
      setAttributes(label, { x: across(value), y: low + 17 });
    }
    setAttributes(plot.axis, { x: (PLOT.left + width) / 2, y: PLOT.height - 4 });
    const sampled = draws > 0;
    for (const node of [plot.typical, plot.typicalLabel]) setAttributes(node, { visibility: sampled ? null : "hidden" });
    setAttributes(plot.invitation, { x: (PLOT.left + width) / 2, y: up(0.7), visibility: sampled ? "hidden" : null });
    const ends = across(10000);
    setAttributes(plot.exact, { d: `M${ends} ${low - 6} l6 6 l-6 6 l-6 -6 z` });
    setAttributes(plot.exactLabel, { x: ends - 10, y: low - 5 });
    if (sampled) {
      const points = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 10000];
      setAttributes(plot.typical, { points: points.map((n) => `${across(n).toFixed(1)},${up(found.typical(n)).toFixed(1)}`).join(" ") });
      setAttributes(plot.typicalLabel, { x: across(3) + 8, y: up(found.typical(3)) - 8 });
    }
    while (plot.dots.children.length > found.trail.length) plot.dots.lastChild.remove();
    while (plot.dots.children.length < found.trail.length) svgNode(plot.dots, "circle", { r: 2.6, fill: colour("sampled"), stroke: colour("sampled-ink"), "stroke-width": 0.7 });
    found.trail.forEach((step, i) => setAttributes(plot.dots.children[i], { cx: across(step.n).toFixed(1), cy: up(step.length).toFixed(1) }));
  }

  function drawTable({ actions, probabilities, draws }, found) {
    const none = [null, null, null];
    const sampled = draws > 0;
    const values = {
      probability: [probabilities, null],
      "exact-mean": [found.exactMean, norm(found.exactMean)],
      "sample-mean": sampled ? [found.sampleMean, norm(found.sampleMean)] : [none, null],
      error: sampled ? [found.errors, found.typical(draws)] : [none, null],
    };
    const words = {
      probability: "probability",
      "exact-mean": "mean under π, exact",
      "sample-mean": sampled ? `mean of n = ${draws}` : "mean of n draws",
      error: "standard error",
    };
    actions.forEach((action, a) => {
      values[`score-${a}`] = [found.scores[a], found.lengths[a]];
      words[`score-${a}`] = `score of ${action}`;
    });
    columnNames.forEach((node, index) => setText(node, actions[index]));
    for (const name of ROWS) {
      const { word, cells, length } = rows[name];
      const [entries, size] = values[name];
      setText(word, words[name]);
      cells.forEach((cell, index) => {
        setAttributes(cell, { "data-value": entries[index] });
        if (name === "probability") inputs[index].show();
        else setText(cell, entries[index] === null ? "–" : (name === "error" ? short : signed)(entries[index]));
      });
      setAttributes(length, { "data-value": size });
      setText(length, size === null ? (name === "probability" ? "" : "–") : short(size));
    }
    inputs.forEach(({ input }, index) => setAttributes(input, { "aria-label": `probability of ${actions[index]}, typed` }));
  }

  function drawChips({ actions, draws }, found) {
    const texts = draws === 0 ? ["nothing drawn yet"] : [draws > found.drawn.length ? `${draws} draws, the last:` : "drawn:", ...found.drawn.slice(-4).map((a) => actions[a])];
    while (drawn.children.length > texts.length) drawn.lastChild.remove();
    while (drawn.children.length < texts.length) htmlNode(drawn, "span");
    texts.forEach((text, i) => {
      setText(drawn.children[i], text);
      drawn.children[i].className = i > 0 ? "pgc-chip" : "";
    });
  }

  function refresh() {
    if (geometry === null) return;
    const now = state();
    const found = explore(now);
    drawTriangle(now, found);
    drawPlot(now, found);
    drawTable(now, found);
    drawChips(now, found);
    weigh.checked = now.weighted;
    const full = now.draws >= MOST_DRAWS;
    for (const [, node] of drawButtons) node.disabled = full;
    clear.disabled = now.draws === 0;
    key.hidden = now.draws === 0;
    const words = whatToSee(now, found);
    setText(sentence, words);
    live.say(`Policy: ${now.actions.map((action, a) => `${action} ${now.probabilities[a].toFixed(2)}`).join(", ")}. ${words}`);
  }

  // --- what the controls do
  let dragging = null;
  let offset = [0, 0];
  point.classList.add("pgc-slider");
  point.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    dragging = event.pointerId;
    point.setPointerCapture(event.pointerId);
    point.focus({ preventScroll: true });
    point.classList.add("pgc-dragging");
    const box = left.svg.getBoundingClientRect();
    const [x, y] = at(get("probabilities"));
    offset = [event.clientX - box.left - x, event.clientY - box.top - y]; // take hold of it where it was touched
  });
  point.addEventListener("pointermove", (event) => {
    if (event.pointerId !== dragging) return;
    setPolicy(keepInside(probabilitiesAt(event.clientX - offset[0], event.clientY - offset[1])));
  });
  const stop = (event) => {
    if (event.pointerId !== dragging) return;
    dragging = null;
    point.classList.remove("pgc-dragging");
  };
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) point.addEventListener(name, stop);
  const [UP, DOWN] = [[1, -0.5, -0.5], [-1, 0.5, 0.5]];
  const DIRECTIONS = { ArrowUp: UP, PageUp: UP, End: UP, ArrowDown: DOWN, PageDown: DOWN, Home: DOWN, ArrowRight: [0, -1, 1], ArrowLeft: [0, 1, -1] };
  point.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    if (!isPlain(event) || direction === undefined) return;
    const size = { Home: 2, End: 2 }[event.key] ?? (event.shiftKey || event.key.startsWith("Page") ? 0.1 : 0.02);
    setPolicy(keepInside(get("probabilities").map((p, a) => p + size * direction[a])));
  });
  for (const [n, node] of drawButtons) node.addEventListener("click", () => change({ draws: Math.min(MOST_DRAWS, get("draws") + n) }));
  clear.addEventListener("click", () => change(freshSample()));
  reset.addEventListener("click", () => change({ ...get("initial"), ...freshSample() }));
  weigh.addEventListener("change", () => change({ weighted: weigh.checked }));

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

// The gradient cloud: sixty sampled estimates of one gradient, the exact gradient, and the exact spread around it.

// --- the mathematics, equal to gradient_cloud.py -------------------------------------------------------

const STATES = ["first message", "calm", "angry"];
const WEIGHTINGS = ["total return", "reward to go", "reward to go minus V"];
const VERTICALS = ["calm", "angry"];
const PATHS = 8;
const ESTIMATES = 60;
const MOST_SAMPLES = 1024;
const UPHILL = 1e-12;

// Path i: first reply, the customer's mood, second reply.
function choices(i) {
  return [i >> 2, 1 + ((i >> 1) & 1), i & 1];
}

// The exact side: the policy, and under each weighting the two drawn components of each path, their mean (the exact
// gradient, whatever the weighting) and their covariance.
function momentsOf({ logits, weighting, vertical }, { calm, rewards }) {
  const pi = STATES.map((_, s) => softmax(logits.slice(2 * s, 2 * s + 2)));
  const second = STATES.map((_, s) => dot(pi[s], rewards.slice(2 * s, 2 * s + 2)));
  const first = [0, 1].map((a) => rewards[a] + calm[a] * second[1] + (1 - calm[a]) * second[2]);
  const values = [dot(pi[0], first), second[1], second[2]];
  const up = STATES.indexOf(vertical);
  const probabilities = Array.from({ length: PATHS }, (_, i) => {
    const [a, s, b] = choices(i);
    return pi[0][a] * (s === 1 ? calm[a] : 1 - calm[a]) * pi[s][b];
  });
  const refund = (action, state) => (action === 0 ? 1 : 0) - pi[state][0]; // the score's component
  const under = (name) => {
    const paths = probabilities.map((_, i) => {
      const [a, s, b] = choices(i);
      const [r1, r2] = [rewards[a], rewards[2 * s + b]];
      const weights = {
        "total return": [r1 + r2, r1 + r2],
        "reward to go": [r1 + r2, r2],
        "reward to go minus V": [r1 + r2 - values[0], r2 - values[s]],
      }[name];
      return [weights[0] * refund(a, 0), s === up ? weights[1] * refund(b, s) : 0];
    });
    const mean = (f) => paths.reduce((sum, g, i) => sum + probabilities[i] * f(g), 0);
    const exact = [mean((g) => g[0]), mean((g) => g[1])];
    const covary = (j, k) => mean((g) => (g[j] - exact[j]) * (g[k] - exact[k]));
    return { paths, exact, ofOne: [covary(0, 0), covary(0, 1), covary(1, 1)] };
  };
  const all = WEIGHTINGS.map(under);
  const widest = [0, 2].map((k) => Math.sqrt(Math.max(...all.map(({ ofOne }) => ofOne[k]))));
  return { pi, calm, widest, ...all[WEIGHTINGS.indexOf(weighting)] };
}

// The sampled side. The uniform numbers depend on the seed and the draw alone, the paths on the policy too, and both
// are kept: to drag m is only to count. More samples continue the samples there were.
function makeSampler() {
  const bits = new Uint32Array(ESTIMATES * MOST_SAMPLES * 3); // u = bits / 2³²
  const drawn = new Uint8Array(ESTIMATES * MOST_SAMPLES);
  let [bitsKey, drawnKey] = ["", ""];
  return ({ seed, draw, samples: m }, { pi, calm, paths }) => {
    if (bitsKey !== `${seed} ${draw}`) {
      bitsKey = `${seed} ${draw}`;
      drawnKey = "";
      for (let k = 0, at = 0; k < ESTIMATES; k += 1) {
        let prefix = 0x9e3779b9; // uniform(seed, draw, k, i) of lab.js, its first three parts mixed once
        for (const part of [seed, draw, k]) prefix = mixBits((prefix ^ part) + 0x9e3779b9);
        for (let i = 0; i < 3 * MOST_SAMPLES; i += 1, at += 1) bits[at] = mixBits((prefix ^ i) + 0x9e3779b9);
      }
    }
    const key = JSON.stringify(pi);
    if (drawnKey !== key) {
      drawnKey = key;
      const scaled = (p) => p * 4294967296; // exact: a power of 2
      const refund = pi.map((row) => scaled(row[0]));
      const calms = calm.map(scaled);
      for (let n = 0; n < drawn.length; n += 1) {
        const a = bits[3 * n] < refund[0] ? 0 : 1;
        const angry = bits[3 * n + 1] < calms[a] ? 0 : 1;
        const b = bits[3 * n + 2] < refund[1 + angry] ? 0 : 1;
        drawn[n] = 4 * a + 2 * angry + b;
      }
    }
    return Array.from({ length: ESTIMATES }, (_, k) => {
      const counts = new Array(PATHS).fill(0);
      for (let i = k * MOST_SAMPLES; i < k * MOST_SAMPLES + m; i += 1) counts[drawn[i]] += 1;
      return [0, 1].map((j) => paths.reduce((sum, path, i) => sum + counts[i] * path[j], 0) / m);
    });
  };
}

function measure(dots, { exact, ofOne }, m) {
  const both = [0, 1];
  const mean = both.map((j) => dots.reduce((sum, g) => sum + g[j], 0) / ESTIMATES);
  const measured = both.map((j) => Math.sqrt(dots.reduce((sum, g) => sum + (g[j] - mean[j]) ** 2, 0) / (ESTIMATES - 1)));
  const covariance = ofOne.map((c) => c / m);
  return {
    mean,
    measured,
    error: measured.map((s) => s / Math.sqrt(ESTIMATES)),
    covariance,
    deviation: [covariance[0], covariance[2]].map((v) => Math.sqrt(Math.max(v, 0))),
    uphill: dots.map((g) => dot(g, exact) > UPHILL),
  };
}

// Half axes and angle (anticlockwise, in radians) of the ellipse of one standard deviation.
function ellipseOf([xx, xy, yy]) {
  const [middle, half] = [(xx + yy) / 2, Math.hypot((xx - yy) / 2, xy)];
  return {
    long: Math.sqrt(Math.max(middle + half, 0)),
    across: Math.sqrt(Math.max(middle - half, 0)),
    angle: Math.atan2(2 * xy, xx - yy) / 2,
  };
}

// --- what the lab says in words ------------------------------------------------------------------------

function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

// A spread as text: two significant digits.
function few(x) {
  return x < 1e-9 ? "0" : x >= 10 ? x.toFixed(0) : x >= 1e-4 ? x.toPrecision(2) : minusSign(x.toExponential(1));
}

function whatIsSeen({ exact }, { deviation, uphill }) {
  const length = Math.hypot(...exact);
  const miss = Math.hypot(...deviation);
  const count = uphill.filter(Boolean).length;
  const ratio = miss / length;
  const beside =
    ratio >= 1.05 ? `${few(ratio)} times as far as the gradient is long`
    : ratio > 0.95 ? "as far as the gradient is long"
    : `${few(100 * ratio)} % of the gradient’s length`;
  return (
    `${count} of ${ESTIMATES} estimates point uphill. The exact gradient is ${few(length)} long; an estimate lies ` +
    `${few(miss)} away from it (root mean square), ${beside}.`
  );
}

// --- the picture -----------------------------------------------------------------------------------------

const MARGIN = { left: 44, right: 8, top: 24, bottom: 40 };
const REACH = 3.4; // the plane shows components up to it, whatever m and the policy are
const SHORT_REACH = 1.9; // towards the side where the vertical component hardly ever lies
const ZOOMED = 3.3; // standard deviations from the middle to the edge when the picture follows the cloud
const LARGEST_UNIT = 44e3; // pixels for 1: labels of the axes have at most three decimals
const LOWEST = 0.01; // probabilities the sliders set
const INK = colour("sampled-ink");
const DOT = "M-4.5 0 a4.5 4.5 0 1 0 9 0 a4.5 4.5 0 1 0 -9 0 z";
const DOT_NARROW = "M-3.8 0 a3.8 3.8 0 1 0 7.6 0 a3.8 3.8 0 1 0 -7.6 0 z";
const TIPS = { "1 0": "M6 0 L-4 -5 v10 z", "-1 0": "M-6 0 L4 -5 v10 z", "0 1": "M0 6 L-5 -4 h10 z", "0 -1": "M0 -6 L-5 4 h10 z" };
const GOLDEN = 2.399963; // radians between one dot of a heap and the next
const ROWS = [
  ["exact", "exact gradient"],
  ["mean", "mean of the 60 ± its standard error"],
  ["deviation", "standard deviation of one, exact"],
  ["measured", "the same, measured over the 60"],
];

// A step of 1, 2 or 5 times a power of ten that is at least `least` long.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((k) => k * power >= least * (1 - 1e-9)) ?? 10);
}

let rendered = 0; // labs on the page: radios of two labs must not be of one group

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "gradient_cloud",
    role: "group",
    "aria-label": "Gradient cloud",
  });
  const save = makeSaver(model, root);
  keepPlainKeys(root);
  const sample = makeSampler();
  const get = (name) => model.get(name);
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    save();
  };
  rendered += 1;
  const group = `cloud-${rendered}-${Math.random().toString(36).slice(2)}`;
  const typeset = (parent, name) => {
    htmlNode(parent, "span", { class: "pgc-formula" }).innerHTML = get("formulas")[name] ?? "";
  };

  // --- the plane
  const title = htmlNode(root, "p", { class: "pgc-title" }, "60 estimates of one gradient");
  const titleKey = htmlNode(title, "span", { class: "pgc-key" });
  const columns = htmlNode(root, "div", { class: "pgc-columns" });
  const panel = htmlNode(columns, "div", { class: "pgc-panel" });
  const svg = svgNode(panel, "svg", { role: "img", "data-role": "plane" });
  const plot = svgNode(svg, "svg", { class: "pgc-plot" }); // clips
  const ground = svgNode(plot, "rect", { x: 0, y: 0, fill: colour("paper") });
  const downhill = svgNode(plot, "path", { fill: colour("muted"), "data-role": "downhill" });
  const grid = svgNode(plot, "g");
  const boundary = svgNode(plot, "line", { stroke: colour("reference"), "stroke-dasharray": "2 4" });
  const ellipses = [2, 1].map((k) =>
    svgNode(plot, "ellipse", {
      fill: colour("sampled"),
      "fill-opacity": k === 1 ? 0.16 : 0.1,
      stroke: INK,
      "stroke-width": 1.3,
      "stroke-dasharray": k === 1 ? null : "6 4",
      "data-role": "ellipse",
      "data-index": k,
    }),
  );
  const frame = svgNode(svg, "rect", { fill: "none", stroke: colour("line") });
  const text = (anchor) => svgNode(svg, "text", { "text-anchor": anchor, "aria-hidden": "true" });
  const labels = svgNode(svg, "g", { "aria-hidden": "true" });
  const [upLabel, acrossLabel] = [text("start"), text("end")];
  const dots = Array.from({ length: ESTIMATES }, (_, k) =>
    svgNode(svg, "path", { class: "pgc-dot", stroke: INK, "stroke-width": 1.2, "data-role": "estimate", "data-index": k }),
  );
  const exactPlot = svgNode(svg, "svg", { class: "pgc-plot" });
  const halo = svgNode(exactPlot, "line", { stroke: colour("paper"), "stroke-width": 6, "stroke-linecap": "round" });
  const arrow = svgNode(exactPlot, "line", { stroke: colour("exact"), "stroke-width": 2.5 });
  const tail = svgNode(exactPlot, "circle", { r: 3.2, fill: colour("exact"), stroke: colour("paper"), "stroke-width": 1.2 });
  const diamond = svgNode(exactPlot, "path", { d: "M0 -7 L7 0 L0 7 L-7 0 z", fill: colour("exact"), stroke: colour("paper"), "stroke-width": 1.6, "data-role": "exact-mark" });
  const key = htmlNode(panel, "p", { class: "pgc-key pgc-legend" });
  const legend = (mark, words, attributes = {}) => {
    const item = htmlNode(key, "span", { class: "pgc-legend-item", ...attributes });
    const picture = svgNode(item, "svg", { width: 18, height: 14, viewBox: "-9 -7 18 14", "aria-hidden": "true" });
    for (const [tag, values] of mark) svgNode(picture, tag, values);
    return htmlNode(item, "span", {}, words);
  };
  legend([["path", { d: "M0 -6 L6 0 L0 6 L-6 0 z", fill: colour("exact") }]], "exact");
  legend([["path", { d: DOT_NARROW, fill: colour("sampled"), stroke: INK }]], "estimate");
  legend([["rect", { x: -9, y: -7, width: 18, height: 14, fill: colour("muted") }], ["path", { d: DOT_NARROW, fill: colour("paper"), stroke: INK, "stroke-width": 1.4 }]], "downhill");
  const heap = [[-3, 2], [3, 2], [0, -2]].map(([x, y]) => ["circle", { cx: x, cy: y, r: 3.6, fill: colour("sampled"), stroke: INK }]);
  legend(heap, "equal ones");
  legend([["ellipse", { rx: 8, ry: 6, fill: colour("sampled"), "fill-opacity": 0.2, stroke: INK, "stroke-dasharray": "3 2" }], ["ellipse", { rx: 4, ry: 3, fill: colour("sampled"), "fill-opacity": 0.35, stroke: INK }]], "1, 2 standard deviations");
  const beyond = legend([["path", { d: TIPS["1 0"], fill: colour("sampled"), stroke: INK }]], "", { "data-role": "beyond" });

  // --- what the learner sets
  const side = htmlNode(columns, "div", { class: "pgc-side" });
  const line = (parent, role, words, attributes) => {
    const label = htmlNode(parent, "label", { class: "pgc-line" });
    htmlNode(label, "span", {}, words);
    const input = htmlNode(label, "input", { type: "range", "data-role": role, ...attributes });
    const shown = htmlNode(label, "span", { class: "pgc-shown", "data-role": `${role}-shown`, "data-index": attributes["data-index"] });
    return { input, shown };
  };
  typeset(htmlNode(side, "div", { class: "pgc-block pgc-estimate" }), "estimate");
  const samplesBox = htmlNode(side, "div", { class: "pgc-block pgc-samples" });
  htmlNode(samplesBox, "p", { class: "pgc-title" }, "conversations in one estimate");
  const samples = line(samplesBox, "samples", "m", { min: 0, max: Math.log2(MOST_SAMPLES), step: 1, "aria-label": "conversations in one estimate, m" });
  samples.input.addEventListener("input", () => change({ samples: 2 ** Number(samples.input.value) }));

  const weightingBox = htmlNode(side, "fieldset", { class: "pgc-block" });
  htmlNode(weightingBox, "legend", { class: "pgc-title" }, "weight of each score");
  const radios = WEIGHTINGS.map((name) => {
    const label = htmlNode(weightingBox, "label", { class: "pgc-choice" });
    const input = htmlNode(label, "input", { type: "radio", name: group, value: name, "data-role": "weighting", "data-value": name });
    htmlNode(label, "span", {}, name);
    typeset(label, name);
    input.addEventListener("change", () => change({ weighting: name }));
    return input;
  });

  const policyBox = htmlNode(side, "div", { class: "pgc-block", role: "group", "aria-label": "the policy: probability of a refund" });
  htmlNode(policyBox, "p", { class: "pgc-title" }, "policy: π(refund)");
  const policy = STATES.map((name, s) => {
    const row = line(policyBox, "policy", name, { min: LOWEST, max: 1 - LOWEST, step: 0.01, "data-index": s, "aria-label": `probability of a refund, ${name}` });
    row.input.addEventListener("input", () => {
      const p = Number(row.input.value);
      const logits = get("logits").slice();
      logits[2 * s] = Math.log(p);
      logits[2 * s + 1] = Math.log(1 - p);
      change({ logits });
    });
    return row;
  });

  const buttons = htmlNode(side, "div", { class: "pgc-row" });
  const again = htmlNode(buttons, "button", { type: "button", class: "pgc-primary", "data-role": "draw-again" }, "draw again");
  const reset = htmlNode(buttons, "button", { type: "button", "data-role": "reset" }, "reset");
  again.addEventListener("click", () => change({ draw: get("draw") + 1 }));
  reset.addEventListener("click", () => change({ ...get("initial"), draw: 0 }));

  const viewRow = htmlNode(columns, "div", { class: "pgc-row pgc-view" });
  const verticalLabel = htmlNode(viewRow, "label", {}, "upwards");
  const vertical = htmlNode(verticalLabel, "select", { "data-role": "vertical" });
  for (const name of VERTICALS) htmlNode(vertical, "option", { value: name }, `${name} customer`);
  vertical.addEventListener("change", () => change({ vertical: vertical.value }));
  const zoomLabel = htmlNode(viewRow, "label", {});
  const zoom = htmlNode(zoomLabel, "input", { type: "checkbox", "data-role": "zoom" });
  const zoomWords = htmlNode(zoomLabel, "span", {}, "zoom in");
  zoom.addEventListener("change", () => change({ zoom: zoom.checked }));

  // --- what follows from it
  const table = htmlNode(root, "table", { class: "pgc-cloud-numbers", role: "table", "aria-label": "the cloud in numbers" });
  const head = htmlNode(htmlNode(table, "thead", { role: "rowgroup" }), "tr", { role: "row" });
  htmlNode(head, "th", { role: "columnheader", scope: "col" }, "∂J/∂z of refund");
  const headers = [0, 1].map(() => htmlNode(head, "th", { role: "columnheader", scope: "col" }));
  const body = htmlNode(table, "tbody", { role: "rowgroup" });
  const row = (name, words) => {
    const node = htmlNode(body, "tr", { role: "row" });
    htmlNode(node, "th", { role: "rowheader", scope: "row" }, words);
    return node;
  };
  const cells = Object.fromEntries(
    ROWS.map(([name, words]) => {
      const node = row(name, words);
      return [
        name,
        [0, 1].map((j) => {
          const cell = htmlNode(node, "td", { role: "cell", "data-row": name, "data-index": j });
          htmlNode(cell, "span");
          if (name === "mean") htmlNode(cell, "span", { class: "pgc-error" });
          return cell;
        }),
      ];
    }),
  );
  const share = htmlNode(row("uphill", "estimates that point uphill"), "td", { role: "cell", colspan: 2, "data-role": "uphill" });
  const sentence = htmlNode(root, "p", { class: "pgc-sentence", "data-role": "sentence" });
  const live = makeLiveRegion(root);

  // --- drawing
  let geometry = null;
  function layout() {
    const inner = Math.max(120, (root.clientWidth || UNSEEN_WIDTH) - 24); // a side bar may leave next to nothing
    const wide = inner >= 600;
    root.classList.toggle("pgc-narrow", !wide);
    const width = wide ? Math.min(424, inner - 280) : Math.min(inner, 480);
    const across = Math.max(40, width - MARGIN.left - MARGIN.right);
    const unit = across / (2 * REACH); // pixels for 1
    const high = unit * (REACH + SHORT_REACH);
    geometry = { wide, width, across, high, unit, height: high + MARGIN.top + MARGIN.bottom };
    panel.style.width = `${width}px`;
    setAttributes(svg, { width, height: geometry.height, viewBox: `0 0 ${width} ${geometry.height}` });
    for (const node of [plot, exactPlot]) setAttributes(node, { x: MARGIN.left, y: MARGIN.top, width: across, height: high });
    setAttributes(ground, { width: across, height: high });
    setAttributes(frame, { x: MARGIN.left, y: MARGIN.top, width: across, height: high });
    refresh();
  }

  // The window onto the plane: pixels for 1, and the point in its middle. Zoomed, it follows the cloud as m and the
  // policy move it, but it is the same for all weightings: their clouds can be compared.
  function view({ zoom: zoomed, vertical: up, samples: m }, { exact, widest }) {
    const { unit, across, high } = geometry;
    const still = { unit, middle: [0, ((up === "angry" ? 1 : -1) * (REACH - SHORT_REACH)) / 2] };
    if (!zoomed) return still;
    const fits = (Math.min(across / widest[0], high / widest[1]) * Math.sqrt(m)) / (2 * ZOOMED);
    return { unit: Math.max(unit, Math.min(fits, LARGEST_UNIT)), middle: exact };
  }

  function drawGrid({ x, y, unit, apart }) {
    const { across, high } = geometry;
    const step = niceStep(apart / unit);
    const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    const word = (k) => (k === 0 ? "0" : minusSign((k * step).toFixed(decimals)).replace(/^(−?)0\./, "$1."));
    const lines = [];
    const marks = [];
    const along = (place, length, make) => {
      const [from, to] = [place.at(0), place.at(length)].sort((a, b) => a - b);
      for (let k = Math.ceil(from / step - 1e-6); k * step <= to + 1e-6 * step; k += 1) make(k, place.of(k * step));
    };
    along(x, across, (k, at) => {
      lines.push([{ x1: at, x2: at, y1: 0, y2: high }, k]);
      if (at > 10 && at < across - 10) marks.push([{ x: MARGIN.left + at, y: MARGIN.top + high + 15, "text-anchor": "middle" }, word(k)]);
    });
    along(y, high, (k, at) => {
      lines.push([{ x1: 0, x2: across, y1: at, y2: at }, k]);
      if (at > 6 && at < high - 6) marks.push([{ x: MARGIN.left - 5, y: MARGIN.top + at + 4, "text-anchor": "end" }, word(k)]);
    });
    grid.replaceChildren();
    labels.replaceChildren();
    for (const [ends, k] of lines) svgNode(grid, "line", { ...ends, stroke: k === 0 ? colour("reference") : colour("rule") });
    for (const [place, words] of marks) svgNode(labels, "text", place, words);
  }

  function drawPlane(now, all, seen, estimates) {
    const { across, high, wide } = geometry;
    const { unit, middle } = view(now, all);
    const x = { of: (g) => across / 2 + (g - middle[0]) * unit, at: (px) => middle[0] + (px - across / 2) / unit };
    const y = { of: (g) => high / 2 - (g - middle[1]) * unit, at: (px) => middle[1] - (px - high / 2) / unit };
    setAttributes(svg, { "data-unit": unit });
    drawGrid({ x, y, unit, apart: now.zoom ? 44 : 30 }); // zoomed, the labels are longer
    setText(upLabel, `↑ ∂J/∂z of refund, ${now.vertical} customer`);
    setText(acrossLabel, "∂J/∂z of refund, first message →");
    setAttributes(upLabel, { x: MARGIN.left, y: 14 });
    setAttributes(acrossLabel, { x: MARGIN.left + across, y: MARGIN.top + high + 33 });

    const length = Math.hypot(...all.exact);
    const [zero, tip] = [
      [x.of(0), y.of(0)],
      [x.of(all.exact[0]), y.of(all.exact[1])],
    ];
    const [ux, uy] = [all.exact[0] / length, -all.exact[1] / length]; // uphill, in pixels
    const far = Math.hypot(zero[0] - across / 2, zero[1] - high / 2) + across + high; // beyond every corner
    const ends = [-1, 1].map((side_) => [zero[0] - side_ * uy * far, zero[1] + side_ * ux * far]);
    setAttributes(downhill, {
      d: `M${ends[0]} L${ends[1]} l${-ux * far} ${-uy * far} L${ends[0][0] - ux * far} ${ends[0][1] - uy * far} z`,
    });
    setAttributes(boundary, { x1: ends[0][0], y1: ends[0][1], x2: ends[1][0], y2: ends[1][1] });

    const { long, across: thin, angle } = ellipseOf(seen.covariance);
    ellipses.forEach((node, i) => {
      const k = 2 - i;
      setAttributes(node, {
        rx: k * long * unit,
        ry: k * thin * unit,
        transform: `translate(${tip[0]} ${tip[1]}) rotate(${(-angle * 180) / Math.PI})`,
        "data-long": k * long,
        "data-thin": k * thin,
        "data-angle": angle,
      });
    });

    // Estimates that coincide are laid out as a small heap around their place: few conversations, few places.
    const heaps = new Map();
    const edge = 7;
    let outside = 0;
    dots.forEach((node, k) => {
      const g = estimates[k];
      const place = g.map((v) => v.toFixed(9)).join(" ");
      const nth = heaps.get(place) ?? 0;
      heaps.set(place, nth + 1);
      const spread = (wide ? 3 : 2.5) * Math.sqrt(nth);
      let px = x.of(g[0]) + spread * Math.cos(nth * GOLDEN);
      let py = y.of(g[1]) + spread * Math.sin(nth * GOLDEN);
      const side_ = px < 0 ? "-1 0" : px > across ? "1 0" : py < 0 ? "0 -1" : py > high ? "0 1" : null;
      if (side_ !== null) {
        outside += 1;
        px = Math.min(across - edge, Math.max(edge, px));
        py = Math.min(high - edge, Math.max(edge, py));
      }
      setAttributes(node, {
        d: side_ !== null ? TIPS[side_] : wide ? DOT : DOT_NARROW,
        fill: seen.uphill[k] ? colour("sampled") : colour("paper"),
        "data-x": g[0],
        "data-y": g[1],
        "data-uphill": seen.uphill[k] ? 1 : 0,
        "data-outside": side_ === null ? null : side_,
      });
      node.style.transform = `translate(${(MARGIN.left + px).toFixed(2)}px, ${(MARGIN.top + py).toFixed(2)}px)`;
    });
    setText(beyond, `${outside} beyond the edge`);
    beyond.parentNode.hidden = outside === 0;

    for (const node of [halo, arrow]) setAttributes(node, { x1: zero[0], y1: zero[1], x2: tip[0], y2: tip[1] });
    setAttributes(tail, { cx: zero[0], cy: zero[1] });
    setAttributes(diamond, { transform: `translate(${tip[0]} ${tip[1]})` });
    return unit / geometry.unit;
  }

  function drawNumbers({ vertical: up }, all, seen) {
    headers.forEach((node, j) => setText(node, j === 0 ? STATES[0] : `${up} customer`));
    const values = { exact: all.exact, mean: seen.mean, deviation: seen.deviation, measured: seen.measured };
    for (const [name, pair] of Object.entries(values))
      cells[name].forEach((cell, j) => {
        setAttributes(cell, { "data-value": pair[j], "data-error": name === "mean" ? seen.error[j] : null });
        const signs = name === "mean" || name === "exact";
        setText(cell.firstChild, signs ? signed(pair[j]) : few(pair[j]));
        if (name === "mean") setText(cell.lastChild, `± ${few(seen.error[j])}`);
      });
    const count = seen.uphill.filter(Boolean).length;
    setAttributes(share, { "data-value": count });
    setText(share, `${count} of ${ESTIMATES}`);
  }

  function refresh() {
    if (geometry === null) return;
    const now = Object.fromEntries(
      ["logits", "samples", "weighting", "vertical", "zoom", "seed", "draw"].map((name) => [name, get(name)]),
    );
    const all = momentsOf(now, get("world"));
    const estimates = sample(now, all);
    const seen = measure(estimates, all, now.samples);
    const larger = drawPlane(now, all, seen, estimates);
    drawNumbers(now, all, seen);
    const m = grouped(now.samples);
    setText(titleKey, ` — each the mean over m = ${m} conversation${now.samples === 1 ? "" : "s"}`);
    samples.input.value = Math.log2(now.samples);
    setText(samples.shown, m);
    setAttributes(samples.input, { "aria-valuetext": `${m} conversation${now.samples === 1 ? "" : "s"}` });
    radios.forEach((radio) => (radio.checked = radio.value === now.weighting));
    policy.forEach(({ input, shown }, s) => {
      const p = all.pi[s][0];
      input.value = p;
      setText(shown, p < 0.005 ? "≈0" : probabilityText(p));
      setAttributes(input, { "aria-valuetext": `π(refund) = ${short(p)}` });
    });
    vertical.value = now.vertical;
    zoom.checked = now.zoom;
    setText(zoomWords, now.zoom ? `zoom, × ${few(larger)}` : "zoom in");
    const words = whatIsSeen(all, seen);
    setText(sentence, words);
    setAttributes(svg, {
      "aria-label":
        `Plane of two components of the gradient. Exact: ${signed(all.exact[0])} across, ${signed(all.exact[1])} up. ` +
        `${ESTIMATES} estimates around it, standard deviation ${few(seen.deviation[0])} across and ${few(seen.deviation[1])} up.`,
    });
    live.say(
      `m is ${m}, ${now.weighting}. ${words} Standard deviation of one estimate: ${few(seen.deviation[0])} across, ` +
        `${few(seen.deviation[1])} up.`,
    );
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

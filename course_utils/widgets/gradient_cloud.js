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
  const [keepBits, keepPaths] = [remember(), remember()];
  return ({ seed, draw, samples: m }, { pi, calm, paths }) => {
    const bits = keepBits(`${seed} ${draw}`, () => drawBits(seed, draw));
    const drawn = keepPaths(`${seed} ${draw} ${pi}`, () => drawPaths(bits, pi, calm));
    return Array.from({ length: ESTIMATES }, (_, k) => {
      const counts = new Array(PATHS).fill(0);
      for (let i = k * MOST_SAMPLES; i < k * MOST_SAMPLES + m; i += 1) counts[drawn[i]] += 1;
      return [0, 1].map((j) => paths.reduce((sum, path, i) => sum + counts[i] * path[j], 0) / m);
    });
  };
}

// uniform(seed, draw, k, i) · 2³² of lab.js for each estimate k and each i, its first three parts mixed once.
function drawBits(seed, draw) {
  const bits = new Uint32Array(ESTIMATES * MOST_SAMPLES * 3);
  for (let k = 0, at = 0; k < ESTIMATES; k += 1) {
    let prefix = 0x9e3779b9;
    for (const part of [seed, draw, k]) prefix = mixBits((prefix ^ part) + 0x9e3779b9);
    for (let i = 0; i < 3 * MOST_SAMPLES; i += 1, at += 1) bits[at] = mixBits((prefix ^ i) + 0x9e3779b9);
  }
  return bits;
}

function drawPaths(bits, pi, calm) {
  const scaled = (p) => p * 4294967296; // exact: a power of 2
  const [refund, calms] = [pi.map((row) => scaled(row[0])), calm.map(scaled)];
  return Uint8Array.from({ length: ESTIMATES * MOST_SAMPLES }, (_, n) => {
    const a = bits[3 * n] < refund[0] ? 0 : 1;
    const angry = bits[3 * n + 1] < calms[a] ? 0 : 1;
    const b = bits[3 * n + 2] < refund[1 + angry] ? 0 : 1;
    return 4 * a + 2 * angry + b;
  });
}

function measure(dots, { exact, ofOne }, m) {
  const over = (k, term) => dots.reduce((sum, g) => sum + term(g[k]), 0);
  const mean = [0, 1].map((k) => over(k, (v) => v) / ESTIMATES);
  const measured = mean.map((centre, k) => Math.sqrt(over(k, (v) => (v - centre) ** 2) / (ESTIMATES - 1)));
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

// --- what the lab says in words ------------------------------------------------------------------------

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
const DOT = "M-4.5 0 a4.5 4.5 0 1 0 9 0 a4.5 4.5 0 1 0 -9 0 z";
const SMALL_DOT = "M-3.8 0 a3.8 3.8 0 1 0 7.6 0 a3.8 3.8 0 1 0 -7.6 0 z";
const [RIGHT, LEFT] = ["M6 0 L-4 -5 v10 z", "M-6 0 L4 -5 v10 z"];
const TIPS = { "1 0": RIGHT, "-1 0": LEFT, "0 1": "M0 6 L-5 -4 h10 z", "0 -1": "M0 -6 L-5 4 h10 z" };
const EDGE = 7; // px from the edge of the plane to the tip of what lies beyond
const GOLDEN = 2.399963; // radians between one dot of a heap and the next

// A step of 1, 2 or 5 times a power of ten that is at least `least` long.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((k) => k * power >= least * (1 - 1e-9)) ?? 10);
}

// The window onto the plane: pixels for 1, and its scales. Zoomed, it follows the cloud as m and the policy move it,
// but it is the same for all weightings: their clouds can be compared.
function makePlane({ zoom, vertical, samples: m }, { exact, widest }, { inner, isWide }) {
  const width = isWide ? Math.min(424, inner - 280) : Math.min(inner, 480);
  const across = Math.max(40, width - MARGIN.left - MARGIN.right);
  const still = across / (2 * REACH);
  const high = still * (REACH + SHORT_REACH);
  const fits = (Math.min(across / widest[0], high / widest[1]) * Math.sqrt(m)) / (2 * ZOOMED);
  const unit = zoom ? Math.max(still, Math.min(fits, LARGEST_UNIT)) : still;
  const middle = zoom ? exact : [0, ((vertical === "angry" ? 1 : -1) * (REACH - SHORT_REACH)) / 2];
  const ends = [across, high].map((size, k) => [middle[k] - size / 2 / unit, middle[k] + size / 2 / unit]);
  const [x, y] = [scale(ends[0], [0, across]), scale(ends[1], [high, 0])];
  const height = high + MARGIN.top + MARGIN.bottom;
  return { width, height, across, high, unit, ends, x, y, larger: unit / still, isWide };
}

function drawGrid({ unit, ends, x, y, across, high }, apart) {
  const step = niceStep(apart / unit);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const word = (k) => (k === 0 ? "0" : minusSign((k * step).toFixed(decimals)).replace(/^(−?)0\./, "$1."));
  const [columns, rows] = ends.map(([low, high]) => {
    const first = Math.ceil(low / step - 1e-6);
    return Array.from({ length: Math.floor(high / step + 1e-6) - first + 1 }, (_, i) => first + i);
  });
  const tint = (k) => colour(k === 0 ? "reference" : "rule");
  const isInside = (at, size, room) => at > room && at < size - room;
  return {
    lines: [
      columns.map((k) => line(x(k * step), 0, x(k * step), high, tint(k))),
      rows.map((k) => line(0, y(k * step), across, y(k * step), tint(k))),
    ],
    words: [
      columns.map((k) => [k, x(k * step)]).map(([k, at]) =>
        isInside(at, across, 10) && label(MARGIN.left + at, MARGIN.top + high + 15, word(k))),
      rows.map((k) => [k, y(k * step)]).map(([k, at]) =>
        isInside(at, high, 6) && label(MARGIN.left - 5, MARGIN.top + at + 4, word(k), "end")),
    ],
  };
}

// The half plane in which an estimate points downhill, and its boundary.
function drawDownhill({ x, y, across, high }, exact) {
  const length = Math.hypot(...exact);
  const [ux, uy] = [exact[0] / length, -exact[1] / length]; // uphill, in pixels
  const far = Math.hypot(x(0) - across / 2, y(0) - high / 2) + across + high; // beyond every corner
  const [[x1, y1], [x2, y2]] = [1, -1].map((side) => [x(0) + side * uy * far, y(0) - side * ux * far]);
  const d = `M${x1} ${y1} L${x2} ${y2} l${-ux * far} ${-uy * far} L${x1 - ux * far} ${y1 - uy * far} z`;
  return [
    path(d, { fill: colour("muted"), "data-role": "downhill" }),
    line(x1, y1, x2, y2, colour("reference"), { "stroke-dasharray": "2 4" }),
  ];
}

// One and two standard deviations of an estimate around the exact gradient.
function drawEllipse({ x, y, unit }, exact, { long, across, angle }, k) {
  const turned = `translate(${x(exact[0])} ${y(exact[1])}) rotate(${(-angle * 180) / Math.PI})`;
  const shape = { rx: k * long * unit, ry: k * across * unit, transform: turned };
  const look = { fill: SAMPLED, "fill-opacity": k === 1 ? 0.16 : 0.1, stroke: RIM, "stroke-width": 1.3 };
  const told = { "data-long": k * long, "data-thin": k * across, "data-angle": angle };
  const dashes = k === 1 ? null : "6 4";
  return h("ellipse", { ...shape, ...look, "stroke-dasharray": dashes, ...about("ellipse", k), ...told });
}

// Where each estimate is drawn. Those that coincide are laid out as a small heap around their place: few conversations,
// few places. One beyond the edge stands at it, with the direction in which it has left.
function placeDots(estimates, { x, y, across, high, isWide }) {
  const heaps = new Map();
  return estimates.map((g) => {
    const place = g.map((v) => v.toFixed(9)).join(" ");
    const nth = heaps.get(place) ?? 0;
    heaps.set(place, nth + 1);
    const spread = (isWide ? 3 : 2.5) * Math.sqrt(nth);
    const [px, py] = [x(g[0]) + spread * Math.cos(nth * GOLDEN), y(g[1]) + spread * Math.sin(nth * GOLDEN)];
    const left = px < 0 ? "-1 0" : px > across ? "1 0" : py < 0 ? "0 -1" : py > high ? "0 1" : null;
    if (left === null) return { px, py, left };
    return { px: clamp(px, [EDGE, across - EDGE]), py: clamp(py, [EDGE, high - EDGE]), left };
  });
}

function drawDot([first, second], isUphill, { px, py, left }, isWide, k) {
  const moved = `transform: translate(${(MARGIN.left + px).toFixed(2)}px, ${(MARGIN.top + py).toFixed(2)}px)`;
  const look = { fill: isUphill ? SAMPLED : PAPER, stroke: RIM, "stroke-width": 1.2, class: "pgc-dot", style: moved };
  const told = { "data-x": first, "data-y": second, "data-uphill": isUphill ? 1 : 0, "data-outside": left };
  const shape = left !== null ? TIPS[left] : isWide ? DOT : SMALL_DOT;
  return path(shape, { ...look, ...about("estimate", k), ...told });
}

function drawLegend(beyond) {
  const entry = (words, marks, more = {}) =>
    h("span", { class: "pgc-legend-item", ...more },
      h("svg", { width: 18, height: 14, viewBox: "-9 -7 18 14", "aria-hidden": "true" }, marks),
      h("span", {}, words));
  const dot = (fill, more) => path(SMALL_DOT, { fill, stroke: RIM, ...more });
  const ring = (rx, ry, more) => h("ellipse", { rx, ry, fill: SAMPLED, stroke: RIM, ...more });
  const heap = [[-3, 2], [3, 2], [0, -2]];
  return h("p", { class: "pgc-key pgc-legend" },
    entry("exact", diamond(0, 0, 6)),
    entry("estimate", dot(SAMPLED)),
    entry("downhill", [rect(-9, -7, 18, 14, colour("muted")), dot(PAPER, { "stroke-width": 1.4 })]),
    entry("equal ones", heap.map(([x, y]) => circle(x, y, 3.6, SAMPLED, { stroke: RIM }))),
    entry("1, 2 standard deviations", [
      ring(8, 6, { "fill-opacity": 0.2, "stroke-dasharray": "3 2" }),
      ring(4, 3, { "fill-opacity": 0.35 }),
    ]),
    entry(h("span", { "data-role": "beyond" }, `${beyond} beyond the edge`),
      path(RIGHT, { fill: SAMPLED, stroke: RIM }), { hidden: beyond === 0 }));
}

function drawPlane({ zoom, vertical }, { exact }, { deviation, covariance, uphill }, estimates, plane) {
  const { width, height, across, high, unit, x, y, isWide } = plane;
  const grid = drawGrid(plane, zoom ? 44 : 30); // zoomed, the labels are longer
  const [downhill, boundary] = drawDownhill(plane, exact);
  const dots = placeDots(estimates, plane);
  const window = { class: "pgc-plot", x: MARGIN.left, y: MARGIN.top, width: across, height: high }; // clips
  const toExact = [x(0), y(0), x(exact[0]), y(exact[1])];
  const axes = `Exact: ${signed(exact[0])} across, ${signed(exact[1])} up.`;
  const spread = `standard deviation ${few(deviation[0])} across and ${few(deviation[1])} up`;
  const name = `Plane of two components of the gradient. ${axes} ${ESTIMATES} estimates around it, ${spread}.`;
  return h("div", { class: "pgc-panel", style: `width: ${width}px` },
    image(name, [width, height],
      h("svg", { ...window, "data-role": "plane", "data-unit": unit },
        rect(0, 0, across, high, PAPER),
        downhill,
        grid.lines,
        boundary,
        [2, 1].map((k) => drawEllipse(plane, exact, ellipseOf(covariance), k))),
      rect(MARGIN.left, MARGIN.top, across, high, "none", { stroke: colour("line") }),
      grid.words,
      label(MARGIN.left, 14, `↑ ∂J/∂z of refund, ${vertical} customer`, "start"),
      label(MARGIN.left + across, MARGIN.top + high + 33, "∂J/∂z of refund, first message →", "end"),
      dots.map((place, k) => drawDot(estimates[k], uphill[k], place, isWide, k)),
      h("svg", window,
        line(...toExact, PAPER, { "stroke-width": 6, "stroke-linecap": "round" }),
        line(...toExact, EXACT, { "stroke-width": 2.5 }),
        circle(x(0), y(0), 3.2, EXACT, { stroke: PAPER, "stroke-width": 1.2 }),
        diamond(x(exact[0]), y(exact[1]), 7, { stroke: PAPER, "stroke-width": 1.6, "data-role": "exact-mark" }))),
    drawLegend(dots.filter(({ left }) => left !== null).length));
}

const conversations = (m) => `${grouped(m)} conversation${m === 1 ? "" : "s"}`;

// What the learner sets. `group` is the name of the radios: those of two labs on a page must not be of one group.
function drawSettings({ samples: m, weighting, logits, draw }, { pi }, { get, change }, group) {
  const formula = (name) => typeset(get("formulas")[name]);
  const line = (role, words, control, shown, index) =>
    h("label", { class: "pgc-line" },
      h("span", {}, words),
      control,
      h("span", { class: "pgc-shown", "data-role": `${role}-shown`, "data-index": index }, shown));
  const most = Math.log2(MOST_SAMPLES);
  const setPolicy = (s) => (p) =>
    change({ logits: replaced(replaced(logits, 2 * s, Math.log(p)), 2 * s + 1, Math.log(1 - p)) });
  return div("pgc-side",
    div("pgc-block pgc-estimate", formula("estimate")),
    div("pgc-block pgc-samples",
      title("conversations in one estimate"),
      line("samples", "m",
        dial("samples", [0, most, 1], Math.log2(m), conversations(m),
          (power) => change({ samples: 2 ** power }), { "aria-label": "conversations in one estimate, m" }),
        grouped(m))),
    h("fieldset", { class: "pgc-block" },
      h("legend", { class: "pgc-title" }, "weight of each score"),
      WEIGHTINGS.map((name) => {
        const radio = { type: "radio", name: group, value: name, "data-role": "weighting", "data-value": name };
        const onchange = () => change({ weighting: name });
        return h("label", { class: "pgc-choice" },
          h("input", { ...radio, ".checked": name === weighting, onchange }),
          h("span", {}, name),
          formula(name));
      })),
    h("div", { class: "pgc-block", role: "group", "aria-label": "the policy: probability of a refund" },
      title("policy: π(refund)"),
      STATES.map((name, s) =>
        line("policy", name,
          dial("policy", [LOWEST, 1 - LOWEST, 0.01], pi[s][0], `π(refund) = ${short(pi[s][0])}`,
            setPolicy(s), { "data-index": s, "aria-label": `probability of a refund, ${name}` }),
          chanceText(pi[s][0]), s))),
    div("pgc-row",
      button("draw-again", "draw again", () => change({ draw: draw + 1 }), primary),
      button("reset", "reset", () => change({ ...get("initial"), draw: 0 }))));
}

function drawView({ vertical, zoom }, larger, change) {
  const verticals = VERTICALS.map((name) => [name, `${name} customer`]);
  return row("pgc-view",
    select("vertical", "upwards", verticals, vertical, change.to("vertical")),
    check("zoom", zoom ? `zoom, × ${few(larger)}` : "zoom in", zoom, change.to("zoom")));
}

function drawNumbers({ vertical }, { exact }, { mean, error, deviation, measured, uphill }) {
  const cells = (values, text) => values.map((v) => [v, text(v)]);
  const means = mean.map((v, k) => {
    const shown = [h("span", {}, signed(v)), h("span", { class: "pgc-error" }, `± ${few(error[k])}`)];
    return [v, shown, "mean", { "data-error": error[k] }];
  });
  const count = uphill.filter(Boolean).length;
  const share = [count, `${count} of ${ESTIMATES}`, "uphill", { colspan: 2, "data-role": "uphill" }];
  return table("the cloud in numbers", [STATES[0], `${vertical} customer`], [
    ["exact", "exact gradient", cells(exact, signed)],
    ["mean", "mean of the 60 ± its standard error", means],
    ["deviation", "standard deviation of one, exact", cells(deviation, few)],
    ["measured", "the same, measured over the 60", cells(measured, few)],
    ["uphill", "estimates that point uphill", [share]],
  ], "∂J/∂z of refund", [], "pgc-whole");
}

const render = makeLab({ name: "gradient_cloud", label: "Gradient cloud", wide: 600 }, (lab) => {
  const sample = makeSampler();
  const group = newId("cloud");
  return (size) => {
    const set = lab.state("logits", "samples", "weighting", "vertical", "zoom", "seed", "draw");
    const all = momentsOf(set, lab.get("world"));
    const estimates = sample(set, all);
    const measured = measure(estimates, all, set.samples);
    const plane = makePlane(set, all, size);
    const words = whatIsSeen(all, measured);
    const [across, up] = measured.deviation.map(few);
    return {
      seen: [
        title("60 estimates of one gradient", key(` — each the mean over m = ${conversations(set.samples)}`)),
        div("pgc-columns",
          drawPlane(set, all, measured, estimates, plane),
          drawSettings(set, all, lab, group),
          drawView(set, plane.larger, lab.change)),
        drawNumbers(set, all, measured),
        sentence(words),
      ],
      said:
        `m is ${grouped(set.samples)}, ${set.weighting}. ${words} ` +
        `Standard deviation of one estimate: ${across} across, ${up} up.`,
    };
  };
});

// The score explorer: the policy as a point of the simplex, its scores as arrows, and the mean of sampled scores.

// --- the mathematics, equal to course_utils.policy -------------------------------------------------

const LEAST = 0.01; // a hand cannot bring a probability below this

function scoreOf(action, probabilities) {
  return probabilities.map((p, b) => (b === action ? 1 : 0) - p);
}

const norm = (x) => Math.sqrt(dot(x, x));

// Numbers of draws at which the running mean is shown: each of the first, then fewer and fewer.
function milestones(n) {
  const found = [];
  for (let k = 1; k <= n; k = Math.max(k + 1, Math.round(k * 1.06))) found.push(k);
  if (n > 0 && found.at(-1) !== n) found.push(n);
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
    typical: (n) => Math.sqrt(sum(variances) / n),
  };
}

// The nearest policy that keeps every probability at least at LEAST, rounded to three decimals.
function keepInside(probabilities) {
  const excess = probabilities.map((p) => Math.max(0, p - LEAST));
  const total = sum(excess) || 1;
  const inside = excess.map((v) => LEAST + (v * (1 - LEAST * probabilities.length)) / total);
  const rounded = inside.map((p) => Number(p.toFixed(3)));
  const largest = rounded.indexOf(Math.max(...rounded));
  const others = rounded.reduce((s, p, a) => (a === largest ? s : s + p), 0);
  return rounded.map((p, a) => (a === largest ? Number((1 - others).toFixed(3)) : p));
}

// Change one probability; the others keep their proportions.
function withProbability(probabilities, index, value) {
  const factor = (1 - value) / (1 - probabilities[index]);
  return keepInside(probabilities.map((p, a) => (a === index ? value : p * factor)));
}

// Two standard errors of the mean in every direction: the covariance of the score over n, in the plane of the corners.
function errorEllipse(probabilities, draws, corners, centre) {
  const entry = (i, j) => sum(probabilities.map((p, a) => p * corners[a][i] * corners[a][j])) - centre[i] * centre[j];
  const { long, across, angle } = ellipseOf([entry(0, 0), entry(0, 1), entry(1, 1)]);
  const [rx, ry] = [long, across].map((deviation) => (2 * deviation) / Math.sqrt(draws));
  return { rx, ry, turn: (angle * 180) / Math.PI };
}

// --- what the explorer says in words -----------------------------------------------------------------

function whatToSee({ actions, probabilities, draws, weighted }, found) {
  if (draws > 0) {
    const many = draws === 1 ? "One score" : `The mean of ${draws} scores`;
    const typical = `typical for ${draws} ${draws === 1 ? "draw" : "draws"} is ${short(found.typical(draws))}`;
    return `${many} has length ${short(norm(found.sampleMean))}; ${typical}. The exact mean has length 0.`;
  }
  const pulled = "Pulled like this, the point stays where it is: the three arrows add up to 0.";
  if (weighted) return `Each arrow is now shortened by the probability of its action. ${pulled}`;
  const [least, largest] = [Math.min(...probabilities), Math.max(...probabilities)];
  const [rarest, most] = [least, largest].map((p) => probabilities.indexOf(p));
  if (largest - least < 0.02) return "All actions are about equally probable: all scores are about equally long.";
  const { lengths } = found;
  const long = lengths[rarest] >= Math.max(...lengths) - 1e-12 ? "its score is the longest" : "its score is long";
  const rare = `${actions[rarest]} is rarest (${probabilityText(least)}): ${long}, ${short(lengths[rarest])}`;
  const other = `that of ${actions[most]} has length ${short(lengths[most])}`;
  return `Each score points from π to the corner of its action. ${rare}; ${other}.`;
}

// --- the picture -------------------------------------------------------------------------------------

const TOP = 26;
const PLOT = { height: 190, left: 34, right: 8, top: 10, low: 154, most: 1.4 };
const LEGEND = " π · ◆ exact mean · • mean of the draws, its way there, ±2 standard errors";
const HALO = { class: "pgc-halo" };
const UNTOUCHED = { "pointer-events": "none" };
const [UP, DOWN] = [[1, -0.5, -0.5], [-1, 0.5, 0.5]];
const DIRECTIONS = {
  ArrowUp: UP, PageUp: UP, End: UP, ArrowDown: DOWN, PageDown: DOWN, Home: DOWN,
  ArrowRight: [0, -1, 1], ArrowLeft: [0, 1, -1],
};

// The triangle's corners, the point that weighs them, and the weights of a point: three areas of it, as shares.
function placeTriangle(width) {
  const side = Math.min(330, width - 64);
  const [middle, low] = [width / 2, TOP + (side * Math.sqrt(3)) / 2];
  const corners = [[middle, TOP], [middle - side / 2, low], [middle + side / 2, low]];
  const [[ax, ay], [bx, by], [cx]] = corners;
  const weightsAt = (x, y) => {
    const first = (by - y) / (by - ay);
    const third = (x - bx - first * (ax - bx)) / (cx - bx);
    return [first, 1 - first - third, third];
  };
  const at = (weights) => [0, 1].map((axis) => dot(weights, corners.map((corner) => corner[axis])));
  return { side, low, corners, at, weightsAt };
}

const insideOf = (event) => pointIn(event.currentTarget.ownerSVGElement, event);

// What makes the point follow a hand in the plane: it is taken where it was touched. Arrow keys move it too.
function makeHand() {
  let held = null; // by which pointer, and how far from the middle
  return (probabilities, { at, weightsAt }, set) => ({
    onpointerdown(event) {
      if (event.button !== 0) return;
      event.preventDefault();
      event.stopPropagation();
      const { currentTarget: node, pointerId: id } = event;
      const [[x, y], [middleX, middleY]] = [insideOf(event), at(probabilities)];
      held = { id, right: x - middleX, down: y - middleY };
      node.setPointerCapture(id);
      node.focus({ preventScroll: true });
      node.classList.add("pgc-dragging");
    },
    onpointermove(event) {
      if (event.pointerId !== held?.id) return;
      const [x, y] = insideOf(event);
      set(keepInside(weightsAt(x - held.right, y - held.down)));
    },
    onlostpointercapture({ pointerId, currentTarget }) {
      if (pointerId !== held?.id) return;
      held = null;
      currentTarget.classList.remove("pgc-dragging");
    },
    onkeydown(event) {
      const direction = DIRECTIONS[event.key];
      if (!isPlain(event) || direction === undefined) return;
      const size = { Home: 2, End: 2 }[event.key] ?? (event.shiftKey || event.key.startsWith("Page") ? 0.1 : 0.02);
      set(keepInside(probabilities.map((p, a) => p + size * direction[a])));
    },
  });
}

function drawArrow(a, { probabilities, weighted }, { scores, lengths }, at, tip) {
  const [x, y] = at(probabilities);
  const weight = weighted ? probabilities[a] : 1;
  const to = at(probabilities.map((p, b) => p + weight * scores[a][b]));
  const [right, down] = [to[0] - x, to[1] - y];
  const reaches = Math.hypot(right, down);
  const aside = 20 / Math.max(1, reaches); // beside the arrow, always on the same side of it
  const length = weight * lengths[a];
  return {
    arrow: line(x, y, ...to, INK, { "stroke-width": 2, "marker-end": `url(#${tip})`, ...about("score", a, length) }),
    told: reaches > 50 &&
      label(x + 0.55 * right - aside * down, y + 0.55 * down + 0.7 * aside * right + 4, short(length), "middle", HALO),
  };
}

function drawCorner(a, { actions, draws }, { counts }, { corners, side }) {
  const [x, y] = corners[a];
  const name = `${actions[a]}${draws > 0 ? ` ${counts[a]}×` : ""}`;
  const anchor = ["middle", "start", "end"][a];
  return [
    counts[a] > 0 && circle(x, y, 15 * Math.sqrt(counts[a] / draws), SAMPLED, { "fill-opacity": 0.75 }),
    nameAt(x + [0, -28, 28][a], a === 0 ? y - 13 : y + 22, name, side / 2, anchor, { "font-weight": 600 }),
  ];
}

// The simplex with the policy, its scores, and how the mean of the drawn scores came to where it is.
function drawTriangle(set, found, width, [tip, inside], hand, setPolicy) {
  const { actions, probabilities, draws } = set;
  const place = placeTriangle(width);
  const [x, y] = place.at(probabilities);
  const outline = place.corners.map((corner) => corner.join(",")).join(" ");
  const clip = { "clip-path": `url(#${inside})` };
  const arrows = actions.map((_, a) => drawArrow(a, set, found, place.at, tip));
  const mean = draws > 0 ? place.at(found.counts.map((n) => n / draws)) : null;
  const { rx, ry, turn } = errorEllipse(probabilities, draws, place.corners, [x, y]);
  const trail = found.trail.map(({ shares }) => place.at(shares).map((v) => v.toFixed(1)).join(",")).join(" ");
  const point = {
    "data-role": "policy", class: "pgc-slider", role: "slider", tabindex: 0,
    "aria-label": `the policy; arrow keys move it, up towards ${actions[0]}`,
    "aria-valuemin": LEAST, "aria-valuemax": 1 - 2 * LEAST, "aria-valuenow": probabilities[0],
    "aria-valuetext": spoken(set),
    ...hand(probabilities, place, setPolicy),
  };
  const name = "the policy π (drag it) and its scores";
  const head = { viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 11, markerHeight: 11, orient: "auto" };
  const ofTrail = { fill: "none", stroke: SAMPLED, "stroke-width": 1.5, "stroke-opacity": 0.8, ...clip };
  const turned = { transform: `rotate(${turn} ${x} ${y})`, ...UNTOUCHED };
  const ofEllipse = { fill: SAMPLED, "fill-opacity": 0.28, stroke: RIM, ...turned };
  return panel(
    title(name),
    drawing(name, [width, Math.ceil(place.low + 28)],
      h("defs", {},
        h("marker", { id: tip, ...head, markerUnits: "userSpaceOnUse" }, path("M0 0 L8 4 L0 8 z", { fill: INK })),
        h("clipPath", { id: inside }, h("polygon", { points: outline }))),
      h("polygon", { points: outline, fill: colour("muted"), stroke: colour("edge") }),
      actions.map((_, a) => drawCorner(a, set, found, place)),
      arrows.map(({ arrow }) => arrow),
      mean && h("polyline", { "data-role": "trail", points: trail, ...ofTrail }),
      arrows.map(({ told }) => told),
      mean && line(x, y, ...mean, SAMPLED, { "stroke-width": 4, ...about("mean", null, norm(found.sampleMean)) }),
      h("g", point,
        circle(x, y, 24, "transparent"),
        handle(x, y, POLICY, 10),
        !mean && label(x, y + 4.5, "π", "middle", { class: "pgc-pi" })),
      mean && h("g", clip, h("ellipse", { "data-role": "error-ellipse", cx: x, cy: y, rx, ry, ...ofEllipse })),
      mean && diamond(x, y, 6, { "data-role": "exact", stroke: PAPER, "stroke-width": 1.2, ...UNTOUCHED }),
      mean && circle(...mean, 5, SAMPLED, { stroke: RIM, ...UNTOUCHED })));
}

// The length of the mean against the number of draws, beside what is typical.
function drawPlot({ actions, draws }, found, width) {
  const [left, right] = [PLOT.left, width - PLOT.right];
  const decades = scale([0, 4], [left, right - 8]);
  const x = (n) => decades(Math.log10(n));
  const y = scale([0, PLOT.most], [PLOT.low, PLOT.top]);
  const up = (length) => y(Math.min(PLOT.most, length));
  const points = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 10000];
  const typical = points.map((n) => `${x(n).toFixed(1)},${up(found.typical(n)).toFixed(1)}`).join(" ");
  const outline = { stroke: RIM, "stroke-width": 0.7 };
  const name = "length of the mean of n scores";
  const chips = found.drawn.slice(-4).map((a) => h("span", { class: "pgc-chip" }, actions[a]));
  const isMore = draws > found.drawn.length;
  return h("div", { class: "pgc-panel", style: `width: ${width}px` },
    title(name),
    drawing(name, [width, PLOT.height],
      line(left, y(0), right, y(0), INK, { "stroke-width": 1.5 }),
      label(left - 6, y(0) + 4, "0", "end"),
      rules([0.5, 1], y, [left, right], shareText, 6),
      ticks([1, 10, 100, 1000, 10000], x, [PLOT.low, PLOT.low + 4], 13,
        (n) => (n === 10000 ? "10⁴" : String(n)), () => NEUTRAL),
      label((left + width) / 2, PLOT.height - 4, "number of draws n"),
      draws > 0 && h("polyline",
        { "data-role": "typical", points: typical, fill: "none", stroke: INK, "stroke-width": 1.5 }),
      found.trail.map(({ n, length }) => circle(x(n).toFixed(1), up(length).toFixed(1), 2.6, SAMPLED, outline)),
      draws > 0 && [diamond(x(10000), PLOT.low, 6), label(x(10000) - 10, PLOT.low - 5, "exact mean: 0", "end", HALO)],
      draws > 0
        ? label(x(3) + 8, up(found.typical(3)) - 8, "typical length (exact)", "start", HALO)
        : label((left + width) / 2, up(0.7), "draw some actions")),
    h("div", { class: "pgc-drawn", "data-role": "drawn" },
      h("span", {}, draws === 0 ? "nothing drawn yet" : isMore ? `${draws} draws, the last:` : "drawn:"),
      chips),
    draws > 0 && h("p", { class: "pgc-key" }, tinted("●", POLICY), signs(LEGEND)));
}

function drawButtons(set, { get, change }) {
  const { weighted } = set;
  return row("pgc-actions",
    [1, 10, 100].map((n) => drawMore(set, n, change)),
    clearDraws(set, freshDraws(set), change),
    button("reset", "reset", () => change({ ...get("initial"), ...freshDraws(set) })),
    check("weighted", "shorten each arrow by its probability", weighted, change.to("weighted")));
}

function drawTable({ actions, probabilities, draws }, found, { setPolicy, formulas, refuse }) {
  const field = (p, a) =>
    typed("probability-input", `probability of ${actions[a]}`, [LEAST, 1 - 2 * LEAST], Number(p.toPrecision(3)),
      (value) => setPolicy(withProbability(probabilities, a, value)), refuse, { "data-index": a });
  const typedIn = probabilities.map((p, a) => [p, field(p, a)]);
  const vector = (name, text, entries, length, write = signed, isKnown = true) => {
    const all = [...entries.map((v) => [v, write(v)]), [length, short(length), `${name}-length`]];
    return [name, text, isKnown ? all : all.map(([, , of]) => [null, "–", of])];
  };
  const many = draws > 0 ? `mean of n = ${draws}` : "mean of n draws";
  const rows = [
    ["probability", "probability", [...typedIn, [null, "", "probability-length"]]],
    ...actions.map((action, a) => vector(`score-${a}`, `score of ${action}`, found.scores[a], found.lengths[a])),
    vector("exact-mean", "mean under π, exact", found.exactMean, norm(found.exactMean), signed, draws > 0),
    vector("sample-mean", many, found.sampleMean, norm(found.sampleMean), signed, draws > 0),
    vector("error", "standard error", found.errors, found.typical(draws), short, draws > 0),
  ].map(([name, text, cells]) => [name, worded(text, formulas[name.replace(/-\d/, "")]), cells]);
  return table("the scores in numbers", [...actions, "length"], rows, "entry b of the vector");
}

const spoken = ({ actions, probabilities }) => namedValues(actions, probabilities, (p) => p.toFixed(2));

const render = makeLab({ name: "score", label: "Score explorer" }, ({ get, state, change, refuse, refused }) => {
  const ids = [newId("tip"), newId("inside")];
  const [hand, formulas] = [makeHand(), get("formulas")];
  return ({ inner, isWide }) => {
    const set = state("actions", "probabilities", "weighted", "seed", "draws", "draw_start");
    const setPolicy = (probabilities) => {
      if (String(probabilities) !== String(set.probabilities)) change({ probabilities, ...freshDraws(set) });
    };
    const found = explore(set);
    const width = isWide ? Math.floor(inner * 0.55) : inner;
    const words = whatToSee(set, found);
    return {
      seen: [
        div("pgc-panels",
          drawTriangle(set, found, width, ids, hand, setPolicy),
          drawPlot(set, found, isWide ? inner - width - 16 : inner)),
        drawButtons(set, { get, change }),
        message(refused()),
        sentence(words),
        drawTable(set, found, { setPolicy, formulas, refuse }),
      ],
      said: `Policy: ${spoken(set)}. ${words}`,
    };
  };
});

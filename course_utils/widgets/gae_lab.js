// The GAE lab: one dial λ, and the exact bias and variance of the advantage estimate at each of its settings.

// --- the mathematics, equal to gae_lab.py ------------------------------------------------------------

const EPISODES = 400;
const GRID = 100; // steps of λ from 0 to 1

// Solve matrix · x = right by elimination with row exchanges. The systems here are small and well behaved.
function solve(matrix, right) {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  const n = rows.length;
  for (let k = 0; k < n; k += 1) {
    let top = k;
    for (let i = k + 1; i < n; i += 1) if (Math.abs(rows[i][k]) > Math.abs(rows[top][k])) top = i;
    [rows[k], rows[top]] = [rows[top], rows[k]];
    for (let i = k + 1; i < n; i += 1) {
      const factor = rows[i][k] / rows[k][k];
      if (factor !== 0) for (let j = k; j <= n; j += 1) rows[i][j] -= factor * rows[k][j];
    }
  }
  const x = Array(n).fill(0);
  for (let k = n - 1; k >= 0; k -= 1) {
    let rest = rows[k][n];
    for (let j = k + 1; j < n; j += 1) rest -= rows[k][j] * x[j];
    x[k] = rest / rows[k][k];
  }
  return x;
}

// x = right + factor · P x over the places; 0 at home, the last state.
function solveAlong(moves, right, factor) {
  const places = moves.length - 1;
  const matrix = Array.from({ length: places }, (_, i) =>
    Array.from({ length: places }, (_, j) => (i === j ? 1 : 0) - factor * moves[i][j]),
  );
  return [...solve(matrix, right.slice(0, places)), 0];
}

function average(weights, values) {
  return weights.reduce((s, w, i) => s + w * values[i], 0);
}

// What does not depend on λ: the exact values, the critic, the exact advantage of the first place.
function makeWorld({ transitions, rewards, policy, error_shape: shape }, discount, error) {
  const moves = transitions.map((ofActions, s) =>
    transitions.map((_, next) => average(policy[s], ofActions.map((row) => row[next]))),
  );
  const values = solveAlong(moves, rewards.map((row, s) => average(policy[s], row)), discount);
  const critic = values.map((v, s) => v + error * shape[s]);
  const advantages = transitions[0].map((row, a) => rewards[0][a] + discount * average(row, values) - values[0]);
  return { transitions, rewards, policy, discount, moves, values, critic, advantages };
}

// The mean and the variance of Â(λ) for each first action at the first place (gae_moments in Python).
function momentsAt({ transitions, rewards, policy, discount, moves, critic }, lambda) {
  const decay = discount * lambda;
  const delta = (s, a, next) => rewards[s][a] + discount * critic[next] - critic[s];
  const forEach = (make) => transitions.map((ofActions, s) => ofActions.map((row, a) => make(row, s, a)));
  const deltas = forEach((row, s, a) => row.reduce((sum, p, next) => sum + p * delta(s, a, next), 0));
  const following = solveAlong(moves, deltas.map((row, s) => average(policy[s], row)), decay);
  const reached = (s, a, next) => delta(s, a, next) + decay * following[next];
  const mean = forEach((row, s, a) => row.reduce((sum, p, next) => sum + p * reached(s, a, next), 0));
  const within = forEach((row, s, a) => row.reduce((sum, p, next) => sum + p * (reached(s, a, next) - mean[s][a]) ** 2, 0));
  const each = within.map(
    (row, s) => average(policy[s], row) + average(policy[s], mean[s].map((m) => (m - following[s]) ** 2)),
  );
  const spread = solveAlong(moves, each, decay * decay);
  return {
    mean: mean[0],
    variance: within[0].map((w, a) => w + decay * decay * average(transitions[0][a], spread)),
  };
}

function errorsAt(world, lambda, action) {
  const { mean, variance } = momentsAt(world, lambda);
  const bias = mean[action] - world.advantages[action];
  return { lambda, mean: mean[action], bias, variance: variance[action], sum: bias * bias + variance[action] };
}

// The states of each episode from the first place on, and its actions.
function sampleEpisodes({ transitions, policy }, action, seed, draw) {
  const home = transitions.length - 1;
  return Array.from({ length: EPISODES }, (_, i) => {
    const [states, actions] = [[0], []];
    for (let t = 0; states[t] !== home; t += 1) {
      const s = states[t];
      const a = t === 0 ? action : drawAction(policy[s], uniform(seed, draw, 2 * t, i));
      actions.push(a);
      states.push(drawAction(transitions[s][a], uniform(seed, draw, 2 * t + 1, i)));
    }
    return { states, actions };
  });
}

// Â(λ) of the first step of an episode: Â_t = δ_t + γλ Â_{t+1}, from the end backwards.
function estimate({ states, actions }, { rewards, critic, discount }, lambda) {
  let following = 0;
  for (let t = actions.length - 1; t >= 0; t -= 1) {
    const delta = rewards[states[t]][actions[t]] + discount * critic[states[t + 1]] - critic[states[t]];
    following = delta + discount * lambda * following;
  }
  return following;
}

// Mean, bias, variance and mean squared error of a sample, each with its standard error.
function measure(estimates, advantage) {
  const m = estimates.length;
  const mean = estimates.reduce((s, x) => s + x, 0) / m;
  const power = (k, centre) => estimates.reduce((s, x) => s + (x - centre) ** k, 0) / m;
  const variance = (power(2, mean) * m) / (m - 1);
  const [square, fourth] = [power(2, advantage), power(4, advantage)];
  const error = (fourth_, second) => Math.sqrt(Math.max(fourth_ - second * second, 0) / m);
  return {
    values: { mean, bias: mean - advantage, variance, sum: square },
    errors: {
      mean: Math.sqrt(variance / m),
      bias: Math.sqrt(variance / m),
      variance: error(power(4, mean), power(2, mean)),
      sum: error(fourth, square),
    },
  };
}

// --- what the lab says in words ----------------------------------------------------------------------

const dialText = (x) => (x === 0 || x === 1 ? String(x) : probabilityText(x));
const CLOSE = 0.05; // a dial this near the best one is called "about right"

function whatIsSeen({ lambda, error }, now, best) {
  const share = (part) => `${Math.round((100 * part) / now.sum)} %`;
  const least = `The least is ${short(best.sum)}, at λ = ${dialText(best.lambda)}.`;
  if (Math.abs(error) < 1e-9)
    return lambda === 0
      ? "An exact critic has no bias at any λ, so the one TD error is the best estimate there is."
      : `An exact critic has no bias at any λ: all of the squared error is variance. ${least}`;
  const mood = error > 0 ? "optimistic" : "pessimistic";
  if (Math.abs(lambda - best.lambda) < CLOSE)
    return `About the best setting for this critic: bias² is ${share(now.bias ** 2)} of the squared error, variance the rest. ${least}`;
  if (lambda < best.lambda)
    return `Bias² is ${share(now.bias ** 2)} of the squared error: the estimate leans on a critic that is too ${mood}. ${least}`;
  if (lambda === 1)
    return `At λ = 1 the critic’s error drops out: the squared error is all variance, the luck of one episode. ${least}`;
  return `Variance is ${share(now.variance)} of the squared error: the estimate leans on the luck of one episode. ${least}`;
}

// --- the picture -------------------------------------------------------------------------------------

const NICE_LIMITS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 50];
const REACH = 10; // TD errors whose weight is drawn
const SMALL = { height: 148, top: 20, bottom: 22, left: 30, right: 8 };
const CHART = { height: 258, rail: 28, top: 46, bottom: 22, left: 34 };
const STRIP = { height: 152, row: 16, top: 32, bottom: 24, left: 10, right: 10 };
const BEYOND = 8; // episodes of a long tail that may lie off the scale
const GOLDEN = 0.6180339887498949; // spreads the dots evenly over the height of their strip
const CURVES = [
  { name: "bias", words: "bias²", stroke: paint("value"), width: 2.6, dash: "7 5", of: ({ bias }) => bias * bias },
  { name: "variance", words: "variance", stroke: paint("neutral"), width: 2, dash: "10 4 2 4", of: ({ variance }) => variance },
  { name: "sum", words: "sum", stroke: paint("exact"), width: 2.8, dash: null, of: ({ sum }) => sum },
];
const COLUMNS = [
  ["mean", "mean of Â(λ)", "mean"],
  ["bias", "bias", "bias"],
  ["variance", "variance", "variance"],
  ["sum", "squared error", "sq. error"],
];
const CRITIC_COLOUR = paint("value");
const INK = paint("sampled-ink"); // outline of what is sampled

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "gae",
    role: "group",
    "aria-label": "GAE lab",
  });
  const save = makeSaver(model, root);
  keepPlainKeys(root);
  const get = (name) => model.get(name);
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    save();
  };
  const state = () => ({
    lambda: get("lambda_"),
    error: get("critic_error"),
    discount: get("discount"),
    action: get("action"),
    seed: get("seed"),
    draw: get("draw"),
  });
  const tables = get("world");
  const places = tables.transitions.length - 1;

  // What stays while the dial is turned is computed once.
  const remember = () => {
    let [key, kept] = [null, null];
    return (newKey, make) => {
      if (newKey !== key) [key, kept] = [newKey, make()];
      return kept;
    };
  };
  const [keepCurves, keepEpisodes, keepRange] = [remember(), remember(), remember()];
  const compute = () => {
    const { lambda, error, discount, action, seed, draw } = state();
    const setting = `${error} ${discount} ${action}`;
    const sample = `${action} ${seed} ${draw}`;
    const { world, curves, best } = keepCurves(setting, () => {
      const made = makeWorld(tables, discount, error);
      const points = Array.from({ length: GRID + 1 }, (_, k) => errorsAt(made, k / GRID, action));
      return { world: made, curves: points, best: points.reduce((a, b) => (b.sum < a.sum ? b : a)) };
    });
    const episodes = keepEpisodes(sample, () => sampleEpisodes(tables, action, seed, draw));
    const estimates = episodes.map((episode) => estimate(episode, world, lambda));
    const range = keepRange(`${setting} ${sample}`, () => {
      let [low, high] = [world.advantages[action], world.advantages[action]];
      for (let k = 0; k <= 10; k += 1) {
        const sorted = episodes.map((episode) => estimate(episode, world, k / 10)).sort((x, y) => x - y);
        [low, high] = [Math.min(low, sorted[BEYOND]), Math.max(high, sorted[EPISODES - 1])];
      }
      const unit = high - low > 3 ? 1 : 0.5;
      return [unit * Math.floor(low / unit - 0.1), unit * Math.ceil(high / unit + 0.1)];
    });
    const advantage = world.advantages[action];
    const now = errorsAt(world, lambda, action);
    return { world, curves, best, estimates, range, advantage, now, measured: measure(estimates, advantage) };
  };

  // --- what the learner sets
  const opening = htmlNode(root, "p", { class: "pgc-opening" });
  opening.append("Six places of ice, then home; a step costs 1. Walk: one place on (80 %), else stay. ");
  opening.append("Run: two on (80 %), else back to the first. After that, either with equal odds.");
  const bottom = htmlNode(root, "div", { class: "pgc-row pgc-settings" });
  const actionLabel = htmlNode(bottom, "label", {}, "first action ");
  const action = htmlNode(actionLabel, "select", { "data-role": "action" });
  tables.actions.forEach((word, a) => htmlNode(action, "option", { value: a }, word));
  action.addEventListener("change", () => change({ action: Number(action.value) }));
  const setting = (role, words, trait, attributes) => {
    const label = htmlNode(bottom, "label", {}, words);
    const input = htmlNode(label, "input", { type: "range", "data-role": role, ...attributes });
    const shown = htmlNode(label, "span", { class: "pgc-shown", "data-role": `${role}-shown` });
    input.addEventListener("input", () => change({ [trait]: Number(input.value) }));
    return { input, shown };
  };
  const error = setting("critic-error", "critic’s error ", "critic_error", { min: -3, max: 3, step: 0.1 });
  const discount = setting("discount", "discount γ ", "discount", { min: 0.5, max: 1, step: 0.01 });
  const reset = htmlNode(bottom, "button", { type: "button", "data-role": "reset" }, "reset");
  reset.addEventListener("click", () => change({ ...get("initial"), draw: 0 }));

  // --- the panels
  const panel = (parent, title, label = title) => {
    const box = htmlNode(parent, "div", { class: "pgc-panel" });
    const heading = htmlNode(box, "p", { class: "pgc-title" }, title);
    const key = htmlNode(heading, "span", { class: "pgc-key" });
    return { box, heading, key, svg: svgNode(box, "svg", { role: "group", "aria-label": label }) };
  };
  const text = (svg, anchor = "middle", attributes = {}, content = null) =>
    svgNode(svg, "text", { "text-anchor": anchor, "aria-hidden": "true", ...attributes }, content);
  const rules = (svg, count) =>
    Array.from({ length: count }, () => ({ line: svgNode(svg, "line", { stroke: paint("rule") }), label: text(svg, "end") }));

  const chart = panel(root, "squared error of Â(λ), exact");
  const ends = htmlNode(root, "div", { class: "pgc-ends" });
  htmlNode(ends, "span", {}, "λ = 0: one TD error, leans on the critic");
  htmlNode(ends, "span", {}, "λ = 1: whole return, leans on luck");
  const sentence = htmlNode(root, "p", { class: "pgc-sentence", "data-role": "sentence" });

  const panels = htmlNode(root, "div", { class: "pgc-panels" });
  const weights = panel(panels, "TD errors’ weights in ");
  const critic = panel(panels, "value of each place");
  setText(critic.key, "the critic is right at place 1");

  const strip = panel(root, `${EPISODES} sampled Â(λ), one dot each`);
  const again = htmlNode(strip.box, "button", { type: "button", "data-role": "draw-again", class: "pgc-primary" }, "draw again");
  again.addEventListener("click", () => change({ draw: get("draw") + 1 }));
  const stripHead = htmlNode(strip.box, "div", { class: "pgc-strip-head" });
  stripHead.append(strip.heading, again);
  strip.box.prepend(stripHead);
  const table = htmlNode(root, "table", { class: "pgc-table", role: "table", "aria-label": "exact and measured", style: "--columns: 4" });
  const live = makeLiveRegion(root);

  // The weights.
  htmlNode(weights.heading, "span", { class: "pgc-formula" }).innerHTML = get("formulas").estimate ?? "";
  const weightRules = rules(weights.svg, 3);
  const weightBars = Array.from({ length: REACH + 1 }, (_, l) => ({
    bar: svgNode(weights.svg, "rect", { "data-role": "weight", "data-index": l, fill: paint("neutral") }),
    value: text(weights.svg),
    name: text(weights.svg, l === 0 ? "end" : "middle", {}, l === 0 ? "l = 0" : String(l)),
  }));

  // The critic beside the exact values.
  const valueRules = rules(critic.svg, 3);
  const placeNames = Array.from({ length: places + 1 }, (_, s) => text(critic.svg, "middle", {}, s < places ? String(s + 1) : "home"));
  const exactLine = svgNode(critic.svg, "path", { fill: "none", stroke: paint("exact"), "stroke-width": 1.6 });
  const criticLine = svgNode(critic.svg, "path", { fill: "none", stroke: CRITIC_COLOUR, "stroke-width": 2.2, "stroke-dasharray": "6 4" });
  const valueMarks = Array.from({ length: places + 1 }, (_, s) => ({
    critic: svgNode(critic.svg, "rect", { "data-role": "critic", "data-index": s, width: 8, height: 8, fill: paint("paper"), stroke: CRITIC_COLOUR, "stroke-width": 2 }),
    exact: svgNode(critic.svg, "path", { "data-role": "value", "data-index": s, fill: paint("exact") }),
  }));
  const exactName = text(critic.svg, "middle", {}, "exact V");
  const criticName = text(critic.svg, "middle", {}, "critic V̂");

  // The curves and the dial.
  const chartRules = rules(chart.svg, 3);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, mark: svgNode(chart.svg, "line", { stroke: paint("axis") }), label: text(chart.svg) }));
  const drop = svgNode(chart.svg, "line", { stroke: paint("axis"), "stroke-dasharray": "2 3" });
  const curves = CURVES.map(({ name, words, stroke, width, dash, of }) => ({
    name,
    of,
    line: svgNode(chart.svg, "path", {
      fill: "none",
      stroke,
      "stroke-width": width,
      "stroke-dasharray": dash,
      "stroke-linejoin": "round",
      "data-role": "curve",
      "data-name": name,
    }),
    label: text(chart.svg, "start", { "data-role": "curve-name", "font-weight": name === "sum" ? 600 : 400 }, words),
  }));
  const bestMark = svgNode(chart.svg, "path", { "data-role": "best", fill: paint("paper"), stroke: paint("exact"), "stroke-width": 1.8 });
  const dial = svgNode(chart.svg, "g", { "data-role": "lambda" });
  const rail = svgNode(dial, "rect", { fill: paint("wash"), height: 4, rx: 2 });
  const reach = [svgNode(dial, "rect", { fill: "transparent" }), svgNode(dial, "rect", { fill: "transparent" })];
  const dialLine = svgNode(dial, "line", { stroke: paint("policy"), "stroke-width": 2 });
  const points = CURVES.map(({ name }) =>
    svgNode(dial, "circle", { r: 4.5, fill: paint("paper"), stroke: paint("policy"), "stroke-width": 2, "data-role": "point", "data-name": name }),
  );
  const ring = svgNode(dial, "circle", { class: "pgc-ring", r: 13 });
  const handle = svgNode(dial, "circle", { class: "pgc-handle", r: 9, fill: paint("policy") });
  const dialName = text(dial, "middle", { "font-weight": 600 });
  let geometry = null;
  makeSlider(dial, {
    valueAt: (x) => Number(geometry.lambdaAt(x - chart.svg.getBoundingClientRect().left).toFixed(2)),
    get: () => get("lambda_"),
    set: (value) => change({ lambda_: value }),
    limits: () => [0, 1],
    small: 0.01,
    large: 0.1,
    onStart: (event) => {
      const x = geometry.lambdaAt(event.clientX - chart.svg.getBoundingClientRect().left);
      change({ lambda_: Math.min(1, Math.max(0, Number(x.toFixed(2)))) });
    },
  });

  // The sampled estimates.
  const stripTicks = Array.from({ length: 12 }, () => ({ line: svgNode(strip.svg, "line", { stroke: paint("rule") }), label: text(strip.svg) }));
  const dots = svgNode(strip.svg, "g", { "data-role": "estimates", fill: paint("sampled"), "fill-opacity": 0.6, stroke: INK, "stroke-opacity": 0.45, "stroke-width": 0.8 });
  const episodeDots = Array.from({ length: EPISODES }, () => svgNode(dots, "circle", {}));
  const truth = svgNode(strip.svg, "line", { stroke: paint("exact"), "stroke-width": 1.6 });
  const gap = svgNode(strip.svg, "line", { stroke: paint("axis"), "stroke-dasharray": "2 3" });
  const errorBar = svgNode(strip.svg, "line", { stroke: INK, "stroke-width": 5, "stroke-opacity": 0.55, "stroke-linecap": "round" });
  const meanMark = svgNode(strip.svg, "circle", { r: 5.5, fill: paint("sampled"), stroke: INK, "stroke-width": 1.5, "data-role": "mean" });
  const truthMark = svgNode(strip.svg, "path", { fill: paint("exact"), "data-role": "advantage" });
  const beyond = text(strip.svg, "start");

  // The table.
  const head = htmlNode(htmlNode(table, "thead", { role: "rowgroup" }), "tr", { role: "row" });
  htmlNode(head, "th", { role: "columnheader", scope: "col" });
  const columnHeads = COLUMNS.map(() => htmlNode(head, "th", { role: "columnheader", scope: "col" }));
  const body = htmlNode(table, "tbody", { role: "rowgroup" });
  const rows = [
    ["exact", "exact"],
    ["measured", `measured on the ${EPISODES} episodes`],
    ["error", "its standard error"],
  ].map(([name, words]) => {
    const row = htmlNode(body, "tr", { role: "row" });
    htmlNode(row, "th", { role: "rowheader", scope: "row" }, words);
    const cells = COLUMNS.map(([column]) => htmlNode(row, "td", { role: "cell", "data-row": name, "data-column": column }));
    return { name, cells };
  });

  // --- drawing
  function layout() {
    const inner = Math.max(120, (root.clientWidth || UNSEEN_WIDTH) - 24); // a side bar may leave next to nothing
    const wide = inner >= 560;
    root.classList.toggle("pgc-narrow", !wide);
    root.classList.toggle("pgc-slim", inner < 340);
    const small = Math.floor(wide ? (inner - 16) / 2 : inner);
    const right = inner - 66;
    const chartLow = CHART.height - CHART.bottom;
    geometry = {
      inner,
      wide,
      small,
      right,
      chartLow,
      smallLow: SMALL.height - SMALL.bottom,
      lambdaX: (lambda) => CHART.left + (right - CHART.left) * lambda,
      lambdaAt: (x) => (x - CHART.left) / (right - CHART.left),
    };
    const size = (svg, width, height) => setAttributes(svg, { width, height, viewBox: `0 0 ${width} ${height}` });
    for (const { svg } of [weights, critic]) size(svg, small, SMALL.height);
    size(chart.svg, inner, CHART.height);
    size(strip.svg, inner, STRIP.height);
    refresh();
  }

  const polyline = (list) => list.map(([x, y], k) => `${k === 0 ? "M" : "L"}${x.toFixed(2)} ${y.toFixed(2)}`).join(" ");
  const diamond = (x, y, size) => `M${x} ${y - size} L${x + size} ${y} L${x} ${y + size} L${x - size} ${y} z`;

  function drawRules(nodes, values, y, left, right, words = short) {
    nodes.forEach(({ line, label }, i) => {
      const at = y(values[i]);
      setAttributes(line, { x1: left, x2: right, y1: at, y2: at, stroke: values[i] === 0 ? paint("axis") : paint("rule") });
      setAttributes(label, { x: left - 5, y: at + 4 });
      setText(label, words(values[i]));
    });
  }

  function drawWeights({ lambda, discount: gamma }) {
    const { small, smallLow } = geometry;
    const y = (w) => SMALL.top + (smallLow - SMALL.top) * (1 - w);
    const band = (small - SMALL.left - SMALL.right) / (REACH + 1);
    drawRules(weightRules, [1, 0.5, 0], y, SMALL.left, small - SMALL.right, (w) => (w === 0.5 ? ".5" : String(w)));
    weightBars.forEach(({ bar, value, name }, l) => {
      const weight = (gamma * lambda) ** l;
      const x = SMALL.left + band * (l + 0.5);
      setAttributes(bar, { x: x - band * 0.32, width: band * 0.64, y: y(weight), height: smallLow - y(weight), "data-value": weight });
      setAttributes(value, { x, y: y(weight) - 5, visibility: weight >= 0.005 && (band >= 24 || l % 2 === 0) ? null : "hidden" });
      setText(value, dialText(weight));
      setAttributes(name, { x: l === 0 ? x + 4 : x, y: SMALL.height - 6 });
    });
  }

  function drawCritic({ error: size }, { world }) {
    const { small, smallLow } = geometry;
    const all = [...world.values, ...world.critic];
    const high = Math.max(0, Math.ceil(Math.max(...all) - 1e-9));
    const low = Math.floor(1.2 * Math.min(...all) - 0.2 * high); // room for a name below the lower line
    const y = (v) => SMALL.top + ((smallLow - SMALL.top) * (high - v)) / (high - low);
    const band = (small - SMALL.left - SMALL.right) / (places + 1);
    const x = (s) => SMALL.left + band * (s + 0.5);
    const far = (smallLow - SMALL.top) * Math.min(high, -low) < 16 * (high - low); // two labels would touch
    drawRules(valueRules, [high, 0, low], y, SMALL.left, small - SMALL.right);
    setAttributes(valueRules[0].label, { visibility: high === 0 || far ? "hidden" : null });
    setAttributes(exactLine, { d: polyline(world.values.map((v, s) => [x(s), y(v)])) });
    setAttributes(criticLine, { d: polyline(world.critic.map((v, s) => [x(s), y(v)])) });
    valueMarks.forEach(({ exact, critic: square }, s) => {
      setAttributes(exact, { d: diamond(x(s), y(world.values[s]), 4.5), "data-value": world.values[s] });
      setAttributes(square, { x: x(s) - 4, y: y(world.critic[s]) - 4, "data-value": world.critic[s] });
      setAttributes(placeNames[s], { x: x(s), y: SMALL.height - 6 });
    });
    const [over, under] = size >= 0 ? [criticName, exactName] : [exactName, criticName];
    setAttributes(over, { x: x(1), y: y(Math.max(world.values[1], world.critic[1])) - 9 });
    setAttributes(under, { x: x(3) + band * 0.5, y: y(Math.min(world.values[3], world.critic[3])) + 17 });
  }

  function drawChart({ lambda }, { curves: list, best, now }) {
    const { right, chartLow, lambdaX } = geometry;
    const largest = Math.max(...list.map(({ sum }) => sum));
    const limit = NICE_LIMITS.find((nice) => nice >= largest) ?? 100;
    const y = (v) => chartLow - ((chartLow - CHART.top) * v) / limit;
    drawRules(chartRules, [limit, limit / 2, 0], y, CHART.left, right);
    ticks.forEach(({ at, mark, label }) => {
      setAttributes(mark, { x1: lambdaX(at), x2: lambdaX(at), y1: chartLow, y2: chartLow + 4 });
      setAttributes(label, { x: lambdaX(at), y: chartLow + 17 });
      setText(label, at === 0 ? "λ = 0" : dialText(at).replace(".50", ".5"));
    });
    curves.forEach(({ of, line }) => setAttributes(line, { d: polyline(list.map((point) => [lambdaX(point.lambda), y(of(point))])) }));
    // Names stand at the right end, pushed apart from the bottom up.
    let floor = chartLow + 4;
    curves.forEach(({ name, of, label }) => {
      const wanted = y(of(list[GRID])) + (name === "sum" ? -4 : name === "variance" ? 12 : 4);
      const at = Math.min(wanted, floor);
      setAttributes(label, { x: right + 11, y: at });
      floor = at - 15;
    });
    const [bestX, bestY] = [lambdaX(best.lambda), y(best.sum)];
    setAttributes(drop, { x1: bestX, x2: bestX, y1: bestY, y2: chartLow });
    setAttributes(bestMark, { d: `M${bestX} ${bestY - 2} l-7 -11 h14 z`, "data-value": best.lambda });
    setText(chart.key, `▽ least: ${short(best.sum)} at λ = ${dialText(best.lambda)}`);
    const x = lambdaX(lambda);
    setAttributes(rail, { x: CHART.left, width: right - CHART.left, y: CHART.rail - 2 });
    setAttributes(reach[0], { x: CHART.left - 10, width: right - CHART.left + 20, y: CHART.rail - 14, height: 28 });
    setAttributes(reach[1], { x: x - 20, width: 40, y: 0, height: chartLow }); // a finger elsewhere scrolls the page
    setAttributes(dialLine, { x1: x, x2: x, y1: CHART.rail, y2: chartLow });
    setAttributes(handle, { cx: x, cy: CHART.rail });
    setAttributes(ring, { cx: x, cy: CHART.rail });
    setAttributes(dialName, { x, y: 12 });
    setText(dialName, `λ = ${dialText(lambda)}`);
    points.forEach((point, k) => setAttributes(point, { cx: x, cy: y(CURVES[k].of(now)), "data-value": CURVES[k].of(now) }));
    const spoken = `${dialText(lambda)}, bias ${signed(now.bias)}, variance ${short(now.variance)}`;
    describeSlider(dial, "λ", lambda, [0, 1], spoken);
    setAttributes(dial, { "aria-orientation": "horizontal" });
  }

  const tied = (words, value) => `${words} ${signed(value)}`.replaceAll(" ", " ");

  function drawStrip({ estimates, range: [low, high], advantage, measured }) {
    const { inner, wide } = geometry;
    const width = inner - STRIP.left - STRIP.right;
    const x = (v) => STRIP.left + (width * (Math.min(high, Math.max(low, v)) - low)) / (high - low);
    const bottom_ = STRIP.height - STRIP.bottom;
    const step = [0.5, 1, 2, 5, 10].find((size) => (high - low) / size <= (wide ? 10 : 6)) ?? 20;
    const first = Math.ceil(low / step) * step;
    stripTicks.forEach(({ line, label }, k) => {
      const v = first + k * step;
      const visibility = v <= high ? null : "hidden";
      setAttributes(line, { x1: x(v), x2: x(v), y1: STRIP.top - 4, y2: bottom_, visibility });
      setAttributes(label, { x: x(v), y: bottom_ + 16, visibility });
      setText(label, signed(v));
    });
    const place = (i) => STRIP.top + (bottom_ - STRIP.top - 4) * ((i * GOLDEN) % 1);
    estimates.forEach((value, i) =>
      setAttributes(episodeDots[i], {
        cx: value < low ? STRIP.left - 5 : x(value).toFixed(2),
        cy: place(i).toFixed(2),
        r: wide ? 2.8 : 2.2,
        fill: value < low ? paint("paper") : null,
      }),
    );
    dots.estimates = estimates; // for tests: the numbers behind the dots
    const { mean } = measured.values;
    setAttributes(truth, { x1: x(advantage), x2: x(advantage), y1: STRIP.row, y2: bottom_ });
    setAttributes(truthMark, { d: diamond(x(advantage), STRIP.row, 7), "data-value": advantage });
    setAttributes(gap, { x1: x(advantage), x2: x(mean), y1: STRIP.row, y2: STRIP.row });
    const half = 2 * measured.errors.mean;
    setAttributes(errorBar, { x1: x(mean - half), x2: x(mean + half), y1: STRIP.row, y2: STRIP.row });
    setAttributes(meanMark, { cx: x(mean), cy: STRIP.row, "data-value": mean });
    const off = estimates.filter((value) => value < low).length;
    setText(beyond, off > 0 ? `◂ ${off} further left` : "");
    setAttributes(beyond, { x: STRIP.left - 4, y: STRIP.row + 4 });
    setText(strip.key, `${tied("◆ exact A(s, a)", advantage)}   ${tied("● their mean", mean)}`);
  }

  function drawTable({ now, measured }) {
    columnHeads.forEach((node, k) => setText(node, COLUMNS[k][geometry.wide ? 1 : 2]));
    const values = { exact: now, measured: measured.values, error: measured.errors };
    for (const { name, cells } of rows)
      cells.forEach((cell, k) => {
        const value = values[name][COLUMNS[k][0]];
        setAttributes(cell, { "data-value": value });
        setText(cell, name === "error" || k >= 2 ? short(value) : signed(value));
      });
  }

  function refresh() {
    if (geometry === null) return;
    const now = state();
    const all = compute();
    action.value = now.action;
    error.input.value = now.error;
    setText(error.shown, signed(now.error));
    setAttributes(error.input, { "aria-valuetext": `${signed(now.error)}${now.error === 0 ? ", exact" : now.error > 0 ? ", too optimistic" : ", too pessimistic"}` });
    discount.input.value = now.discount;
    setText(discount.shown, dialText(now.discount));
    setAttributes(discount.input, { "aria-valuetext": dialText(now.discount) });
    drawChart(now, all);
    drawWeights(now);
    drawCritic(now, all);
    drawStrip(all);
    drawTable(all);
    const words = whatIsSeen(now, all.now, all.best);
    setText(sentence, words);
    live.say(
      `λ ${dialText(now.lambda)}: bias ${signed(all.now.bias)}, variance ${short(all.now.variance)}, ` +
        `bias squared plus variance ${short(all.now.sum)}. ${words}`,
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

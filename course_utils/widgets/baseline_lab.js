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

function workOut({ logits, rewards, baseline: b, action_dependence: c }) {
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

// How often each action is drawn.
function countDrawn(pi, uniforms) {
  const counts = pi.map(() => 0);
  for (const u of uniforms) counts[drawAction(pi, u)] += 1;
  return counts;
}

// --- what the lab says in words -----------------------------------------------------------------------

// A variance as text: three significant digits.
function few(x) {
  return x < 1e-20 ? "0" : x >= 100 || x < 1e-5 ? short(x) : String(Number(x.toPrecision(x >= 1e-3 ? 3 : 2)));
}

function times(ratio) {
  const text = String(Number(ratio.toPrecision(2)));
  return ratio >= 1e5 ? short(ratio) : ratio >= 100 ? grouped(text) : text;
}

const isNothing = (x) => Math.abs(x) < 1e-12;
const cleared = (x) => (isNothing(x) ? 0 : x);

function whatIsSeen({ actions, baseline: b, action_dependence: c }, all) {
  const plain = all.at.zero;
  if (c > 0) {
    if (all.exact.every((g) => Math.abs(g) < 1e-9))
      return "The exact gradient is 0 here: there is nothing that a baseline of each action could spoil.";
    const largest = all.bias.reduce((most, v, k) => (Math.abs(v) > Math.abs(all.bias[most]) ? k : most), 0);
    const follows = `Now the baseline follows the drawn action. The variance is ${few(all.now)}, but the mean has left`;
    const bias = `on the logit of ${actions[largest]} the bias is ${signed(all.bias[largest])}`;
    return `${follows} the exact gradient: ${bias}. More samples do not cure a bias.`;
  }
  if (plain < 1e-20) return "All rewards are 0: without a baseline every estimate is 0, and so is the gradient.";
  const isWorse = all.at.value > 1.05 * plain;
  const reason = "the rare actions have the long scores, and V gives them the large weights.";
  const harm = `Here V is worse than no baseline, ${times(all.at.value / plain)} times the variance: ${reason}`;
  const worse = isWorse ? ` ${harm}` : "";
  const drag = "Drag the large dot: the spread changes, the mean stays.";
  if (Math.abs(b) < 1e-9) return `No baseline: one sample’s gradient has variance ${few(plain)}. ${drag}${worse}`;
  const ratio = all.now / plain;
  const much = ratio > 1.05 ? `${times(ratio)} times as much as` : `${times(1 / ratio)} times less than`;
  const compared = `${ratio > 0.95 && ratio <= 1.05 ? "about as much as" : much} without a baseline`;
  const told = ratio < 1e-12 ? "the variance is 0, every sample is the gradient itself"
    : `the variance is ${few(all.now)}, ${compared}`;
  const unbiased = "The mean is still the exact gradient.";
  if (isWorse && Math.abs(b - all.value) < 5e-3) return `At b = V ${told}: ${reason} ${unbiased}`;
  return `At b = ${short(b)} ${told}. ${unbiased}${worse}`;
}

// --- the picture --------------------------------------------------------------------------------------

const LOGIT_LIMIT = 8;
const LIMITS = [-20, 20]; // of rewards and the baseline
const FIRST_DEPENDENCE = 0.5; // what the check box sets
const CURVE = { height: 256, left: 40, right: 12, top: 56, low: 213, row: 16 };
const BARS = { height: 206, left: 40, right: 34, top: 26, low: 182 };
const STRIP = { height: 240, left: 84, right: 12, top: 2, row: 40, spreadRow: 36, zoomTop: 182, zoomRow: 34 };
const HEAP = 17; // most of a heap's radius
const TICKS = 9;
const MARKS = [
  ["zero", "no baseline (0)", NEUTRAL, "1.5 3"],
  ["value", "V = J", colour("value-ink"), "5 3"],
  ["best", "best b*", EXACT, null],
];

// Round numbers from low to high, about as many as wanted.
function roundTicks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.min(TICKS, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
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

// The ends of the scales: of rewards and baselines, which follow from the rewards and take in the baseline; and what
// follows from them: the largest variance, the ends of the estimates and of the picture near their mean.
function findScales({ baseline: b, rewards, component: k }, all) {
  const [low, high] = [Math.min(0, ...rewards), Math.max(0, ...rewards)];
  const room = 0.1 * Math.max(high - low, 1);
  const ends = [Math.min(low - room, b), Math.max(high + room, b)];
  const extremes = ends.flatMap((end) => moments(all.pi, weightsOf(rewards, end, 0)).each.map((row) => row[k]));
  return {
    ends,
    most: 1.04 * Math.max(...ends.map((end) => all.variance(end, 0))) || 1,
    spread: [Math.min(0, ...extremes), Math.max(0, ...extremes)],
    nearest: 1.25 * Math.max(...all.exact.map(Math.abs)) || 1,
  };
}

// What the sliders of rewards and of the baseline share; `still` holds the ends of their scale during a drag.
function sliderOn([low, high], still) {
  const within = still.isHeld() ? [Math.max(LIMITS[0], low), Math.min(LIMITS[1], high)] : undefined;
  return { limits: LIMITS, within, ...still.hand };
}

// Where each mark of the parabola stands, and its name in a row of its own above, on the side where nothing crosses it.
function placeMarks(all, x, inner) {
  const values = { zero: 0, value: all.value, best: all.best };
  return MARKS.map(([name, words, tint, dash], row) => {
    const [value, at, top] = [values[name], x(values[name]), (row + 1) * CURVE.row];
    const text = name === "zero" ? words : `${words} = ${short(value)}`;
    const room = 7 * text.length + 5;
    const others = MARKS.slice(0, row).map(([other]) => x(values[other]));
    const isCrossed = (from, to) => others.some((other) => other > from + 1 && other < to);
    const isLeft = isCrossed(at, at + room) && !isCrossed(at - room, at);
    const flip = at - room >= 0 && (at + room > inner || isLeft);
    return { name, value, at, top, text, tint, dash, flip };
  });
}

function drawCurve({ baseline: b, action_dependence: c }, all, { inner, isWide }, { ends, most }, still, change) {
  const [low, high] = ends;
  const right = inner - CURVE.right;
  const x = scale(ends, [CURVE.left, right]);
  const height = scale([0, most], [CURVE.low, CURVE.top]);
  const y = (variance) => Math.max(CURVE.top - 8, height(variance)); // beyond it only while a hand holds the scale
  const parabola = (dependence) =>
    Array.from({ length: 121 }, (_, i) => {
      const at = low + ((high - low) * i) / 120;
      return [x(at), y(all.variance(at, dependence))];
    });
  const [px, py] = [x(b), y(all.now)];
  const [from, to] = [Math.max(0, px - 28), Math.min(inner, px + 28)];
  const marks = placeMarks(all, x, inner);
  const point = ({ name, value, at, tint }, row) => {
    const v = all.at[name];
    const look = name === "zero" ? { fill: PAPER, stroke: tint } : { fill: tint, stroke: PAPER };
    const more = { ...look, "stroke-width": 1.5, ...about("mark", row, v), "data-name": name, "data-at": value };
    if (name === "best") return diamond(at, y(v), 7, more);
    return path(`M${at - 4.5} ${y(v)} a4.5 4.5 0 1 0 9 0 a4.5 4.5 0 1 0 -9 0 z`, more);
  };
  const slider = {
    label: "baseline b", value: b, text: `${short(b)}, variance ${few(all.now)}`,
    steps: [0.1, 1], axis: x, across: true, round: (value) => roundTo(0.01, value), grip: Infinity,
    set: change.to("baseline"),
    ...sliderOn(ends, still),
  };
  const dash = isWide ? " — " : "";
  const faint = c > 0 ? ` ┈ ${isWide ? "with " : ""}one b for all actions` : "";
  const told = `${dash}exact; at b = ${short(b)}: ${few(all.now)}${faint}`;
  return panel(
    title("variance of one sample’s gradient", h("span", { class: "pgc-key", "data-role": "curve-key" }, told)),
    drawing("variance against the baseline", [inner, CURVE.height],
      ticks(fittingTicks(low, high, right - CURVE.left, 7, short), x, [CURVE.low, CURVE.low + 4], 16, short, onAxis),
      rules(roundTicks(0, most, 4), y, [CURVE.left, right], few, 6),
      label((CURVE.left + right) / 2, CURVE.height - 5, "baseline b"),
      marks.map(({ at, top, tint, dash }) =>
        line(at, top - 14, at, CURVE.low, tint, { "stroke-width": 1.5, "stroke-dasharray": dash })),
      c > 0 && curve(parabola(0), colour("reference"), 2, { "stroke-dasharray": "2 4" }),
      curve(parabola(c), EXACT, 2.5, { "data-role": "curve" }),
      marks.map((mark, row) => {
        const look = { "data-role": "mark-label", "data-name": mark.name, style: `fill: ${mark.tint}` };
        const [at, anchor] = mark.flip ? [mark.at - 5, "end"] : [mark.at + 5, "start"];
        return [point(mark, row), label(at, mark.top - 4, mark.text, anchor, look)];
      }),
      h("g", { "data-role": "baseline", slider },
        reach(from, CURVE.top, to - from, CURVE.low - CURVE.top + 6),
        line(px, py, px, CURVE.low + 4, EXACT, { "stroke-width": 1.5 }),
        handle(px, py, EXACT, 9, { "data-value": all.now }))));
}

function drawSettings(set, all, { change, refuse }) {
  const { baseline: b, action_dependence: c } = set;
  const to = (role, text, value) => button(role, text, () => change({ baseline: value }));
  const name = { "aria-label": "how far the baseline follows the action’s own reward" };
  const [follow, spoken] = [change.to("action_dependence"), `c = ${short(c)}`];
  return row("pgc-set",
    div(null,
      h("label", {}, "b =",
        typed("baseline-input", "baseline b", LIMITS, rounded(b), change.to("baseline"), refuse)),
      h("span", {}, "or"),
      to("set-zero", "b = 0", 0),
      to("set-value", "b = V", all.value),
      to("set-best", "b = b*", all.best)),
    div(null,
      check("depends", "b depends on the action", c > 0, (is) => follow(is ? FIRST_DEPENDENCE : 0)),
      dial("dependence", [0, 1, 0.05], c, spoken, follow, name),
      shownBeside("dependence", spoken)));
}

const rounded = (x) => Number(x.toPrecision(4));

function drawWeights(set, { weights }, { half }, { ends }, still, { change, refuse }) {
  const { actions, rewards, action_dependence: c } = set;
  const x = columnsIn(half, BARS, actions.length);
  const [band, right] = [x.band, x.ends[1]];
  const y = scale(ends, [BARS.low, BARS.top]);
  const name = c > 0 ? "b(a)" : "b";
  const slider = (a) => ({
    label: `reward of ${actions[a]}`, value: rewards[a], text: `${signed(rewards[a])}, weight ${signed(weights[a])}`,
    steps: [0.1, 1], axis: y, grip: 24, set: change.entry("rewards", a),
    ...sliderOn(ends, still),
  });
  const column = (a) => {
    const [R, w] = [rewards[a], weights[a]];
    const level = y(R - w);
    const tint = tintOf(cleared(w));
    return [
      h("g", { "data-role": "reward", "data-index": a, slider: slider(a) },
        x.reach(a),
        bar(x(a), Math.min(42, band * 0.5), y(R), level, tint, about("weight", a, w)),
        handle(x(a), y(R), tint, 8)),
      line(x(a) - band / 2 - 0.5, level, x(a) + band / 2 + 0.5, level, EXACT,
        { "stroke-width": 2, "pointer-events": "none", ...about("level", a, R - w) }),
      label(x(a), 13, signed(w)),
    ];
  };
  const style = `width: ${half}px`;
  return panel(
    h("div", { class: "pgc-head", style }, title(`weight R(a) − ${name} of each action`)),
    drawing("weight of each action", [half, BARS.height],
      rules(roundTicks(...ends, 4), y, x.ends, short, 4),
      actions.map((action, a) => nameAt(x(a), BARS.height - 7, action, band)),
      label(right + 5, y(rewards.at(-1) - weights.at(-1)) + 4, name, "start"),
      actions.map((_, a) => column(a))),
    typedRow("rewards, typed", half, BARS, "reward-input", actions.map((action) => `reward of ${action}`), LIMITS,
      rewards.map(rounded), (a) => change.entry("rewards", a), refuse));
}

// What is drawn of the estimates for one logit: the numbers in the picture.
function measureSample({ component: k, samples: m }, all, counts) {
  const each = all.estimates.map((row) => row[k]);
  const average = dot(counts, each) / m;
  const squares = counts.reduce((s, n, a) => s + n * (each[a] - average) ** 2, 0);
  return { each, average, error: Math.sqrt(squares / Math.max(1, m - 1) / m) };
}

function drawEstimates(set, all, { half }, { spread: [first, last], nearest }, { counts, heaps }, change) {
  const { actions, component: k, samples: m } = set;
  const { each, average, error } = measureSample(set, all, counts);
  const [mean, exact, sd] = [all.mean[k], all.exact[k], all.deviations[k]];
  const right = half - STRIP.right;
  const room = HEAP + 3; // for a heap at either end
  const span = Math.max(10, right - STRIP.left - 2 * room);
  const places = [STRIP.left + room, STRIP.left + room + span];
  const x = scale([first, last], places);
  const within = (v) => clamp(x(v), [STRIP.left, right]);
  const axisY = STRIP.top + 3 * STRIP.row + STRIP.spreadRow;
  const y = axisY - STRIP.spreadRow / 2;
  const [from, to] = [within(mean - sd), within(mean + sd)];
  const name = (at, words, note) => [
    nameAt(0, at - 3, words, STRIP.left - 6, "start"),
    label(0, at + 13, note, "start"),
  ];
  const fitting = (ends, place, frame) => ticks(fittingTicks(...ends, span, 5, signed), place, frame, 15, signed);

  const place = scale([-nearest, nearest], places);
  const near = (v) => clamp(place(v), [STRIP.left, right]);
  const [zoomLow, middle] = [STRIP.zoomTop + STRIP.zoomRow, STRIP.zoomTop + STRIP.zoomRow / 2];
  const way = near(mean) - near(exact);
  const tip = 5 * Math.sign(way);
  const barb = Math.abs(way) > 14 ? `H${near(mean) - tip / 2} m${-tip} -5 l${tip} 5 l${-tip} 5` : `H${near(mean)}`;
  const outline = { stroke: RIM, "stroke-width": 1.2 };
  const select = { "aria-label": "action whose logit’s estimates are drawn" };
  const what = `${m} estimates of the gradient for the logit of ${actions[k]}, by the action drawn`;
  const numbers = `exact ${signed(exact)}, mean ${signed(mean)}, standard deviation ${few(sd)}`;
  return panel(
    h("div", { class: "pgc-head", style: `width: ${half}px` },
      title("estimates for"),
      choice("component", null, actions, k, change.to("component"), select),
      button("draw-again", "draw again", () => change({ draw: set.draw + 1 }), primary)),
    image(`${what}: ${numbers}`, [half, STRIP.height],
      fitting([first, last], x, [STRIP.top, axisY]),
      actions.map((_, a) => {
        const at = STRIP.top + STRIP.row * (a + 1);
        return line(0, at, right, at, colour("rule"));
      }),
      rect(from, y - 14, Math.max(1.5, to - from), 28, SAMPLED,
        { "fill-opacity": 0.28, "data-role": "deviation", "data-value": sd }),
      line(within(exact), STRIP.top, within(exact), axisY, EXACT, { "stroke-width": 1.2 }),
      actions.map((action, a) => {
        const at = STRIP.top + STRIP.row * (a + 0.5);
        const moved = { transform: `translate(${within(each[a])} ${at})` };
        const look = { fill: SAMPLED, stroke: RIM, "stroke-width": 0.4, ...moved };
        const heap = path(heaps[a], { ...look, "data-count": counts[a], ...about("heap", a, each[a]) });
        return [heap, name(at, action, `${counts[a]} drawn`)];
      }),
      name(y, "mean ± sd", [h("tspan", { fill: SAMPLED, stroke: RIM, "stroke-width": 1 }, "●"), " sampled"]),
      line(within(average - error), y, within(average + error), y, RIM, { "stroke-width": 1.5 }),
      circle(within(average), y, 5, SAMPLED, { ...outline, "data-role": "average", "data-value": average }),
      rect(STRIP.left, STRIP.zoomTop, right - STRIP.left, STRIP.zoomRow, colour("muted"), { rx: 4 }),
      fitting([-nearest, nearest], place, [STRIP.zoomTop, zoomLow]),
      name(middle, "zoom: mean", "◆ exact"),
      line(near(mean), STRIP.zoomTop + 2, near(mean), zoomLow - 2, RIM,
        { "stroke-width": 3, "data-role": "mean", "data-value": mean }),
      Math.abs(way) > 1 && path(`M${near(exact)} ${middle} ${barb}`,
        { stroke: colour("below"), "stroke-width": 3, fill: "none", "data-role": "drift" }),
      diamond(near(exact), middle, 8,
        { stroke: PAPER, "stroke-width": 1, "data-role": "exact", "data-value": exact })));
}

function readout(set, all, counts) {
  const { average, error } = measureSample(set, all, counts);
  const [k, m] = [set.component, set.samples];
  const mean = `mean of the estimate ${signed(cleared(all.mean[k]))}: bias ${signed(cleared(all.bias[k]))}`;
  const only = counts.indexOf(m); // of an action that was drawn alone the sample cannot tell how wide it spreads
  const alone = () => `; ${set.actions[only]} alone was drawn: no ±`;
  const spread = only < 0 ? ` ± ${few(Number(error.toPrecision(2)))}` : alone();
  const sampled = `●\u00a0Mean of ${m}: ${signed(average)}${spread}.`;
  return `◆\u00a0Exact ∂J/∂z ${signed(all.exact[k])}, ${mean}. sd ${few(all.deviations[k])}. ${sampled}`;
}

function drawPolicy({ actions, logits }, { pi }, still, change) {
  const share = (p) => (p > 0.995 || p < 0.005 ? short(p) : probabilityText(p));
  return h("div", { class: "pgc-policy", role: "group", "aria-label": "policy" },
    title("policy π — one logit z for each action"),
    actions.map((action, a) => {
      const width = { class: "pgc-fill", "data-role": "pi", "data-index": a, style: `width: ${100 * pi[a]}%` };
      return h("label", {},
        h("span", {},
          h("span", { class: "pgc-name" }, action),
          h("span", { class: "pgc-shown" }, `z ${short(logits[a])}, π ${share(pi[a])}`)),
        h("span", { class: "pgc-share" }, h("i", { ...width, "data-value": pi[a] })),
        dial("logit", [-LOGIT_LIMIT, LOGIT_LIMIT, 0.1], logits[a],
          `${short(logits[a])}, probability ${short(pi[a])}`, change.entry("logits", a),
          { "data-index": a, "aria-label": `logit of ${action}`, ...still.dial }));
    }));
}

function drawTables({ actions, baseline: b }, all) {
  const { zero, value, best } = all.at;
  const variances = [all.now, zero, value, best];
  const against = (ratio) => (ratio < 0.995 ? `÷ ${times(1 / ratio)}` : `× ${times(ratio)}`);
  const ratio = (v) => {
    if (zero <= 1e-20) return [null, "–"];
    return [v / zero, v / zero < 1e-12 ? "0" : against(v / zero)];
  };
  const cells = (values) => values.map((v) => [v, signed(cleared(v))]);
  return [
    table("variance at four baselines", ["your b", "b = 0", "V", "best b*"], [
      ["baseline", "baseline", [b, 0, all.value, all.best].map((v) => [v, short(v)])],
      ["variance", "variance", variances.map((v) => [v, few(v)])],
      ["ratio", "compared with b = 0", variances.map(ratio)],
    ], "one sample’s gradient"),
    table("mean of the estimate, logit by logit", actions, [
      ["weight", "weight, as above", cells(all.weights)],
      ["exact", "exact gradient", cells(all.exact)],
      ["mean", "mean of the estimate", cells(all.mean)],
      ["bias", "bias", cells(all.bias)],
    ], "logit of"),
  ];
}

function drawSituations({ get, change }) {
  const set = ({ rewards, logits }) => change({ rewards, logits, baseline: 0, action_dependence: 0 });
  const reset = () =>
    change({
      rewards: get("initial_rewards"),
      logits: get("initial_logits"),
      baseline: get("initial_baseline"),
      action_dependence: get("initial_action_dependence"),
      draw: 0,
    });
  return h("div", { class: "pgc-row pgc-presets", role: "group", "aria-label": "situations" },
    Object.entries(get("presets")).map(([name, preset]) =>
      button(`preset-${name}`, preset.label, () => set(preset))),
    button("reset", "reset", reset));
}

const render = makeLab({ name: "baseline", label: "Baseline lab", least: 150, aside: 420 }, (lab) => {
  const { get, state, change } = lab;
  const [keepUniforms, keepHeaps] = [remember(), remember()];
  const still = holdStill(lab.refresh);
  return (size) => {
    const set = state("actions", "rewards", "logits", "baseline", "action_dependence", "component");
    const { samples, seed, draw } = Object.assign(set, state("samples", "seed", "draw"));
    const all = workOut(set);
    const uniforms = keepUniforms(`${seed} ${draw} ${samples}`, () =>
      Array.from({ length: samples }, (_, i) => uniform(seed, draw, i)));
    const counts = countDrawn(all.pi, uniforms);
    const heaps = keepHeaps(String(counts), () => counts.map(heapPath));
    const scales = still.keep(() => findScales(set, all));
    const words = whatIsSeen(set, all);
    const largest = Math.max(...all.bias.map(Math.abs));
    return {
      seen: [
        drawSituations(lab),
        drawCurve(set, all, size, scales, still, change),
        drawSettings(set, all, lab),
        message(lab.refused()),
        div("pgc-panels",
          drawWeights(set, all, size, scales, still, lab),
          drawEstimates(set, all, size, scales, { counts, heaps }, change)),
        h("p", { class: "pgc-readout", "data-role": "readout" }, readout(set, all, counts)),
        aside(drawPolicy(set, all, still, change), sentence(words), drawTables(set, all)),
      ],
      said: `Baseline ${short(set.baseline)}: variance ${few(all.now)}, bias ${short(cleared(largest))}. ${words}`,
    };
  };
});

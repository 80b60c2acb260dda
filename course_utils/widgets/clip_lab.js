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
  if (advantage === 0) return "A = 0: this sample pushes nowhere, whatever its ratio.";
  const kind = `${seen.above ? "Likelier" : "Rarer"} and ${advantage > 0 ? "good" : "bad"}`;
  const place = seen.above ? `above 1 + ε = ${plain(1 + epsilon)}` : `below 1 − ε = ${plain(1 - epsilon)}`;
  const off = "the clipped term is the smaller one. It is flat in ρ, so the gradient is off.";
  if (seen.active) return `${kind}: ${place}, ${off}`;
  const back = "yet ρA is the smaller term. The gradient is on and pushes back, with weight";
  if (seen.outside) return `${kind}: ${place}, ${back} ρA = ${signed(seen.gradient)}.`;
  const way = advantage > 0 ? "likelier" : "rarer";
  return `Inside 1 ± ε the two terms are the same: the gradient is on, and makes the action ${way}.`;
}

const listed = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);

function aboutTheBatch({ clip, epsilon, steps }, { actions }, now, states) {
  const how = clip ? `with ε = ${plain(epsilon)}` : "without the clip";
  if (steps === 0)
    return `All ratios are 1: π is still the old policy. Predict how far the largest ratio goes ${how}. Then step.`;
  const largest = Math.max(...now.ratios);
  const name = actions[now.ratios.indexOf(largest)];
  const limit = `1 + ε = ${plain(1 + epsilon)}`;
  if (!clip) {
    const none = `Without the clip no sample is ever off: the largest ratio, of ${name},`;
    return `${none} is ${short(largest)}, and each step takes it further.`;
  }
  if (states.every((state) => state === "off")) {
    const above = largest > 1 + epsilon ? `, above ${limit}: nothing pulls it back` : "";
    const still = `All ${now.samples.length} samples are off: the gradient is 0 and the policy stands still.`;
    return `${still} ${name} rests at ρ = ${short(largest)}${above}.`;
  }
  const [on, back, off] = ["on", "back", "off"].map((wanted) => actions.filter((_, a) => states[a] === wanted));
  const pushing = listed(actions.filter((_, a) => states[a] !== "off"));
  const pushed = back.length > 0 ? ` ${listed(back)}: outside 1 ± ε, yet on, pushing back.` : "";
  if (off.includes(name)) {
    const still = `The samples of ${pushing} still push their own action down`;
    const why = `${still}, and the softmax hands the freed probability on.`;
    return `${name} is off, yet its ratio is ${short(largest)}, above ${limit}. ${why}${pushed}`;
  }
  if (off.length > 0) return `${listed(off)}: gradient off. The samples of ${pushing} still push.${pushed}`;
  if (on.length === actions.length) return "All ratios are still inside 1 ± ε: the clip has changed nothing yet.";
  return `No sample is off.${pushed}`;
}

// --- the picture -------------------------------------------------------------------------------------

const RATIO_LIMIT = 2;
const ADVANTAGE_LIMIT = 2;
const HEIGHT_LIMIT = 4; // of ρA
const CURVE = { height: 300, top: 26, low: 254, left: 36, right: 12 };
const SMALL = { height: 154, top: 16, low: 130, left: 44, right: 44 };
const RATIOS_SHOWN = 4; // a larger one is drawn at the top with an arrow
const LOWEST_KL = 1e-3;
const HIGHEST_KL = 10;
const ARROW = 14; // px for a gradient of 1
const FREE = colour("reference"); // without clip
const DOTTED = { "stroke-dasharray": "2 3" };
const BOLD = { "font-weight": 600 };
const DASHED = { "stroke-dasharray": "4 3" };
const CASES = [
  ["A > 0, good", ["pushes back", "pushes up", "gradient off"]],
  ["A < 0, bad", ["gradient off", "pushes down", "pushes back"]],
];
const PLACES = [
  ["rarer", "ρ < 1 − ε"],
  ["inside", "1 ± ε"],
  ["likelier", "ρ > 1 + ε"],
];
const RAIL = { "stroke-width": 4, "stroke-linecap": "round" };
const STATE_WORDS = { on: "gradient on", off: "gradient off", back: "pushes back" };

const span = (text) => h("span", {}, text);
const swatches = (...lines) =>
  h("p", { class: "pgc-key pgc-swatches" }, lines.map(([text, stroke, more]) => [
    h("svg", { width: 24, height: 8, class: "pgc-swatch", "aria-hidden": "true" },
      line(1, 4, 23, 4, stroke, { "stroke-width": 2.4, ...more })),
    span(text),
  ]));

// list: [name, words, value, the value in words].
const facts = (name, list) =>
  h("dl", { class: "pgc-facts", "aria-label": name }, list.map(([of, text, value, shown]) =>
    h("div", {}, h("dt", {}, text), h("dd", { "data-name": of, "data-value": Number(value) }, shown))));

// --- one sample

function drawSurrogate({ ratio, advantage, epsilon }, seen, width, formula, change) {
  const right = width - CURVE.right;
  const x = scale([0, RATIO_LIMIT], [CURVE.left, right]);
  const y = scale([-HEIGHT_LIMIT, HEIGHT_LIMIT], [CURVE.low, CURVE.top]);
  const [from, to] = [x(1 - epsilon), x(1 + epsilon)];
  const good = advantage > 0;
  const [gain, loss] = good ? [[to, right], [CURVE.left, from]] : [[CURVE.left, from], [to, right]];
  const regions = advantage === 0 ? [] : [["off", ...gain], ["back", ...loss]];
  const free = good ? CURVE.low - 34 : CURVE.top + 22; // in the half that the curves leave free
  const corners = [0, 1 - epsilon, 1 + epsilon, RATIO_LIMIT];
  const surrogate = corners.map((r) => [x(r), y(oneSample(r, advantage, epsilon).surrogate)]);
  return panel(
    title("One sample: ", key(), typeset(formula)),
    swatches(["surrogate", EXACT], ["ρA, without clip", FREE, DOTTED]),
    drawing("surrogate against the ratio", [width, CURVE.height],
      regions.map(([name, start, end]) => {
        const [wide, high] = [Math.max(0, end - start), CURVE.low - CURVE.top];
        const fill = name === "off" ? colour("block") : colour("wash");
        return rect(start, CURVE.top, wide, high, fill, { "data-role": "region", "data-name": name });
      }),
      rules([4, 2, 0, -2, -4], y, [CURVE.left, right], short, 13), // the handle of ρ stays clear of the numbers
      [from, to].map((at) => line(at, CURVE.top, at, CURVE.low, AXIS, DASHED)),
      label(Math.max(from - 3, CURVE.left + 34), CURVE.top - 8, "1 − ε", "end"),
      label(to + 3, CURVE.top - 8, "1 + ε", "start"),
      [0, 0.5, 1, 1.5, 2].map((v) => label(x(v), CURVE.low + 22, String(v))),
      line(x(1), y(-ADVANTAGE_LIMIT), x(1), y(ADVANTAGE_LIMIT), colour("line"), RAIL),
      curve([0, RATIO_LIMIT].map((r) => [x(r), y(r * advantage)]), FREE, 2.4, { ...DOTTED, "data-role": "plain-line" }),
      curve(surrogate, EXACT, 2.6, { "stroke-linejoin": "round", "data-role": "surrogate-line" }),
      drawRatioDial({ ratio }, seen, x, y, right, change),
      regions.map(([name, start, end]) =>
        STATE_WORDS[name].split(" ").map((word, k) =>
          label((start + end) / 2, free + 15 * k, word, "middle", { class: `pgc-on-${name}` }))),
      drawAdvantageLift({ advantage }, x(1), y, change)));
}

// The handle of ρ on the axis, its two points on the lines, and the gradient as an arrow.
function drawRatioDial({ ratio }, seen, x, y, right, change) {
  const [at, height] = [x(ratio), y(seen.surrogate)];
  const way = Math.sign(seen.gradient);
  const tip = at + way * 9 + ARROW * seen.gradient;
  const barb = tip - way * 6;
  const shaft = `M${at + way * 9} ${height} H${tip} M${barb} ${height - 5} L${tip} ${height} L${barb} ${height + 5}`;
  const gradient = seen.active ? "off" : signed(seen.gradient);
  const slider = {
    label: "ratio ρ", value: ratio, limits: [0, RATIO_LIMIT], steps: [0.01, 0.1], axis: x, across: true, jump: true,
    text: `${plain(ratio)}, surrogate ${signed(seen.surrogate)}, gradient ${gradient}`,
    set: change.to("ratio"),
  };
  const point = { stroke: PAPER, "stroke-width": 1.5, "data-role": "point", "data-value": seen.surrogate };
  const ring = { stroke: FREE, "stroke-width": 2, "data-role": "plain-point", "data-value": seen.unclipped };
  const long = Math.max(0, right - CURVE.left);
  return h("g", { "data-role": "ratio", slider },
    rect(CURVE.left, CURVE.low - 2, long, 4, colour("wash"), { rx: 2 }),
    reach(CURVE.left - 10, CURVE.low - 14, long + 20, 28),
    reach(at - 16, CURVE.top, 32, CURVE.low - CURVE.top), // a finger elsewhere scrolls the page
    line(at, height, at, CURVE.low, POLICY, { "stroke-width": 2 }),
    circle(at, y(seen.unclipped), 4.5, PAPER, ring),
    circle(at, height, 5.5, EXACT, point),
    Math.abs(ARROW * seen.gradient) >= 0.5 &&
      path(shaft, { fill: "none", stroke: EXACT, "stroke-width": 2.4, "data-role": "arrow" }),
    handle(at, CURVE.low, POLICY),
    label(clamp(at, [CURVE.left + 34, right - 34]), CURVE.height - 6, `ratio ρ = ${plain(ratio)}`, "middle", BOLD));
}

function drawAdvantageLift({ advantage }, middle, y, change) {
  const [level, good] = [y(advantage), advantage > 0];
  const fill = advantage === 0 ? NEUTRAL : good ? colour("above") : colour("below");
  const slider = {
    label: "advantage A", value: advantage, text: signed(advantage),
    limits: [-ADVANTAGE_LIMIT, ADVANTAGE_LIMIT], steps: [0.05, 0.5], axis: y,
    set: change.to("advantage"),
  };
  const side = good ? -13 : 13;
  return h("g", { "data-role": "advantage", slider },
    reach(middle - 18, level - 18, 36, 36),
    h("circle", { class: "pgc-ring", r: 14, cx: middle, cy: level }),
    diamond(middle, level, 10, { class: "pgc-handle", fill }),
    label(middle + side, level - 9, `A = ${signed(advantage)}`, good ? "end" : "start", BOLD));
}

function drawCases({ advantage }, seen) {
  const present = seen.below ? 0 : seen.above ? 2 : 1;
  const isHere = (i, k) => advantage !== 0 && advantage > 0 === (i === 0) && k === present;
  const cell = (text, here) => {
    const look = { class: here ? "pgc-here" : null, "aria-current": here ? "true" : null };
    return h("td", { role: "cell", "data-role": "case", "data-words": text, ...look }, text);
  };
  return h("table", { class: "pgc-cases", role: "table", "aria-label": "what the gradient does" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
      h("td", { role: "cell" }),
      PLACES.map(([word, symbol]) => h("th", { role: "columnheader", scope: "col" }, `${word} `, key(symbol))))),
    h("tbody", { role: "rowgroup" }, CASES.map(([text, cells], i) => h("tr", { role: "row" },
      h("th", { role: "rowheader", scope: "row" }, text),
      cells.map((word, k) => cell(word, isHere(i, k)))))));
}

function drawNumbers({ unclipped, clipped, surrogate, gradient, outside, active }) {
  const said = (is) => (is ? "yes" : "no");
  return facts("numbers of the one sample", [
    ["unclipped", "ρA", unclipped, signed(unclipped)],
    ["clipped", "clip(ρ)·A", clipped, signed(clipped)],
    ["surrogate", "surrogate", surrogate, signed(surrogate)],
    ["gradient", "∂ / ∂ log π", gradient, signed(gradient)],
    ["outside", "outside 1 ± ε?", outside, said(outside)],
    ["active", "clip active?", active, said(active)],
  ]);
}

// --- one batch, used again and again

function drawChips({ actions, sampled, advantages }, states) {
  return actions.map((name, a) =>
    div("pgc-batch",
      h("span", { class: "pgc-action" }, name),
      h("span", { class: "pgc-chips", role: "list", "aria-label": `samples of ${name}` },
        advantages.filter((_, i) => sampled[i] === a).map((value) => {
          const look = states[a] === "on" ? "pgc-chip" : `pgc-chip pgc-${states[a]}`;
          return h("span", { class: look, role: "listitem", "data-role": "chip" }, signed(value));
        })),
      h("span", { class: "pgc-status", "data-role": "status", "data-index": a, "data-state": states[a] },
        STATE_WORDS[states[a]])));
}

function drawControls({ clip, step_size: stepSize, steps }, change) {
  const walk = (number) => () => change({ steps: Math.min(MOST_STEPS, steps + number) });
  return row("pgc-controls",
    button("step", "one step", walk(1), primary),
    button("ten-steps", "10 steps", walk(10), primary),
    button("restart", ["back to ", piOf("old")], () => change({ steps: 0 })),
    check("clip", "clip", clip, change.to("clip")),
    range("step-size", "step size η ", [0.1, 2, 0.1], stepSize, plain(stepSize), change.to("step_size")),
    range("steps", "steps ", [0, MOST_STEPS, 1], steps, String(steps), change.to("steps")));
}

const sign = (look, text) => [h("span", { class: `pgc-mark pgc-fill ${look}`, "aria-hidden": "true" }), span(text)];

function drawPolicy({ epsilon }, { pi }, old, actions, half) {
  const x = columnsIn(half, { ...SMALL, right: 14 }, actions.length);
  const y = scale([0, 1], [SMALL.low, SMALL.top]);
  const width = x.band;
  const dotted = { stroke: colour("reference"), "stroke-width": 1.8, ...DOTTED };
  return panel(
    title("policy", key(sign("pgc-now", "π now"), sign("pgc-old", piOf("old")), sign("pgc-bracket", "1 ± ε"))),
    drawing("policy, now and old", [half, SMALL.height],
      rules([1, 0.5, 0], y, x.ends, String),
      actions.map((name, a) => {
        const [p, q, middle] = [pi[a], old[a], x(a)];
        const [at, high, low] = [middle + 0.4 * width, y(q * (1 + epsilon)), y(q * (1 - epsilon))];
        return [
          bar(middle, 0.4 * width, y(p), SMALL.low, POLICY, about("now", a, p)),
          bar(middle, 0.58 * width, y(q), SMALL.low, "none", { ...dotted, ...about("old", a, q) }),
          path(`M${at - 4} ${high} h8 M${at} ${high} V${low} M${at - 4} ${low} h8`,
            { fill: "none", stroke: EXACT, "stroke-width": 1.6 }),
          label(middle, y(p) - 5, probabilityText(p)),
          label(middle, SMALL.height - 7, name),
        ];
      })));
}

function drawRatios({ epsilon }, { ratios }, actions, half, formula) {
  const x = columnsIn(half, SMALL, actions.length);
  const y = scale([0, RATIOS_SHOWN], [SMALL.low, SMALL.top]);
  const band = Math.max(1.5, y(1 - epsilon) - y(1 + epsilon));
  return panel(
    title("ratio ", key(), typeset(formula), key(sign("pgc-band", "1 ± ε"))),
    drawing("ratio of each action", [half, SMALL.height],
      rect(SMALL.left, y(1 + epsilon), x.band * actions.length, band, colour("band"), { "data-role": "band" }),
      rules([4, 3, 2, 1, 0], y, x.ends),
      actions.map((name, a) => {
        const [ratio, middle] = [ratios[a], x(a)];
        const level = y(Math.min(RATIOS_SHOWN, ratio));
        const dot = `M${middle - 6} ${level} a6 6 0 1 0 12 0 a6 6 0 1 0 -12 0 z`;
        const head = ratio > RATIOS_SHOWN ? `M${middle} ${level - 9} l8 13 h-16 z` : dot;
        return [
          line(middle, y(1), middle, level, POLICY, { "stroke-width": 4 }),
          path(head, { fill: POLICY, stroke: PAPER, "stroke-width": 1.5, ...about("ratio-mark", a, ratio) }),
          label(middle + 10, level + 4, short(ratio), "start"),
          label(middle, SMALL.height - 7, name),
        ];
      })));
}

const log10 = (v) => Math.log10(clamp(v, [LOWEST_KL, HIGHEST_KL]));
const SERIES = [
  { name: "largest", marks: [1, 4, 7, 10], of: ({ ratios }) => Math.max(...ratios), on: (v) => v, ends: [1, 10] },
  { name: "kl", marks: [0.001, 0.01, 0.1, 1, 10], of: ({ kl }) => kl, on: log10, ends: [-3, 1] },
];

// One number of the batch against the steps taken, with clip and without.
function drawSeries({ name, marks, of, on, ends }, { epsilon, steps, clip }, paths, half, heading, spoken) {
  const right = half - SMALL.right;
  const x = scale([0, MOST_STEPS], [SMALL.left, Math.max(SMALL.left, right)]);
  const height = scale(ends, [SMALL.low, SMALL.top]);
  const y = (v) => height(on(v));
  const [free, clipped] = [paths.free.map(of), paths.clipped.map(of)];
  const limit = y(1 + epsilon);
  const lines = [
    ["free", free, FREE, 2.2, DOTTED, !clip],
    ["clip", clipped, EXACT, 2.4, {}, clip],
  ];
  return panel(
    heading,
    swatches(
      [`with clip ${short(clipped[steps])}`, EXACT],
      [`without ${short(free[steps])}`, FREE, DOTTED]),
    drawing(spoken, [half, SMALL.height],
      rules(marks, y, [SMALL.left, right], shareText, 8),
      [0, 50, 100].map((v) => label(x(v), SMALL.height - 7, v === 50 ? "50 steps" : String(v))),
      name === "largest" && [
        line(SMALL.left, limit, right, limit, AXIS, DASHED),
        label(right + 5, limit + 4, "1+ε", "start"), // letters grow before a room: the next picture is near
      ],
      lines.map(([which, values, stroke, width, look, isPresent]) => [
        curve(values.map((v, k) => [x(k), y(v)]), stroke, width,
          { ...look, "data-role": "series", "data-name": `${name} ${which}`, ".values": values }),
        circle(x(steps), y(values[steps]), 4.5, isPresent ? POLICY : FREE,
          { stroke: PAPER, "stroke-width": 1 }),
      ])));
}

function drawTotals({ epsilon }, { samples, ratios, kl, gradient }, sampled) {
  const count = samples.length;
  const outside = sampled.filter((a) => Math.abs(ratios[a] - 1) > epsilon).length;
  const active = samples.filter((sample) => sample.active).length;
  const [largest, length] = [Math.max(...ratios), Math.hypot(...gradient)];
  return facts("numbers of the batch", [
    ["largest", "largest ratio", largest, short(largest)],
    ["kl", ["KL(", piOf("old"), " ‖ π)"], kl, short(kl)],
    ["clip-fraction", "outside 1 ± ε", outside / count, `${outside} of ${count}`],
    ["active-fraction", "clip active", active / count, `${active} of ${count}`],
    ["length", "gradient’s length", length, short(length)],
  ]);
}

// What the samples of each action do now; all of one action have advantages of one sign.
function statesOf({ clip, epsilon }, { actions, sampled, advantages }, { ratios }) {
  return actions.map((_, a) => {
    const seen = oneSample(ratios[a], advantages[sampled.indexOf(a)], epsilon);
    return !clip || !seen.outside ? "on" : seen.active ? "off" : "back";
  });
}

// Only that part is spoken which has changed.
function makeSpeech() {
  let before = [];
  return ({ ratio, advantage, epsilon, clip, step_size: stepSize, steps }, ofSample, ofBatch) => {
    const sample = `Ratio ${plain(ratio)}, advantage ${signed(advantage)}. ${ofSample}`;
    const batch = `After ${steps} ${steps === 1 ? "step" : "steps"}: ${ofBatch}`;
    const parts = [
      [`${ratio} ${advantage} ${epsilon}`, sample],
      [`${clip} ${stepSize} ${steps} ${epsilon}`, batch],
    ];
    const changed = parts.filter(([setting], part) => before[part] !== setting);
    before = parts.map(([setting]) => setting);
    return changed.map(([, text]) => text).join(" ");
  };
}

const render = makeLab({ name: "clip", label: "clip lab", aside: 540 }, ({ get, state, change }) => {
  const [world, formulas] = [get("world"), get("formulas")];
  const { actions, sampled } = world;
  const old = softmax(world.logits);
  const [keepPaths, speak] = [remember(), makeSpeech()];
  return ({ inner, isWide, aside: second }) => {
    const set = state("ratio", "advantage", "epsilon", "clip", "step_size", "steps");
    const { epsilon, step_size: stepSize, steps } = set;
    const paths = keepPaths(`${epsilon} ${stepSize} ${steps}`, () => ({
      clipped: ascend(world, epsilon, stepSize, steps),
      free: ascend(world, Infinity, stepSize, steps),
    }));
    const now = paths[set.clip ? "clipped" : "free"].at(-1);
    const states = statesOf(set, world, now);
    const seen = oneSample(set.ratio, set.advantage, epsilon);
    const [ofSample, ofBatch] = [aboutTheSample(set, seen), aboutTheBatch(set, world, now, states)];
    const isBeside = isWide && second === inner; // the numbers stand beside their picture
    const width = Math.floor(isBeside ? inner - 16 - Math.min(300, 0.43 * inner) : inner);
    const half = halfOf(second, isWide);
    const batch = `${sampled.length} sampled actions with their advantages.`;
    return {
      seen: [
        row("pgc-settings",
          range("epsilon", "clip range ε ", [0, 0.5, 0.01], epsilon, plain(epsilon), change.to("epsilon")),
          button("reset", "reset", () => change(get("initial"))),
          h("span", { class: "pgc-key", "data-role": "hint" }, "Drag the dot (ρ) and the diamond (A).")),
        div("pgc-first",
          drawSurrogate(set, seen, width, formulas.surrogate, change),
          div("pgc-side", drawCases(set, seen), drawNumbers(seen), sentence(ofSample))),
        div("pgc-second pgc-aside",
          title("One state, one batch: ", key(`${batch} Each step is gradient ascent on all of them.`)),
          drawChips(world, states),
          drawControls(set, change),
          sentence(ofBatch, "batch-sentence", "pgc-gap"),
          div("pgc-panels",
            drawPolicy(set, now, old, actions, half),
            drawRatios(set, now, actions, half, formulas.ratio),
            drawSeries(SERIES[0], set, paths, half, title("largest ratio", key()),
              "largest ratio against the steps taken"),
            drawSeries(SERIES[1], set, paths, half, title("", key(), typeset(formulas.kl), key("log scale")),
              "KL of old and new policy against the steps taken")),
          drawTotals(set, now, sampled)),
      ],
      said: speak(set, ofSample, ofBatch),
    };
  };
});

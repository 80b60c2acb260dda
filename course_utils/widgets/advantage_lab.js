// The Advantage Lab: drag an advantage, watch one ascent step move the action probabilities.

// --- the mathematics, equal to course_utils.policy and course_utils.objectives ---------------------

function drawActions({ mode, logits, seed, draw, trajectory_length: length }) {
  if (mode === "expected") return [];
  const probabilities = softmax(logits);
  const count = mode === "sampled_action" ? 1 : length;
  return Array.from({ length: count }, (_, t) => drawAction(probabilities, uniform(seed, draw, t)));
}

// One ascent step on the logits. The gradient is that of Σ_a π_a A_a, or of U for the sampled actions.
function ascentStep(set) {
  const { logits, advantages, step_size: stepSize, mode } = set;
  const probabilities = softmax(logits);
  const mean = dot(probabilities, advantages);
  const sampled = drawActions(set);
  const gradient = probabilities.map((p, a) => {
    if (mode === "expected") return p * (advantages[a] - mean);
    return sampled.reduce((s, drawn) => s + advantages[drawn] * ((drawn === a ? 1 : 0) - p), 0);
  });
  const newLogits = logits.map((z, a) => z + stepSize * gradient[a]);
  const after = softmax(newLogits);
  return {
    probabilities,
    logProbabilities: logSoftmax(logits),
    mean,
    sampled,
    relative: advantages.map((A) => A - mean),
    score: probabilities.map((p, a) => (a === sampled[0] ? 1 : 0) - p),
    counts: probabilities.map((_, a) => sampled.filter((drawn) => drawn === a).length),
    gradient,
    newLogits,
    after,
    moves: after.map((p, a) => p - probabilities[a]),
  };
}

// So many steps one after the other, or as many as keep all logits within their limits; `taken` counts them.
function ascend(set, count) {
  let [now, taken] = [set, 0];
  for (; taken < count; taken += 1) {
    const logits = ascentStep(now).newLogits;
    if (logits.some((z) => Math.abs(z) > LOGITS[1])) break;
    now = { ...now, logits, draw: now.mode === "expected" ? now.draw : now.draw + 1 };
  }
  return { logits: now.logits, draw: now.draw, taken };
}

// --- what the lab says in words ----------------------------------------------------------------------

const STILL = 5e-4; // a change in probability below this is called "hardly moves"

function whatHappens({ actions, advantages, mode }, { moves }) {
  const order = moves.map((_, a) => a).sort((a, b) => moves[b] - moves[a]);
  const told = (a) => `(${signed(moves[a])})`;
  if (Math.max(...moves.map(Math.abs)) < STILL) return "No probability moves by as much as 0.0005.";
  const odd = order.find((a) => advantages[a] > 0 && moves[a] < -STILL);
  if (odd !== undefined && mode === "expected") {
    const positive = `${actions[odd]} has a positive advantage (${signed(advantages[odd])})`;
    return `${positive} and still loses probability ${told(odd)}: the others’ logits pull harder.`;
  }
  const idle = order.find((a) => advantages[a] === 0 && Math.abs(moves[a]) > STILL);
  if (idle !== undefined && mode === "expected") {
    const zero = `${actions[idle]} has advantage 0, and its probability still moves`;
    return `${zero} ${told(idle)}: probabilities share a total of 1.`;
  }
  const [up, down] = [order[0], order.at(-1)];
  return `${actions[up]} gains most ${told(up)}; ${actions[down]} loses most ${told(down)}.`;
}

const went = (move) => (move > 0.005 ? "rise" : move < -0.005 ? "fall" : "stay");

function whatWasMissed({ actions, advantages }, { before, predicted, actual }) {
  const expected = predicted.map((p, a) => p - before[a]);
  const real = actual.map((p, a) => p - before[a]);
  const wrong = real.findIndex((move, a) => went(expected[a]) !== went(move) && Math.abs(move) > 0.005);
  if (wrong >= 0) {
    const A = advantages[wrong];
    const isItsOwn = A > 0 === real[wrong] > 0;
    const others = isItsOwn ? "" : ", but the other actions’ logits moved more";
    const why =
      A === 0 ? "its own advantage is 0, but the probabilities share a total of 1"
      : `its advantage is ${signed(A)}${others}`;
    const seen = `you will see it ${went(real[wrong])}: ${why}`;
    return `You expected ${actions[wrong]} to ${went(expected[wrong])}; ${seen}.`;
  }
  const worst = furthest(predicted, actual);
  const size = Math.abs(expected[worst]) > Math.abs(real[worst]) ? "smaller" : "larger";
  return `Your directions were right; the move of ${actions[worst]} is ${size} than you drew.`;
}

// --- the picture -------------------------------------------------------------------------------------

const NICE_LIMITS = [3, 5, 10, 20, 50, 100, 200, 500, 1000];
const ADVANTAGES = [-1000, 1000];
const LOGITS = [-1000, 1000];
const STEP_SIZES = [0.001, 1000];
const FRAME = { height: 236, left: 34, right: 6, top: 28, low: 212 };
const MODES = [
  ["expected", "all actions (expected)"],
  ["sampled_action", "one sampled action"],
  ["sampled_trajectory", "a sampled trajectory"],
];
const FRESH = { revealed: false, ghosts: [] }; // a new setting asks for a new prediction
const INVITATION = "Drag the dashed bars to the probabilities you expect after one step, then reveal it.";

function drawSettings({ mode, preset, predict_first: isAsked }, presets, change) {
  const start = (name) => {
    if (name === "") return change({ preset: "" });
    const { label, ...values } = presets[name];
    const { advantages, logits } = values;
    const initial = { initial_advantages: advantages, initial_logits: logits, draw: 0, steps_taken: 0 };
    change({ ...values, ...initial, preset: name, ...FRESH });
  };
  const situations = Object.entries(presets).map(([name, entry]) => [name, entry.label]);
  return row("",
    select("preset", "Situation ", [["", "your own"], ...situations], preset, start),
    select("mode", "Update ", MODES, mode, (value) => change({ mode: value, ...FRESH })),
    check("predict-first", "predict first", isAsked, (is) => change({ predict_first: is, ...FRESH })));
}

const namesBelow = (actions, x) =>
  actions.map((action, a) => label(x(a), FRAME.height - 6, fit(action, x.band, actions.length > 4 ? 6.2 : 7)));

// The axis stands still while a bar is dragged.
function drawAdvantages(set, { sampled }, { half }, limit, still, { change, refuse }) {
  const { actions, advantages, mode } = set;
  const x = columnsIn(half, FRAME, actions.length);
  const y = scale([-limit, limit], [FRAME.low, FRAME.top]);
  const setAdvantage = (a) => (value) => change({ advantages: replaced(advantages, a, value), ...FRESH });
  const limits = [-limit, limit];
  const slider = (action, a) => ({
    label: `advantage of ${action}`, value: advantages[a], text: signed(advantages[a]), steps: [0.1, 1],
    limits, within: still.isHeld() ? limits : ADVANTAGES, ...still.hand,
    axis: y, grip: 24, round: snapTo(limit), set: setAdvantage(a),
  });
  const column = (action, a) => {
    const A = advantages[a];
    const tint = tintOf(A);
    const isIdle = mode !== "expected" && !sampled.includes(a); // this sample says nothing of it
    const look = { "fill-opacity": isIdle ? 0.3 : 1, ...about("advantage-bar", a, A) };
    return h("g", { ...about("advantage", a), slider: slider(action, a) },
      x.reach(a),
      bar(x(a), Math.min(40, x.band * 0.56), y(A), y(0), tint, look),
      label(x(a), Math.min(y(A), y(0)) - 16, signed(A)), // a negative one above the axis, clear of the name
      handle(x(a), y(A), tint, 8));
  };
  return panel(
    title("advantage A(s, a)", key("drag a handle or type a number")),
    drawing("advantage A(s, a)", [half, FRAME.height],
      rules([limit, 0, -limit], y, x.ends, signed),
      namesBelow(actions, x),
      actions.map(column)),
    typedRow("advantages, typed", half, FRAME, "advantage-input", actions.map((action) => `advantage of ${action}`),
      ADVANTAGES, advantages, setAdvantage, refuse));
}

// The policy before the step and after it, or what the learner expects, until they reveal.
function drawProbabilities(set, { probabilities, after }, { half }, prediction, [hatch, tip]) {
  const { isWaiting, isPast, ghosts, setGhost } = prediction;
  const { actions } = set;
  const x = columnsIn(half, FRAME, actions.length);
  const y = scale([0, 1], [FRAME.low, FRAME.top]);
  const width = Math.min(30, x.band * 0.36);
  const expected = (action, a, at) =>
    ghost(a, action, ghosts[a], setGhost(a), at, width, y,
      reach(at - width / 2, FRAME.top, x.band / 2, FRAME.low - FRAME.top));
  const stepped = (a, at) => {
    const [from, to] = [y(probabilities[a]), y(after[a])];
    const arrow = { "stroke-width": 1.5, "marker-end": `url(#${tip})` };
    return [
      bar(at, width, to, FRAME.low, `url(#${hatch})`, { stroke: POLICY, ...about("pi-after", a, after[a]) }),
      Math.abs(to - from) > 5 && line(at, from, at, to, INK, arrow),
    ];
  };
  const column = (action, a) => {
    const [before, behind] = [x(a) - width / 2 - 1, x(a) + width / 2 + 1];
    const [p, q] = [probabilities[a], isWaiting ? ghosts[a] : after[a]];
    const told = isWaiting ? y(q) - 9 : Math.min(y(p), y(q));
    return [
      bar(before, width, y(p), FRAME.low, POLICY, about("pi-before", a, p)),
      !isWaiting && stepped(a, behind),
      label(x(a) - 2, y(p) - 5, probabilityText(p), "end"),
      label(x(a) + 2, Math.max(11, told - 5), probabilityText(q), "start"),
      isWaiting && expected(action, a, behind),
      isPast && ghostBar(behind, width, y, ghosts[a], 0),
    ];
  };
  const pattern = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  const head = { viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" };
  return panel(
    title("probability π(a | s)", key(isWaiting ? "■ now  ┅ your prediction" : "■ now  ▨ after the step")),
    drawing("probability π(a | s)", [half, FRAME.height],
      h("defs", {},
        h("pattern", { id: hatch, ...pattern }, rect(0, 0, 6, 6, colour("after")), rect(0, 0, 2, 6, PAPER)),
        h("marker", { id: tip, ...head }, path("M0 0 L8 4 L0 8 z", { fill: INK }))),
      rules([1, 0.5, 0], y, x.ends, shareText),
      namesBelow(actions, x),
      actions.map(column)),
    isWaiting && h("p", { class: "pgc-key", "data-role": "ghost-sum" }, aboutTheSum(ghosts, "step is")));
}

// Where the learner reveals, they step then: it is the same button, so the focus stays on it.
function drawButtons(set, { isWaiting, reveal }, { get, change, refuse }) {
  const { step_size: stepSize, mode, predict_first: isAsked, steps_taken: steps, draw } = set;
  const setStepSize = (value) => change({ step_size: value, ...FRESH });
  const advance = (count) => {
    const { taken, ...values } = ascend(set, count);
    if (taken > 0) return change({ ...values, steps_taken: steps + taken, ...FRESH });
    const past = `This step would carry a logit past ±${LOGITS[1]}.`;
    refuse(`${past} Lower the step size or an advantage, or press reset.`);
  };
  const reset = () => {
    const [advantages, logits] = [get("initial_advantages"), get("initial_logits")];
    change({ advantages, logits, draw: 0, steps_taken: 0, ...FRESH });
  };
  const sizes = [0.1, Math.max(10, stepSize), 0.1];
  return row("pgc-actions",
    h("label", {}, "step size η ", dial("step-size", sizes, stepSize, short(stepSize), setStepSize)),
    typed("step-size-input", "step size", STEP_SIZES, stepSize, setStepSize, refuse),
    isWaiting
      ? button("reveal", "reveal the step", reveal, primary)
      : button("step", "step", () => advance(1), primary),
    !isAsked && button("ten-steps", "10 steps", () => advance(10)),
    mode !== "expected" && button("sample", "new sample", () => change({ draw: draw + 1, ...FRESH })),
    button("reset", "reset", reset),
    h("span", { class: "pgc-key", "data-role": "steps-taken" },
      steps === 0 ? "" : steps === 1 ? "1 step taken" : `${steps} steps taken`));
}

function drawSample({ actions, advantages, mode, draw }, { mean, sampled, logProbabilities }) {
  const span = (text, more = {}) => h("span", more, text);
  const drawn = (...spans) => h("div", { class: "pgc-drawn", "data-role": "drawn" }, ...spans);
  if (mode === "expected") return drawn(span(`mean advantage under π: Ā = Σ π A = ${short(mean)}`));
  const U = sum(sampled.map((a) => logProbabilities[a] * advantages[a]));
  const one = mode === "sampled_action";
  return drawn(
    span(one ? `Sample ${draw + 1}, log π × A:` : `Trajectory ${draw + 1}, log π × A at each step:`),
    sampled.map((a) =>
      span(`${actions[a]}: ${short(logProbabilities[a])} × ${short(advantages[a])}`, { class: "pgc-chip" })),
    span(`U = ${short(U)}`));
}

function drawTable(set, step, isWaiting, { get, change, refuse }) {
  const { actions, logits, mode } = set;
  const field = (z, a) =>
    typed("logit-input", `logit of ${actions[a]}`, LOGITS, Number(z.toPrecision(4)),
      (value) => change({ logits: replaced(logits, a, value), steps_taken: 0, ...FRESH }), refuse, { "data-index": a });
  const relative = {
    expected: ["relative", "above the mean", step.relative, signed],
    sampled_action: ["relative", "score", step.score, signed],
    sampled_trajectory: ["relative", "times drawn", step.counts, short],
  };
  const formulas = get("formulas");
  const rows = [
    ["logit", "logit", logits, field],
    ["probability", "probability", step.probabilities, short],
    ["advantage", "advantage", set.advantages, signed],
    relative[mode],
    ["gradient", "gradient", step.gradient, signed, isWaiting],
    ["new-logit", "new logit", step.newLogits, short, isWaiting],
    ["probability-after", "new probability", step.after, short, isWaiting],
    ["change", "change", step.moves, signed, isWaiting],
  ].map(([name, text, values, write, isHidden]) => [
    name,
    worded(text, formulas[`${name}:${mode}`] ?? formulas[name]),
    values.map((v, a) => (isHidden ? [null, "?"] : [v, write(v, a)])),
  ]);
  return table("the arithmetic of the step", actions, rows, "action", step.sampled);
}

const render = makeLab({ name: "advantage", label: "Advantage Lab" }, (lab) => {
  const { get, state, change } = lab;
  const ids = [newId("hatch"), newId("tip")];
  const still = holdStill(lab.refresh);
  return (size) => {
    const set = state("actions", "advantages", "logits", "step_size", "mode", "seed", "draw", "trajectory_length");
    Object.assign(set, state("predict_first", "steps_taken", "preset"));
    const { actions, advantages, logits, step_size: stepSize, mode } = set;
    if (advantages.length !== actions.length || logits.length !== actions.length) return null;
    const step = ascentStep(set);
    const setting = { before: step.probabilities, advantages, logits, step_size: stepSize, mode };
    const prediction = predictionOf(lab, step.probabilities, step.after, setting);
    const { isWaiting, record } = prediction;
    const largest = Math.max(...advantages.map(Math.abs));
    const limit = still.keep(() => niceLimit(largest, NICE_LIMITS));
    const missed = record ? aboutTheGap(record.total_variation, "step", () => whatWasMissed(set, record)) : "";
    const words = isWaiting ? INVITATION : whatHappens(set, step);
    const after = namedValues(actions, step.after, (p) => p.toFixed(2));
    return {
      seen: [
        drawSettings(set, get("presets"), change),
        div(actions.length > 4 ? "pgc-panels pgc-many" : "pgc-panels",
          drawAdvantages(set, step, size, limit, still, lab),
          drawProbabilities(set, step, size, prediction, ids)),
        drawButtons(set, prediction, lab),
        message(lab.refused()),
        toldGap(missed),
        sentence(words),
        drawSample(set, step),
        drawTable(set, step, isWaiting, lab),
      ],
      said: `${isWaiting ? "" : `After the step: ${after}. `}${missed} ${words}`.trim(),
    };
  };
});

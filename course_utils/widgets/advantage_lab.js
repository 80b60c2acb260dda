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

// Keep Q: the state value V is its mean under π, and A = Q − V. Keep A: both stay as they are.
function recomputed({ keep, logits, advantages, state_value: value }) {
  if (keep === "advantages") return { advantages, state_value: value };
  const mean = dot(softmax(logits), advantages);
  return { advantages: advantages.map((A) => A - mean), state_value: value + mean };
}

// π after each step so far, now last; only now where the last step led elsewhere, as after a new logit.
function pathOf({ path, logits }) {
  const now = softmax(logits);
  const end = path.at(-1);
  return end?.length === now.length && totalVariation(end, now) < 1e-9 ? path : [now];
}

// So many steps one after the other, or as many as keep all logits within their limits; `taken` counts them.
function ascend(set, count) {
  let [now, taken] = [{ ...set, path: pathOf(set) }, 0];
  for (; taken < count; taken += 1) {
    const { newLogits: logits, after } = ascentStep(now);
    if (logits.some((z) => Math.abs(z) > LOGITS[1])) break;
    const draw = now.mode === "expected" ? now.draw : now.draw + 1;
    now = { ...now, logits, draw, path: [...now.path, after].slice(-LONGEST_PATH) };
    now = { ...now, ...recomputed(now) };
  }
  const { logits, advantages, state_value, draw, path } = now;
  return { logits, advantages, state_value, draw, path, taken };
}

// --- what the lab says in words ----------------------------------------------------------------------

const STILL = 5e-4; // a change in probability below this is called "hardly moves"
const SHARED = "probabilities share a total of 1";

// Why a probability moved although its own advantage says otherwise, by what its logit does.
function pulled(a, { gradient, mean }) {
  if (gradient[a] > 1e-12) return `its logit rises (g = ${signed(gradient[a])}), but the others’ logits pull harder`;
  const level = `the mean advantage, ${signed(mean)}`;
  if (gradient[a] < -1e-12) return `its logit falls, because its advantage is below ${level}`;
  return `its logit stays, because its advantage equals ${level}, and ${SHARED}`;
}

function whatHappens({ actions, advantages, mode, reduced }, step, expected) {
  const { moves, sampled } = step;
  const order = moves.map((_, a) => a).sort((a, b) => moves[b] - moves[a]);
  const told = (a, by = moves) => `(${signed(by[a])})`;
  if (Math.max(...moves.map(Math.abs)) < STILL) return "No probability moves by as much as 0.0005.";
  if (mode === "sampled_action") {
    const a = sampled[0];
    const whole = `the expected step moves it by ${signed(expected.moves[a])}`;
    const lead = `${actions[a]} was drawn, with advantage ${signed(advantages[a])}`;
    return `${lead}: it moves by ${signed(moves[a])}; ${whole}.`;
  }
  const odd = order.find((a) => advantages[a] > 1e-9 && moves[a] < -STILL);
  if (odd !== undefined && mode === "expected" && !reduced) {
    const positive = `${actions[odd]} has a positive advantage (${signed(advantages[odd])})`;
    return `${positive} and still loses probability ${told(odd)}: ${pulled(odd, step)}.`;
  }
  const idle = order.find((a) => Math.abs(advantages[a]) < 1e-9 && Math.abs(moves[a]) > STILL);
  if (idle !== undefined && mode === "expected") {
    const zero = `${actions[idle]} has advantage 0, and its probability still moves`;
    return `${zero} ${told(idle)}: ${SHARED}.`;
  }
  const [up, down] = [order[0], order.at(-1)];
  return `${actions[up]} gains most ${told(up)}; ${actions[down]} loses most ${told(down)}.`;
}

const went = (move) => (move > 0.005 ? "rise" : move < -0.005 ? "fall" : "stay");

function whatWasMissed({ actions }, { before, predicted, actual, advantages }) {
  const drawn = predicted.map((p, a) => p - before[a]);
  const real = actual.map((p, a) => p - before[a]);
  const wrong = real.findIndex((move, a) => went(drawn[a]) !== went(move) && Math.abs(move) > 0.005);
  if (wrong >= 0) {
    const it = `You drew ${actions[wrong]} to ${went(drawn[wrong])}; you see it ${went(real[wrong])}`;
    return `${it}, with an advantage of ${signed(advantages[wrong])}.`;
  }
  const worst = furthest(predicted, actual);
  const numbers = `${probabilityText(actual[worst])}, not ${probabilityText(predicted[worst])}`;
  return `Your directions are right. ${actions[worst]} comes to ${numbers}.`;
}

// --- the picture -------------------------------------------------------------------------------------

const NICE_LIMITS = [3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];
const PATHS = [10, 20, 50, 100, 200];
const LONGEST_PATH = 201;
const ADVANTAGES = [-1000, 1000];
const VALUES = [-500, 500]; // so that no advantage leaves its limits
const LOGITS = [-1000, 1000];
const STEP_SIZES = [0.001, 1000];
const FRAME = { height: 236, left: 34, right: 6, top: 28, low: 212 };
const BOARD = 780; // px from which on three pictures stand side by side
const MODES = [
  ["expected", "all actions (expected)"],
  ["sampled_action", "one sampled action"],
  ["sampled_trajectory", "a sampled trajectory"],
];
const KEEPS = [
  ["advantages", "keep A"],
  ["action_values", "keep Q, recompute A"],
];
const ANEW = { revealed: false, ghosts: [] }; // asks for a new prediction
const FRESH = { ghosts: [] }; // what was predicted was another setting
const INVITATION = "Drag the dashed bars to the probabilities you expect after one step, then reveal it.";
const written = (x) => Number(x.toFixed(4)); // in a field

// Change the setting: with Q kept, what follows from it too. A lab that waits for a prediction asks for a new one.
const setting = (set, { change, refuse }) => (values) => {
  const found = recomputed({ ...set, ...values });
  if (found.advantages.some((A) => Math.abs(A) > ADVANTAGES[1]))
    return refuse(`An advantage would pass ±${ADVANTAGES[1]}.`);
  change({ ...FRESH, ...values, ...found });
};

function drawSettings(set, presets, put, { change }) {
  const { mode, keep, preset, predict_first: isAsked } = set;
  const start = (name) => {
    if (name === "") return change({ preset: "" });
    const { label, actions: letters, ...values } = presets[name];
    const { advantages, logits } = values;
    const names = [...set.actions, ...letters.filter((letter) => !set.actions.includes(letter))];
    const actions = names.slice(0, letters.length);
    const initial = { initial_advantages: advantages, initial_logits: logits, initial_state_value: 0 };
    put({ ...values, ...initial, actions, state_value: 0, path: [], former: [], draw: 0, steps_taken: 0,
      preset: name, ...ANEW });
  };
  const situations = Object.entries(presets).map(([name, entry]) => [name, entry.label]);
  return row("",
    select("preset", "Situation ", [["", "your own"], ...situations], preset, start),
    select("mode", "Update ", MODES, mode, (value) => change({ mode: value, ...FRESH })),
    select("keep", "Between steps ", KEEPS, keep, (value) => put({ keep: value })),
    check("predict-first", "predict first", isAsked, (is) => change({ predict_first: is, ...ANEW })));
}

const namesBelow = (actions, x) =>
  actions.map((action, a) => nameAt(x(a), FRAME.height - 6, action, x.band));

// The advantages from 0, or, with Q kept, the action values from V: the bars are A in both. The axis stands still while
// a bar is dragged.
function drawAdvantages(set, { sampled }, width, [least, limit], still, put, { refuse }) {
  const { actions, advantages, mode, keep, state_value: value, reduced } = set;
  const isQ = keep === "action_values";
  const base = isQ ? value : 0;
  const x = columnsIn(width, FRAME, actions.length);
  const y = scale([least, limit], [FRAME.low, FRAME.top]);
  const setOne = (a) => (to) => put({ advantages: replaced(advantages, a, to - base) });
  const limits = [least, limit];
  const name = isQ ? "action value Q(s, a)" : reduced ? "how much better or worse than usual" : "advantage A(s, a)";
  const of = isQ ? "action value" : "advantage";
  const shown = advantages.map((A) => A + base);
  const slider = (action, a) => ({
    label: `${of} of ${action}`, value: shown[a], text: isQ ? `${short(shown[a])}, advantage ${signed(advantages[a])}`
      : signed(shown[a]),
    steps: [0.1, 1], limits, within: still.isHeld() ? limits : isQ ? VALUES : ADVANTAGES, ...still.hand,
    axis: y, grip: 24, round: snapTo(limit), set: setOne(a),
  });
  const column = (action, a) => {
    const [A, Q] = [advantages[a], shown[a]];
    const tint = tintOf(Math.abs(A) < 1e-9 ? 0 : A);
    const isIdle = mode !== "expected" && !sampled.includes(a); // this sample says nothing of it
    const look = { "fill-opacity": isIdle ? 0.3 : 1, ...about("advantage-bar", a, A) };
    return h("g", { ...about("advantage", a), slider: slider(action, a) },
      x.reach(a),
      bar(x(a), Math.min(40, x.band * 0.56), y(Q), y(base), tint, look),
      label(x(a), Math.min(y(Q), y(base)) - 16, signed(A)), // a negative one above the axis, clear of the name
      handle(x(a), y(Q), tint, 8));
  };
  const about_ = isQ ? "drag Q; a bar is A = Q − V" : reduced ? "drag a handle" : "drag a handle or type a number";
  return panel(
    title(name, key(about_)),
    drawing(name, [width, FRAME.height],
      rules(least < 0 ? [limit, 0, least] : [limit, limit / 2, 0], y, x.ends, isQ ? short : signed),
      isQ && [
        line(x.ends[0], y(base), x.ends[1], y(base), colour("value"),
          { "stroke-width": 2.5, "stroke-dasharray": "7 4", ...about("state-value", 0, base) }),
        label(x.ends[0] + 2, y(base) - 5, "V", "start", { style: "font-weight: 600" }),
      ],
      namesBelow(actions, x),
      actions.map(column)),
    !reduced && typedRow(`${of}s, typed`, width, FRAME, "advantage-input",
      actions.map((action) => `${of} of ${action}`),
      isQ ? VALUES : ADVANTAGES, shown.map(written), setOne, refuse));
}

// The policy before the step and after it, with the expected step behind a sampled one, or what the learner expects.
// What they expected stays beside what came.
function drawProbabilities(set, { probabilities, after }, expected, width, prediction, [hatch, tip]) {
  const { isWaiting, isPast, ghosts, setGhost } = prediction;
  const { actions, mode } = set;
  const x = columnsIn(width, FRAME, actions.length);
  const y = scale([0, 1], [FRAME.low, FRAME.top]);
  const isTight = x.band < 70;
  const slots = isPast ? 3 : 2;
  const wide = Math.min(isPast ? 26 : 30, (x.band * 0.78) / slots);
  const at = (a, slot) => x(a) + (slot - (slots - 1) / 2) * (wide + 2);
  const isSampled = mode !== "expected";
  const wanted = (action, a) =>
    ghost(a, action, ghosts[a], setGhost(a), at(a, 1), wide, y,
      reach(at(a, 1) - wide / 2, FRAME.top, x.band / 2, FRAME.low - FRAME.top));
  const stepped = (a) => {
    const [from, to] = [y(probabilities[a]), y(after[a])];
    const arrow = { "stroke-width": 1.5, "marker-end": `url(#${tip})` };
    const behind = { stroke: EXACT, "stroke-width": 1.5, "stroke-dasharray": "5 3", "fill-opacity": 0.5 };
    return [
      isSampled && bar(at(a, 1), wide + 8, y(expected.after[a]), FRAME.low, colour("block"),
        { ...behind, ...about("pi-expected", a, expected.after[a]) }),
      bar(at(a, 1), wide, to, FRAME.low, `url(#${hatch})`, { stroke: POLICY, ...about("pi-after", a, after[a]) }),
      Math.abs(to - from) > 5 && line(at(a, 1), from, at(a, 1), to, INK, arrow),
    ];
  };
  const yours = (a) => [
    ghostBar(at(a, 2), wide, y, ghosts[a], 1),
    line(at(a, 2) - wide / 2 - 2, y(ghosts[a]), at(a, 2) + wide / 2 + 2, y(ghosts[a]), INK, { "stroke-width": 3 }),
    !isTight && label(at(a, 2), y(ghosts[a]) - 6, probabilityText(ghosts[a])),
  ];
  const column = (action, a) => {
    const [p, q] = [probabilities[a], isWaiting ? ghosts[a] : after[a]];
    const told = isWaiting ? y(q) - 9 : Math.min(y(p), y(q), isSampled ? y(expected.after[a]) : FRAME.low);
    return [
      bar(at(a, 0), wide, y(p), FRAME.low, POLICY, about("pi-before", a, p)),
      !isWaiting && stepped(a),
      !(isTight && isPast) &&
        label(at(a, 0) + (isPast ? 0 : wide / 2 - (isSampled ? 6 : 1)), y(p) - 5, probabilityText(p),
          isPast ? "middle" : "end"),
      label(at(a, 1) - (isPast ? 0 : wide / 2 - 1), Math.max(11, told - 5), probabilityText(q),
        isPast ? "middle" : "start"),
      isWaiting && wanted(action, a),
      isPast && yours(a),
    ];
  };
  const pattern = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  const head = { viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" };
  const keys = `${isSampled ? "  ┅ the expected step" : ""}${isPast ? "  ▔ yours" : ""}`;
  const name = set.reduced ? "how probable" : "probability π(a | s)";
  return panel(
    title(name, key(isWaiting ? "■ now  ┅ your prediction" : `■ now  ▨ after the step${keys}`)),
    drawing(name, [width, FRAME.height],
      h("defs", {},
        h("pattern", { id: hatch, ...pattern }, rect(0, 0, 6, 6, colour("after")), rect(0, 0, 2, 6, PAPER)),
        h("marker", { id: tip, ...head }, path("M0 0 L8 4 L0 8 z", { fill: INK }))),
      rules([1, 0.5, 0], y, x.ends, shareText),
      namesBelow(actions, x),
      actions.map(column)),
    isWaiting && h("p", { class: "pgc-key", "data-role": "ghost-sum" }, aboutTheSum(ghosts)));
}

// Names beside the ends of their lines, none on another.
function apart(places, gap, lowest) {
  const order = places.map((_, k) => k).sort((j, k) => places[k] - places[j]);
  const found = [...places];
  order.forEach((k, i) => {
    found[k] = Math.min(places[k], i === 0 ? lowest : found[order[i - 1]] - gap);
  });
  return found;
}

// π over the steps taken, with the next one, and the run before *reset* behind it.
function drawPath(set, { after }, [width, height], isWaiting) {
  const { actions, former, steps_taken: steps } = set;
  const points = pathOf(set);
  const room = Math.min(84, 8 + 7 * Math.max(...actions.map((action) => action.length)));
  const frame = { height, left: 34, right: room, top: 12, low: height - 36 };
  const first = Math.max(0, steps - (points.length - 1));
  const most = niceLimit(Math.max(points.length, former.length) - 1, PATHS);
  const x = scale([first, first + most], [frame.left, width - frame.right]);
  const y = scale([0, 1], [frame.low, frame.top]);
  const of = (run, a) => run.map((p, k) => [x(first + k), y(p[a])]);
  const [now, end] = [points.at(-1), points.length - 1];
  const places = apart(now.map((p) => y(p) + 4), 13, frame.low + 4);
  const isOld = former.length > 1 && former[0].length === actions.length;
  const taken = steps === 0 ? "after each step" : steps === 1 ? "1 step taken" : `${steps} steps taken`;
  return panel(
    title("the path of π", h("span", { class: "pgc-key", "data-role": "steps-taken" },
      `${taken}${isOld ? "  ┈ the run before" : ""}`)),
    image("the path of the probabilities over the steps", [width, frame.height],
      rules([1, 0.5, 0], y, [frame.left, width - frame.right], shareText),
      [0, 0.5, 1].map((part) => {
        const step = first + Math.round(part * most);
        return label(x(step), frame.low + 15, String(step));
      }),
      label((frame.left + width - frame.right) / 2, frame.low + 28, "steps"),
      isOld && actions.map((_, a) => curve(of(former, a), colour("reference"), 1.5, { "stroke-dasharray": "2 3" })),
      actions.map((action, a) => [
        curve(of(points, a), POLICY, 2.5, about("path", a, now[a])),
        !isWaiting && line(x(first + end), y(now[a]), x(first + end + 1), y(after[a]), colour("after"),
          { "stroke-width": 2.5 }),
        circle(x(first + end), y(now[a]), 3.5, POLICY),
        nameAt(Math.min(x(first + end + 1) + 6, width - room + 4), places[a], action, room, "start",
          { style: "--pgc-halo: 3px; " }),
      ])));
}

// Where the learner reveals, they step then: it is the same button, so the focus stays on it.
function drawButtons(set, { isWaiting, reveal }, put, { get, change, refuse }) {
  const { step_size: stepSize, mode, predict_first: isAsked, revealed, steps_taken: steps, draw, reduced } = set;
  const setStepSize = (value) => change({ step_size: value, ...FRESH });
  const advance = (count) => {
    const { taken, ...values } = ascend(set, count);
    if (taken > 0) return change({ ...values, steps_taken: steps + taken, ...FRESH });
    const past = `This step would carry a logit past ±${LOGITS[1]}. Lower the step size or an advantage, or`;
    refuse(reduced ? "No further from here: press reset." : `${past} press reset.`);
  };
  const reset = () => {
    const names = ["advantages", "logits", "state_value"];
    const first = Object.fromEntries(names.map((name) => [name, get(`initial_${name}`)]));
    const former = set.path.length > 1 ? set.path : set.former;
    put({ ...first, path: [], former, draw: 0, steps_taken: 0 });
  };
  const sizes = [0.1, Math.max(10, stepSize), 0.1];
  return row("pgc-actions",
    !reduced && h("label", {}, "step size η ", dial("step-size", sizes, stepSize, short(stepSize), setStepSize)),
    !reduced && typed("step-size-input", "step size", STEP_SIZES, stepSize, setStepSize, refuse),
    isWaiting
      ? button("reveal", "reveal the step", reveal, primary)
      : button("step", "step", () => advance(1), primary),
    !isWaiting && button("ten-steps", "10 steps", () => advance(10)),
    mode !== "expected" && button("sample", "new sample", () => change({ draw: draw + 1, ...FRESH })),
    button("reset", "reset", reset),
    isAsked && revealed && button("predict-again", "predict again", () => change(ANEW)));
}

function drawSample(set, { mean, sampled, logProbabilities, after }, isWaiting) {
  const { actions, advantages, mode, draw, keep, state_value: value } = set;
  const span = (text, more = {}) => h("span", more, text);
  const drawn = (...spans) => h("div", { class: "pgc-drawn", "data-role": "drawn" }, ...spans);
  const next = value + dot(after, advantages);
  const isTrue = Math.abs(mean) < 0.005;
  const known =
    keep === "action_values" ? `V = Σ π Q = ${short(value)}${isWaiting ? "" : `; after the step ${short(next)}`}`
    : `mean advantage under π: Ā = Σ π A = ${short(mean)}${isTrue ? "" : " (of true advantages: 0)"}`;
  if (mode === "expected") return drawn(span(known));
  const U = sum(sampled.map((a) => logProbabilities[a] * advantages[a]));
  const one = mode === "sampled_action";
  return drawn(
    span(one ? `Sample ${draw + 1}, log π × A:` : `Trajectory ${draw + 1}, log π × A at each step:`),
    sampled.map((a) =>
      span(`${actions[a]}: ${short(logProbabilities[a])} × ${short(advantages[a])}`, { class: "pgc-chip" })),
    span(`U = ${short(U)}; ${known}`));
}

function drawTable(set, step, { isWaiting, isPast, ghosts }, put, { get, refuse }) {
  const { actions, logits, mode } = set;
  const field = (z, a) =>
    typed("logit-input", `logit of ${actions[a]}`, LOGITS, written(z),
      (value) => put({ logits: replaced(logits, a, value), steps_taken: 0 }), refuse, { "data-index": a });
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
    isPast && ["yours", "you predicted", ghosts, short],
  ].filter(Boolean).map(([name, text, values, write, isHidden]) => [
    name,
    worded(text, formulas[`${name}:${mode}`] ?? formulas[name]),
    values.map((v, a) => (isHidden ? [null, "?"] : [v, write(v, a)])),
  ]);
  return table("the arithmetic of the step", actions, rows, "action", step.sampled);
}

const TRAITS = ["actions", "advantages", "logits", "state_value", "step_size", "mode", "keep", "seed", "draw"];
const LOOKS = ["trajectory_length", "path", "former", "predict_first", "revealed", "steps_taken", "preset", "reduced"];

const render = makeLab({ name: "advantage", label: "Advantage Lab" }, (lab) => {
  const { get, state } = lab;
  const ids = [newId("hatch"), newId("tip")];
  const still = holdStill(lab.refresh);
  return ({ inner, isWide, half }) => {
    const set = state(...TRAITS, ...LOOKS);
    const { actions, advantages, logits, step_size: stepSize, mode, keep, reduced } = set;
    if (advantages.length !== actions.length || logits.length !== actions.length) return null;
    const step = ascentStep(set);
    const expected = mode === "expected" ? step : ascentStep({ ...set, mode: "expected" });
    const here = { before: step.probabilities, advantages, logits, step_size: stepSize, mode };
    const prediction = predictionOf(lab, step.probabilities, step.after, here);
    const { isWaiting, record } = prediction;
    const put = setting(set, lab);
    const isQ = keep === "action_values";
    const shown = advantages.map((A) => A + (isQ ? set.state_value : 0));
    const ends = still.keep(() => {
      const limit = niceLimit(Math.max(...shown.map(Math.abs)), NICE_LIMITS);
      return [isQ && shown.every((Q) => Q > -1e-9) ? 0 : -limit, limit];
    });
    const missed = record ? aboutTheGap(record.total_variation, "step", () => whatWasMissed(set, record)) : "";
    const words = isWaiting ? INVITATION : whatHappens(set, step, expected);
    const after = namedValues(actions, step.after, (p) => p.toFixed(2));
    const isBoard = !reduced && inner >= (actions.length < 4 ? BOARD : 960);
    const isUnder = !isBoard && isWide && actions.length < 4;
    const arithmetic = isBoard && actions.length < 5 ? (actions.length < 4 ? 420 : 540) : isUnder ? inner - 286 : inner;
    const width = isBoard ? Math.floor((inner - 32) / 3) : half;
    const drawn = isBoard ? [width, 262] : [isUnder ? 270 : inner, 182];
    const look = `pgc-${isBoard ? "board" : isUnder ? "under" : "below"} ${actions.length > 4 ? "pgc-many" : ""}`;
    return {
      seen: [
        !reduced && drawSettings(set, get("presets"), put, lab),
        h("div", { class: `pgc-place ${look}`, style: `--arithmetic: ${arithmetic}px` },
          div("pgc-panels",
            drawAdvantages(set, step, width, ends, still, put, lab),
            drawProbabilities(set, step, expected, width, prediction, ids)),
          div("pgc-told",
            drawButtons(set, prediction, put, lab),
            message(lab.refused()),
            div(get("predict_first") ? "pgc-words pgc-asked" : "pgc-words", toldGap(missed), sentence(words)),
            !reduced && drawSample(set, step, isWaiting)),
          !reduced && drawPath(set, step, drawn, isWaiting),
          !reduced && drawTable(set, step, prediction, put, lab)),
      ],
      said: `${isWaiting ? "" : `After the step: ${after}. `}${missed} ${words}`.trim(),
    };
  };
});

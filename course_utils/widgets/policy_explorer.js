// The policy explorer: drag logits, watch the softmax's probabilities, and draw actions from them.

// --- the mathematics, equal to course_utils.policy -------------------------------------------------

function scaledLogits({ logits, shift, temperature }) {
  return logits.map((z) => (z + shift) / temperature);
}

function entropyOf(z) {
  const logs = logSoftmax(z);
  return 0 - sum(softmax(z).map((p, a) => (p > 0 ? p * logs[a] : 0)));
}

// The policy of a setting and what was drawn from it: counts n_a, shares n_a / n, standard errors.
function explore(set) {
  const { seed, draws, draw_start: start } = set;
  const scaled = scaledLogits(set);
  const probabilities = softmax(scaled);
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

// A logit, whose tenths count where it is large: 1000 and 0.5 are no 1001.
const logitText = (z) => (Math.abs(z) < 100 || Math.abs(z) >= 1e5 ? short(z) : minusSign(String(Number(z.toFixed(1)))));

// --- what the explorer says in words -----------------------------------------------------------------

const FINE = "With the largest logit subtracted first, the probabilities are fine.";

function whatToSee({ actions, draws, shift }, { probabilities, exponentials, shares, errors }) {
  if (exponentials.some((e) => e === Infinity))
    return `e to such a power is too large for the computer (∞), and ∞/∞ is no number. ${FINE}`;
  if (exponentials.every((e) => e === 0))
    return `e to such powers rounds to 0 for every action, and 0/0 is no number. ${FINE}`;
  if (draws > 0) {
    const worst = furthest(shares, probabilities);
    const gap = Math.abs(shares[worst] - probabilities[worst]);
    const inErrors = errors[worst] > 0 ? `, which is ${short(gap / errors[worst])} standard errors` : "";
    const after = `After ${draws} ${draws === 1 ? "draw" : "draws"} the share of ${actions[worst]}`;
    return `${after} is ${short(gap)} away from its probability${inErrors}.`;
  }
  const order = probabilities.map((_, a) => a).sort((a, b) => probabilities[b] - probabilities[a]);
  const [top, bottom] = [order[0], order.at(-1)];
  const ratio = probabilities[top] / probabilities[bottom];
  const moved = shift === 0 ? "" : " All logits moved by the same number, so no difference and no probability changed.";
  if (ratio < 1.0005) return `All actions are equally probable: the entropy is as large as it can be.${moved}`;
  const times = ratio < 1e6 ? `${short(ratio)} times` : "over a million times";
  const compared = `${actions[top]} is ${times} as probable as ${actions[bottom]}`;
  return `${compared}: e to the difference of their logits, over κ.${moved}`;
}

// Whether the bars say for every two actions which is the more probable, as it came; a tie is not an order.
const ranksAlike = (drawn, actual) =>
  actual.every((p, a) => actual.every((q, b) => p - q < 0.005 || drawn[a] - drawn[b] > 0.005));

function whatWasMissed({ actions }, { predicted, actual }) {
  const worst = furthest(predicted, actual);
  const ranks = ranksAlike(predicted, actual) ? "The order of your bars is right. " : "";
  const how = predicted[worst] > actual[worst] ? "less" : "more";
  const numbers = `${probabilityText(actual[worst])}, not ${probabilityText(predicted[worst])}`;
  return `${ranks}${actions[worst]} is ${how} probable than you drew: ${numbers}.`;
}

// --- the picture -------------------------------------------------------------------------------------

const NICE_LIMITS = [3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];
const LOGITS = [-1000, 1000];
const SHIFTS = [-1000, 1000];
const TEMPERATURES = [0.05, 100];
const COUNTS = ["2", "3", "4", "5", "6"];
const FRAME = { height: 228, left: 36, right: 6, top: 28, low: 204 };

// A new policy gets new draws, and a new prediction.
const freshSample = (set) => ({ ...freshDraws(set), ghosts: [] });

function drawSettings(set, still, { change, refuse }) {
  const { actions, temperature, shift } = set;
  const setCount = (text) => {
    const count = Number(text);
    const others = [..."abcdefghijkl"].filter((letter) => !actions.includes(letter));
    const added = others.slice(0, Math.max(0, count - actions.length));
    const logits = [...set.logits, ...added.map(() => 0)].slice(0, count);
    change({ actions: [...actions, ...added].slice(0, count), logits, ...freshSample(set) });
  };
  const setTemperature = (value) => change({ temperature: value, ...freshSample(set) });
  const setShift = change.to("shift");
  return row("",
    select("count-of-actions", "Actions ", COUNTS.map((n) => [n, n]), actions.length, setCount),
    row("pgc-dial",
      h("label", {}, "temperature κ ",
        dial("temperature", [-1, 1, 0.02], Math.log10(temperature), short(temperature),
          (power) => setTemperature(Number((10 ** power).toPrecision(2))))),
      typed("temperature-input", "temperature", TEMPERATURES, temperature, setTemperature, refuse,
        { "aria-label": "temperature κ, typed" })),
    row("pgc-dial",
      h("label", {}, "shift all logits c ",
        dial("shift", [-10, 10, 0.5], shift, signed(shift), setShift, still.dial)),
      typed("shift-input", "shift", SHIFTS, shift, setShift, refuse, { "aria-label": "shift all logits c, typed" })));
}

const setLogit = (set, a, change) => (value) =>
  change({ logits: replaced(set.logits, a, value), ...freshSample(set) });

// The axis goes from −limit to limit in what is shown, z + c; it stands still while a bar is dragged.
function drawLogits(set, { half }, limit, still, change) {
  const { actions, logits, shift } = set;
  const x = columnsIn(half, FRAME, actions.length);
  const y = scale([-limit, limit], [FRAME.low, FRAME.top]);
  const axis = scale([-limit - shift, limit - shift], [FRAME.low, FRAME.top]);
  const ends = [-1, 1].map((side) => clamp(side * limit - shift, LOGITS));
  const slider = (action, a) => ({
    label: `logit of ${action}`, value: logits[a], text: signed(logits[a]), steps: [0.1, 1],
    limits: ends, within: still.isHeld() ? ends : LOGITS, ...still.hand,
    axis, grip: 24, round: snapTo(limit), set: setLogit(set, a, change),
  });
  const name = shift === 0 ? "logit z (drag)" : "logit z + c (drag)";
  return h("div", { class: "pgc-panel", style: `width: ${half}px` },
    title(h("span", {}, name)),
    drawing("logit z (drag)", [half, FRAME.height],
      rules([limit, 0, -limit], y, x.ends, signed),
      actions.map((action, a) => {
        const shown = logits[a] + shift;
        const top = clamp(y(shown), [FRAME.top, FRAME.low]); // a pulled bar stays on the axis
        return [
          nameAt(x(a), FRAME.height - 6, action, x.band),
          h("g", { ...about("logit", a), slider: slider(action, a) },
            x.reach(a),
            bar(x(a), Math.min(40, x.band * 0.56), top, y(0), NEUTRAL, about("logit-bar", a, shown)),
            label(x(a), Math.min(top, y(0)) - 14, `${shown > 5e-10 ? "+" : ""}${logitText(shown)}`),
            handle(x(a), top, NEUTRAL, 8)),
        ];
      })));
}

// The exact probabilities, with the shares of what was drawn beside them; or the learner's bars, until they reveal.
function drawProbabilities(set, { probabilities, shares, errors }, { half }, { isWaiting, isPast, ghosts, setGhost }) {
  const { actions, draws } = set;
  const isSampled = draws > 0 && !isWaiting;
  const x = columnsIn(half, FRAME, actions.length);
  const y = scale([0, 1], [FRAME.low, FRAME.top]);
  const width = Math.min(isSampled ? 30 : 44, x.band * (isSampled ? 0.36 : 0.5));
  const exact = (a, p) => {
    const at = isSampled ? x(a) - width / 2 - 2 : x(a);
    return [
      bar(at, width, y(p), FRAME.low, POLICY, about("pi", a, p)),
      label(at, y(p) - 5, probabilityText(p)),
    ];
  };
  const predicted = (action, a) =>
    ghost(a, action, ghosts[a], setGhost(a), x(a), Math.min(44, x.band * 0.5), y,
      x.reach(a), label(x(a), y(ghosts[a]) - 14, probabilityText(ghosts[a])));
  const sampled = (a, p) => {
    const at = x(a) + width / 2 + 1;
    const [from, to] = [at - width * 0.35, at + width * 0.35];
    const [high, low] = [y(Math.min(1, p + 2 * errors[a])), y(Math.max(0, p - 2 * errors[a]))];
    return [
      rect(from, high, width * 0.7, Math.max(1, low - high), SAMPLED, { "fill-opacity": 0.32 }),
      line(from, y(p), to, y(p), INK, { "stroke-width": 1.5 }),
      circle(at, y(shares[a]), 5, SAMPLED, { stroke: RIM, ...about("share", a, shares[a]) }),
    ];
  };
  const keys = isWaiting ? "┅ your prediction" : isSampled ? "■ exact  ● share  ▒ ±2 s.e." : "■ exact";
  return h("div", { class: "pgc-panel", style: `width: ${half}px` },
    title(h("span", {}, "probability π(a | s)"), key(keys)),
    drawing("probability π(a | s)", [half, FRAME.height],
      rules([1, 0.5, 0], y, x.ends, shareText),
      actions.map((action, a) => [
        nameAt(x(a), FRAME.height - 6, action, x.band),
        isWaiting && predicted(action, a),
        isPast && ghostBar(x(a), Math.min(44, x.band * 0.5) + 8, y, ghosts[a], 0),
        !isWaiting && exact(a, probabilities[a]),
        isSampled && sampled(a, probabilities[a]),
      ])));
}

function drawEntropy({ actions }, { entropy, mostEntropy }) {
  const words = `entropy H(π) = ${short(entropy)} nats, of at most log ${actions.length} = ${short(mostEntropy)}`;
  return div("pgc-entropy",
    h("span", { "data-role": "entropy", "data-value": entropy }, words),
    h("div", { class: "pgc-track", "aria-hidden": "true" },
      h("div", { class: "pgc-fill", style: `width: ${(100 * entropy) / mostEntropy}%` })));
}

// Where the learner reveals, they draw then: it is the same button, so the focus stays on it.
function drawButtons(set, { last }, { isWaiting, reveal }, { get, change }) {
  const { actions, draws } = set;
  const drawn = `${draws === 1 ? "1 draw" : `${draws} draws`}, the last: ${actions[last]}`;
  const told = draws === 0 ? "nothing drawn yet" : `${drawn}${draws >= MOST_DRAWS ? " (as many as fit)" : ""}`;
  return row("pgc-actions",
    isWaiting ? button("reveal", "reveal the probabilities", reveal, primary) : drawMore(set, 1, change),
    !isWaiting && drawMore(set, 100, change),
    !isWaiting && clearDraws(set, freshSample(set), change),
    button("reset", "reset", () => change({ ...get("initial"), ...freshSample(set), revealed: false })),
    !isWaiting && h("span", { class: "pgc-key", "data-role": "drawn" }, told));
}

function drawTable(set, found, isWaiting, { get, change, refuse }) {
  const { actions, logits, draws } = set;
  const secret = isWaiting && "?";
  const noSample = (draws === 0 || isWaiting) && "–";
  const field = (z, a) =>
    typed("logit-input", `logit of ${actions[a]}`, LOGITS, Number(z.toPrecision(4)), setLogit(set, a, change), refuse,
      { "data-index": a });
  const shown = (x) => (x === Infinity ? "∞" : short(x));
  const rows = [
    ["logit", "logit", logits],
    ["scaled", "shifted, tempered", found.scaled],
    ["exponential", "e to that", found.exponentials, secret],
    ["probability", "probability", found.probabilities, secret],
    ["count", "times drawn", found.counts, noSample],
    ["share", "share of draws", found.shares, noSample],
    ["error", "standard error", found.errors, noSample],
  ].map(([name, words, values, instead]) => {
    const text = { logit: field, scaled: logitText }[name] ?? shown;
    const cell = (v, a) => (instead ? [null, instead] : [v, text(v, a)]);
    return [name, worded(words, get("formulas")[name]), values.map(cell)];
  });
  return table("the arithmetic of the policy", actions, rows, "action", isWaiting ? [] : [found.last]);
}

const render = makeLab({ name: "policy", label: "Policy explorer" }, (lab) => {
  const { get, state, change } = lab;
  const still = holdStill(lab.refresh);
  return (size) => {
    const set = state("actions", "logits", "temperature", "shift", "seed", "draws", "draw_start");
    const { actions, logits, shift, temperature } = set;
    if (actions.length !== logits.length) return null;
    const found = explore(set);
    const [even, setting] = [actions.map(() => 1 / actions.length), { logits, temperature, shift }];
    const prediction = predictionOf(lab, even, found.probabilities, setting);
    const { isWaiting, ghosts, record } = prediction;
    const largest = Math.max(...logits.map((z) => Math.abs(z + shift)));
    const limit = still.keep(() => niceLimit(largest, NICE_LIMITS));
    const missed = record ? aboutTheGap(record.total_variation, "policy", () => whatWasMissed(set, record)) : "";
    const total = aboutTheSum(ghosts);
    const invitation = `Drag the dashed bars to the probabilities you expect, then reveal them. ${total}`;
    const words = isWaiting ? invitation : whatToSee(set, found);
    const spoken = namedValues(actions, found.probabilities, (p) => p.toFixed(2));
    return {
      seen: [
        drawSettings(set, still, lab),
        div("pgc-panels",
          drawLogits(set, size, limit, still, change),
          drawProbabilities(set, found, size, prediction)),
        !isWaiting && drawEntropy(set, found),
        drawButtons(set, found, prediction, lab),
        message(lab.refused()),
        toldGap(missed),
        sentence(words),
        drawTable(set, found, isWaiting, lab),
      ],
      said: isWaiting
        ? total
        : `${missed} Probabilities: ${spoken}. Entropy ${short(found.entropy)}. ${words}`.trim(),
    };
  };
});

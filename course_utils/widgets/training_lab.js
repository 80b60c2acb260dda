// The training lab: Python trains an actor-critic in the kernel, this file draws what it has learned so far.

const FRAMES = 100; // frameStride equals that in training_lab.py
const STEPS_PER_SECOND = 50; // CartPole's own time
const LOWEST_STEP_SIZE = 0.001;
const CURVE = { height: 250, left: 40, right: 12, top: 12, bottom: 34 };
const CART = { height: 212, ground: 176, pole: 118, limit: 2.4 };
const MOVES = [[-1, 0], [0, 1], [1, 0], [0, -1]]; // left, down, right, up
const MOVE_NAMES = ["left", "down", "right", "up"];
const CELL_NAMES = { S: "start", F: "", H: "hole", G: "present" };
const IT_ENDS = "It ends at ±2.4, at a slant of 12°, or after 500 steps.";

const frameStride = (length) => Math.max(1, Math.ceil(length / (FRAMES - 1)));
const isLake = (get) => get("environment") === "FrozenLake";
const ofEvaluation = (get, parts) => parts.map((part) => get(`evaluated_${part}`));

function inWords(get, highest) {
  const number = (x) => minusSign(x.toFixed(isLake(get) ? 2 : 0));
  const n = get("updates");
  const said = [`update ${grouped(n)}`, `${grouped(get("steps"))} steps`];
  if (n > 0) said.push(`batch return ${number(get("batch_return"))}`, `entropy ${get("entropy").toFixed(2)}`);
  const last = get("evaluated_at").length - 1;
  if (last < 0) return said.join(", ");
  const at = get("evaluated_at")[last];
  const [mean, low, high, over] = ofEvaluation(get, ["mean", "low", "high", "over"]).map((list) => list[last] ?? 0);
  const interval = `[${number(Math.max(0, low))}, ${number(Math.min(highest, high))}]`;
  const when = at === n ? "" : ` after update ${grouped(at)}`;
  return [...said, `fresh: ${number(mean)} ${interval} over ${grouped(over)} episodes${when}`].join(", ");
}

// --- replaying an episode: it plays only when it is asked to

function makeReplay(get, refresh) {
  let [now, halt] = [0, null]; // step of the episode; what stops it
  const keepEpisode = remember();
  const stop = () => {
    halt?.();
    halt = null;
  };
  const goTo = (step) => {
    now = Math.min(get("replay_length"), step);
    if (now === get("replay_length")) stop();
    refresh();
  };
  function play() {
    if (now >= get("replay_length")) now = 0;
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) {
      const timer = setInterval(() => goTo(now + 25), 500); // stills, one after the other
      halt = () => clearInterval(timer);
    } else {
      let [before, frame] = [null, null];
      const tick = (ms) => {
        frame = requestAnimationFrame(tick); // first: `goTo` may stop it
        const passed = before === null ? 0 : Math.min(100, ms - before);
        before = ms;
        goTo(now + (passed * STEPS_PER_SECOND) / 1000);
      };
      frame = requestAnimationFrame(tick);
      halt = () => cancelAnimationFrame(frame);
    }
    refresh();
  }
  return {
    stop,
    step() {
      keepEpisode(JSON.stringify([get("cart"), get("pole")]), () => {
        stop();
        now = 0;
      });
      return now;
    },
    isPlaying: () => halt !== null,
    playOrPause: () => (halt === null ? play() : (stop(), refresh())),
    show(step) {
      stop();
      goTo(step);
    },
  };
}

// --- the learning curve

const entry = (sign, words) => h("span", {}, sign, ` ${words}`);

function drawEvaluations(get, x, y) {
  const [means, lows, highs] = ofEvaluation(get, ["mean", "low", "high"]);
  const looks = { fill: POLICY, stroke: PAPER };
  return get("evaluated_at").map((update, i) => {
    const [at, low, high] = [x(update), y(lows[i]), y(highs[i])];
    const interval = `M${at} ${low} V${high} M${at - 5} ${low} h10 M${at - 5} ${high} h10`;
    const about = { "data-role": "evaluation", "data-value": means[i] };
    return [
      path(interval, { stroke: POLICY, "stroke-width": 2 }),
      diamond(at, y(means[i]), 6, { ...looks, ...about }),
    ];
  });
}

function drawCurve(get, highest, width, words) {
  const n = get("updates");
  const [end, every, exact] = [budget(n), stride(n), get("exact")];
  const right = width - CURVE.right;
  const base = CURVE.height - CURVE.bottom;
  const x = scale([0, end], [CURVE.left, right]);
  const height = scale([0, highest], [base, CURVE.top]);
  const y = (value) => height(clamp(value, [0, highest]));
  const dot = { stroke: INK, "stroke-width": 0.6, "data-role": "batch" };
  return panel(
    title(isLake(get) ? "probability of the present, by update" : "return, by update"),
    legend(
      entry(tinted("●", SAMPLED, RIM), "training batch"),
      exact.length > 0 && entry(tinted("━", EXACT), "exact J"),
      entry(tinted("◆", POLICY), "fresh episodes, 95 %")),
    chart("curve", `Learning curve. ${words}`, [width, CURVE.height],
      rules([0, highest / 2, highest], y, [CURVE.left, right], short, 6),
      label(CURVE.left - 4, base + 17, "0", "start"),
      label(x(end / 2), base + 17, `${grouped(end / 2)} updates`),
      label(right, base + 17, grouped(end), "end"),
      get("batch_returns").map((value, i) =>
        circle(x(i * every), y(value), 3.2, SAMPLED, { ...dot, "data-value": value })),
      curve(exact.map((J, i) => [x(i === exact.length - 1 ? n : i * every), y(J)]), EXACT, 2.2,
        { "data-role": "exact", "data-value": exact.at(-1) }),
      drawEvaluations(get, x, y)));
}

// --- the policy on the lake

// An arrow from the middle of a cell: longer and thicker with its probability.
function arrow([dx, dy], x, y, reach, p) {
  const [length, half] = [reach * (0.15 + 0.85 * p), 1 + 2.2 * p];
  const head = Math.min(length * 0.6, 4 + 5 * p);
  const [neck, wing] = [length - head, half + head * 0.55];
  const side = [[0, half], [neck, half], [neck, wing]];
  const mirrored = [...side].reverse().map(([along, across]) => [along, -across]);
  const points = [...side, [length, 0], ...mirrored];
  return `${through(points.map(([along, across]) => [x + dx * along - dy * across, y + dy * along + dx * across]))} z`;
}

const hole = (x, y, r) => `M${x - 1.5 * r} ${y} a${1.5 * r} ${r} 0 1 0 ${3 * r} 0 a${1.5 * r} ${r} 0 1 0 ${-3 * r} 0 z`;
const present = (x, y, r) =>
  `M${x - 1.2 * r} ${y - r} h${2.4 * r} v${2 * r} h${-2.4 * r} z M${x} ${y - r} v${2 * r} ` +
  `M${x} ${y - r} l${-r * 0.7} ${-r * 0.7} M${x} ${y - r} l${r * 0.7} ${-r * 0.7}`;

function drawCell(letter, s, pi, value, size) {
  const [x, y] = [1 + (s % 4) * size, 1 + Math.floor(s / 4) * size];
  const [middle, centre, r] = [x + size / 2, y + size * 0.4, size * 0.19];
  const outline = { stroke: INK, "stroke-width": 1.2 };
  const isFree = letter === "S" || letter === "F";
  return h("g", { "data-role": "cell", "data-index": s },
    rect(x, y, size, size, letter === "H" ? colour("block") : PAPER, { stroke: AXIS }),
    letter === "H" && path(hole(middle, centre, r), { fill: NEUTRAL, ...outline }),
    letter === "G" && path(present(middle, centre, r), { fill: colour("above"), ...outline }),
    letter === "S"
      ? label(x + 4, y + 14, CELL_NAMES.S, "start", { "font-weight": 600 })
      : label(middle, y + size * 0.86, CELL_NAMES[letter]),
    isFree && MOVES.map((move, a) => {
      const p = pi[a] ?? 0;
      const about = { "data-role": "arrow", "data-value": p, visibility: p < 0.03 ? "hidden" : null };
      return path(arrow(move, x + 0.44 * size, y + 0.47 * size, size * 0.38, p), { fill: POLICY, ...about });
    }),
    label(x + size - 4, y + size - 5, isFree ? value : "", "end"));
}

function drawLake(get, map, side) {
  const [pi, values] = [get("policy"), get("values")];
  const rows = [...map].map((_, s) => pi.slice(4 * s, 4 * s + 4));
  const written = get("critic") ? values.map((value) => minusSign(value.toFixed(2)).replace("0.", ".")) : [];
  const likely = rows.flatMap((row, s) =>
    "SF".includes(map[s]) && row.length === 4 ? [`${s + 1} ${MOVE_NAMES[row.indexOf(Math.max(...row))]}`] : []);
  return panel(
    title("the policy, cell by cell"),
    legend(`➔ as probable as it is long${get("critic") ? "; number: the critic’s V" : ""}`),
    chart("lake", `The lake, cells 1 to 16. Most probable moves: ${likely.join(", ")}.`, [side, side],
      rows.map((row, s) => drawCell(map[s], s, row, written[s] ?? "", (side - 2) / 4))));
}

// --- the pole on the cart

// Position and angle at a step, between two stored frames.
function poseAt(get, step) {
  const [carts, poles, length] = [get("cart"), get("pole"), get("replay_length")];
  const last = Math.min(carts.length, poles.length) - 1;
  if (last < 0) return [0, 0];
  const every = frameStride(length);
  const frame = Math.max(0, Math.min(Math.floor(step / every), last - 1));
  const [from, to] = [frame * every, Math.min(length, (frame + 1) * every)];
  const share = to > from ? clamp((step - from) / (to - from), [0, 1]) : 0;
  return [carts, poles].map((list) => list[frame] + ((list[frame + 1] ?? list[frame]) - list[frame]) * share);
}

function drawStage(get, step, side) {
  const [position, angle] = poseAt(get, step);
  const { ground, limit } = CART;
  const x = scale([-limit, limit], [30, side - 30]);
  const [middle, top] = [x(clamp(position, [-limit, limit])), ground - 38];
  const tip = [middle + CART.pole * Math.sin(angle), top - CART.pole * Math.cos(angle)];
  const degrees = signed((angle * 180) / Math.PI);
  const name = `Cart and pole at step ${Math.round(step)} of ${get("replay_length")}: cart at ${signed(position)}, ` +
    `pole at ${degrees} degrees.`;
  return chart("cart", name, [side, CART.height],
    line(4, ground, side - 4, ground, AXIS, { "stroke-width": 2 }),
    [-limit, limit].map((end) => [
      line(x(end), 8, x(end), ground, AXIS, { "stroke-dasharray": "3 3" }),
      label(x(end), ground + 18, signed(end)),
    ]),
    line(middle, top - CART.pole, middle, top, colour("line"), { "stroke-dasharray": "3 4" }),
    rect(middle - 27, top, 54, 26, PAPER, { rx: 4, stroke: INK, "stroke-width": 2 }),
    [-15, 15].map((aside) => circle(middle + aside, ground - 6, 6, NEUTRAL)),
    line(middle, top, ...tip, POLICY,
      { "stroke-width": 7, "stroke-linecap": "round", "data-role": "pole", "data-value": angle }),
    circle(middle, top, 4, INK));
}

function drawEpisode(get, replay, step, side) {
  const length = get("replay_length");
  const [shown, disabled] = [`${Math.round(step)} of ${length}`, length === 0];
  const limits = [0, Math.max(1, length), 1];
  return panel(
    title("one fresh episode"),
    legend(IT_ENDS),
    drawStage(get, step, side),
    row("pgc-replay",
      button("play", replay.isPlaying() ? "Pause" : "Play", replay.playOrPause, { disabled }),
      h("label", {}, "step",
        dial("time", limits, Math.round(step), shown, replay.show, { disabled }),
        shownBeside("time", shown))));
}

const render = makeKernelLab({ name: "training", label: "Training lab" }, (lab) => {
  const { get, change, refresh, kernel } = lab;
  const { map, highest } = get("world");
  const replay = makeReplay(get, refresh);
  lab.leaving(replay.stop);
  return ({ inner, isWide }) => {
    const left = isWide ? Math.floor((inner - COLUMN_GAP) * 0.56) : inner;
    const side = isWide ? inner - COLUMN_GAP - left : Math.min(inner, 320);
    const [environment, entropyCost, lambda] = ["environment", "entropy_cost", "lambda_"].map(get);
    const step = replay.step();
    const words = inWords(get, highest[environment]);
    return {
      seen: [
        row("pgc-settings",
          wishAmong(kernel, "environment", "environment", Object.keys(highest), environment),
          check("critic", "critic", get("critic"), change.to("critic")),
          range("entropy-cost", "entropy cost", [0, 0.2, 0.005], entropyCost, short(entropyCost),
            change.to("entropy_cost")),
          range("lambda", "λ", [0, 1, 0.01], lambda, lambda.toFixed(2), change.to("lambda_")),
          stepSizeRange("step-size", "step size", LOWEST_STEP_SIZE, get("step_size"), change.to("step_size"))),
        kernelButtons(kernel, "Train", [["evaluate", "Evaluate on fresh episodes", "evaluate"]]),
        kernelMessage(kernel),
        div("pgc-panels",
          drawCurve(get, highest[environment], left, words),
          isLake(get) ? drawLake(get, map, side) : drawEpisode(get, replay, step, side)),
        sentence(words, "line"),
      ],
      said: lab.report(words),
    };
  };
});

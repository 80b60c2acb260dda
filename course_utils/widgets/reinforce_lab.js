// The REINFORCE lab: eight runs in the short corridor, by step size, batch size and sign of the step.

// --- the mathematics, equal to reinforce_lab.py ------------------------------------------------------

const RUNS = 8;
const UPDATES = 200;
const COLLAPSED = -90; // a J below it

const logistic = (z) => 1 / (1 + Math.exp(-z));

// J where the action "right" has probability p in every place: back from the last step.
function performance({ next, horizon }, p) {
  let values = [0, 0, 0, 0];
  for (let k = 0; k < horizon; k += 1)
    values = next.map(([left, right], s) => (s === 3 ? 0 : -1 + p * values[right] + (1 - p) * values[left]));
  return values[0];
}

// One batch of m episodes: the estimate (1/m) Σ_i Σ_t ∂log π(a_t)/∂θ_right G_t, and the mean return.
function sampleBatch({ next, horizon }, p, m, key) {
  let [gradient, steps] = [0, 0];
  for (let i = 0; i < m; i += 1) {
    let [state, length, scores, past] = [0, 0, 0, 0];
    for (; state !== 3 && length < horizon; length += 1) {
      const isRight = uniform(...key, i * horizon + length) < p;
      scores += (isRight ? 1 : 0) - p;
      past += length * ((isRight ? 1 : 0) - p);
      state = next[state][isRight ? 1 : 0];
    }
    gradient -= length * scores - past; // Σ_t score_t · −(T − t)
    steps += length;
  }
  return { gradient: gradient / m, mean: -steps / m };
}

// Runs that go on as far as they are asked to: z = θ_right − θ_left, p, exact J, and the batch's mean return.
function makeRuns(corridor, { start, step_size: size, samples: m, sign, seed, draw }) {
  const at = (z) => ({ z, p: logistic(z), J: performance(corridor, logistic(z)) });
  const runs = Array.from({ length: RUNS }, () => ({ path: [at(Math.log(start / (1 - start)))], means: [] }));
  return (updates) => {
    for (const [r, { path, means }] of runs.entries())
      while (path.length <= updates) {
        const { z, p } = path.at(-1);
        const { gradient, mean } = sampleBatch(corridor, p, m, [seed, draw, r, means.length]);
        path.push(at(z + 2 * (sign === "minus" ? -size : size) * gradient)); // θ_left takes the opposite step
        means.push(mean);
      }
    return runs.map(({ path, means }) => ({ path: path.slice(0, updates + 1), means: means.slice(0, updates) }));
  };
}

function measure(runs, updates) {
  const fell = ({ path }) => sum(path.slice(1).map(({ J }, k) => (J < path[k].J ? 1 : 0))) / updates;
  const last = runs.map(({ path }) => path[updates]);
  const mean = (list) => sum(list) / list.length;
  return {
    last,
    mean: mean(last.map(({ J }) => J)),
    batch: mean(runs.map(({ means }) => means[updates - 1])),
    fell: runs.map(fell),
    collapsed: last.filter(({ J }) => J < COLLAPSED).length,
  };
}

// --- what the lab says in words ----------------------------------------------------------------------

const percent = (share) => `${Math.round(100 * share)} %`;
const times = (n, word) => `${grouped(n)} ${word}${n === 1 ? "" : "s"}`;

function whatIsSeen({ start, samples, sign, updates }, { best, horizon }, { last, mean, fell, collapsed }) {
  if (updates === 0)
    return `All ${RUNS} runs begin at π(right) = ${probabilityText(start)}, where J = ${short(last[0].J)}. ` +
      `The best possible is ${short(best.J)}. Press run.`;
  const after = `After ${times(updates, "update")} the mean J is ${short(mean)}`;
  if (sign === "minus")
    return `With a minus sign the steps go downhill on average. ${after}; the least possible is ${short(-horizon)}.`;
  if (collapsed > 0)
    return `${collapsed} of ${RUNS} runs have collapsed: one action is all but certain, most episodes last all ` +
      `${horizon} steps, and such a batch says little about what would be better. ${after}.`;
  const falls = sum(fell) === 0 ? "" : ` J fell at ${percent(sum(fell) / RUNS)} of the updates: ` +
    `an estimate from ${times(samples, "episode")} is noisy.`;
  return `${after}, ${short(Math.max(0, best.J - mean))} below the best.${falls}`;
}

// --- the picture -------------------------------------------------------------------------------------

const PLACE_NAMES = ["first", "second", "third", "exit"];
const CHART = { height: 304, left: 40, right: 16, top: 12, low: 260 };
const BATCHES = [1, 2, 5, 10, 20, 50, 100];

// The three places and the exit: where each action leads, as thick as it is probable.
function drawCorridor({ next }, p, half) {
  const [side, gap] = [Math.min(112, (half - 12) / 4 - 8), 8];
  const x = (s) => 1 + s * (side + gap);
  const arrow = (s, a, y, share, stroke) => {
    const to = Math.sign(next[s][a] - s);
    const [middle, reaches] = [x(s) + side / 2 + (to < 0 ? 17 : 12), side / 2 - 16];
    const [from, tip] = [middle - (to || 1) * reaches * 0.5, middle + (to || 1) * reaches * (to === 0 ? 0 : 0.5)];
    const head = (to || 1) * 7;
    return [
      line(from, y, tip, y, stroke, { "stroke-width": (1.5 + 6 * share).toFixed(2) }),
      to === 0
        ? circle(tip, y, 4.5, stroke)
        : path(`M${tip + head} ${y} l${-head * 1.4} -7 v14 z`, { fill: stroke, "data-role": "arrow" }),
    ];
  };
  return image("the corridor: in the second place right and left are exchanged", [half, 92],
    PLACE_NAMES.map((name, s) => [
      rect(x(s), 1, side, 66, s === 3 ? colour("good-wash") : PAPER, { rx: 4, stroke: colour("edge") }),
      label(x(s) + side / 2, 84, name),
      s === 3
        ? label(x(s) + side / 2, 38, "the end")
        : [
            nameAt(x(s) + 3, 24, "right", side / 2 - 2, "start"), arrow(s, 1, 20, p, POLICY),
            nameAt(x(s) + 3, 52, "left", (side / 2 - 2) * 0.8, "start"), arrow(s, 0, 48, 1 - p, NEUTRAL),
          ],
    ]));
}

const drawFrame = (y, ends, best) => [
  rules([0, -50, -100], y, ends, short),
  line(ends[0], y(best.J), ends[1], y(best.J), EXACT, { "stroke-dasharray": "2 3" }),
];

// J as a function of π(right), and where the runs are on it.
function drawHill({ best, hill }, runs, half) {
  const ends = [CHART.left, half - CHART.right];
  const [x, y] = [scale([0, 1], ends), scale([-100, 0], [CHART.low, CHART.top])];
  const dots = runs.map(({ path }, r) => [r, path.at(-1)]).reverse();
  return panel(
    title("exact J of a policy", key("  ", tinted("●", POLICY), " the 8 runs")),
    image("exact J against the probability of right, and the runs on it", [half, CHART.height],
      drawFrame(y, ends, best),
      ticks([0, 0.5, 1], x, [CHART.low, CHART.low + 4], 16, shareText, onAxis),
      label((ends[0] + ends[1]) / 2, CHART.height - 4, "probability π(right), in every place"),
      curve(hill.map((J, k) => [x(k / (hill.length - 1)), y(J)]), EXACT, 1.6),
      label(x(best.p), y(best.J) - 7, `best: ${short(best.J)} at ${probabilityText(best.p)}`),
      dots.map(([r, { p, J }]) => circle(x(p), y(J), r === 0 ? 7 : 4.5, POLICY,
        { stroke: PAPER, "stroke-width": 1.5, "fill-opacity": r === 0 ? 1 : 0.7, ...about("run-j", r, J) }))));
}

function drawLearning({ best }, runs, half) {
  const ends = [CHART.left, half - CHART.right];
  const [x, y] = [scale([0, UPDATES], ends), scale([-100, 0], [CHART.low, CHART.top])];
  const lines = runs.map(({ path }, r) =>
    curve(path.map(({ J }, k) => [x(k), y(J)]), POLICY, r === 0 ? 2.8 : 1.2, { "stroke-opacity": r === 0 ? 1 : 0.55 }));
  return panel(
    title("J as it goes", key("  ",
      tinted("━", POLICY), " exact, run 1  ", tinted("─", POLICY), " runs 2–8  ● mean return of run 1’s batch")),
    image("exact J of the runs against the updates, and the mean returns of run 1", [half, CHART.height],
      drawFrame(y, ends, best),
      ticks([0, 50, 100, 150, 200], x, [CHART.low, CHART.low + 4], 16, String, onAxis),
      label((ends[0] + ends[1]) / 2, CHART.height - 4, "updates"),
      runs[0].means.map((mean, k) => circle(x(k), y(mean), 2.6, SAMPLED, { stroke: RIM, "stroke-width": 0.7 })),
      lines.toReversed(),
      label(ends[1], y(best.J) - 7, "best possible", "end")));
}

function drawNumbers(runs, { last, mean, batch, fell, collapsed }, updates) {
  const [first, none] = [last[0], [null, "–"]];
  const [lowest, highest] = [Math.min, Math.max].map((end) => end(...last.map(({ p }) => p)));
  const cell = (v, text = short) => (updates > 0 ? [v, text(v)] : none);
  const range = lowest === highest ? "" : `${probabilityText(lowest)} to ${probabilityText(highest)}`;
  return table("the runs in numbers", ["run 1", "all 8"], [
    ["p", "π(right)", [[first.p, probabilityText(first.p)], [null, range || probabilityText(first.p)]]],
    ["J", "exact J", [[first.J, short(first.J)], [mean, short(mean)]]],
    ["batch", "mean return, last batch", [cell(runs[0].means[updates - 1]), cell(batch)]],
    ["fell", "updates at which J fell", [cell(fell[0], percent), cell(sum(fell) / RUNS, percent)]],
    ["collapsed", `collapsed (J below ${short(COLLAPSED)})`,
      [[null, first.J < COLLAPSED ? "yes" : "no"], [collapsed, `${collapsed} of ${RUNS}`]]],
  ], "", [], "pgc-whole");
}

// Goes on by itself until the last update; Python hears of it when it stops.
function makePlayer({ model, get, refresh, leaving }) {
  let timer = null;
  const stop = () => {
    if (timer === null) return;
    clearInterval(timer);
    timer = null;
    model.save_changes();
  };
  const tick = (by) => {
    const to = Math.min(UPDATES, get("updates") + by);
    if (to === UPDATES) stop();
    model.set("updates", to);
  };
  leaving(() => clearInterval(timer));
  return {
    stop,
    isPlaying: () => timer !== null,
    playOrPause() {
      if (timer !== null) return stop(), refresh();
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (get("updates") === UPDATES) model.set("updates", 0);
      timer = setInterval(() => tick(calm ? 20 : 1), calm ? 500 : 30);
      tick(1);
      model.save_changes();
    },
  };
}

function drawSettings({ step_size: size, samples, sign, updates, draw }, player, { get, change }) {
  const power = Math.log2(size);
  const told = Number.isInteger(power) ? `1/${grouped(1 / size)}` : short(size);
  const anew = (values) => (player.stop(), change({ updates: 0, ...values }));
  const known = BATCHES.includes(samples) ? BATCHES : [...BATCHES, samples].sort((a, b) => a - b);
  const sizes = known.map((m) => [m, times(m, "episode")]);
  return row("pgc-settings",
    range("step-size", "step size α ", [-14, -3, 1], power, told, (v) => anew({ step_size: 2 ** v })),
    select("samples", "batch m ", sizes, samples, (m) => anew({ samples: Number(m) })),
    select("sign", "step ", [["plus", "θ + α g"], ["minus", "θ − α g"]], sign, (to) => anew({ sign: to })),
    button("run", player.isPlaying() ? "pause" : "run", player.playOrPause, primary),
    button("one-update", "1 update", () => (player.stop(), change({ updates: Math.min(UPDATES, updates + 1) }))),
    button("restart", "restart", () => anew({})),
    button("draw-again", "new seeds", () => anew({ draw: draw + 1 })),
    button("reset", "reset", () => anew({ ...get("initial"), draw: 0 })));
}

const render = makeLab({ name: "reinforce", label: "REINFORCE lab", most: 1080 }, (lab) => {
  const { get, state } = lab;
  const corridor = get("world");
  const [player, keep] = [makePlayer(lab), remember()];
  const points = Array.from({ length: 201 }, (_, k) => performance(corridor, k / 200));
  return ({ half }) => {
    const set = state("start", "step_size", "samples", "sign", "updates", "seed", "draw");
    const { updates, ...setting } = set;
    const runs = keep(JSON.stringify(setting), () => makeRuns(corridor, setting))(updates);
    const found = measure(runs, updates);
    const words = whatIsSeen(set, corridor, found);
    return {
      seen: [
        drawSettings(set, player, lab),
        div("pgc-panels",
          panel(
            drawCorridor(corridor, found.last[0].p, half),
            h("p", { class: "pgc-key" }, "A step costs 1. The arrows are run 1’s policy, the same in every place. ",
              `After ${corridor.horizon} steps an episode ends anyway.`),
            typeset(get("formulas").update)),
          panel(drawNumbers(runs, found, updates))),
        sentence(words),
        div("pgc-panels", drawHill({ ...corridor, hill: points }, runs, half), drawLearning(corridor, runs, half)),
      ],
      said: words,
    };
  };
});

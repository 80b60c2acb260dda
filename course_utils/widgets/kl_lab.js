// The KL lab: a policy beside its reference, both KLs and their estimates, and what a price β on the KL leads to.

// --- the mathematics, equal to kl_lab.py -------------------------------------------------------------

const UPDATES = 600;
const [STEP_SIZE, GAIN] = [0.3, 0.1]; // of an update of the policy, and of β
const [BETAS, ADAPTED] = [[0.03, 30], [0.03, 1000]]; // what β may be at first, and later
const LOWEST_LOGIT = -300;

// Log-ratios below this are 0: a notebook stores twelve digits of the logits.
const EQUAL = 1e-10;

// Exact updates of π on E[r] − β KL, and of β where it is adapted: what is known before and after each.
function ascend({ logits, ref_logits: ref, rewards, beta: first, target }, isAdaptive) {
  const reference = logSoftmax(ref);
  const scaleOf = Math.max(1, ...rewards.map(Math.abs));
  const path = [];
  for (let [z, beta] = [logits, first]; path.length <= UPDATES; ) {
    const log = logSoftmax(z);
    const pi = log.map(Math.exp);
    const x = log.map((v, a) => v - reference[a]).map((d) => (Math.abs(d) < EQUAL ? 0 : d));
    const [kl, reward] = [dot(pi, x), dot(pi, rewards)];
    path.push({ log, pi, x, kl, beta, objective: reward - beta * kl });
    const size = STEP_SIZE / Math.max(scaleOf, beta / 10);
    z = z.map((v, a) => v + size * pi[a] * (rewards[a] - reward - beta * (x[a] - kl)));
    if (isAdaptive) beta = clamp(beta * (1 + GAIN * clamp(kl / target - 1, [-0.2, 0.2])), ADAPTED);
  }
  return path;
}

const ESTIMATES = { k1: (x) => x, k2: (x) => (x * x) / 2, k3: (x) => Math.expm1(-x) + x };

// Exact mean, and mean and standard error of the sample, of one estimate; values: of each action.
function estimate(of, { pi, x }, counts, m) {
  const values = x.map(of);
  const mean = dot(counts, values) / m;
  const variance = sum(values.map((v, a) => (counts[a] > 0 ? counts[a] * (v - mean) ** 2 : 0))) / (m - 1);
  const below = sum(counts.filter((_, a) => values[a] < 0));
  return { values, exact: dot(pi, values), mean, error: m > 1 ? Math.sqrt(variance / m) : null, below };
}

function workOut(set) {
  const { ref_logits: ref, rewards, adaptive, updates, samples, seed, draw } = set;
  const paths = [false, true].map((isAdaptive) => ascend(set, isAdaptive));
  const now = paths[Number(adaptive)][updates];
  const log = logSoftmax(ref);
  const reference = log.map(Math.exp);
  const exponents = log.map((v, a) => v + rewards[a] / now.beta);
  const top = Math.max(...exponents);
  const counts = now.pi.map(() => 0);
  for (let i = 0; i < samples; i += 1) counts[drawAction(now.pi, uniform(seed, draw, i))] += 1;
  const of = Object.fromEntries(
    Object.entries(ESTIMATES).map(([name, k]) => [name, estimate(k, now, counts, samples)]),
  );
  return {
    paths, now, reference, counts, of,
    optimum: softmax(exponents),
    best: now.beta * (top + Math.log(sum(exponents.map((e) => Math.exp(e - top))))),
    forward: 0 - dot(reference, now.x),
  };
}

// --- what the lab says in words ----------------------------------------------------------------------

function whatIsSeen({ actions, samples }, { now, counts, of, best }) {
  if (Math.max(...now.x.map(Math.abs)) < 1e-9)
    return "π is the reference: both KLs are 0, and so is every estimate. Drag a bar.";
  const low = actions.filter((_, a) => now.x[a] < 0 && counts[a] > 0).join(", ").replace(/, ([^,]*)$/, " and $1");
  const often = `${grouped(of.k1.below)} of ${grouped(samples)} ${samples === 1 ? "sample" : "samples"}`;
  const event = low !== ""
    ? `k₁ is below 0 in ${often}: π takes ${low} less often than the reference. k₃ never is.`
    : `No k₁ of this sample is below 0: it holds no action that π takes less often than the reference.`;
  const gap = best - now.objective;
  const rest = gap < 1e-4
    ? "π is the best policy at this β."
    : `The best policy at this β, the dashed outline, has ${short(gap)} more of E[r] − β KL.`;
  return `${event} ${rest}`;
}

// --- the picture -------------------------------------------------------------------------------------

const REWARD_LIMITS = [1, 2, 5, 10];
const REACHES = [0.1, 0.2, 0.5, 1, 2, 3, 5, 8, 12, 20, 50, 100, 500, 2000];
const KL_LIMITS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 500, 2000];
const BARS = { height: 296, left: 34, right: 8, reward: [24, 84], top: 120, low: 270 };
const CAP = 13; // px from a bar to its number
const DOTS = { height: 172, left: 30, right: 22, rows: { k1: 38, k2: 84, k3: 130 }, low: 150 };
const PATHS = { height: 140, left: 46, right: 70, rail: 12, top: 28, low: 116 };
const DASHED = { "stroke-dasharray": "6 4" };

// Rewards above, and under each its action's probability, beside the reference and the best policy.
function drawPolicy(set, { now, reference, optimum }, { half }, limit, still, { change }) {
  const { actions, rewards } = set;
  const x = columnsIn(half, BARS, actions.length);
  const up = scale([-limit, limit], BARS.reward.toReversed());
  const y = scale([0, 1], [BARS.low, BARS.top]);
  const width = Math.min(34, x.band * 0.44);
  const wide = Math.min(56, x.band * 0.8); // what a finger takes; beside it the page scrolls
  const ofReward = (action, a) => ({
    label: `reward of ${action}`, value: rewards[a], text: signed(rewards[a]), steps: [0.1, 1], limits: [-10, 10],
    within: still.isHeld() ? [-limit, limit] : [-10, 10], axis: up, grip: 20, round: snapTo(limit),
    set: change.entry("rewards", a), ...still.hand,
  });
  const setPolicy = (a) => (p) => {
    const logits = now.log.map((z) => Math.max(z, LOWEST_LOGIT));
    change({ logits: replaced(logits, a, logitFor(p, logits, a)), updates: 0 });
  };
  const ofPolicy = (action, a) => ({
    label: `probability of ${action}`, value: Number(now.pi[a].toFixed(3)), text: probabilityText(now.pi[a]),
    limits: [0, 1], steps: [0.01, 0.1], axis: y, grip: 24, round: (p) => roundTo(0.001, p), set: setPolicy(a),
    ...still.hand,
  });
  const numberAt = (a) => // above the outlines too, where they are near
    [y(reference[a]), y(optimum[a])].sort((p, q) => q - p)
      .reduce((top, line) => (line < top && line > top - 2 * CAP ? line : top), y(now.pi[a])) - CAP;
  const outline = (a, values, wide, look, role) =>
    bar(x(a), wide, y(values[a]), BARS.low, "none", { "stroke-width": 1.8, ...look, ...about(role, a, values[a]) });
  const name = "reward r, and probability π(a) beside the reference and the best policy (drag)";
  return panel(
    title("reward r, probability π", key("  ■ π  ┈ reference  ╌ ◆ best π*  (drag)")),
    drawing(name, [half, BARS.height],
      rules([limit, 0, -limit], up, x.ends, signed),
      rules([1, 0.5, 0], y, x.ends, shareText),
      actions.map((action, a) => [
        nameAt(x(a), BARS.height - 8, action, x.band),
        h("g", { ...about("reward", a, rewards[a]), slider: ofReward(action, a) },
          reach(x(a) - wide / 2, 6, wide, 94),
          bar(x(a), width * 0.6, up(rewards[a]), up(0), tintOf(rewards[a])),
          handle(x(a), up(rewards[a]), NEUTRAL, 7),
          label(x(a), up(rewards[a]) + (rewards[a] < 0 ? 20 : -11), signed(rewards[a]))),
        h("g", { ...about("pi", a, now.pi[a]), slider: ofPolicy(action, a) },
          reach(x(a) - wide / 2, BARS.top - 14, wide, BARS.low - BARS.top + 14),
          bar(x(a), width, y(now.pi[a]), BARS.low, POLICY),
          outline(a, reference, width + 14, { stroke: colour("reference"), "stroke-dasharray": "2 3" }, "reference"),
          outline(a, optimum, width + 4, { stroke: EXACT, ...DASHED }, "optimum"),
          diamond(x(a) + width / 2 + 2, y(optimum[a]), 5),
          handle(x(a), y(now.pi[a]), POLICY, 8),
          label(x(a), numberAt(a), probabilityText(now.pi[a]), "middle", { "font-weight": 600 })),
      ])));
}

// The ends of the estimates' axis: a part below 0 always, and not all of a k₃ that would press the others together.
function reachOf(x, of) {
  const largest = Math.max(...Object.values(of).flatMap(({ values }) => values));
  const high = niceLimit(Math.min(largest, 2 * Math.max(...x.map(Math.abs))), REACHES);
  return [-niceLimit(Math.max(high / 4, ...x.map((v) => -v)), REACHES), high];
}

// Each estimate's values, one dot for an action, as large as it was often drawn; their mean beside the exact one.
function drawEstimates({ samples }, { now, counts, of }, { half }, reach, formulas) {
  const x = scale(reach, [DOTS.left, half - DOTS.right]);
  const marks = [reach[0], 0, reach[1] / 2, reach[1]].filter((v) => v !== reach[1] / 2 || x(v) - x(0) > 60);
  const at = (v) => x(clamp(v, reach));
  const row = ([name, { values, exact, mean, error, below }]) => {
    const y = DOTS.rows[name];
    const told = below > 0 ? `${grouped(below)} below 0` : name === "k1" ? "none below 0" : "never below 0";
    return [
      line(DOTS.left, y, half - DOTS.right, y, colour("rule")),
      label(0, y + 4, name.replace("1", "₁").replace("2", "₂").replace("3", "₃"), "start", { "font-weight": 600 }),
      values.map((v, a) => counts[a] > 0 &&
        circle(at(v), y, (3 + 11 * Math.sqrt(counts[a] / samples)).toFixed(2), v > reach[1] ? PAPER : SAMPLED, {
          "fill-opacity": 0.35, stroke: v < 0 ? colour("below") : RIM, "stroke-width": v < 0 ? 2.5 : 1,
          ...about(`${name}-dot`, a, v),
        })),
      error !== null && line(at(mean - 2 * error), y, at(mean + 2 * error), y, RIM, { "stroke-width": 3 }),
      circle(at(mean), y, 5, SAMPLED, { stroke: RIM, "stroke-width": 2 }),
      diamond(at(exact), y, 6, { stroke: PAPER, ...about(`${name}-exact`, null, exact) }),
      label(DOTS.left, y - 17, told, "start", { class: below > 0 ? "pgc-event" : "pgc-small" }),
    ];
  };
  const all = Object.entries(of);
  return panel(
    title("estimates of KL(π ‖ ", piOf("ref"), `), m = ${grouped(samples)}`, key("  ● mean ± 2 s.e.  ◆ exact mean")),
    image("the estimates of each sampled action, their mean and the exact mean", [half, DOTS.height],
      rect(DOTS.left, 6, x(0) - DOTS.left, DOTS.low - 6, colour("bad-wash")),
      ticks(marks, x, [6, DOTS.low], 15, signed),
      line(at(now.kl), 6, at(now.kl), DOTS.low, EXACT, { "stroke-width": 1.5 }),
      all.map(row)),
    table("the estimates in numbers", ["exact", "mean", "s.e.", "< 0"],
      all.map(([name, { exact, mean, error, below }]) => [name, typeset(formulas[name]), [
        [exact, signed(exact)], [mean, signed(mean)], [error, error === null ? "–" : short(error)],
        [below, grouped(below)],
      ]]), ["x = log π/", piOf("ref")]));
}

// Powers of 10 around these numbers.
function decadesOf(betas) {
  const power = (of, beta) => of(Number(Math.log10(beta).toFixed(6)));
  const [low, high] = [power(Math.floor, Math.min(...betas)), power(Math.ceil, Math.max(...betas))];
  return low === high ? [10 ** (low - 1), 10 ** (high + 1)] : [10 ** low, 10 ** high];
}

// KL or β along the updates, with β fixed and adapted; the dial on the first goes along them.
function drawPath(name, of, { updates, adaptive, target }, { paths }, { half }, limits, slider, ...buttons) {
  const x = scale([0, UPDATES], [PATHS.left, half - PATHS.right]);
  const log = limits[0] > 0;
  const measure = log ? Math.log10 : (v) => v;
  const place = scale(limits.map(measure), [PATHS.low, PATHS.top]);
  const y = (v) => place(measure(clamp(v, limits)));
  const ends = [PATHS.left, half - PATHS.right];
  const decades = log ? Math.round(Math.log10(limits[1] / limits[0])) : 0;
  const powers = Array.from({ length: decades + 1 }, (_, k) => limits[0] * 10 ** k);
  const marks = log ? powers : [0, limits[1] / 2, limits[1]];
  const own = Number(adaptive);
  const drawn = [1 - own, own].map((k) => {
    const points = paths[k].filter((_, n) => n % 4 === 0).map((at, n) => [x(4 * n), y(of(at))]);
    const [stroke, width, look] = k === own ? [POLICY, 2.6, {}] : [NEUTRAL, 1.6, DASHED];
    return curve(points, stroke, width, { ...look, ...about("path", k, of(paths[k][UPDATES])) });
  });
  const last = paths.map((path) => y(of(path[UPDATES])) + 4);
  const lower = last[1] > last[0] ? 1 : 0;
  const floor = Math.min(Math.max(last[lower], (last[0] + last[1] + 15) / 2), PATHS.low + 2);
  const names = ["fixed β", "adaptive"].map((text, k) =>
    label(ends[1] + 6, k === lower ? floor : Math.min(last[k], floor - 15), text, "start",
      { "font-weight": k === own ? 600 : 400 }));
  const at = [x(updates), y(of(paths[own][updates]))];
  const under = y(target) + 12;
  return panel(
    div("pgc-head", title(name), buttons),
    (slider ? drawing : image)(name, [half, PATHS.height],
      rules(marks, y, ends, short, 10), // beside the dot of the first update
      ticks([0, 200, 400, 600], x, [PATHS.low, PATHS.low + 4], 15, String, onAxis),
      slider && line(...[ends[0], y(target), ends[1], y(target)], EXACT, { "stroke-dasharray": "2 3" }),
      drawn, names,
      slider && label(ends[0] + 30, under < PATHS.low ? under : under - 16, "target", "start", { class: "pgc-small" }),
      !slider && circle(...at, 4.5, PAPER, { stroke: POLICY, "stroke-width": 2 }),
      slider && h("g", { "data-role": "updates", slider: { ...slider, axis: x } },
        line(ends[0], PATHS.rail, ends[1], PATHS.rail, colour("wash"), { "stroke-width": 4 }),
        reach(ends[0] - 10, 0, ends[1] - ends[0] + 20, 2 * PATHS.rail),
        reach(at[0] - 16, 0, 32, PATHS.low),
        line(at[0], PATHS.rail, at[0], PATHS.low, POLICY, { "stroke-width": 2 }),
        circle(...at, 4.5, PAPER, { stroke: POLICY, "stroke-width": 2 }),
        handle(at[0], PATHS.rail, POLICY, 8))));
}

const SAMPLES = ["1", "10", "100", "1000", "10000"];

function drawSettings(set, still, { get, change }) {
  const { beta, adaptive, target, samples, draw } = set;
  const known = SAMPLES.includes(String(samples)) ? SAMPLES : [...SAMPLES, String(samples)];
  const power = (role, text, [low, high], value, to) =>
    range(role, text, [Math.log10(low), Math.log10(high), 0.01], Math.log10(value), short(value),
      (v) => to(clamp(Number((10 ** v).toPrecision(2)), [low, high])), short(value), still.dial);
  return row("pgc-settings",
    power("beta", "price β ", BETAS, beta, change.to("beta")),
    check("adaptive", "adaptive β", adaptive, change.to("adaptive")),
    power("target", "target KL ", [0.01, 2], target, change.to("target")),
    select("samples", "samples m ", known.map((m) => [m, grouped(m)]), samples, (m) => change({ samples: Number(m) })),
    button("draw-again", "draw again", () => change({ draw: draw + 1 }), primary),
    button("reset", "reset", () => change({ ...get("initial"), draw: 0 })));
}

const render = makeLab({ name: "kl", label: "KL lab", most: 1080 }, (lab) => {
  const { get, state, change } = lab;
  const still = holdStill(lab.refresh);
  return (size) => {
    const set = state("actions", "logits", "ref_logits", "rewards", "beta", "adaptive", "target", "updates", "samples",
      "seed", "draw");
    const { actions, logits, rewards, updates, adaptive } = set;
    if (new Set([actions, logits, rewards, set.ref_logits].map((list) => list.length)).size > 1) return null;
    const all = workOut(set);
    const { now, paths, forward, best } = all;
    const [limit, reached, highest, betas] = still.keep(() => [
      niceLimit(Math.max(...rewards.map(Math.abs)), REWARD_LIMITS),
      reachOf(now.x, all.of),
      niceLimit(Math.max(set.target, ...paths.flat().map(({ kl }) => kl)), KL_LIMITS),
      decadesOf(paths.flat().map(({ beta }) => beta)),
    ]);
    const dialled = {
      label: "updates", value: updates, text: `${updates}, KL ${short(now.kl)}, β ${short(now.beta)}`,
      limits: [0, UPDATES], steps: [1, 50], across: true, jump: true, set: change.to("updates"), ...still.hand,
    };
    const words = whatIsSeen(set, all);
    const formulas = get("formulas");
    return {
      seen: [
        drawSettings(set, still, lab),
        div("pgc-panels",
          drawPolicy(set, all, size, limit, still, lab),
          drawEstimates(set, all, size, reached, formulas)),
        div("pgc-totals",
          total(formulas, "kl", now.kl, ` = ${short(now.kl)}`),
          total(formulas, "forward-kl", forward, ` = ${short(forward)}`),
          total(formulas, "objective", now.objective, ` = ${short(now.objective)}`, ` at β = ${short(now.beta)}`),
          total(formulas, "optimum", best, ` ${short(best)}`, " has")),
        sentence(words),
        div("pgc-panels",
          drawPath("KL over updates", ({ kl }) => kl, set, all, size, [0, highest], dialled,
            button("to-reference", ["π = ", piOf("ref")], () => change({ logits: set.ref_logits, updates: 0 })),
            button("ten-updates", "10 updates", () => change({ updates: Math.min(UPDATES, updates + 10) }))),
          drawPath("price β over updates", ({ beta }) => beta, set, all, size, betas)),
      ],
      said: `KL of π from the reference ${short(now.kl)}, the other way round ${short(forward)}. ` +
        `${adaptive ? "Adaptive" : "Fixed"} β ${short(now.beta)}. ${words}`,
    };
  };
});

// The GAE lab: one dial λ, and the exact bias and variance of the advantage estimate at each of its settings.

// --- the mathematics, equal to gae_lab.py ------------------------------------------------------------

const EPISODES = 400;
const GRID = 100; // steps of λ from 0 to 1

// x = right + factor · P x over the places; 0 at home, the last state.
function solveAlong(moves, right, factor) {
  const places = moves.length - 1;
  const matrix = Array.from({ length: places }, (_, i) =>
    Array.from({ length: places }, (_, j) => (i === j ? 1 : 0) - factor * moves[i][j]),
  );
  return [...solve(matrix, right.slice(0, places)), 0];
}

// What does not depend on λ: the exact values, the critic, the exact advantage of the first place.
function makeWorld({ transitions, rewards, policy, error_shape: shape }, discount, error) {
  const moves = transitions.map((ofActions, s) =>
    transitions.map((_, next) => dot(policy[s], ofActions.map((row) => row[next]))),
  );
  const values = solveAlong(moves, rewards.map((row, s) => dot(policy[s], row)), discount);
  const critic = values.map((v, s) => v + error * shape[s]);
  const advantages = transitions[0].map((row, a) => rewards[0][a] + discount * dot(row, values) - values[0]);
  return { transitions, rewards, policy, discount, moves, values, critic, advantages };
}

// The mean and the variance of Â(λ) for each first action at the first place (gae_moments in Python).
function momentsAt({ transitions, rewards, policy, discount, moves, critic }, lambda) {
  const decay = discount * lambda;
  const delta = (s, a, next) => rewards[s][a] + discount * critic[next] - critic[s];
  const forEach = (make) => transitions.map((ofActions, s) => ofActions.map((row, a) => make(row, s, a)));
  const deltas = forEach((row, s, a) => row.reduce((sum, p, next) => sum + p * delta(s, a, next), 0));
  const following = solveAlong(moves, deltas.map((row, s) => dot(policy[s], row)), decay);
  const reached = (s, a, next) => delta(s, a, next) + decay * following[next];
  const mean = forEach((row, s, a) => row.reduce((sum, p, next) => sum + p * reached(s, a, next), 0));
  const within = forEach((row, s, a) =>
    row.reduce((sum, p, next) => sum + p * (reached(s, a, next) - mean[s][a]) ** 2, 0),
  );
  const each = within.map(
    (row, s) => dot(policy[s], row) + dot(policy[s], mean[s].map((m) => (m - following[s]) ** 2)),
  );
  const spread = solveAlong(moves, each, decay * decay);
  return {
    mean: mean[0],
    variance: within[0].map((w, a) => w + decay * decay * dot(transitions[0][a], spread)),
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

function whatIsSeen({ lambda_: lambda, critic_error: error }, now, best) {
  const share = (part) => `${Math.round((100 * part) / now.sum)}\u00a0%`;
  const least = `The least is ${short(best.sum)}, at λ = ${dialText(best.lambda)}.`;
  if (Math.abs(error) < 1e-9)
    return lambda === 0
      ? "An exact critic has no bias at any λ, so the one TD error is the best estimate there is."
      : `An exact critic has no bias at any λ: all of the squared error is variance. ${least}`;
  const mood = error > 0 ? "optimistic" : "pessimistic";
  const bias = `bias² is ${share(now.bias ** 2)} of the squared error`;
  if (Math.abs(lambda - best.lambda) < CLOSE)
    return `About the best setting for this critic: ${bias}, variance the rest. ${least}`;
  if (lambda < best.lambda) return `B${bias.slice(1)}: the estimate leans on a critic that is too ${mood}. ${least}`;
  const drops = "the critic’s error drops out: the squared error is all variance, the luck of one episode.";
  if (lambda === 1) return `At λ = 1 ${drops} ${least}`;
  const variance = `Variance is ${share(now.variance)} of the squared error`;
  return `${variance}: the estimate leans on the luck of one episode. ${least}`;
}

// --- the picture -------------------------------------------------------------------------------------

const NICE_LIMITS = [
  0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 50,
];
const REACH = 10; // TD errors whose weight is drawn
const SMALL = { height: 150, top: 20, low: 126, left: 30, right: 8 };
const CHART = { height: 258, rail: 28, top: 46, low: 236, left: 34 };
const STRIP = { height: 152, row: 16, top: 32, low: 128, left: 10, right: 10 };
const BEYOND = 8; // episodes of a long tail that may lie off the scale
const GOLDEN = 0.6180339887498949; // spreads the dots evenly over the height of their strip
const CURVES = [
  ["bias", "bias²", ({ bias }) => bias * bias, [colour("value"), 2.6, { "stroke-dasharray": "7 5" }]],
  ["variance", "variance", ({ variance }) => variance, [NEUTRAL, 2, { "stroke-dasharray": "10 4 2 4" }]],
  ["sum", "sum", ({ sum }) => sum, [EXACT, 2.8, {}]],
];
const COLUMNS = [
  ["mean", "mean of Â(λ)", "mean"],
  ["bias", "bias", "bias"],
  ["variance", "variance", "variance"],
  ["sum", "squared error", "sq. error"],
];
const OPENING =
  "Six places of ice, then home; a step costs 1. Walk: one place on (80\u00a0%), else stay. " +
  "Run: two on (80\u00a0%), else back to the first. After that, either with equal odds.";

// What is computed from the state; what stays while the dial is turned, once.
function makeWork(tables) {
  const [keepCurves, keepEpisodes, keepLimits] = [remember(), remember(), remember()];
  return ({ lambda_: lambda, critic_error: error, discount, action, seed, draw }) => {
    const [setting, sample] = [`${error} ${discount} ${action}`, `${action} ${seed} ${draw}`];
    const { world, curves, best } = keepCurves(setting, () => {
      const made = makeWorld(tables, discount, error);
      const points = Array.from({ length: GRID + 1 }, (_, k) => errorsAt(made, k / GRID, action));
      return { world: made, curves: points, best: points.reduce((a, b) => (b.sum < a.sum ? b : a)) };
    });
    const advantage = world.advantages[action];
    const episodes = keepEpisodes(sample, () => sampleEpisodes(tables, action, seed, draw));
    const estimates = episodes.map((episode) => estimate(episode, world, lambda));
    const limits = keepLimits(`${setting} ${sample}`, () => {
      let [low, high] = [advantage, advantage];
      for (let k = 0; k <= 10; k += 1) {
        const sorted = episodes.map((episode) => estimate(episode, world, k / 10)).sort((x, y) => x - y);
        [low, high] = [Math.min(low, sorted[BEYOND]), Math.max(high, sorted[EPISODES - 1])];
      }
      const unit = high - low > 3 ? 1 : 0.5;
      return [unit * Math.floor(low / unit - 0.1), unit * Math.ceil(high / unit + 0.1)];
    });
    const [now, measured] = [errorsAt(world, lambda, action), measure(estimates, advantage)];
    return { world, curves, best, estimates, limits, advantage, now, measured };
  };
}

// The three exact curves, and the dial that stands on them.
const limitOf = (curves) => niceLimit(Math.max(...curves.map(({ sum }) => sum)), NICE_LIMITS);

function drawCurves({ lambda_: lambda }, { curves, best, now }, { inner }, limit, change) {
  const right = inner - 66;
  const x = scale([0, 1], [CHART.left, right]);
  const height = scale([0, limit], [CHART.low, CHART.top]);
  const y = (error) => Math.max(CHART.top, height(error)); // beyond it only while a hand holds the scale
  const [dial, least] = [x(lambda), x(best.lambda)];
  let floor = CHART.low + 4; // names stand at the right end, pushed apart from the bottom up
  const names = CURVES.map(([name, text, of]) => {
    const at = Math.min(y(of(curves[GRID])) + { bias: 4, variance: 12, sum: -4 }[name], floor);
    floor = at - 15;
    const weight = name === "sum" ? 600 : 400;
    return label(right + 11, at, text, "start", { "data-role": "curve-name", "font-weight": weight });
  });
  const slider = {
    label: "λ", value: lambda, limits: [0, 1], steps: [0.01, 0.1], axis: x, across: true, jump: true,
    text: `${dialText(lambda)}, bias ${signed(now.bias)}, variance ${short(now.variance)}`,
    set: change.to("lambda_"),
  };
  const place = (v) => (v === 0 ? "λ = 0" : dialText(v).replace(".50", ".5"));
  const triangle = { "data-role": "best", "data-value": best.lambda, fill: PAPER, stroke: EXACT };
  const point = { stroke: POLICY, "stroke-width": 2, "data-role": "point" };
  const name = "squared error of Â(λ), exact";
  return panel(
    title(name, key(`▽ least: ${short(best.sum)} at λ\u00a0=\u00a0${dialText(best.lambda)}`)),
    drawing(name, [inner, CHART.height],
      rules([limit, limit / 2, 0], y, [CHART.left, right]),
      ticks([0, 0.25, 0.5, 0.75, 1], x, [CHART.low, CHART.low + 4], 16, place, onAxis),
      line(least, y(best.sum), least, CHART.low, AXIS, { "stroke-dasharray": "2 3" }),
      CURVES.map(([name, , of, [stroke, width, more]]) =>
        curve(curves.map((p) => [x(p.lambda), y(of(p))]), stroke, width,
          { "data-role": "curve", "data-name": name, "stroke-linejoin": "round", ...more })),
      names,
      path(`M${least} ${y(best.sum) - 2} l-7 -11 h14 z`, { ...triangle, "stroke-width": 1.8 }),
      h("g", { "data-role": "lambda", slider },
        rect(CHART.left, CHART.rail - 2, right - CHART.left, 4, colour("wash"), { rx: 2 }),
        reach(CHART.left - 10, CHART.rail - 14, right - CHART.left + 20, 28),
        reach(dial - 20, 0, 40, CHART.low), // a finger elsewhere scrolls the page
        line(dial, CHART.rail, dial, CHART.low, POLICY, { "stroke-width": 2 }),
        CURVES.map(([name, , of]) =>
          circle(dial, y(of(now)), 4.5, PAPER, { ...point, "data-name": name, "data-value": of(now) })),
        handle(dial, CHART.rail, POLICY),
        label(dial, 12, `λ = ${dialText(lambda)}`, "middle", { "font-weight": 600 }))));
}

function drawWeights({ lambda_: lambda, discount: gamma }, { half }, formula) {
  const y = scale([0, 1], [SMALL.low, SMALL.top]);
  const x = columnsIn(half, SMALL, REACH + 1);
  return panel(
    title("TD errors’ weights in ", key(), typeset(formula)),
    drawing("TD errors’ weights in ", [half, SMALL.height],
      rules([1, 0.5, 0], y, x.ends, (w) => (w === 0.5 ? ".5" : String(w))),
      Array.from({ length: REACH + 1 }, (_, l) => {
        const weight = (gamma * lambda) ** l;
        const isTold = weight >= 0.005 && (x.band >= 24 || l % 2 === 0);
        return [
          bar(x(l), x.band * 0.64, y(weight), SMALL.low, NEUTRAL, about("weight", l, weight)),
          isTold && label(x(l), y(weight) - 5, dialText(weight)),
          l === 0 ? label(x(l) + 4, SMALL.height - 4, "l = 0", "end") : label(x(l), SMALL.height - 4, String(l)),
        ];
      })));
}

// The critic beside the exact values.
function endsOfValues({ values, critic }) {
  const high = Math.max(0, Math.ceil(Math.max(...values, ...critic) - 1e-9));
  return [Math.floor(1.2 * Math.min(...values, ...critic) - 0.2 * high), high]; // room for a name below the lower line
}

function drawCritic({ critic_error: error }, { world: { values, critic } }, { half }, [low, high]) {
  const place = scale([low, high], [SMALL.low, SMALL.top]);
  const y = (v) => place(clamp(v, [low, high])); // beyond it only while a hand holds the scale
  const x = columnsIn(half, SMALL, values.length);
  const lines = high > 0 ? [high, 0, low] : [0, low];
  const isClose = (SMALL.low - SMALL.top) * Math.min(high, -low) < 16 * (high - low); // two labels would touch
  const text = (v) => (v === high && high > 0 && isClose ? "" : short(v));
  const square = { stroke: colour("value"), "stroke-width": 2 };
  const [over, under] = error >= 0 ? ["critic V̂", "exact V"] : ["exact V", "critic V̂"];
  return panel(
    title("value of each place", key("the critic is right at place 1")),
    drawing("value of each place", [half, SMALL.height],
      rules(lines, y, x.ends, text),
      values.map((_, s) => label(x(s), SMALL.height - 4, s < values.length - 1 ? String(s + 1) : "home")),
      curve(values.map((v, s) => [x(s), y(v)]), EXACT, 1.6),
      curve(critic.map((v, s) => [x(s), y(v)]), colour("value"), 2.2, { "stroke-dasharray": "6 4" }),
      values.map((v, s) => [
        rect(x(s) - 4, y(critic[s]) - 4, 8, 8, PAPER, { ...square, ...about("critic", s, critic[s]) }),
        diamond(x(s), y(v), 4.5, about("value", s, v)),
      ]),
      label(x(1), y(Math.max(values[1], critic[1])) - 9, over),
      label(x(3) + x.band * 0.5, y(Math.min(values[3], critic[3])) + 17, under)));
}

const tied = (text, value) => `${text} ${signed(value)}`.replaceAll(" ", "\u00a0");

// The sampled estimates, one dot each, and their mean beside the exact advantage.
function drawSample({ estimates, limits, advantage, measured }, { inner, isWide }, drawAgain) {
  const [low, high] = limits;
  const place = scale(limits, [STRIP.left, inner - STRIP.right]);
  const x = (v) => place(clamp(v, limits));
  const step = [0.5, 1, 2, 5, 10].find((size) => (high - low) / size <= (isWide ? 10 : 6)) ?? 20;
  const marks = Array.from({ length: 12 }, (_, k) => (Math.ceil(low / step) + k) * step).filter((v) => v <= high);
  const { mean } = measured.values;
  const [truth, middle, error] = [x(advantage), x(mean), 2 * measured.errors.mean];
  const cloud = { fill: SAMPLED, "fill-opacity": 0.6, stroke: RIM, "stroke-opacity": 0.45 };
  const thick = { "stroke-width": 5, "stroke-opacity": 0.55, "stroke-linecap": "round" };
  const dot = { stroke: RIM, "stroke-width": 1.5, "data-role": "mean", "data-value": mean };
  const beyond = estimates.filter((value) => value < low).length;
  const name = `${EPISODES} sampled Â(λ), one dot each`;
  return panel(
    div("pgc-strip-head",
      title(name, key(`${tied("◆ exact A(s, a)", advantage)}   ${tied("● their mean", mean)}`)),
      button("draw-again", "draw again", drawAgain, primary)),
    drawing(name, [inner, STRIP.height],
      ticks(marks, x, [STRIP.top - 4, STRIP.low], 16, signed, () => colour("rule")),
      h("g", { "data-role": "estimates", ".estimates": estimates, ...cloud, "stroke-width": 0.8 },
        estimates.map((value, i) => {
          const cx = value < low ? STRIP.left - 5 : x(value).toFixed(2);
          const cy = STRIP.top + (STRIP.low - STRIP.top - 4) * ((i * GOLDEN) % 1);
          return circle(cx, cy.toFixed(2), isWide ? 2.8 : 2.2, value < low ? PAPER : null);
        })),
      line(truth, STRIP.row, truth, STRIP.low, EXACT, { "stroke-width": 1.6 }),
      line(truth, STRIP.row, middle, STRIP.row, AXIS, { "stroke-dasharray": "2 3" }),
      line(x(mean - error), STRIP.row, x(mean + error), STRIP.row, RIM, thick),
      circle(middle, STRIP.row, 5.5, SAMPLED, dot),
      diamond(truth, STRIP.row, 7, { "data-role": "advantage", "data-value": advantage }),
      beyond > 0 && label(STRIP.left - 4, STRIP.row + 4, `◂ ${beyond} further left`, "start")));
}

function drawSettings({ action, critic_error: error, discount }, { actions }, initial, still, change) {
  const mood = error === 0 ? "exact" : error > 0 ? "too optimistic" : "too pessimistic";
  return row("pgc-settings",
    choice("action", "first action ", actions, action, change.to("action")),
    range("critic-error", "critic’s error ", [-3, 3, 0.1], error, signed(error),
      change.to("critic_error"), `${signed(error)}, ${mood}`, still.dial),
    range("discount", "discount γ ", [0.5, 1, 0.01], discount, dialText(discount), change.to("discount"),
      dialText(discount), still.dial),
    button("reset", "reset", () => change({ ...initial, draw: 0 })));
}

function drawTable({ now, measured: { values, errors } }, isWide) {
  const cells = (of, text) => COLUMNS.map(([column], k) => [of[column], text(k)(of[column])]);
  const numbers = (k) => (k < 2 ? signed : short);
  return table("exact and measured", COLUMNS.map(([, long, brief]) => (isWide ? long : brief)), [
    ["exact", "exact", cells(now, numbers)],
    ["measured", `${isWide ? "measured " : ""}on the ${EPISODES} episodes`, cells(values, numbers)],
    ["error", "its standard error", cells(errors, () => short)],
  ]);
}

const render = makeLab({ name: "gae", label: "GAE lab", aside: 440 }, ({ get, state, change, refresh }) => {
  const [work, still] = [makeWork(get("world")), holdStill(refresh)];
  return (size) => {
    const set = state("lambda_", "critic_error", "discount", "action", "seed", "draw");
    const all = work(set);
    const held = still.keep(() => ({
      limit: limitOf(all.curves), limits: all.limits, ofValues: endsOfValues(all.world),
    }));
    all.limits = held.limits;
    const { bias, variance, sum } = all.now;
    const words = whatIsSeen(set, all.now, all.best);
    return {
      seen: [
        h("p", { class: "pgc-opening" }, OPENING),
        drawSettings(set, get("world"), get("initial"), still, change),
        drawCurves(set, all, size, held.limit, change),
        div("pgc-ends",
          h("span", {}, "λ = 0: one TD error, leans on the critic"),
          h("span", {}, "λ = 1: whole return, leans on luck")),
        sentence(words),
        div("pgc-panels", drawWeights(set, size, get("formulas").estimate), drawCritic(set, all, size, held.ofValues)),
        aside(
          drawSample(all, { ...size, inner: size.aside }, () => change({ draw: set.draw + 1 })),
          drawTable(all, size.isWide && size.aside === size.inner)),
      ],
      said:
        `λ ${dialText(set.lambda_)}: bias ${signed(bias)}, variance ${short(variance)}, ` +
        `bias squared plus variance ${short(sum)}. ${words}`,
    };
  };
});

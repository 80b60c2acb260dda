// The trajectory tree: all conversations of two replies; choose a path and see its probability taken apart.

// --- the mathematics, equal to TabularMDP.enumerate_trajectories --------------------------------------

const STATES = ["first message", "calm", "angry"];
const ACTIONS = ["refund", "apologise"];
const PATHS = 8;
const LOGIT_LIMIT = 5;
const LOWEST_CALM = 0.02;
const HIGHEST_CALM = 0.98;

// Path i: first reply, the customer's mood, second reply.
function choices(i) {
  return [i >> 2, 1 + ((i >> 1) & 1), i & 1];
}

// Everything the tree shows. Tables by state and action are six numbers, state by state.
function walk({ logits, calm, rewards }) {
  const logPi = STATES.map((_, s) => logSoftmax(logits.slice(2 * s, 2 * s + 2)));
  const pi = logPi.map((row) => row.map(Math.exp));
  const paths = Array.from({ length: PATHS }, (_, i) => {
    const [a, s, b] = choices(i);
    const policyFactors = [pi[0][a], pi[s][b]];
    const policy = policyFactors[0] * policyFactors[1];
    const dynamics = s === 1 ? calm[a] : 1 - calm[a];
    const score = logits.map((_, k) => {
      const [state, action] = [k >> 1, k & 1];
      if (state !== 0 && state !== s) return 0; // the path does not come by
      return (action === (state === 0 ? a : b) ? 1 : 0) - pi[state][action];
    });
    return {
      policyFactors,
      policy,
      dynamics,
      probability: policy * dynamics,
      logPolicy: logPi[0][a] + logPi[s][b],
      logDynamics: Math.log(dynamics),
      score,
      rewards: [rewards[a], rewards[2 * s + b]],
      return: rewards[a] + rewards[2 * s + b],
    };
  });
  const over = (term) => paths.reduce((sum, path) => sum + term(path), 0);
  return {
    pi,
    paths,
    total: over((path) => path.probability),
    performance: over((path) => path.probability * path.return),
    gradient: logits.map((_, k) => over((path) => path.probability * path.score[k] * path.return)),
  };
}

// --- what the lab says in words ------------------------------------------------------------------------

function pathName(i) {
  const [a, s, b] = choices(i);
  return `${ACTIONS[a]} → ${STATES[s]} → ${ACTIONS[b]}`;
}

const spoken = (i) => pathName(i).replaceAll(" → ", ", ");
const differs = (x, y) => Math.abs(x - y) > 1e-12;

function howMany(now, start, part) {
  const moved = now.paths.filter((path, i) => differs(path[part], start.paths[i][part])).length;
  return moved === 0 ? "on no path" : moved === PATHS ? "on all 8 paths" : `on ${moved} of 8 paths`;
}

function whatMoved(now, start) {
  const policy = howMany(now, start, "policy");
  const dynamics = howMany(now, start, "dynamics");
  if (policy === "on no path" && dynamics === "on no path")
    return "Nothing has moved yet. Move a slider, and see which part of which path follows.";
  const parts = `the policy part has moved ${policy}, the dynamics part ${dynamics}`;
  return `Since the start ${parts}. The probabilities still sum to ${short(now.total)}.`;
}

// --- the picture -----------------------------------------------------------------------------------------

const TREE = { top: 24, row: 35, left: 8 };
const TREE_HEIGHT = TREE.top + PATHS * TREE.row + 4;
const TINTS = { policy: POLICY, dynamics: NEUTRAL };
const HEADS = ["1st reply", "customer", "2nd reply", "Pr(τ)", "R(τ)"];
const NARROW_HEADS = ["reply", "mood", "reply", "Pr(τ)", "R(τ)"];
const SCALES = [0.25, 0.5, 1];
const UNTOUCHED = { "pointer-events": "none" };

// Each branch leads from a row to a row; its paths are those whose rows it leads to.
const BRANCHES = [0, 1].flatMap((a) => [
  { level: 0, from: 3.5, to: 4 * a + 1.5, part: "policy", state: 0, action: a, width: 4 },
  ...[1, 2].flatMap((s) => {
    const middle = 4 * a + 2 * s - 1.5;
    return [
      { level: 1, from: 4 * a + 1.5, to: middle, part: "dynamics", state: s, action: a, width: 2 },
      ...[0, 1].map((b) =>
        ({ level: 2, from: middle, to: middle - 0.5 + b, part: "policy", state: s, action: b, width: 1 })),
    ];
  }),
]);
const FORKS = [[0, 3.5], [1, 1.5], [1, 5.5], [2, 0.5], [2, 2.5], [2, 4.5], [2, 6.5]]; // level and row

// Where the parts of the tree stand, and the bars beside it.
function makePlaces({ inner, isWide }) {
  const width = isWide ? 440 : Math.round(inner * 0.7);
  const column = (width - TREE.left) / 3;
  const [right, bars] = [inner - 6, width + (isWide ? 14 : 6)];
  return {
    inner,
    isWide,
    column,
    right,
    bars,
    room: Math.max(4, right - (isWide ? 46 : 34) - bars - 30),
    bend: isWide ? 18 : 9,
    x: (level) => TREE.left + level * column,
    y: (row) => TREE.top + (row + 0.5) * TREE.row,
  };
}

function drawBranch({ level, from, to, part, state, action, width }, { shown, calm }, pi, places) {
  const { isWide, column, bend, x, y } = places;
  const p = part === "policy" ? pi[state][action] : state === 1 ? calm[action] : 1 - calm[action];
  const word = part === "policy" ? ACTIONS[action] : STATES[state];
  const isOn = Math.abs(shown - to) < width / 2;
  const [start, text] = [x(level), x(level) + bend + 4];
  const weight = { "font-weight": isOn && isWide ? 600 : 400 };
  const look = { fill: "none", stroke: TINTS[part], "stroke-width": isOn ? 3.5 : 1.5 };
  const dashes = { "stroke-dasharray": part === "dynamics" ? "5 4" : null };
  return h("g", { ...UNTOUCHED, "aria-hidden": "true" },
    path(`M${start} ${y(from)} L${start + bend} ${y(to)} L${x(level + 1)} ${y(to)}`,
      { ...look, ...dashes, "data-role": "branch", "data-part": part, "data-value": p }),
    isWide ? label(text, y(to) - 5, `${word} ${probabilityText(p)}`, "start", weight)
      : nameAt(text, y(to) - 5, word, column - bend - 4, "start", weight),
    !isWide && label(text, y(to) + 13, probabilityText(p), "start", weight));
}

// The probability of a path, with the outline of what it was at the start, and its return.
function drawBar(i, now, first, limit, { bars, room, right, y }) {
  const [width, before] = [now, first].map(({ probability }) => (probability / limit) * room);
  const hasMoved = differs(now.probability, first.probability);
  const outline = { stroke: NEUTRAL, "stroke-width": 1.5, "stroke-dasharray": "2 2" };
  return h("g", { ...UNTOUCHED, "aria-hidden": "true" },
    rect(bars, y(i) - 8, width, 16, TINTS.policy, about("probability", i, now.probability)),
    hasMoved && rect(bars, y(i) - 8, before, 16, "none", { ...outline, "data-role": "before" }),
    label(bars + Math.max(width, hasMoved ? before : 0) + 4, y(i) + 4, chanceText(now.probability), "start"),
    label(right, y(i) + 4, signed(now.return), "end", about("return", i, now.return)));
}

const KEYS = { ArrowDown: (i) => i + 1, ArrowRight: (i) => i + 1, ArrowUp: (i) => i - 1, ArrowLeft: (i) => i - 1 };
const ENDS = { Home: 0, End: PATHS - 1 };
const keyLeads = (i, key) => (KEYS[key] ? (KEYS[key](i) + PATHS) % PATHS : ENDS[key]);

function drawTree(set, { pi, paths }, start, places, mouse, choose) {
  const { inner, isWide, x, y, bend, bars, right } = places;
  const heads = isWide ? HEADS : NARROW_HEADS;
  const limit = SCALES.find((most) => [...paths, ...start.paths].every((path) => path.probability <= most)) ?? 1;
  const row = (path, i) => {
    const frame = [1, y(i) - TREE.row / 2 + 1, inner - 2, TREE.row - 2];
    const name = `${spoken(i)}: probability ${short(path.probability)}, return ${short(path.return)}`;
    const mark = radioMark("path", i, i === set.selected, name, choose, (key) => keyLeads(i, key));
    return h("g", { class: "pgc-path", ...mark, ...mouse.enter(i) },
      rect(...frame, i === set.shown ? colour("wash") : "transparent", { "data-role": "band", rx: 5 }),
      rect(...frame, null, { class: "pgc-ring" }));
  };
  return h("div", { class: "pgc-panel pgc-tree", ...mouse.leave },
    svg("radiogroup", "the eight paths", [inner, TREE_HEIGHT],
      heads.slice(0, 3).map((word, k) => label(x(k) + bend + 4, 13, word, "start")),
      label(bars, 13, heads[3], "start"),
      label(right, 13, heads[4], "end"),
      paths.map(row),
      BRANCHES.map((branch) => drawBranch(branch, set, pi, places)),
      paths.map((path, i) => drawBar(i, path, start.paths[i], limit, places)),
      FORKS.map(([level, row]) => circle(x(level), y(row), 4, INK, UNTOUCHED))));
}

function drawSettings({ logits, calm, logit_state: s, dynamics_action: a }, { pi }, { get, change }) {
  const setting = (role, words, options, index, trait, limits, value, set, name, shown, spoken) =>
    div("pgc-setting",
      choice(`${role}-which`, words, options, index, change.to(trait)),
      dial(role, limits, value, spoken, set, { class: `pgc-of-${role}`, "aria-label": name }),
      shownBeside(role, shown));
  const [z, p] = [short(logits[2 * s]), short(pi[s][0])];
  const customers = ["first message", "calm customer", "angry customer"];
  const replies = ["a refund", "an apology"];
  return row("pgc-moves",
    setting("policy", "logit of refund,", customers, s, "logit_state",
      [-LOGIT_LIMIT, LOGIT_LIMIT, 0.1], logits[2 * s], change.entry("logits", 2 * s),
      `logit of refund, ${STATES[s]}`, `z = ${z}, π = ${p}`, `${z}, probability ${p}`),
    setting("dynamics", "Pr(calm) after", replies, a, "dynamics_action",
      [LOWEST_CALM, HIGHEST_CALM, 0.02], calm[a], change.entry("calm", a),
      `probability of a calm customer after ${replies[a]}`, `Pr = ${short(calm[a])}`, short(calm[a])),
    button("reset", "reset", () => change({ logits: get("initial_logits"), calm: get("initial_calm") })));
}

// One path, taken apart.
function drawPath(i, path, first, formulas) {
  const [a, s, b] = choices(i);
  const [r1, r2] = path.rewards;
  const factor = (part, k, name, p) =>
    h("span", { class: "pgc-factor", "data-part": part, ...about("factor", k, p) }, `${name} ${short(p)}`);
  const sum = `${short(r1)} ${r2 < 0 ? "−" : "+"} ${short(Math.abs(r2))} = ${short(path.return)}`;
  const cells = (part, log) => [
    [path[part], short(path[part]), undefined, { class: differs(path[part], first[part]) && "pgc-moved" }],
    [first[part], short(first[part])],
    [log, short(log)],
  ];
  return [
    h("p", { class: "pgc-title", "data-role": "path-name" }, `${pathName(i)}:  R(τ) = ${sum}`),
    div("pgc-product",
      typeset(formulas.probability),
      h("span", {}, "="),
      factor("policy", 0, `π(${ACTIONS[a]})`, path.policyFactors[0]),
      h("span", {}, "×"),
      factor("dynamics", 1, `Pr(${STATES[s]})`, path.dynamics),
      h("span", {}, "×"),
      factor("policy", 2, `π(${ACTIONS[b]})`, path.policyFactors[1]),
      h("span", { "data-role": "product" }, `= ${short(path.probability)}`)),
    table("the path's probability in two parts", ["now", "at the start", "log, now"], [
      ["split-policy", "policy part", cells("policy", path.logPolicy)],
      ["split-dynamics", "dynamics part", cells("dynamics", path.logDynamics)],
      ["split-both", "their product; log: sum", cells("probability", path.logPolicy + path.logDynamics)],
    ], "its parts", [], "pgc-whole"),
  ];
}

function drawScore({ score }, isWide, formula) {
  const columns = ["first", "calm", "angry"].flatMap((state) =>
    (isWide ? ACTIONS : ["ref.", "apol."]).map((action) => `${state}, ${action}`));
  const shown = (v) => (v !== 0 && Math.abs(v) < 5e-4 ? "≈0" : signed(v));
  const cells = (values) => values.map((v) => [v, shown(v)]);
  const name = "the gradient of the path's log-probability";
  return h("details", { class: "pgc-fold" }, h("summary", {}, name), table(name, columns, [ // lesson 04 asks first
    ["gradient-policy", "of the policy part", cells(score)],
    ["gradient-dynamics", "of the dynamics part", cells(score.map(() => 0))],
    ["gradient-both", "together", cells(score)],
  ], typeset(formula), [], "pgc-gradient"));
}

const render = makeLab({ name: "trajectory_tree", label: "Trajectory tree", aside: 480 }, (lab) => {
  const { get, change } = lab;
  const formulas = get("formulas");
  const mouse = pointing(lab.refresh); // on a path
  const choose = (i) => {
    mouse.forget();
    change({ selected: i });
  };
  return (size) => {
    const traits = lab.state("logits", "calm", "rewards", "selected", "logit_state", "dynamics_action");
    const set = { ...traits, shown: mouse.at() ?? traits.selected };
    const all = walk(set);
    const start = walk({ logits: get("initial_logits"), calm: get("initial_calm"), rewards: set.rewards });
    const path = all.paths[set.shown];
    const words = whatMoved(all, start);
    const parts = `policy part ${short(path.policy)} times dynamics part ${short(path.dynamics)}`;
    const told = `probability ${short(path.probability)}, ${parts}, return ${short(path.return)}`;
    const gradient = { "data-gradient": JSON.stringify(all.gradient) };
    return {
      seen: [
        title("all conversations of two replies", key(" — solid: the policy chooses ┅ dashed: the customer does")),
        drawTree(set, all, start, makePlaces(size), mouse, choose),
        drawSettings(set, all, lab),
        sentence(words),
        aside(
          drawPath(set.shown, path, start.paths[set.shown], formulas),
          drawScore(path, size.isWide && size.aside === size.inner, formulas.score),
          div("pgc-totals",
            total(formulas, "total", all.total, ` = ${short(all.total)}`),
            total(formulas, "performance", all.performance, ` = ${short(all.performance)}`, null, gradient))),
      ],
      said: `${spoken(set.shown)}: ${told}. J is ${short(all.performance)}. ${words}`,
    };
  };
});

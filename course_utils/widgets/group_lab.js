// The group lab: drag the rewards of one group of replies, and see what each method makes of them.

// --- the mathematics, equal to course_utils.group_advantages and course_utils.rlhf -----------------------

const mean = (list) => sum(list) / list.length;
const meanOfOthers = (R, i) => (sum(R) - R[i]) / (R.length - 1);

// Of the sample; 0 where all are equal.
function sdOf(R) {
  if (Math.max(...R) === Math.min(...R)) return 0;
  const middle = mean(R);
  return Math.sqrt(sum(R.map((r) => (r - middle) ** 2)) / (R.length - 1));
}

const lessTheMean = (R) => R.map((r) => r - mean(R));
const normalised = (R, epsilon) =>
  sdOf(R) === 0 ? R.map(() => 0) : lessTheMean(R).map((above) => above / (sdOf(R) + epsilon));
const ADVANTAGES = {
  "total return": (R) => R,
  "mean of the group": lessTheMean,
  RLOO: (R) => R.map((r, i) => r - meanOfOthers(R, i)),
  GRPO: normalised,
  "Dr. GRPO": lessTheMean,
  DAPO: normalised,
};
const METHODS = Object.keys(ADVANTAGES);
const ones = (lengths) => lengths.map(() => 1);
const TOKEN_WEIGHTS = {
  "total return": ones,
  "mean of the group": ones,
  RLOO: ones,
  GRPO: (lengths) => lengths.map((n) => 1 / n),
  "Dr. GRPO": (lengths, longest) => lengths.map(() => 1 / longest),
  DAPO: (lengths) => lengths.map(() => 1 / mean(lengths)),
};

// z = x θ for a context that is listed as the features that are 1.
const logitsAt = (table, context) => table[0].map((_, b) => sum(context.map((feature) => table[feature][b])));
const policyAt = (table, { context }) => softmax(logitsAt(table, context));
const probabilityOf = (table, reply) =>
  Math.exp(sum(reply.map(({ token, context }) => logSoftmax(logitsAt(table, context))[token])));
const scoreOf = (pi, token) => pi.map((p, b) => (b === token ? 1 : 0) - p);

// θ + (η/K) Σ_i w_i A_i Σ_t x_tᵀ (one-hot(a_t) − π_t); the replies share θ.
function updated(table, replies, weights, stepSize) {
  const after = table.map((row) => [...row]);
  replies.forEach((reply, i) => reply.forEach((at) => {
    const pull = scoreOf(policyAt(table, at), at.token).map((g) => ((stepSize * weights[i]) / replies.length) * g);
    for (const feature of at.context) pull.forEach((v, b) => (after[feature][b] += v));
  }));
  return after;
}

// Of each method A, w, w A, the table after the update and the replies' probabilities under it.
function workOut({ preset, rewards, offset, step_size: stepSize }, { groups, table, longest, epsilon }) {
  const { replies } = groups[preset];
  const [R, lengths] = [rewards.map((r) => r + offset), replies.map((reply) => reply.length)];
  const of = (method) => {
    const [A, w] = [ADVANTAGES[method](R, epsilon), TOKEN_WEIGHTS[method](lengths, longest)];
    const weights = A.map((a, i) => w[i] * a);
    const moved = updated(table, replies, weights, stepSize);
    return { A, w, weights, table: moved, after: replies.map((reply) => probabilityOf(moved, reply)) };
  };
  const before = replies.map((reply) => probabilityOf(table, reply));
  return { replies, R, before, of: Object.fromEntries(METHODS.map((method) => [method, of(method)])) };
}

// --- what the lab says in words ----------------------------------------------------------------------

const STILL = 2e-3; // a change in probability below this is called none
const HAS_SD = ["GRPO", "DAPO"];

// Three significant digits, two of a small one, without the 0 before the point: many stand side by side.
function brief(x) {
  const size = Math.abs(x);
  if (size < 1e-4 || size >= 100) return short(x);
  return minusSign(String(Number(x.toPrecision(size < 0.01 ? 2 : 3))).replace("0.", "."));
}
const briefChance = (p) => (p < 0.001 ? "<.001" : brief(p));
const briefSigned = (x) => (x > 0 && brief(x) !== "0" ? `+${brief(x)}` : brief(x));
const decimals = (x) => minusSign(x.toFixed(3).replace("0.", ".").replace(/^-?\.000$/, "0"));

function whatHappens(method, names, lengths, R, { A }, moves) {
  const told = (i) => `${names[i]} (${briefSigned(moves[i])})`;
  const [least, most] = [Math.min(...R), Math.max(...R)];
  if (A.every((a) => Math.abs(a) < 1e-12))
    return `${method}: all rewards are ${short(most)}, so every advantage is 0 and no probability moves.`;
  if (HAS_SD.includes(method) && most - least < 0.05) {
    const range = short(Math.max(...A) - Math.min(...A));
    return `${method}: the rewards are at most ${short(most - least)} apart, the advantages ${range}: divided ` +
      "by the standard deviation, next to nothing counts as much as right against wrong.";
  }
  const order = moves.map((_, i) => i).sort((i, j) => moves[j] - moves[i]);
  const [falls, rises] = [order.findLast((i) => R[i] === most && moves[i] < -STILL),
    order.find((i) => R[i] === least && least < most && moves[i] > STILL)];
  const why = method === "total return" && least > 0 ? "all are pushed up, and shared parameters decide who wins"
    : "the replies share parameters, and others pull harder";
  if (falls !== undefined && rises !== undefined)
    return `${method}: of the best replies ${told(falls)} falls, of the worst ${told(rises)} rises: ${why}.`;
  if (falls !== undefined) return `${method}: ${told(falls)} falls, though none has a higher reward: ${why}.`;
  if (rises !== undefined) return `${method}: ${told(rises)} rises, though none has a lower reward: ${why}.`;
  const [first, last] = [order[0], order.at(-1)];
  const [few, many] = [Math.min(...lengths), Math.max(...lengths)];
  const share = method === "GRPO" && few < many
    ? ` A token counts 1/${few} in the shortest replies, 1/${many} in the longest.` : "";
  const end = moves[last] < 0 ? "loses most" : "gains least";
  return `${method}: ${told(first)} gains most, ${told(last)} ${end}.${share}`;
}

// A = … with this group's numbers.
function advantageInNumbers(method, R, i, A, epsilon) {
  const [own, middle] = [brief(R[i]), brief(mean(R))];
  const less = (x) => `${own} − ${x.startsWith("−") ? `(${x})` : x}`;
  if (method === "total return") return `= ${briefSigned(A)}`;
  if (method === "RLOO") return `= ${less(brief(meanOfOthers(R, i)))} = ${briefSigned(A)}`;
  if (!HAS_SD.includes(method)) return `= ${less(middle)} = ${briefSigned(A)}`;
  if (sdOf(R) === 0) return "= 0: all rewards are equal";
  return `= (${less(middle)}) / (${brief(sdOf(R))} + ${brief(epsilon)}) = ${briefSigned(A)}`;
}

function weightInNumbers(method, lengths, i, longest, w, weight) {
  const shares = { GRPO: `1/${lengths[i]}`, "Dr. GRPO": `1/${longest}`, DAPO: `${lengths.length}/${sum(lengths)}` };
  return `= ${shares[method] === undefined ? "" : `${shares[method]} = `}${brief(w)}, so w A = ${briefSigned(weight)}`;
}

// --- the picture -------------------------------------------------------------------------------------

const REWARDS = [-1, 2];
const WEIGHT_LIMITS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 1.5, 2, 3, 5, 7, 10];
const CHANCE_LIMITS = [0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1];
const MOST_TOKENS = 4;
const BOLD = { "font-weight": 600 };
const NUMBERS = " · numbers: A, then π after"; // a wide lab has heads that say so
const LEGEND = " · bars: left w A of each token, right ■ π now ▨ after one update";
const tokenIndex = (m, i, t) => (m * 8 + i) * MOST_TOKENS + t;

// Where everything is: replies are rows and methods columns; in a narrow lab a reply’s methods stand below it.
function placeGrid({ inner, isWide }, K, count) {
  const columns = isWide ? count : Math.min(count, 3);
  const [left, head, crowded] = [isWide ? 172 : 0, isWide ? 48 : 16, K > 4];
  const cell = { width: (inner - left) / columns, height: crowded ? 42 : 60, top: isWide ? 0 : 16 };
  const inside = Math.min(cell.width, 140); // what is used of a cell
  const lines = isWide ? 1 : Math.ceil(count / columns);
  const above = isWide ? 0 : 34; // the reply and its reward
  const row = above + lines * (cell.height + cell.top) + (isWide ? 0 : 10);
  const y = (i) => head + i * row;
  return {
    ...cell, y, row, head, isWide, crowded, total: y(K),
    rail: isWide ? [16, 112] : [0.5 * inner, inner - 62],
    railAt: (i) => y(i) + (isWide ? (crowded ? 29 : 36) : 17),
    at: (k, i) => [
      left + (k % columns) * cell.width, y(i) + above + Math.floor(k / columns) * (cell.height + cell.top) + cell.top,
    ],
    inside,
    pitch: (inside - 44) / MOST_TOKENS,
    bars: [18, crowded ? 38 : 44],
  };
}

const spelled = (reply, words) => reply.map(({ token }) => words[token]).filter((word) => word !== "end").join(" ");

// A reply token by token, and the handle of its reward.
function drawReply(i, { rewards, offset, reply, token }, { replies, R }, words, place, hand, { change }) {
  const [x, y] = [scale(REWARDS, place.rail), place.railAt(i)];
  const slider = {
    label: `reward of reply ${i + 1}, ${spelled(replies[i], words)}`, value: rewards[i], text: short(R[i]),
    limits: REWARDS, steps: [0.01, 0.1], axis: x, across: true, grip: 24, set: change.entry("rewards", i),
    ...hand,
  };
  const said = replies[i].map((at, t) =>
    h("tspan", { "font-weight": i === reply && t === token ? 700 : 400, class: at.token === 0 && "pgc-end" },
      `${t > 0 ? " " : ""}${words[at.token]}`));
  return [
    h("text", { x: 2, y: place.y(i) + (place.isWide ? 13 : 21), "aria-hidden": "true" }, said),
    line(x(REWARDS[0]), y, x(REWARDS[1]), y, colour("line"), { "stroke-width": 3, "stroke-linecap": "round" }),
    [0, 1].map((v) => line(x(v), y - 5, x(v), y + 5, AXIS)),
    h("g", { ...about("reward", i, rewards[i]), slider },
      reach(x(rewards[i]) - 16, y - 14, 32, 28),
      handle(x(rewards[i]), y, NEUTRAL, 7)),
    label(place.rail[1] + 11, y + 4, brief(rewards[i]) + (offset === 0 ? "" : signed(offset)), "start", BOLD),
  ];
}

// What a method makes of a reply: A, the probability before and after, w A; its tokens' bars are marks of their own.
function drawCell(k, i, method, { before, of }, place, chances, hatch) {
  const [[left, top], { A, weights, after }] = [place.at(k, i), of[method]];
  const [right, [high, low]] = [left + place.inside - 6, place.bars.map((y) => top + y)];
  const y = scale([0, chances], [low, high]);
  const [told, advantage] = [briefSigned(A[i]), about("advantage", null, A[i])];
  return [
    label(left + 3, top + 12, told, "start", { class: told.length > 5 && "pgc-small", ...BOLD, ...advantage }),
    label(right, top + 12, briefChance(after[i]), "end", { class: "pgc-small" }),
    line(left + 3, (high + low) / 2, left + 5 + MOST_TOKENS * place.pitch, (high + low) / 2, colour("rule")),
    line(right - 26, low, right, low, colour("rule")),
    bar(right - 19, 11, y(before[i]), low, POLICY, about("pi-before", null, before[i])),
    bar(right - 6, 11, y(after[i]), low, `url(#${hatch})`, { stroke: POLICY, ...about("pi-after", null, after[i]) }),
    !place.crowded && label(left + 3, top + 55, `w A ${briefSigned(weights[i])}`, "start", { class: "pgc-small" }),
  ];
}

// The bars of all tokens: one of them is chosen, by a click or by arrow keys.
function drawTokens(set, { replies, of }, words, place, limit, { change }) {
  const { shown, method, reply: chosen, token } = set;
  const choose = (index) => {
    const [m, i] = [Math.floor(index / (8 * MOST_TOKENS)), Math.floor(index / MOST_TOKENS) % 8];
    change({ method: METHODS[m], reply: i, token: index % MOST_TOKENS });
  };
  const leads = (k, i, t) => (key) => {
    const to = (column, down, along) => {
      const into = clamp(down, [0, replies.length - 1]);
      return tokenIndex(METHODS.indexOf(shown[column]), into, clamp(along, [0, replies[into].length - 1]));
    };
    const [last, end] = [shown.length - 1, replies[i].length - 1];
    return {
      ArrowRight: () => (t < end ? to(k, i, t + 1) : to(Math.min(k + 1, last), i, k < last ? 0 : t)),
      ArrowLeft: () => (t > 0 ? to(k, i, t - 1) : to(Math.max(k - 1, 0), i, k > 0 ? end : 0)),
      ArrowDown: () => to(k, i + 1, t),
      ArrowUp: () => to(k, i - 1, t),
      Home: () => to(0, i, 0),
      End: () => to(last, i, end),
      Enter: () => to(k, i, t),
      " ": () => to(k, i, t),
    }[key]?.();
  };
  const mark = (k, i, t, [left, top]) => {
    const weight = of[shown[k]].weights[i];
    const [high, low] = place.bars.map((y) => top + y);
    const y = scale([-limit, limit], [low, high]);
    const x = left + 4 + (t + 0.5) * place.pitch;
    const isChosen = shown[k] === method && i === chosen && t === token;
    const name = `${shown[k]}, reply ${i + 1}, token ${t + 1}, ${words[replies[i][t].token]}: ${briefSigned(weight)}`;
    const index = tokenIndex(METHODS.indexOf(shown[k]), i, t);
    const frame = [x - place.pitch / 2, high - 2, place.pitch, low - high + 4];
    return h("g", { class: "pgc-token", ...radioMark("token", index, isChosen, name, choose, leads(k, i, t)) },
      rect(...frame, isChosen ? colour("wash") : "transparent", { rx: 3, stroke: isChosen ? colour("mark") : "none" }),
      bar(x, place.pitch - 4, y(weight), y(0), tintOf(weight), { "data-value": weight }),
      isChosen && rect(...frame, null, { class: "pgc-ring", rx: 3 }));
  };
  const all = shown.map((_, k) => replies.map((reply, i) => reply.map((_, t) => mark(k, i, t, place.at(k, i)))));
  return h("g", { role: "radiogroup", "aria-label": "tokens; arrow keys choose one" }, ...all.flat(2));
}

const NAME_LINES = { "total return": ["total", "return"], "mean of the group": ["mean of", "the group"] };

function drawHeads({ shown, method }, place, K) {
  const weight = (name) => ({ "font-weight": name === method ? 700 : 400 });
  const x = scale(REWARDS, place.rail);
  if (place.isWide) {
    const names = shown.map((name, k) => [
      name === method && rect(place.at(k, 0)[0] - 1, 0, place.width - 2, 44, colour("wash"), { rx: 4 }),
      (NAME_LINES[name] ?? [name]).map((text, n, { length }) =>
        label(place.at(k, 0)[0] + 3, (length === 1 ? 20 : 13) + 14 * n, text, "start", weight(name))),
      label(place.at(k, 0)[0] + 3, 41, "A", "start", { class: "pgc-small" }),
      label(place.at(k, 0)[0] + place.inside - 6, 41, "π after", "end", { class: "pgc-small" }),
    ]);
    return [
      label(2, 13, "reply, reward R", "start", BOLD),
      [0, 1].map((v) => label(x(v), 41, String(v), "middle", { class: "pgc-small" })),
      names,
      Array.from({ length: K }, (_, i) => line(0, place.y(i) - 2, place.at(0, 0)[0] + shown.length * place.width,
        place.y(i) - 2, colour("rule"))),
    ];
  }
  return [
    [0, 1].map((v) => label(x(v), 12, String(v), "middle", { class: "pgc-small" })),
    Array.from({ length: K }, (_, i) => [
      line(0, place.y(i) - 1, place.rail[1] + 62, place.y(i) - 1, colour("line")),
      shown.map((name, k) => nameAt(place.at(k, i)[0] + 3, place.at(k, i)[1] - 3, name, place.width - 3, "start",
        { class: "pgc-small", ...weight(name) })),
    ]),
  ];
}

function drawGrid(set, all, words, size, { limits: [limit, chances], hand }, hatch, lab) {
  const K = all.replies.length;
  const place = placeGrid(size, K, set.shown.length);
  const pattern = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  return drawing("replies, their rewards, and what each method makes of them", [size.inner, place.total],
    h("defs", {}, h("pattern", { id: hatch, ...pattern },
      rect(0, 0, 6, 6, colour("after")), rect(0, 0, 2, 6, PAPER))),
    drawHeads(set, place, K),
    all.replies.map((_, i) => drawReply(i, set, all, words, place, hand, lab)),
    set.shown.map((method, k) => all.replies.map((_, i) => drawCell(k, i, method, all, place, chances, hatch))),
    drawTokens(set, all, words, place, limit, lab));
}

// The formula of the chosen token with its numbers, from the objective to the gradient.
function drawFormula({ method, reply: i, token: t }, { replies, R, before, of }, world, formulas) {
  const { words, longest, epsilon } = world;
  const { A, w, weights, table: moved, after } = of[method];
  const [K, lengths, at, weight] = [replies.length, replies.map((reply) => reply.length), replies[i][t], weights[i]];
  const pi = policyAt(world.table, at);
  const score = scoreOf(pi, at.token);
  const part = (weight * Math.log(before[i])) / K;
  const steps = [
    ["objective", [formulas.objective],
      `reply: ${briefSigned(weight)} × log ${brief(before[i])} / ${K} = ${briefSigned(part)}`],
    ["advantage", [formulas.A, formulas[`A:${method}`]], advantageInNumbers(method, R, i, A[i], epsilon)],
    ["weight", [formulas.w, formulas[`w:${method}`]], weightInNumbers(method, lengths, i, longest, w[i], weight)],
  ];
  const cells = (name, text, values) => [name, text, values.map((v) => [v, decimals(v)])];
  return div("pgc-open",
    title(`${words[at.token]}, token ${t + 1} of “${spelled(replies[i], words)}”, under ${method}`,
      key(` π of the reply ${brief(before[i])} → ${briefChance(after[i])}`)),
    div("pgc-panels",
      h("dl", { class: "pgc-steps", "data-role": "steps" }, steps.map(([name, [left, right], numbers]) => [
        h("dt", {}, name),
        h("dd", {}, typeset(left), right && " = ", right && typeset(right), h("span", { class: "pgc-shown" }, numbers)),
      ])),
      panel(
        h("p", { class: "pgc-gradient" }, typeset(formulas.gradient)),
        table("the gradient of the token", words, [
          cells("pi", "π now", pi),
          cells("score", "score", score),
          cells("gradient", "gradient", score.map((g) => (weight / K) * g)),
          cells("pi-moved", "π after", policyAt(moved, at)),
        ], "next", [at.token]))));
}

function drawSettings({ preset, offset, step_size: stepSize, shown }, { groups }, { get, change, refuse }) {
  const start = (name) => {
    const { rewards, offset: by, method } = groups[name];
    change({ preset: name, rewards, offset: by, method, reply: 0, token: 0 });
  };
  const show = (method) => (is) => {
    const next = METHODS.filter((name) => (name === method ? is : shown.includes(name)));
    return next.length > 0 ? change({ shown: next }) : refuse("At least one method is shown.");
  };
  return [
    row("",
      select("preset", "Group ", Object.keys(groups).map((name) => [name, name]), preset, start),
      range("offset", "reward offset ", [-5, 5, 1], offset, signed(offset), change.to("offset")),
      range("step-size", "η ", [0, 1, 0.05], stepSize, short(stepSize), change.to("step_size")),
      button("reset", "reset", () => change({ ...get("initial"), reply: 0, token: 0 }))),
    row("pgc-methods", METHODS.map((name, k) => check(`show-${k}`, name, shown.includes(name), show(name)))),
  ];
}

const render = makeLab({ name: "group", label: "Group lab", wide: 640, least: 250, most: 1080 }, (lab) => {
  const { get, state, refused } = lab;
  const [hatch, still] = [newId("hatch"), holdStill(lab.refresh)];
  return (size) => {
    const world = get("world");
    const { words } = world;
    const set = state("preset", "rewards", "offset", "step_size", "method", "shown", "reply", "token");
    const { replies } = world.groups[set.preset];
    if (set.rewards.length !== replies.length) return null;
    const known = METHODS.filter((name) => set.shown.includes(name));
    set.shown = known.length > 0 ? known : METHODS;
    if (!set.shown.includes(set.method)) [set.method] = set.shown;
    set.reply = Math.min(set.reply, replies.length - 1);
    set.token = Math.min(set.token, replies[set.reply].length - 1);
    const all = workOut(set, world);
    const { after, ...now } = all.of[set.method];
    const largest = (of) => Math.max(...set.shown.flatMap((name) => of(all.of[name])));
    const limits = still.keep(() => [
      niceLimit(largest(({ weights }) => weights.map(Math.abs)), WEIGHT_LIMITS),
      niceLimit(Math.max(...all.before, largest(({ after: q }) => q)), CHANCE_LIMITS),
    ]);
    const [names, lengths] = [replies.map((reply) => spelled(reply, words)), replies.map((reply) => reply.length)];
    const sentenceNow = whatHappens(set.method, names, lengths, all.R, now, after.map((q, i) => q - all.before[i]));
    return {
      seen: [
        drawSettings(set, world, lab),
        h("p", { class: "pgc-key pgc-legend" }, `Prompt: “${world.prompt}”`, !size.isWide && NUMBERS, signs(LEGEND)),
        drawGrid(set, all, words, size, { limits, hand: still.hand }, hatch, lab),
        message(refused()),
        sentence(sentenceNow),
        drawFormula(set, all, world, get("formulas")),
      ],
      said: sentenceNow,
    };
  };
});

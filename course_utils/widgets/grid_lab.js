// The grid lab: V, Q and A read off a small grid world, under a policy that the learner changes cell by cell.

// --- the mathematics, equal to TabularMDP's -----------------------------------------------------------

const KINDS = "..TG.#.XS..."; // row by row from the top left: S start, T toll, G goal, X trap, # wall
const COLUMNS = 4;
const ROWS = 3;
const STATES = Array.from({ length: KINDS.length }, (_, s) => s);
const CELLS = STATES.map((s) => "abcd"[s % COLUMNS] + (ROWS - Math.floor(s / COLUMNS)));
const DECISIONS = STATES.filter((s) => !"G#X".includes(KINDS[s]));
const START = KINDS.indexOf("S");
const ACTIONS = ["up", "right", "down", "left"];
const ARROWS = ["↑", "→", "↓", "←"];
const MOVES = [[-1, 0], [0, 1], [1, 0], [0, -1]]; // down, right
const ENTERING = { G: 10, X: -10, T: -2 };
const STEP_REWARD = -1;
const LOGIT_LIMIT = 10;
const FAVOUR = 3;
const TIE = 1e-9;

function following(s, a) {
  const [row, column] = [Math.floor(s / COLUMNS) + MOVES[a][0], (s % COLUMNS) + MOVES[a][1]];
  const inside = row >= 0 && row < ROWS && column >= 0 && column < COLUMNS;
  return inside && KINDS[row * COLUMNS + column] !== "#" ? row * COLUMNS + column : s;
}

const NEXT = STATES.map((s) => ACTIONS.map((_, a) => following(s, a)));
const REWARDS = NEXT.map((row, s) => row.map((to) => (to !== s && ENTERING[KINDS[to]]) || STEP_REWARD));

// Everything the lab shows. Where nothing is decided V is 0, and Q and A have no entry.
function evaluate({ logits, discount }) {
  const pi = STATES.map((s) => softmax(logits.slice(4 * s, 4 * s + 4)));
  const place = new Map(DECISIONS.map((s, i) => [s, i]));
  const system = DECISIONS.map((s, i) => {
    const row = Array(DECISIONS.length).fill(0);
    row[i] = 1 - discount; // plus what leads away: as mdp.py does it, since 1 − γ P(s, s) would lose digits
    ACTIONS.forEach((_, a) => {
      const to = NEXT[s][a];
      if (to === s) return;
      row[i] += discount * pi[s][a];
      if (place.has(to)) row[place.get(to)] -= discount * pi[s][a];
    });
    return row;
  });
  const solved = solve(system, DECISIONS.map((s) => dot(pi[s], REWARDS[s])));
  const values = STATES.map((s) => (place.has(s) ? solved[place.get(s)] : 0));
  const actionValues = STATES.map((s) => ACTIONS.map((_, a) => REWARDS[s][a] + discount * values[NEXT[s][a]]));
  const advantages = actionValues.map((row, s) => row.map((Q) => Q - values[s]));
  return { pi, values, actionValues, advantages };
}

const limited = (z) => clamp(z, [-LOGIT_LIMIT, LOGIT_LIMIT]);
const best = (advantages) => advantages.findIndex((A) => A > Math.max(...advantages) - TIE);

// --- what the lab says in words -------------------------------------------------------------------------

const differs = (x, y) => Math.abs(x - y) > 1e-9;

function whatMoved(now, start, discount, firstDiscount) {
  const [all, isSame] = [DECISIONS.length, discount === firstDiscount];
  const moved = DECISIONS.filter((s) => now.pi[s].some((p, a) => differs(p, start.pi[s][a]))).length;
  const values = DECISIONS.filter((s) => differs(now.values[s], start.values[s])).length;
  if (moved === 0 && isSame) return "Nothing has moved yet. Make one move likelier, and see whose V follows.";
  const discounted = isSame ? "" : `, γ from ${short(firstDiscount)} to ${short(discount)}`;
  return `Since the start π has moved in ${moved} of ${all} cells${discounted}, and V in ${values} of ${all}.`;
}

function whatIsBest(s, { pi, advantages }) {
  const a = best(advantages[s]);
  const [A, r, highest] = [advantages[s][a], REWARDS[s][a], Math.max(...REWARDS[s])];
  if (pi[s][a] > 0.9 && A < 0.1) {
    const certain = `In ${CELLS[s]} the best move, ${ACTIONS[a]}, is nearly certain`;
    return `${certain}: V is nearly its Q, so its advantage is nearly 0.`;
  }
  const against = `${short(r)} against ${short(highest)}`;
  const cheaper = r < highest ? `, though its reward at once is lower than another’s: ${against}` : "";
  return `In ${CELLS[s]} the best move is ${ACTIONS[a]}, A = ${signedPoints(A)}${cheaper}.`;
}

// Numbers that stand in a grid: two decimals at most, three digits at most.
function points(x) {
  const size = Math.abs(x);
  if (size < 0.005) return size < 1e-9 ? "0" : "≈0";
  const decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return minusSign(String(Number(x.toFixed(decimals))));
}

const isZero = (x) => Math.abs(x) < 0.005;
const signedPoints = (x) => (x > 0 && !isZero(x) ? `+${points(x)}` : points(x));
const inBrackets = (x) => (x < 0 && !isZero(x) ? `(${points(x)})` : points(x));

function sumOfTerms(terms) {
  const size = (x) => (Math.abs(x) < 1 ? String(Number(Math.abs(x).toFixed(3))) : short(Math.abs(x)));
  const isBelow = (x) => x < 0 && size(x) !== "0";
  return terms.map((x, i) => `${isBelow(x) ? "−" : i > 0 ? "+" : ""}${i > 0 ? " " : ""}${size(x)}`).join(" ");
}

// --- the picture ------------------------------------------------------------------------------------------

const VALUES = [-10, 10]; // V from the paper's colour to the full tint
const CHART = { height: 150, top: 22, low: 112, left: 34 };
const LIMITS = [0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200];
const RULES =
  "Rewards: a step −1, into the toll −2, into the goal +10, into the trap −10. Goal and trap end the episode.";
const HEADERS = [["π"], ["r", "at once"], ["V(s′)", "next"], ["Q"], ["A", "= Q − V"]];
const ADDS_FAVOUR = { title: "adds 3 to the logit of this cell’s best move" };
const ADDS_ADVANTAGE = { ...primary, title: "adds A(s, a) to every logit" };

function shade(value) {
  const share = Math.round(100 * clamp(scale(VALUES, [0, 1])(value), [0, 1]));
  return `color-mix(in srgb, ${colour("value-wash")} ${share}%, ${PAPER})`;
}

// A triangle whose area is proportional to π, from (x, y) towards the move; `most` long at π = 1.
function arrow(x, y, a, p, most) {
  const [down, right] = MOVES[a];
  const size = Math.sqrt(p);
  const [length, half] = [most * size, 0.34 * most * size];
  const corner = (sign) => `${x + sign * half * down} ${y + sign * half * right}`;
  return `M${corner(1)} L${corner(-1)} L${x + length * right} ${y + length * down} Z`;
}

// Bricks between (x, y) and (x + width, y + height): four layers, every second one shifted.
function bricks(x, y, width, height) {
  const layer = (k) => {
    const [top, low] = [y + (k * height) / 4, y + ((k + 1) * height) / 4];
    const joints = (k % 2 ? [0.25, 0.75] : [0.5]).map((at) => `M${x + at * width} ${top} V${low}`);
    return [k > 0 ? `M${x} ${top} h${width}` : "", ...joints].join(" ");
  };
  return [0, 1, 2, 3].map(layer).join(" ");
}

// Where the cells stand, and their arrows: beside the number, all of one scale.
function makePlaces({ inner, isWide }) {
  const grid = isWide ? 404 : Math.min(inner, 440);
  const width = (grid - 4) / COLUMNS;
  const height = isWide ? 86 : clamp(width * 0.86, [66, 86]);
  const beside = clamp(width * 0.28 + 1, [19, 26]);
  const most = Math.max(2, Math.min(22, width / 2 - beside - 2, height / 2 - 14));
  const x = (s) => 2 + (s % COLUMNS) * width;
  const y = (s) => 2 + Math.floor(s / COLUMNS) * height;
  return { grid, chart: isWide ? inner - grid - 20 : inner, width, height, beside, most, x, y };
}

// A cell in which nothing is decided.
function drawEnd(s, { x, y, width, height }) {
  const [left, top, kind] = [x(s), y(s), KINDS[s]];
  const [cx, cy] = [left + width / 2, top + height / 2];
  const words = { G: ["goal", "+10"], X: ["trap", "−10"], "#": ["wall"] }[kind];
  const icon = {
    G: () => [`M${cx - 7} ${cy - 4} V${cy - 28} L${cx + 11} ${cy - 21} L${cx - 7} ${cy - 14}`, "good", 2.5, "above"],
    X: () => [`M${cx - 9} ${cy - 25} l18 18 m0 -18 l-18 18`, "below", 4],
    "#": () => [bricks(left, top, width, height), "paper", 1.5],
  };
  const [d, stroke, thick, fill] = icon[kind]();
  const look = { stroke: colour(stroke), "stroke-width": thick, fill: fill ? colour(fill) : "none" };
  const [ground, first] = kind === "#" ? ["block", cy + 4] : ["muted", cy + 11];
  return h("g", { "aria-hidden": "true" },
    rect(left, top, width, height, colour(ground), { stroke: AXIS, "stroke-width": 1 }),
    path(d, { "stroke-linecap": "round", ...look }),
    words.map((word, k) => label(cx, first + 16 * k, word, "middle", { class: k === 1 && "pgc-value" })));
}

function drawCell(s, { selected, move, choose }, { pi, values }, { x, y, width, height, beside, most }) {
  const [left, top, kind] = [x(s), y(s), KINDS[s]];
  const [cx, cy] = [left + width / 2, top + height / 2];
  const small = { class: "pgc-small" };
  const note = { S: width < 80 ? "s₁" : "start", T: width < 96 ? "toll" : "toll −2" }[kind];
  const place = `${CELLS[s]}${{ T: ", the toll", S: ", the start" }[kind] ?? ""}`;
  const moves = ACTIONS.map((name, a) => `${name} ${probabilityText(pi[s][a])}`).join(", ");
  const name = `${place}: V ${points(values[s])}; ${moves}`;
  const gate = { class: "pgc-gate", rx: 4 };
  return h("g", { class: "pgc-cell", ...radioMark("cell", s, s === selected, name, choose, (key) => keyLeads(s, key)) },
    rect(left, top, width, height, shade(values[s]), { stroke: AXIS, "stroke-width": 1 }),
    kind === "T" && rect(left + 5, top + 5, Math.max(0, width - 10), height - 10, null, gate),
    ACTIONS.map((_, a) => {
      const [down, right] = MOVES[a];
      const look = { fill: POLICY, class: s === selected && a === move && "pgc-on" };
      const d = arrow(cx + right * beside, cy + down * 12, a, pi[s][a], most);
      return path(d, { ...look, ...about("arrow", 4 * s + a, pi[s][a]) });
    }),
    label(left + 9, top + 18, CELLS[s], "start", small),
    note && label(left + width - 9, top + 18, note, "end", small),
    label(cx, cy + 5, points(values[s]), "middle",
      { class: "pgc-value", style: width < 80 && "font-size: 12px", ...about("value", s, values[s]) }));
}

function drawGrid(set, all, places, isTiny) {
  const { x, y, width, height, grid } = places;
  const { selected: s, move } = set;
  const to = NEXT[s][move];
  const frame = (name, at, room, more) =>
    rect(x(at) - room, y(at) - room, Math.max(0, width + 2 * room), height + 2 * room, null,
      { class: name, "aria-hidden": "true", ...more });
  return h("div", { class: `pgc-panel pgc-world ${isTiny ? "pgc-tiny" : ""}`, style: `width: ${grid}px` },
    title("value V(s) of each cell", key(" — arrows: π, by area")),
    svg("radiogroup", "the cells; arrow keys choose one", [grid, ROWS * height + 4],
      STATES.map((at) => (DECISIONS.includes(at) ? drawCell(at, set, all, places) : drawEnd(at, places))),
      frame("pgc-next", to, -1, { "data-role": "next", "data-index": to }),
      frame("pgc-frame", s, 0),
      frame("pgc-focus", s, 3, { rx: 3 })),
    h("p", { class: "pgc-key pgc-rules" }, RULES));
}

// The advantages of the chosen cell as bars, and one of its moves spelt out.
function drawDetail({ selected: s, move, discount, point, take }, all, { chart }, formulas) {
  const [row, V, Q, A] = [all.advantages[s], all.values[s], all.actionValues[s][move], all.advantages[s][move]];
  const to = NEXT[s][move];
  const band = (chart - CHART.left) / ACTIONS.length;
  const largest = Math.max(...row.map(Math.abs));
  const limit = LIMITS.find((most) => most >= largest) ?? largest;
  const at = scale([-limit, limit], [CHART.low, CHART.top]);
  const column = (value, a) => {
    const [x, y] = [CHART.left + band * (a + 0.5), at(value)];
    const tint = colour(value > 0 ? "above" : "below");
    return h("g", { class: "pgc-column", "data-role": "column", "data-index": a, ...point(a), onclick: () => take(a) },
      rect(x - band / 2 + 2, 2, band - 4, CHART.height - 4, a === move ? colour("wash") : "transparent", { rx: 5 }),
      bar(x, Math.min(34, band * 0.55), y, at(0), tint, about("bar", a, value)),
      label(x, value < 0 && !isZero(value) ? y + 14 : y - 5, signedPoints(value)),
      label(x, CHART.height - 8, ACTIONS[a], "middle", { "font-weight": a === move ? 600 : 400 }));
  };
  const end = { G: ", the goal", X: ", the trap" }[KINDS[to]] ?? "";
  const where = to === s ? `stays in ${CELLS[s]}` : `goes to ${CELLS[to]}${end}`;
  const equation = (role, value, text) =>
    div("pgc-equation", typeset(formulas[role]), h("span", { "data-role": role, "data-value": value }, text));
  const reward = `${points(REWARDS[s][move])} + ${short(discount)} × ${inBrackets(all.values[to])}`;
  return div("pgc-panel pgc-detail",
    h("p", { class: "pgc-title", "data-role": "cell-name" }, `advantage A(s, a) in ${CELLS[s]}`),
    h("svg", { "aria-hidden": "true", width: chart, height: CHART.height, viewBox: `0 0 ${chart} ${CHART.height}` },
      [limit, 0, -limit].map((v) => [
        line(CHART.left, at(v), chart, at(v), colour(v === 0 ? "neutral" : "rule")),
        label(CHART.left - 6, at(v) + 4, signed(v), "end"),
      ]),
      row.map(column)),
    h("p", { class: "pgc-title", "data-role": "move-name" }, `${ACTIONS[move]} ${where}`),
    equation("action-value", Q, `= ${reward} = ${points(Q)}`),
    equation("advantage", A, `= ${points(Q)} − ${inBrackets(V)} = ${signedPoints(A)}`));
}

// The four moves of the chosen cell in numbers, and their logits.
function drawMoves({ selected: s, move, action, logits, point, take }, all, isTiny, change) {
  const { pi, values, actionValues, advantages } = all;
  const header = ([symbol, words]) => [h("span", {}, symbol), words && key(` ${words}`)];
  const shownMove = (name, a) => {
    const named = { "aria-pressed": String(a === action), "aria-label": `${name}: spell its equation out` };
    const text = [h("span", { "aria-hidden": "true" }, `${ARROWS[a]} `), h("span", {}, name)];
    return button("move", text, () => take(a), { ...named, "data-index": a });
  };
  const logit = (name, a) => {
    const [k, z] = [4 * s + a, logits[4 * s + a]];
    const set = (value) => change({ logits: replaced(logits, k, value), action: name });
    const named = { "data-index": a, "aria-label": `logit of ${name} in ${CELLS[s]}` };
    const range = [-LOGIT_LIMIT, LOGIT_LIMIT, 0.1];
    const control = dial("logit", range, z, `${short(z)}, probability ${short(pi[s][a])}`, set, named);
    return [undefined, [control, h("span", { class: "pgc-shown" }, short(z))], undefined, { class: "pgc-of-logit" }];
  };
  const numbers = (a) => {
    const A = advantages[s][a];
    const sign = isZero(A) ? "" : A > 0 ? "pgc-above" : "pgc-below";
    return [
      ["pi", pi[s][a], chanceText],
      ["reward", REWARDS[s][a], points],
      ["next-value", values[NEXT[s][a]], points],
      ["action-value", actionValues[s][a], points],
      ["advantage", A, signedPoints, sign],
    ].map(([name, value, text, names]) => [value, text(value), name, { "data-index": a, class: names }]);
  };
  return table("the four moves of the chosen cell", [["logit", "sets π"], ...HEADERS].map(header),
    ACTIONS.map((name, a) => [undefined, shownMove(name, a), [logit(name, a), ...numbers(a)],
      { class: a === move && "pgc-on", "data-role": "row", "data-index": a, ...point(a) }]),
    "move", [], `pgc-whole ${isTiny ? "pgc-tiny" : ""}`);
}

function drawTotals(s, { pi, values, advantages }, formulas) {
  const terms = pi[s].map((p, a) => p * advantages[s][a]);
  return div("pgc-totals",
    total(formulas, "value", values[s], ` = ${points(values[s])}`),
    total(formulas, "performance", values[START], ` = ${points(values[START])}`),
    total(formulas, "mean", sum(terms), short(sum(terms)), h("span", {}, ` = ${sumOfTerms(terms)} = `)));
}

function drawControls({ selected: s, logits, discount }, { advantages }, { get, change }) {
  const a = best(advantages[s]);
  const favoured = replaced(logits, 4 * s + a, limited(logits[4 * s + a] + FAVOUR));
  const improve = (z, k) => (DECISIONS.includes(k >> 2) ? limited(z + advantages[k >> 2][k & 3]) : z);
  const first = { logits: get("initial_logits"), discount: get("initial_discount") };
  return row("pgc-controls",
    button("greedy", "greedy here", () => change({ logits: favoured, action: ACTIONS[a] }), ADDS_FAVOUR),
    button("improve", "improve everywhere", () => change({ logits: logits.map(improve) }), ADDS_ADVANTAGE),
    button("uniform", "uniform everywhere", () => change({ logits: logits.map(() => 0) })),
    button("reset", "reset", () => change(first)),
    h("label", {}, "discount γ",
      dial("discount", [0.5, 0.99, 0.01], discount, short(discount), change.to("discount"),
        { "aria-label": "discount γ" }),
      shownBeside("discount", short(discount))));
}

// Where a key leads from a cell: the next one in its direction in which something is decided, or else the same one.
function keyLeads(s, key) {
  const a = ["ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"].indexOf(key);
  if (a < 0) return { Home: DECISIONS[0], End: DECISIONS.at(-1) }[key];
  let [row, column] = [Math.floor(s / COLUMNS), s % COLUMNS];
  for (;;) {
    [row, column] = [row + MOVES[a][0], column + MOVES[a][1]];
    if (row < 0 || row >= ROWS || column < 0 || column >= COLUMNS) return s;
    if (DECISIONS.includes(row * COLUMNS + column)) return row * COLUMNS + column;
  }
}

const render = makeLab({ name: "grid_lab", label: "Grid lab", wide: 600 }, (lab) => {
  const { get, change } = lab;
  const mouse = pointing(lab.refresh); // on a move
  const point = (a) => ({ ...mouse.enter(a), ...mouse.leave });
  const choose = (s) => change({ selected: CELLS[s] });
  const take = (a) => change({ action: ACTIONS[a] });
  return (size) => {
    const { logits, discount } = lab.state("logits", "discount");
    const [s, action] = [CELLS.indexOf(get("selected")), ACTIONS.indexOf(get("action"))];
    const set = { logits, discount, selected: s, action, move: mouse.at() ?? action, choose, point, take };
    const all = evaluate(set);
    const firstDiscount = get("initial_discount");
    const start = evaluate({ logits: get("initial_logits"), discount: firstDiscount });
    const words = `${whatIsBest(s, all)} ${whatMoved(all, start, discount, firstDiscount)}`;
    const [places, formulas, isTiny] = [makePlaces(size), get("formulas"), size.inner < 330];
    return {
      seen: [
        div("pgc-top", drawGrid(set, all, places, isTiny), drawDetail(set, all, places, formulas)),
        drawMoves(set, all, isTiny, change),
        drawTotals(s, all, formulas),
        drawControls(set, all, lab),
        sentence(words),
      ],
      said: `${CELLS[s]}: V is ${points(all.values[s])}. ${words} J is ${points(all.values[START])}.`,
    };
  };
});

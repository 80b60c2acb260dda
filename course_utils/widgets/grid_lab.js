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
const REWARDS = NEXT.map((row, s) => row.map((to) => (to === s ? STEP_REWARD : (ENTERING[KINDS[to]] ?? STEP_REWARD))));

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

const limited = (z) => Math.min(LOGIT_LIMIT, Math.max(-LOGIT_LIMIT, z));
const best = (advantages) => advantages.findIndex((A) => A > Math.max(...advantages) - TIE);

// --- what the lab says in words -------------------------------------------------------------------------

const differs = (x, y) => Math.abs(x - y) > 1e-9;

function whatMoved(now, start, discount, firstDiscount) {
  const moved = DECISIONS.filter((s) => now.pi[s].some((p, a) => differs(p, start.pi[s][a]))).length;
  const values = DECISIONS.filter((s) => differs(now.values[s], start.values[s])).length;
  if (moved === 0 && discount === firstDiscount) return "Nothing has moved yet. Make one move likelier, and see whose V follows.";
  const discounted = discount === firstDiscount ? "" : `, γ from ${short(firstDiscount)} to ${short(discount)}`;
  return `Since the start π has moved in ${moved} of ${DECISIONS.length} cells${discounted}, and V in ${values} of ${DECISIONS.length}.`;
}

function whatIsBest(s, { pi, advantages }) {
  const a = best(advantages[s]);
  const A = advantages[s][a];
  if (pi[s][a] > 0.9 && A < 0.1)
    return `In ${CELLS[s]} the best move, ${ACTIONS[a]}, is nearly certain: V is nearly its Q, so its advantage is nearly 0.`;
  const highest = Math.max(...REWARDS[s]);
  const cheaper = REWARDS[s][a] < highest ? `, though its reward at once is lower than another’s: ${short(REWARDS[s][a])} against ${short(highest)}` : "";
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
  const sign = (x) => (x < 0 && size(x) !== "0" ? "−" : "+");
  return terms.map((x, i) => (i === 0 ? `${sign(x) === "−" ? "−" : ""}${size(x)}` : `${sign(x)} ${size(x)}`)).join(" ");
}

// --- the picture ------------------------------------------------------------------------------------------

const POLICY_COLOUR = colour("policy");
const ABOVE_COLOUR = colour("above");
const BELOW_COLOUR = colour("below");
const LOWEST_SHADE = -10; // of V: the paper; the tint grows to HIGHEST_SHADE
const HIGHEST_SHADE = 10;
const CHART_HEIGHT = 150;
const CHART = { top: 22, bottom: 38, left: 34 };
const LIMITS = [0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200];
const NUMBERS = ["pi", "reward", "next-value", "action-value", "advantage"];

function shade(value) {
  const t = Math.min(1, Math.max(0, (value - LOWEST_SHADE) / (HIGHEST_SHADE - LOWEST_SHADE)));
  return `color-mix(in srgb, ${colour("value-wash")} ${Math.round(100 * t)}%, ${colour("paper")})`;
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
  const parts = [];
  for (let k = 0; k < 4; k += 1) {
    const [top, low] = [y + (k * height) / 4, y + ((k + 1) * height) / 4];
    if (k > 0) parts.push(`M${x} ${top} h${width}`);
    for (const at of k % 2 ? [0.25, 0.75] : [0.5]) parts.push(`M${x + at * width} ${top} V${low}`);
  }
  return parts.join(" ");
}

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "grid_lab",
    role: "group",
    "aria-label": "Grid lab",
  });
  const save = makeSaver(model, root);
  keepPlainKeys(root);
  const get = (name) => model.get(name);
  const change = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    save();
  };
  const formulas = get("formulas");
  const typeset = (parent, name) => {
    htmlNode(parent, "span", { class: "pgc-formula" }).innerHTML = formulas[name] ?? "";
  };
  let pointed = null; // the move under the mouse, shown while it is there
  const chosen = () => CELLS.indexOf(get("selected"));
  const shown = () => pointed ?? ACTIONS.indexOf(get("action"));

  // --- the grid
  const top = htmlNode(root, "div", { class: "pgc-top" });
  const panel = htmlNode(top, "div", { class: "pgc-panel pgc-world" });
  const heading = htmlNode(panel, "p", { class: "pgc-title" }, "value V(s) of each cell");
  htmlNode(heading, "span", { class: "pgc-key" }, " — arrows: π, by area");
  const svg = svgNode(panel, "svg", { role: "radiogroup", "aria-label": "the cells; arrow keys choose one" });
  const text = (parent, attributes = {}, content = null) =>
    svgNode(parent, "text", { "text-anchor": "middle", "aria-hidden": "true", ...attributes }, content);
  const cells = STATES.map((s) => {
    const decides = DECISIONS.includes(s);
    const group = svgNode(svg, "g", decides ? { role: "radio", class: "pgc-cell", "data-role": "cell", "data-index": s } : { "aria-hidden": "true" });
    const box = svgNode(group, "rect", { stroke: colour("axis"), "stroke-width": 1 });
    if (!decides) {
      const icon = svgNode(group, "path", { "stroke-linecap": "round" });
      const words = { G: ["goal", "+10"], X: ["trap", "−10"], "#": ["wall"] }[KINDS[s]];
      return { s, decides, box, icon, words: words.map((word) => text(group, {}, word)) };
    }
    const gate = KINDS[s] === "T" ? svgNode(group, "rect", { class: "pgc-gate" }) : null;
    const note = { T: "toll −2", S: "start" }[KINDS[s]] ?? null;
    return {
      s,
      decides,
      group,
      box,
      gate,
      arrows: ACTIONS.map((_, a) => svgNode(group, "path", { fill: POLICY_COLOUR, "data-role": "arrow", "data-index": 4 * s + a })),
      name: text(group, { "text-anchor": "start", class: "pgc-small" }, CELLS[s]),
      note: note && text(group, { "text-anchor": "end", class: "pgc-small" }, note),
      value: text(group, { class: "pgc-value", "data-role": "value", "data-index": s }),
    };
  });
  const nextFrame = svgNode(svg, "rect", { class: "pgc-next", "data-role": "next", "aria-hidden": "true" });
  const frame = svgNode(svg, "rect", { class: "pgc-frame", "aria-hidden": "true" });
  const ring = svgNode(svg, "rect", { class: "pgc-focus", "aria-hidden": "true" });
  htmlNode(panel, "p", { class: "pgc-key pgc-rules" }, "Rewards: a step −1, into the toll −2, into the goal +10, into the trap −10. Goal and trap end the episode.");

  // --- the chosen cell: its advantages as bars, one of its moves spelt out
  const detail = htmlNode(top, "div", { class: "pgc-panel pgc-detail" });
  const chartTitle = htmlNode(detail, "p", { class: "pgc-title", "data-role": "cell-name" });
  const chart = svgNode(detail, "svg", { "aria-hidden": "true" });
  const limits = [1, 0, -1].map((sign) => ({
    sign,
    line: svgNode(chart, "line", { stroke: sign === 0 ? colour("neutral") : colour("rule") }),
    label: text(chart, { "text-anchor": "end" }),
  }));
  const bars = ACTIONS.map((name, a) => {
    const group = svgNode(chart, "g", { class: "pgc-column", "data-role": "column", "data-index": a });
    return {
      group,
      reach: svgNode(group, "rect", { rx: 5 }),
      bar: svgNode(group, "rect", { "data-role": "bar", "data-index": a }),
      label: text(group, {}),
      name: text(group, {}, name),
    };
  });
  const equationTitle = htmlNode(detail, "p", { class: "pgc-title", "data-role": "move-name" });
  const equation = (name) => {
    const line = htmlNode(detail, "div", { class: "pgc-equation" });
    typeset(line, name);
    return htmlNode(line, "span", { "data-role": name });
  };
  const [actionValue, advantage] = [equation("action-value"), equation("advantage")];

  // --- its four moves in numbers, and their logits
  const table = htmlNode(root, "table", { class: "pgc-moves-table", role: "table", "aria-label": "the four moves of the chosen cell" });
  const head = htmlNode(htmlNode(table, "thead", { role: "rowgroup" }), "tr", { role: "row" });
  const header = (className, symbol, words) => {
    const node = htmlNode(head, "th", { role: "columnheader", scope: "col", class: className });
    htmlNode(node, "span", {}, symbol);
    if (words) htmlNode(node, "span", { class: "pgc-key" }, ` ${words}`);
  };
  header("pgc-of-move", "move");
  header("pgc-of-logit", "logit", "sets π");
  [["π", ""], ["r", "at once"], ["V(s′)", "next"], ["Q", ""], ["A", "= Q − V"]].forEach(([symbol, words]) => header("", symbol, words));
  const body = htmlNode(table, "tbody", { role: "rowgroup" });
  const rows = ACTIONS.map((name, a) => {
    const line = htmlNode(body, "tr", { role: "row", "data-role": "row", "data-index": a });
    const first = htmlNode(line, "th", { role: "rowheader", scope: "row", class: "pgc-of-move" });
    const button = htmlNode(first, "button", { type: "button", "data-role": "move", "data-index": a });
    htmlNode(button, "span", { "aria-hidden": "true" }, `${ARROWS[a]} `);
    htmlNode(button, "span", {}, name);
    const box = htmlNode(line, "td", { role: "cell", class: "pgc-of-logit" });
    const input = htmlNode(box, "input", { type: "range", "data-role": "logit", "data-index": a, min: -LOGIT_LIMIT, max: LOGIT_LIMIT, step: 0.1 });
    const value = htmlNode(box, "span", { class: "pgc-shown" });
    const numbers = NUMBERS.map((row) => htmlNode(line, "td", { role: "cell", "data-row": row, "data-index": a }));
    return { line, button, input, value, numbers };
  });
  const totals = htmlNode(root, "div", { class: "pgc-totals" });
  const total = (name) => {
    const box = htmlNode(totals, "span", {});
    typeset(box, name);
    return htmlNode(box, "strong", { "data-role": name });
  };
  const [value, performance, mean] = [total("value"), total("performance"), total("mean")];
  const addends = htmlNode(mean.parentNode, "span", {});
  mean.before(addends);

  // --- the controls
  const controls = htmlNode(root, "div", { class: "pgc-row pgc-controls" });
  const button = (role, words, attributes = {}) => htmlNode(controls, "button", { type: "button", "data-role": role, ...attributes }, words);
  const greedy = button("greedy", "greedy here", { title: "adds 3 to the logit of this cell’s best move" });
  const improve = button("improve", "improve everywhere", { class: "pgc-primary", title: "adds A(s, a) to every logit" });
  const uniformly = button("uniform", "uniform everywhere");
  const reset = button("reset", "reset");
  const discounting = htmlNode(controls, "label", {}, "discount γ");
  const discountInput = htmlNode(discounting, "input", { type: "range", "data-role": "discount", min: 0.5, max: 0.99, step: 0.01 });
  const discountShown = htmlNode(discounting, "span", { class: "pgc-shown", "data-role": "discount-shown" });
  const sentence = htmlNode(root, "p", { class: "pgc-sentence", "data-role": "sentence" });
  const live = makeLiveRegion(root);

  // --- drawing
  let geometry = null;
  function layout() {
    const inner = Math.max(120, (root.clientWidth || UNSEEN_WIDTH) - 24); // a side bar may leave next to nothing
    const wide = inner >= 600;
    root.classList.toggle("pgc-narrow", !wide);
    root.classList.toggle("pgc-tiny", inner < 330);
    const grid = wide ? 404 : Math.min(inner, 440);
    geometry = {
      wide,
      grid,
      chart: wide ? inner - grid - 20 : inner,
      width: (grid - 4) / COLUMNS,
      height: wide ? 86 : Math.max(66, Math.min(86, ((grid - 4) / COLUMNS) * 0.86)),
    };
    // Arrows start beside the number; all of them have the same scale.
    geometry.beside = Math.max(19, Math.min(26, geometry.width * 0.28 + 1));
    geometry.most = Math.max(2, Math.min(22, geometry.width / 2 - geometry.beside - 2, geometry.height / 2 - 14));
    geometry.x = (s) => 2 + (s % COLUMNS) * geometry.width;
    geometry.y = (s) => 2 + Math.floor(s / COLUMNS) * geometry.height;
    panel.style.width = `${grid}px`;
    const height = ROWS * geometry.height + 4;
    setAttributes(svg, { width: grid, height, viewBox: `0 0 ${grid} ${height}` });
    setAttributes(chart, { width: geometry.chart, height: CHART_HEIGHT, viewBox: `0 0 ${geometry.chart} ${CHART_HEIGHT}` });
    drawFixed();
    refresh();
  }

  // What no setting moves: the boxes, the icons, the names.
  function drawFixed() {
    const { x, y, width, height } = geometry;
    for (const cell of cells) {
      const [left, high] = [x(cell.s), y(cell.s)];
      const [cx, cy] = [left + width / 2, high + height / 2];
      setAttributes(cell.box, { x: left, y: high, width, height });
      if (cell.decides) {
        if (cell.gate) setAttributes(cell.gate, { x: left + 5, y: high + 5, width: Math.max(0, width - 10), height: height - 10, rx: 4 });
        setAttributes(cell.name, { x: left + 9, y: high + 18 });
        if (cell.note) {
          setText(cell.note, KINDS[cell.s] === "S" ? (width < 80 ? "s₁" : "start") : width < 96 ? "toll" : "toll −2");
          setAttributes(cell.note, { x: left + width - 9, y: high + 18 });
        }
        setAttributes(cell.value, { x: cx, y: cy + 5 });
        continue;
      }
      cell.words.forEach((node, k) => setAttributes(node, { x: cx, y: KINDS[cell.s] === "#" ? cy + 4 : cy + 11 + 16 * k, class: k === 1 ? "pgc-value" : null }));
      const kind = KINDS[cell.s];
      setAttributes(cell.box, { fill: kind === "#" ? colour("block") : colour("muted") });
      if (kind === "#") setAttributes(cell.icon, { d: bricks(left, high, width, height), stroke: colour("paper"), "stroke-width": 1.5, fill: "none" });
      if (kind === "G")
        setAttributes(cell.icon, { d: `M${cx - 7} ${cy - 4} V${cy - 28} L${cx + 11} ${cy - 21} L${cx - 7} ${cy - 14}`, stroke: colour("good"), "stroke-width": 2.5, fill: ABOVE_COLOUR });
      if (kind === "X")
        setAttributes(cell.icon, { d: `M${cx - 9} ${cy - 25} l18 18 m0 -18 l-18 18`, stroke: BELOW_COLOUR, "stroke-width": 4, fill: "none" });
    }
  }

  function drawGrid({ pi, values }) {
    const { x, y, width, height } = geometry;
    const [at, move] = [chosen(), shown()];
    const { beside, most } = geometry;
    for (const { s, decides, group, box, arrows, value: number } of cells) {
      if (!decides) continue;
      const [cx, cy] = [x(s) + width / 2, y(s) + height / 2];
      setAttributes(box, { fill: shade(values[s]) });
      arrows.forEach((node, a) => {
        const [down, right] = MOVES[a];
        setAttributes(node, {
          d: arrow(cx + right * beside, cy + down * 12, a, pi[s][a], most),
          "data-value": pi[s][a],
          class: s === at && a === move ? "pgc-on" : null,
        });
      });
      setText(number, points(values[s]));
      setAttributes(number, { "data-value": values[s] });
      const note = { T: ", the toll", S: ", the start" }[KINDS[s]] ?? "";
      setAttributes(group, {
        "aria-checked": s === at ? "true" : "false",
        tabindex: s === at ? 0 : -1,
        "aria-label": `${CELLS[s]}${note}: V ${points(values[s])}; ${ACTIONS.map((name, a) => `${name} ${probabilityText(pi[s][a])}`).join(", ")}`,
      });
    }
    setAttributes(frame, { x: x(at), y: y(at), width, height });
    setAttributes(ring, { x: x(at) - 3, y: y(at) - 3, width: width + 6, height: height + 6, rx: 3 });
    const to = NEXT[at][move];
    setAttributes(nextFrame, { x: x(to) + 1, y: y(to) + 1, width: Math.max(0, width - 2), height: height - 2, "data-index": to });
  }

  function drawBars(advantages) {
    const room = geometry.chart - CHART.left;
    const band = room / ACTIONS.length;
    const largest = Math.max(...advantages.map(Math.abs));
    const limit = LIMITS.find((most) => most >= largest) ?? largest;
    const low = CHART_HEIGHT - CHART.bottom;
    const at = (A) => CHART.top + ((low - CHART.top) * (1 - A / limit)) / 2;
    for (const { sign, line, label } of limits) {
      setAttributes(line, { x1: CHART.left, x2: geometry.chart, y1: at(sign * limit), y2: at(sign * limit) });
      setAttributes(label, { x: CHART.left - 6, y: at(sign * limit) + 4 });
      setText(label, signed(sign * limit));
    }
    bars.forEach(({ reach, bar, label, name }, a) => {
      const A = advantages[a];
      const middle = CHART.left + band * (a + 0.5);
      const [y, zero] = [at(A), at(0)];
      const wide = Math.min(34, band * 0.55);
      setAttributes(reach, { x: middle - band / 2 + 2, width: band - 4, y: 2, height: CHART_HEIGHT - 4, fill: a === shown() ? colour("wash") : "transparent" });
      setAttributes(bar, {
        x: middle - wide / 2,
        width: wide,
        y: Math.min(y, zero),
        height: Math.abs(y - zero),
        fill: A > 0 ? ABOVE_COLOUR : BELOW_COLOUR,
        "data-value": A,
      });
      setAttributes(label, { x: middle, y: A < 0 && !isZero(A) ? y + 14 : y - 5 });
      setText(label, signedPoints(A));
      setAttributes(name, { x: middle, y: CHART_HEIGHT - 8, "font-weight": a === shown() ? 600 : 400 });
    });
  }

  function drawNumbers(s, { pi, values, actionValues, advantages }, discount) {
    const move = shown();
    const terms = pi[s].map((p, a) => p * advantages[s][a]);
    rows.forEach(({ line, button: node, input, value: label, numbers }, a) => {
      const z = get("logits")[4 * s + a];
      line.classList.toggle("pgc-on", a === move);
      setAttributes(node, { "aria-pressed": a === ACTIONS.indexOf(get("action")) ? "true" : "false", "aria-label": `${ACTIONS[a]}: spell its equation out` });
      input.value = z;
      setAttributes(input, { "aria-label": `logit of ${ACTIONS[a]} in ${CELLS[s]}`, "aria-valuetext": `${short(z)}, probability ${short(pi[s][a])}` });
      setText(label, short(z));
      const exact = [pi[s][a], REWARDS[s][a], values[NEXT[s][a]], actionValues[s][a], advantages[s][a]];
      numbers.forEach((cell, k) => {
        setAttributes(cell, { "data-value": exact[k] });
        setText(cell, NUMBERS[k] === "pi" ? (exact[k] < 0.005 ? "≈0" : probabilityText(exact[k])) : NUMBERS[k] === "advantage" ? signedPoints(exact[k]) : points(exact[k]));
      });
      numbers[4].classList.toggle("pgc-above", !isZero(exact[4]) && exact[4] > 0);
      numbers[4].classList.toggle("pgc-below", !isZero(exact[4]) && exact[4] < 0);
    });
    const [r, next, Q, V, A] = [REWARDS[s][move], values[NEXT[s][move]], actionValues[s][move], values[s], advantages[s][move]];
    setText(chartTitle, `advantage A(s, a) in ${CELLS[s]}`);
    const end = { G: ", the goal", X: ", the trap" }[KINDS[NEXT[s][move]]] ?? "";
    const where = NEXT[s][move] === s ? `stays in ${CELLS[s]}` : `goes to ${CELLS[NEXT[s][move]]}${end}`;
    setText(equationTitle, `${ACTIONS[move]} ${where}`);
    setText(actionValue, `= ${points(r)} + ${short(discount)} × ${inBrackets(next)} = ${points(Q)}`);
    setAttributes(actionValue, { "data-value": Q });
    setText(advantage, `= ${points(Q)} − ${inBrackets(V)} = ${signedPoints(A)}`);
    setAttributes(advantage, { "data-value": A });
    const sum = terms.reduce((total, x) => total + x, 0);
    setText(addends, ` = ${sumOfTerms(terms)} = `);
    setText(mean, short(sum));
    setAttributes(mean, { "data-value": sum });
    setText(value, ` = ${points(V)}`);
    setAttributes(value, { "data-value": V });
    setText(performance, ` = ${points(values[START])}`);
    setAttributes(performance, { "data-value": values[START] });
  }

  function refresh() {
    if (geometry === null) return;
    const [s, discount, firstDiscount] = [chosen(), get("discount"), get("initial_discount")];
    const now = evaluate({ logits: get("logits"), discount });
    const start = evaluate({ logits: get("initial_logits"), discount: firstDiscount });
    drawGrid(now);
    drawBars(now.advantages[s]);
    drawNumbers(s, now, discount);
    discountInput.value = discount;
    setText(discountShown, short(discount));
    setAttributes(discountInput, { "aria-label": "discount γ", "aria-valuetext": short(discount) });
    const words = `${whatIsBest(s, now)} ${whatMoved(now, start, discount, firstDiscount)}`;
    setText(sentence, words);
    live.say(`${CELLS[s]}: V is ${points(now.values[s])}. ${words} J is ${points(now.values[START])}.`);
  }

  // --- what the controls do
  const now = () => evaluate({ logits: get("logits"), discount: get("discount") });
  rows.forEach(({ line, button: node, input }, a) => {
    node.addEventListener("click", () => change({ action: ACTIONS[a] }));
    input.addEventListener("input", () =>
      change({ logits: get("logits").map((z, k) => (k === 4 * chosen() + a ? Number(input.value) : z)), action: ACTIONS[a] }),
    );
    for (const place of [line, bars[a].group]) {
      place.addEventListener("pointerenter", (event) => {
        if (event.pointerType !== "mouse") return;
        pointed = a;
        refresh();
      });
      place.addEventListener("pointerleave", () => {
        pointed = null;
        refresh();
      });
    }
    bars[a].group.addEventListener("click", () => change({ action: ACTIONS[a] }));
  });
  greedy.addEventListener("click", () => {
    const s = chosen();
    const a = best(now().advantages[s]);
    change({ logits: get("logits").map((z, k) => (k === 4 * s + a ? limited(z + FAVOUR) : z)), action: ACTIONS[a] });
  });
  improve.addEventListener("click", () => {
    const { advantages } = now();
    // Where nothing is decided the advantage is 0.
    change({ logits: get("logits").map((z, k) => (DECISIONS.includes(k >> 2) ? limited(z + advantages[k >> 2][k & 3]) : z)) });
  });
  uniformly.addEventListener("click", () => change({ logits: get("logits").map(() => 0) }));
  reset.addEventListener("click", () => change({ logits: get("initial_logits"), discount: get("initial_discount") }));
  discountInput.addEventListener("input", () => change({ discount: Number(discountInput.value) }));

  // The next cell in a direction in which something is decided; the same one where there is none.
  const neighbour = (s, a) => {
    let [row, column] = [Math.floor(s / COLUMNS), s % COLUMNS];
    for (;;) {
      [row, column] = [row + MOVES[a][0], column + MOVES[a][1]];
      if (row < 0 || row >= ROWS || column < 0 || column >= COLUMNS) return s;
      if (DECISIONS.includes(row * COLUMNS + column)) return row * COLUMNS + column;
    }
  };
  const choose = (s) => {
    change({ selected: CELLS[s] });
    cells[s].group.focus({ preventScroll: true });
  };
  for (const { s, decides, group } of cells) {
    if (!decides) continue;
    group.addEventListener("click", () => choose(s));
    group.addEventListener("keydown", (event) => {
      const a = ["ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"].indexOf(event.key);
      const to = a >= 0 ? neighbour(s, a) : { Home: DECISIONS[0], End: DECISIONS[DECISIONS.length - 1] }[event.key];
      if (isPlain(event) && to !== undefined) choose(to);
    });
  }

  model.on("change", refresh);
  const observer = new ResizeObserver(layout);
  observer.observe(root);
  layout();
  return () => {
    observer.disconnect();
    live.stop();
    model.off("change", refresh);
  };
}

export default { render };

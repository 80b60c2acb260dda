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
  return `Since the start the policy part has moved ${policy}, the dynamics part ${dynamics}. The probabilities still sum to ${short(now.total)}.`;
}

// --- the picture -----------------------------------------------------------------------------------------

const TOP = 24;
const ROW = 35;
const TREE_HEIGHT = TOP + PATHS * ROW + 4;
const POLICY_COLOUR = colour("policy");
const DYNAMICS_COLOUR = colour("neutral");
const HEADS = ["1st reply", "customer", "2nd reply", "Pr(τ)", "R(τ)"];
const NARROW_HEADS = ["reply", "mood", "reply", "Pr(τ)", "R(τ)"];
const SCALES = [0.25, 0.5, 1];
const BRANCHES = [];
for (let a = 0; a < 2; a += 1) {
  BRANCHES.push({ level: 0, from: 3.5, to: 4 * a + 1.5, part: "policy", state: 0, action: a, paths: [4 * a, 4 * a + 3] });
  for (let s = 1; s < 3; s += 1) {
    const middle = 4 * a + 2 * (s - 1) + 0.5;
    BRANCHES.push({ level: 1, from: 4 * a + 1.5, to: middle, part: "dynamics", state: s, action: a, paths: [middle - 0.5, middle + 0.5] });
    for (let b = 0; b < 2; b += 1) {
      const leaf = middle - 0.5 + b;
      BRANCHES.push({ level: 2, from: middle, to: leaf, part: "policy", state: s, action: b, paths: [leaf, leaf] });
    }
  }
}

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "trajectory_tree",
    role: "group",
    "aria-label": "Trajectory tree",
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
  let pointed = null; // the path under the mouse, shown while it is there
  const shown = () => pointed ?? get("selected");

  // --- the tree
  const heading = htmlNode(root, "p", { class: "pgc-title" }, "all conversations of two replies");
  htmlNode(heading, "span", { class: "pgc-key" }, " — solid: the policy chooses ┅ dashed: the customer does");
  const panel = htmlNode(root, "div", { class: "pgc-panel pgc-tree" });
  const svg = svgNode(panel, "svg", { role: "radiogroup", "aria-label": "the eight paths" });
  const text = (parent, anchor, attributes = {}, content = null) =>
    svgNode(parent, "text", { "text-anchor": anchor, "aria-hidden": "true", ...attributes }, content);
  const heads = HEADS.map((word) => text(svg, "middle", { y: 13 }, word));
  const rows = Array.from({ length: PATHS }, (_, i) => {
    const group = svgNode(svg, "g", { role: "radio", class: "pgc-path", "data-role": "path", "data-index": i });
    const band = svgNode(group, "rect", { "data-role": "band", rx: 5 });
    const ring = svgNode(group, "rect", { class: "pgc-ring" });
    return { group, band, ring };
  });
  const branches = BRANCHES.map((branch) => {
    const group = svgNode(svg, "g", { "pointer-events": "none", "aria-hidden": "true" });
    return {
      ...branch,
      line: svgNode(group, "path", { fill: "none", "data-role": "branch", "data-part": branch.part }),
      name: text(group, "start"),
      chance: text(group, "start"),
    };
  });
  const bars = Array.from({ length: PATHS }, (_, i) => {
    const group = svgNode(svg, "g", { "pointer-events": "none", "aria-hidden": "true" });
    return {
      bar: svgNode(group, "rect", { fill: POLICY_COLOUR, "data-role": "probability", "data-index": i }),
      before: svgNode(group, "rect", { fill: "none", stroke: colour("neutral"), "stroke-width": 1.5, "stroke-dasharray": "2 2", "data-role": "before" }),
      value: text(group, "start"),
      worth: text(group, "end", { "data-role": "return", "data-index": i }),
    };
  });
  const dots = [3.5, 1.5, 5.5, 0.5, 2.5, 4.5, 6.5].map((row, k) => ({
    row,
    level: k === 0 ? 0 : k < 3 ? 1 : 2,
    node: svgNode(svg, "circle", { r: 4, fill: colour("ink"), "pointer-events": "none" }),
  }));

  // --- the two settings
  const moves = htmlNode(root, "div", { class: "pgc-row pgc-moves" });
  const setting = (role, words, options, trait, attributes) => {
    const box = htmlNode(moves, "div", { class: "pgc-setting" });
    const label = htmlNode(box, "label", {}, words);
    const select = htmlNode(label, "select", { "data-role": `${role}-which` });
    options.forEach((option, i) => htmlNode(select, "option", { value: i }, option));
    select.addEventListener("change", () => change({ [trait]: Number(select.value) }));
    const input = htmlNode(box, "input", { type: "range", "data-role": role, class: `pgc-of-${role}`, ...attributes });
    const value = htmlNode(box, "span", { class: "pgc-shown", "data-role": `${role}-shown` });
    return { select, input, value };
  };
  const replaced = (list, index, value) => list.map((old, i) => (i === index ? value : old));
  const policy = setting("policy", "logit of refund,", ["first message", "calm customer", "angry customer"], "logit_state", {
    min: -LOGIT_LIMIT,
    max: LOGIT_LIMIT,
    step: 0.1,
  });
  policy.input.addEventListener("input", () =>
    change({ logits: replaced(get("logits"), 2 * get("logit_state"), Number(policy.input.value)) }),
  );
  const dynamics = setting("dynamics", "Pr(calm) after", ["a refund", "an apology"], "dynamics_action", {
    min: LOWEST_CALM,
    max: HIGHEST_CALM,
    step: 0.02,
  });
  dynamics.input.addEventListener("input", () =>
    change({ calm: replaced(get("calm"), get("dynamics_action"), Number(dynamics.input.value)) }),
  );
  const reset = htmlNode(moves, "button", { type: "button", "data-role": "reset" }, "reset");
  reset.addEventListener("click", () => change({ logits: get("initial_logits"), calm: get("initial_calm") }));
  const sentence = htmlNode(root, "p", { class: "pgc-sentence", "data-role": "sentence" });

  // --- one path, taken apart
  const title = htmlNode(root, "p", { class: "pgc-title", "data-role": "path-name" });
  const product = htmlNode(root, "div", { class: "pgc-product" });
  typeset(product, "probability");
  htmlNode(product, "span", {}, "=");
  const factors = ["policy", "dynamics", "policy"].map((part, k) => {
    if (k > 0) htmlNode(product, "span", {}, "×");
    return htmlNode(product, "span", { class: "pgc-factor", "data-part": part, "data-role": "factor", "data-index": k });
  });
  const result = htmlNode(product, "span", { "data-role": "product" });

  const makeTable = (name, label, first, columns, rowsOf) => {
    const table = htmlNode(root, "table", { class: `pgc-parts pgc-${name}`, role: "table", "aria-label": label });
    const head = htmlNode(htmlNode(table, "thead", { role: "rowgroup" }), "tr", { role: "row" });
    first(htmlNode(head, "th", { role: "columnheader", scope: "col" }));
    const headers = columns.map((column) => htmlNode(head, "th", { role: "columnheader", scope: "col" }, column));
    const body = htmlNode(table, "tbody", { role: "rowgroup" });
    const cells = Object.fromEntries(
      rowsOf.map(([row, words, formulaName]) => {
        const line = htmlNode(body, "tr", { role: "row" });
        const header = htmlNode(line, "th", { role: "rowheader", scope: "row" });
        htmlNode(header, "span", { class: "pgc-word" }, words);
        if (formulaName) typeset(header, formulaName);
        const made = columns.map((_, k) => htmlNode(line, "td", { role: "cell", "data-row": `${name}-${row}`, "data-index": k }));
        return [row, made];
      }),
    );
    return { headers, cells };
  };
  const parts = makeTable("split", "the path's probability in two parts", (th) => setText(th, "its parts"), ["now", "at the start", "log, now"], [
    ["policy", "policy part"],
    ["dynamics", "dynamics part"],
    ["both", "their product; log: sum"],
  ]);
  const scores = makeTable("gradient", "the gradient of the path's log-probability", (th) => typeset(th, "score"), Array(6).fill(""), [
    ["policy", "of the policy part"],
    ["dynamics", "of the dynamics part"],
    ["both", "together"],
  ]);
  const totals = htmlNode(root, "div", { class: "pgc-totals" });
  const total = (name) => {
    const box = htmlNode(totals, "span", {});
    typeset(box, name);
    return htmlNode(box, "strong", { "data-role": name });
  };
  const [sum, performance] = [total("total"), total("performance")];
  const live = makeLiveRegion(root);

  // --- drawing
  let geometry = null;
  function layout() {
    const inner = Math.max(120, (root.clientWidth || UNSEEN_WIDTH) - 24); // a side bar may leave next to nothing
    const wide = inner >= 560;
    root.classList.toggle("pgc-narrow", !wide);
    const tree = wide ? 440 : Math.round(inner * 0.67);
    geometry = { inner, wide, tree, left: 8, column: (tree - 8) / 3, bend: wide ? 18 : 9, right: inner - 6 };
    geometry.x = (level) => geometry.left + level * geometry.column;
    geometry.y = (row) => TOP + (row + 0.5) * ROW;
    geometry.barStart = tree + (wide ? 14 : 6);
    geometry.barRoom = Math.max(4, geometry.right - (wide ? 46 : 34) - geometry.barStart - 30);
    setAttributes(svg, { width: inner, height: TREE_HEIGHT, viewBox: `0 0 ${inner} ${TREE_HEIGHT}` });
    refresh();
  }

  function fitName(node, name, room) {
    const most = Math.max(3, Math.floor(room / 6.6));
    setText(node, name.length > most ? `${name.slice(0, most - 1)}…` : name);
  }

  function drawTree({ pi, paths }, start, { calm, selected }) {
    const { inner, wide, x, y, column, bend, barStart, barRoom, right } = geometry;
    const at = shown();
    heads.forEach((node, k) => {
      setText(node, wide ? HEADS[k] : NARROW_HEADS[k]);
      setAttributes(node, {
        x: k < 3 ? x(k) + bend + 4 : k === 3 ? barStart : right,
        "text-anchor": k === 4 ? "end" : "start",
      });
    });
    branches.forEach(({ level, from, to, part, state, action, paths: [first, last], line, name, chance }) => {
      const on = first <= at && at <= last;
      const [x0, x1] = [x(level), x(level + 1)];
      const p = part === "policy" ? pi[state][action] : state === 1 ? calm[action] : 1 - calm[action];
      const tint = part === "policy" ? POLICY_COLOUR : DYNAMICS_COLOUR;
      setAttributes(line, {
        d: `M${x0} ${y(from)} L${x0 + bend} ${y(to)} L${x1} ${y(to)}`,
        stroke: tint,
        "stroke-width": on ? 3.5 : 1.5,
        "stroke-dasharray": part === "dynamics" ? "5 4" : null,
        "data-value": p,
      });
      const weight = on ? 600 : 400;
      setAttributes(name, { x: x0 + bend + 4, y: y(to) - 5, "font-weight": weight });
      const word = part === "policy" ? ACTIONS[action] : STATES[state];
      if (wide) setText(name, `${word} ${probabilityText(p)}`);
      else fitName(name, word, column - bend - 4);
      setAttributes(chance, { x: x0 + bend + 4, y: y(to) + 13, "font-weight": weight, visibility: wide ? "hidden" : null });
      setText(chance, wide ? "" : probabilityText(p));
    });
    dots.forEach(({ row, level, node }) => setAttributes(node, { cx: x(level), cy: y(row) }));
    const largest = Math.max(...paths.map((path) => path.probability), ...start.paths.map((path) => path.probability));
    const scale = SCALES.find((limit) => limit >= largest) ?? 1;
    rows.forEach(({ group, band, ring }, i) => {
      const path = paths[i];
      const frame = { x: 1, width: inner - 2, y: y(i) - ROW / 2 + 1, height: ROW - 2 };
      setAttributes(band, { ...frame, fill: i === at ? colour("wash") : "transparent" });
      setAttributes(ring, { ...frame });
      setAttributes(group, {
        "aria-checked": i === selected ? "true" : "false",
        tabindex: i === selected ? 0 : -1,
        "aria-label": `${pathName(i).replaceAll(" → ", ", ")}: probability ${short(path.probability)}, return ${short(path.return)}`,
      });
      const { bar, before, value, worth } = bars[i];
      const [width, widthBefore] = [path.probability, start.paths[i].probability].map((p) => (p / scale) * barRoom);
      setAttributes(bar, { x: barStart, width, y: y(i) - 8, height: 16, "data-value": path.probability });
      const moved = differs(path.probability, start.paths[i].probability);
      setAttributes(before, { x: barStart, width: widthBefore, y: y(i) - 8, height: 16, visibility: moved ? null : "hidden" });
      setAttributes(value, { x: barStart + Math.max(width, moved ? widthBefore : 0) + 4, y: y(i) + 4 });
      setText(value, path.probability < 0.005 ? "≈0" : probabilityText(path.probability));
      setAttributes(worth, { x: right, y: y(i) + 4, "data-value": path.return });
      setText(worth, signed(path.return));
    });
  }

  function drawPath({ paths }, start) {
    const at = shown();
    const [path, first] = [paths[at], start.paths[at]];
    setText(title, `${pathName(at)}:  R(τ) = ${short(path.rewards[0])} ${path.rewards[1] < 0 ? "−" : "+"} ${short(Math.abs(path.rewards[1]))} = ${short(path.return)}`);
    const [a, s, b] = choices(at);
    const words = [`π(${ACTIONS[a]})`, `Pr(${STATES[s]})`, `π(${ACTIONS[b]})`];
    [path.policyFactors[0], path.dynamics, path.policyFactors[1]].forEach((p, k) => {
      setText(factors[k], `${words[k]} ${short(p)}`);
      setAttributes(factors[k], { "data-value": p });
    });
    setText(result, `= ${short(path.probability)}`);
    const values = {
      policy: [path.policy, first.policy, path.logPolicy],
      dynamics: [path.dynamics, first.dynamics, path.logDynamics],
      both: [path.probability, first.probability, path.logPolicy + path.logDynamics],
    };
    for (const [row, numbers] of Object.entries(values))
      parts.cells[row].forEach((cell, k) => {
        setAttributes(cell, { "data-value": numbers[k] });
        setText(cell, short(numbers[k]));
        cell.classList.toggle("pgc-moved", k === 0 && differs(numbers[0], numbers[1]));
      });
    scores.headers.forEach((node, k) => {
      const [state, action] = [["first", "calm", "angry"][k >> 1], ACTIONS[k & 1]];
      setText(node, `${state}, ${geometry.wide ? action : k & 1 ? "apol." : "ref."}`);
    });
    for (const row of ["policy", "dynamics", "both"])
      scores.cells[row].forEach((cell, k) => {
        const value = row === "dynamics" ? 0 : path.score[k];
        setAttributes(cell, { "data-value": value });
        setText(cell, value !== 0 && Math.abs(value) < 5e-4 ? "≈0" : signed(value));
      });
  }

  function refresh() {
    if (geometry === null) return;
    const now = { logits: get("logits"), calm: get("calm"), rewards: get("rewards"), selected: get("selected") };
    const all = walk(now);
    const start = walk({ logits: get("initial_logits"), calm: get("initial_calm"), rewards: now.rewards });
    drawTree(all, start, now);
    drawPath(all, start);
    const [state, action] = [get("logit_state"), get("dynamics_action")];
    const z = now.logits[2 * state];
    policy.select.value = state;
    policy.input.value = z;
    setText(policy.value, `z = ${short(z)}, π = ${short(all.pi[state][0])}`);
    setAttributes(policy.input, {
      "aria-label": `logit of refund, ${STATES[state]}`,
      "aria-valuetext": `${short(z)}, probability ${short(all.pi[state][0])}`,
    });
    dynamics.select.value = action;
    dynamics.input.value = now.calm[action];
    setText(dynamics.value, `Pr = ${short(now.calm[action])}`);
    setAttributes(dynamics.input, {
      "aria-label": `probability of a calm customer after ${["a refund", "an apology"][action]}`,
      "aria-valuetext": short(now.calm[action]),
    });
    setText(sum, ` = ${short(all.total)}`);
    setAttributes(sum, { "data-value": all.total });
    setText(performance, ` = ${short(all.performance)}`);
    setAttributes(performance, { "data-value": all.performance, "data-gradient": JSON.stringify(all.gradient) });
    const words = whatMoved(all, start);
    setText(sentence, words);
    const path = all.paths[shown()];
    live.say(
      `${pathName(shown()).replaceAll(" → ", ", ")}: probability ${short(path.probability)}, ` +
        `policy part ${short(path.policy)} times dynamics part ${short(path.dynamics)}, return ${short(path.return)}. ` +
        `J is ${short(all.performance)}. ${words}`,
    );
  }

  // --- mouse, finger and keys on the paths
  const choose = (i) => {
    pointed = null;
    change({ selected: i });
    refresh();
  };
  rows.forEach(({ group }, i) => {
    group.addEventListener("click", () => {
      choose(i);
      group.focus({ preventScroll: true });
    });
    group.addEventListener("pointerenter", (event) => {
      if (event.pointerType !== "mouse") return;
      pointed = i;
      refresh();
    });
    group.addEventListener("keydown", (event) => {
      const to = { ArrowDown: i + 1, ArrowRight: i + 1, ArrowUp: i - 1, ArrowLeft: i - 1, Home: 0, End: PATHS - 1 }[event.key];
      if (!isPlain(event) || to === undefined) return;
      const next = (to + PATHS) % PATHS;
      choose(next);
      rows[next].group.focus({ preventScroll: true });
    });
  });
  svg.addEventListener("pointerleave", () => {
    pointed = null;
    refresh();
  });

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

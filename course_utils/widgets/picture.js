// The kit that a lab's picture stands on. A picture is a function of the state: a lab describes what is to be seen, and
// `paint` makes the page match. What stays is the same node as before, so the hand and the focus stay on it.

// --- a description, and a page that matches it -----------------------------------------------------

// h("rect", { x: 1 }, …children) describes a node. Among its attributes ".value" is a property, "onclick" a handler,
// and `slider` makes it a slider. Its children are nodes, texts, lists of them, or null where there is nothing now.
const h = (tag, attributes = {}, ...children) => ({ tag, attributes, children });

const SVG_TAGS = new Set(
  "svg g rect circle ellipse line path polygon polyline text tspan defs pattern marker clipPath".split(" "),
);

// An id that nothing else has in a page with other labs, and other copies of this module.
const newId = (name) => `pgc-${name}-${Math.random().toString(36).slice(2)}`;

function makeNode(tag) {
  if (tag === undefined) return document.createTextNode("");
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG_NS, tag) : document.createElement(tag);
  return Object.assign(node, { tag });
}

// The nodes for these children, each in its place of the list; `before` holds those that stood there. A list has one
// place, and so has what is not there now: what follows keeps its own. All nodes are added to `seen`, in order.
function place(children, before, seen) {
  return children.map((child, i) => {
    const old = before[i];
    if (Array.isArray(child)) return place(child, Array.isArray(old) ? old : [], seen);
    if (child === null || child === undefined || child === false) return null;
    const stays = old && !Array.isArray(old) && old.tag === child.tag;
    const node = stays ? old : makeNode(child.tag);
    if (child.tag !== undefined) dress(node, child);
    else if (node.data !== String(child)) node.data = String(child);
    seen.push(node);
    return node;
  });
}

// Make the children of a node those described. No node that stays is moved. Nodes that were not painted come last.
function paint(parent, children) {
  const { places, shown } = parent.painted ?? { places: [], shown: [] };
  const seen = [];
  parent.painted = { places: place(children, places, seen), shown: seen };
  if (seen.length === shown.length && seen.every((node, i) => node === shown[i])) return;
  const stay = new Set(seen);
  for (const node of shown) if (!stay.has(node)) node.remove();
  let next = parent.firstChild;
  for (const node of seen) {
    if (node === next) next = node.nextSibling;
    else parent.insertBefore(node, next);
  }
}

function dress(node, { attributes, children }) {
  const worn = node.worn ?? {};
  if (!(".innerHTML" in attributes)) paint(node, children);
  for (const name in attributes) wear(node, name, attributes[name], worn[name]);
  for (const name in worn) if (!(name in attributes)) wear(node, name, undefined, worn[name]);
  node.worn = attributes;
}

function wear(node, name, value, worn) {
  if (name === "slider") keepSlider(node, value);
  else if (name === ".value" || name === ".checked") keepControl(node, name.slice(1), value);
  else if (value === worn) return;
  else if (name.startsWith("on")) node[name] = value ?? null;
  else if (name.startsWith(".")) node[name.slice(1)] = value;
  else if (name === "class") {
    node.classList.remove(...words(worn)); // there may be others, as while it is dragged
    node.classList.add(...words(value));
  } else setAttributes(node, { [name]: value });
}

const words = (text) => (text || "").split(" ").filter(Boolean);

// A control shows the state, whatever a hand has made of it; what somebody is typing is theirs.
function keepControl(node, property, value) {
  if (node.dataset.editing && node === document.activeElement) return;
  if (String(node[property]) !== String(value)) node[property] = value;
}

// A slider: { label, value, text, limits: [low, high], steps: [small, large], axis, set(value) }, where `axis` is the
// scale that the handle moves on. If need be: across, when that goes from left to right; round(value), else it is
// rounded to small steps; jump, when a press takes the handle to the pointer; grip, the px around the handle within
// which it is taken where it was touched; onStart() and onEnd() of a drag, and `within`, the limits while it lasts.
function keepSlider(node, slider) {
  if (node.slider === undefined) makeSlider(node);
  node.slider = slider; // the hand acts on the newest picture
  const { label, value, limits: [low, high], text, across } = slider;
  const range = { "aria-valuenow": value, "aria-valuemin": low, "aria-valuemax": high, "aria-valuetext": text };
  setAttributes(node, { "aria-label": label, ...range, "aria-orientation": across ? "horizontal" : "vertical" });
}

// Where a pointer is in a picture, in its own px: a page may be zoomed, a slide is scaled.
function pointIn(picture, { clientX, clientY }) {
  const { left, top, width } = picture.getBoundingClientRect();
  const scaled = width / picture.width.baseVal.value || 1;
  return [(clientX - left) / scaled, (clientY - top) / scaled];
}

// Mouse, touch and keyboard on a slider in a picture.
function makeSlider(node) {
  setAttributes(node, { role: "slider", tabindex: 0 });
  node.classList.add("pgc-slider");
  let [dragging, offset] = [null, 0]; // by which pointer, and how far from the middle of the handle
  const inside = (event) => pointIn(node.ownerSVGElement, event)[node.slider.across ? 0 : 1];
  const setTo = (value) => node.slider.set(clamp(value, node.slider.within ?? node.slider.limits));
  const follow = (event) => {
    const { axis, steps, round = (value) => roundTo(steps[0], value) } = node.slider;
    setTo(round(axis.back(inside(event) - offset)));
  };
  node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false }); // else the page scrolls
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    dragging = event.pointerId;
    node.setPointerCapture(dragging);
    node.focus({ preventScroll: true });
    node.classList.add("pgc-dragging");
    const { axis, value, grip = 0, jump, onStart } = node.slider;
    const away = inside(event) - axis(value);
    offset = Math.abs(away) < grip ? away : 0;
    onStart?.();
    if (jump) follow(event);
  });
  node.addEventListener("pointermove", (event) => event.pointerId === dragging && follow(event));
  const stop = ({ pointerId }) => {
    if (pointerId !== dragging) return;
    dragging = null;
    node.classList.remove("pgc-dragging");
    node.slider.onEnd?.();
  };
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) node.addEventListener(name, stop);
  node.addEventListener("keydown", (event) => {
    const { limits: [low, high], steps: [small, large], value } = node.slider;
    const direction = { ArrowUp: 1, ArrowRight: 1, PageUp: 1, ArrowDown: -1, ArrowLeft: -1, PageDown: -1 }[event.key];
    const end = { Home: low, End: high }[event.key];
    if (!isPlain(event) || (direction ?? end) === undefined) return;
    const size = event.shiftKey || event.key.startsWith("Page") ? large : small;
    setTo(Number((end ?? value + direction * size).toFixed(10)));
  });
}

const clamp = (value, [low, high]) => Math.min(high, Math.max(low, value));
const roundTo = (step, value) => Number((step * Math.round(value / step)).toFixed(10)); // never −0
// To hundredths; on an axis from −limit to limit a hand finds 0.
const snapTo = (limit) => (value) => (Math.abs(value) < 0.01 * limit ? 0 : roundTo(0.01, value));

// --- scales and marks ------------------------------------------------------------------------------

// The place of a value between two places, and back.
function scale([low, high], [from, to]) {
  const place = (value) => from + ((to - from) * (value - low)) / (high - low || 1);
  place.back = (at) => low + ((high - low) * (at - from)) / (to - from);
  return place;
}

// The middle of each of so many columns side by side; `band` is the width of one.
function columnsOf(count, [left, right]) {
  const band = Math.max(0, right - left) / count;
  return Object.assign((k) => left + band * (k + 0.5), { band });
}

// Such columns in a picture so wide, of a frame { left, right, top, low }: its `ends`, and what a hand takes of one.
function columnsIn(width, { left, right, top, low }, count) {
  const ends = [left, width - right];
  const x = columnsOf(count, ends);
  return Object.assign(x, { ends, reach: (k) => reach(x(k) - x.band / 2, top, x.band, low - top) });
}

// The least of these limits that takes in the largest value, if there is one.
const niceLimit = (largest, limits) => limits.find((nice) => nice >= largest) ?? limits.at(-1);

const tintOf = (value) => colour(value > 0 ? "above" : value < 0 ? "below" : "neutral");
const shareText = (share) => String(share).replace("0.", "."); // beside an axis from 0 to 1
const namedValues = (names, values, text) => names.map((name, i) => `${name} ${text(values[i])}`).join(", ");

// What a mark is, for tests and for the eye: its kind, which one of them, and the full number behind it.
const about = (role, index, value) => ({ "data-role": role, "data-index": index, "data-value": value });
const label = (x, y, text, anchor = "middle", more = {}) =>
  h("text", { x, y, "text-anchor": anchor, "aria-hidden": "true", ...more }, text);
// A name in its room: in smaller letters if need be, and only then with fewer of them.
function nameAt(x, y, name, room, anchor = "middle", { style = "", ...more } = {}) {
  const letter = more["font-weight"] >= 600 ? 0.61 : 0.54; // of their size
  const size = clamp(room / letter / name.length, [9, more.class === "pgc-small" ? 11 : 12]);
  const most = Math.max(3, Math.floor(room / letter / size + 1e-9));
  const text = name.length > most ? `${name.slice(0, most - 1)}…` : name;
  return label(x, y, text, anchor, { ...more, style: `${style}font-size: ${size.toFixed(1)}px` });
}
const line = (x1, y1, x2, y2, stroke, more = {}) => h("line", { x1, x2, y1, y2, stroke, ...more });
const circle = (cx, cy, r, fill, more = {}) => h("circle", { cx, cy, r, fill, ...more });
const rect = (x, y, width, height, fill, more = {}) => h("rect", { x, y, width, height, fill, ...more });
const bar = (x, width, y, base, fill, more) =>
  rect(x - width / 2, Math.min(y, base), width, Math.abs(y - base), fill, more);
const path = (d, more = {}) => h("path", { d, ...more });
const diamond = (x, y, size, more) =>
  path(`M${x} ${y - size} L${x + size} ${y} L${x} ${y + size} L${x - size} ${y} z`, { fill: EXACT, ...more });

const through = (points) =>
  points.map(([x, y], k) => `${k === 0 ? "M" : "L"}${x.toFixed(2)} ${y.toFixed(2)}`).join(" ");
const curve = (points, stroke, width, more) =>
  path(through(points), { fill: "none", stroke, "stroke-width": width, ...more });

const TICK = { "data-role": "tick" };
// Lines across the picture at these values, each with its number at the left.
const rules = (values, y, [left, right], text = short, gap = 5) =>
  values.map((v) => [
    line(left, y(v), right, y(v), colour(v === 0 ? "axis" : "rule")),
    label(left - gap, y(v) + 4, text(v), "end", TICK),
  ]);

// Lines down the picture at these values, from top to bottom, each with its number so far below.
const ticks = (values, x, [top, bottom], below, text = short, stroke = (v) => colour(v === 0 ? "axis" : "rule")) =>
  values.map((v) => [line(x(v), top, x(v), bottom, stroke(v)), label(x(v), bottom + below, text(v), "middle", TICK)]);
const onAxis = () => AXIS;

// What a hand takes, with the ring that shows the focus.
const handle = (x, y, fill, r = 9, more = {}) => [
  h("circle", { class: "pgc-ring", cx: x, cy: y, r: r + 4 }),
  h("circle", { class: "pgc-handle", cx: x, cy: y, r, fill, ...more }),
];
const reach = (x, y, width, height) => rect(x, y, width, height, "transparent");

// What makes a mark one of several, of which one is chosen by a click or by keys: next(key) says which of them a key
// leads to, if any. The focus goes with the choice.
function radioMark(role, index, isChosen, name, choose, next) {
  const take = ({ currentTarget }, to) => {
    choose(to);
    currentTarget.parentNode.querySelector(`[data-role="${role}"][data-index="${to}"]`).focus({ preventScroll: true });
  };
  const onkeydown = (event) => {
    const to = isPlain(event) ? next(event.key) : undefined;
    if (to !== undefined) take(event, to);
  };
  const state = { role: "radio", "aria-checked": String(isChosen), tabindex: isChosen ? 0 : -1, "aria-label": name };
  return { ...state, ...about(role, index), onclick: (event) => take(event, index), onkeydown };
}

// --- parts of the page -----------------------------------------------------------------------------

const div = (names, ...children) => h("div", { class: names }, ...children);
const row = (names, ...children) => div(`pgc-row ${names}`, ...children);
const panel = (...children) => div("pgc-panel", ...children);
const title = (...children) => h("p", { class: "pgc-title" }, ...children);
// The signs in the words of a key have the colours of their marks: these, unless the lab tints them otherwise.
const tinted = (sign, tint, rim = tint) =>
  h("span", { class: "pgc-fill", style: `color: ${tint}; -webkit-text-stroke: 1px ${rim}` }, sign);
const SIGNS = { "●": [SAMPLED, RIM], "•": [SAMPLED, RIM], "◆": [EXACT], "■": [POLICY] };
const signs = (words) => (typeof words !== "string" ? words
  : words.split(/([●•◆■])/).map((part) => (part in SIGNS ? tinted(part, ...SIGNS[part]) : part)));
const key = (...children) => h("span", { class: "pgc-key" }, children.map(signs));
// No line ends between a sign of relation and what stands beside it.
const unbroken = (text) => (typeof text === "string" ? text.replace(/ ([=≈<>±]) (?=\S)/g, "\u00a0$1\u00a0") : text);
const sentence = (text, role = "sentence", more = "") =>
  h("p", { class: `pgc-sentence ${more}`, "data-role": role }, unbroken(text));
const piOf = (index) => ["π", h("sub", {}, index)];
const worded = (text, svg) => [h("span", { class: "pgc-word" }, text), typeset(svg)];
const typeset = (svg) => h("span", { class: "pgc-formula", ".innerHTML": svg ?? "" });

const svg = (role, name, [width, height], ...marks) =>
  h("svg", { role, "aria-label": name, width, height, viewBox: `0 0 ${width} ${height}` }, ...marks);
const drawing = (...described) => svg("group", ...described); // with sliders in it
const image = (...described) => svg("img", ...described);

// A number below a picture: its formula, what may stand between, and the number.
const total = (formulas, role, value, text, between = null, more = {}) =>
  h("span", {}, typeset(formulas[role]), between,
    h("strong", { "data-role": role, "data-value": value, ...more }, text));

const button = (role, text, onclick, more = {}) =>
  h("button", { type: "button", "data-role": role, onclick, ...more }, text);
const primary = { class: "pgc-primary" };

// A choice among [value, words]; the values are texts.
const select = (role, text, options, value, set, more = {}) =>
  h("label", {}, text,
    h("select", { "data-role": role, ".value": value, onchange: (event) => set(event.target.value), ...more },
      options.map(([of, words]) => h("option", { value: of }, words))));

// A choice among words; its value is the index of one.
const choice = (role, text, words, value, set, more) =>
  select(role, text, [...words.entries()], value, (index) => set(Number(index)), more);

const check = (role, text, checked, set) =>
  h("label", {},
    h("input", {
      type: "checkbox", "data-role": role, ".checked": checked, onchange: (event) => set(event.target.checked),
    }),
    text);

// limits: [least, most, step]; spoken: the value as a screen reader says it; shown: as it stands beside the control.
const dial = (role, [min, max, step], value, spoken, set, more = {}) =>
  h("input", {
    type: "range", "data-role": role, min, max, step, "aria-valuetext": spoken,
    ".value": value, oninput: (event) => set(Number(event.target.value)), ...more,
  });
const shownBeside = (role, text) => h("span", { class: "pgc-shown", "data-role": `${role}-shown` }, text);
const range = (role, text, limits, value, shown, set, spoken = shown, more = {}) =>
  h("label", {}, text, dial(role, limits, value, spoken, set, more), shownBeside(role, shown));

// A typed number: checked when it is committed, put back when it is refused.
const typed = (role, name, [low, high], value, set, refuse, more = {}) =>
  h("input", {
    type: "text", inputmode: "decimal", autocomplete: "off", class: "pgc-number",
    "data-role": role, "aria-label": `${name}, typed`, ...more,
    ".value": minusSign(String(value)),
    oninput: ({ target }) => (target.dataset.editing = "yes"),
    onchange: ({ target }) => {
      delete target.dataset.editing;
      const text = target.value.trim();
      const number = parseDecimal(text);
      if (low <= number && number <= high) return set(number);
      const got = text === "" ? "nothing" : `“${text.slice(0, 20)}”`;
      refuse(`${name}: got ${got}, wanted a number from ${short(low)} to ${short(high)}. Kept ${short(value)}.`);
    },
  });
// A field below each column of a picture so wide, with these margins; names: of the fields; setter(k): that of one;
// lead: what they are, in the margin.
const typedRow = (name, width, { left, right }, role, names, limits, values, setter, refuse, lead = "") => {
  const style = `width: ${width}px; padding: 0 ${right}px 0 0`;
  return h("div", { class: "pgc-fields", role: "group", "aria-label": name, style },
    h("span", { class: "pgc-key", style: `flex: none; width: ${left - 4}px` }, lead),
    names.map((of, k) => typed(role, of, limits, values[k], setter(k), refuse, { "data-index": k })));
};
// A link to a notebook of this folder, or to a #heading of this one. In JupyterLab the extension follows it.
const linkTo = (href, text) => h("a", { href: encodeURI(href), "data-role": "link" }, text);
const message = (text) => h("p", { class: "pgc-message", role: "alert", "data-role": "message" }, text);

// rows: [name, words, cells, attributes], where a cell is [value, its text], and a row's name and attributes of its own
// if need be; drawn: indices of the columns whose actions were drawn. A "pgc-whole" table stays one in a narrow lab.
const table = (name, columns, rows, corner = "", drawn = [], names = "") =>
  h("table", { class: `pgc-table ${names}`, role: "table", "aria-label": name, style: `--columns: ${columns.length}` },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
      h("th", { role: "columnheader", scope: "col" }, corner),
      columns.map((text, k) =>
        h("th", { role: "columnheader", scope: "col", class: drawn.includes(k) && "pgc-drawn-action" }, text)))),
    h("tbody", { role: "rowgroup" }, rows.map(([of, text, cells, more = {}]) => h("tr", { role: "row", ...more },
      h("th", { role: "rowheader", scope: "row" }, text),
      cells.map(([value, shown, name = of, more = {}], k) =>
        h("td", { role: "cell", "data-row": name, "data-index": k, "data-value": value, ...more }, shown))))));

// --- a prediction, drawn as bars before the answer is shown ------------------------------------------

const sum = (list) => list.reduce((s, v) => s + v, 0);
const ghostBar = (x, width, y, value, opacity) =>
  bar(x, width, y(value), y(0), colour("muted"),
    { stroke: NEUTRAL, "stroke-dasharray": "4 3", "fill-opacity": opacity });

// The learner's bar of one action, on the scale y; marks lie under its handle.
const ghost = (index, action, value, set, x, width, y, ...marks) => {
  const slider = {
    label: `your prediction for ${action}`, value, text: short(value), limits: [0, 1], steps: [0.01, 0.1],
    axis: y, round: (v) => roundTo(0.001, v), set,
  };
  return h("g", { ...about("ghost", index), slider },
    marks, ghostBar(x, width, y, value, 0.6), handle(x, y(value), NEUTRAL, 8));
};

function aboutTheSum(ghosts) {
  const total = sum(ghosts);
  if (Math.abs(total - 1) < 0.005) return "Your bars sum to 1.";
  return `Your bars sum to ${short(total)}; probabilities sum to 1.`;
}

// The prediction that the bars make, as drawn, beside what happens; undefined, after a refusal, where no bar stands.
function compare(ghosts, actual, refuse) {
  if (sum(ghosts) <= 0) return refuse("Your bars are all at 0. Drag at least one of them up, then reveal.");
  return { predicted: ghosts, actual, total_variation: totalVariation(ghosts, actual) };
}

// A prediction, in a lab with the traits predict_first, revealed, ghosts and predictions: the learner's bars, which
// stand at `start` first; whether they wait for the answer, or stand beside it; what was recorded of them, with their
// setting.
function predictionOf({ get, state, change, refuse }, start, actual, setting) {
  const { predict_first: isAsked, revealed, ghosts: drawn } = state("predict_first", "revealed", "ghosts");
  const ghosts = drawn.length === start.length ? drawn : start;
  return {
    ghosts,
    isWaiting: isAsked && !revealed,
    isPast: isAsked && revealed && drawn === ghosts,
    record: isAsked && revealed && drawn.length > 0 ? get("predictions").at(-1) : undefined,
    setGhost: (a) => (value) => change({ ghosts: replaced(ghosts, a, value) }),
    reveal() {
      const compared = compare(ghosts, actual, refuse);
      if (compared === undefined) return;
      const predictions = [...get("predictions"), { ...compared, ...setting }];
      change({ predictions, ghosts: compared.predicted, revealed: true });
    },
  };
}

// How far the bars were from what happened; `why` says more, where that is far.
function aboutTheGap(gap, what, why) {
  const lead = `Gap between your bars and the ${what} (total variation): ${short(gap)}.`;
  return `${lead} ${gap < 0.02 ? "You saw it coming." : why()}`;
}
const toldGap = (text) => text !== "" && h("p", { class: "pgc-gap", "data-role": "gap" }, text);

// The logit that gives an action this probability, the other logits as they are.
function logitFor(probability, logits, index) {
  const p = clamp(probability, [0.002, 0.995]);
  const others = logits.filter((_, a) => a !== index);
  const highest = Math.max(...others);
  return Math.log(p / (1 - p)) + highest + Math.log(sum(others.map((z) => Math.exp(z - highest))));
}

// --- draws, in a lab with the traits draws and draw_start ---------------------------------------------

const MOST_DRAWS = 10000;
// A new policy gets new draws.
const freshDraws = ({ draw_start: start, draws }) => ({ draw_start: start + draws, draws: 0 });
const drawMore = ({ draws }, n, change) =>
  button(`draw-${n}`, `draw ${n}`, () => change({ draws: Math.min(MOST_DRAWS, draws + n) }),
    { ...primary, disabled: draws >= MOST_DRAWS });
const clearDraws = ({ draws }, fresh, change) =>
  button("clear", "clear draws", () => change(fresh), { disabled: draws === 0 });

// --- a lab -----------------------------------------------------------------------------------------

const SIDES = 24; // px of a lab's width that its frame takes
const SLIM = 340;

// The `render` that each lab's own file makes, for anywidget.
export default { render: (given) => render(given) };

// What makes it: view(lab) is called once and returns a function from the size, { inner, isWide, half, aside }, to
// { seen, said }: the children of the lab, described, and what its live region says, if there is something to say; or
// null while traits do not fit together, as between two messages of the kernel: the picture stays.
// lab: get(trait); state(trait, …), their values by name; change({ trait: value, … }), with change.to(trait) and
// change.entry(trait, index), functions from the new value; changes(), the traits changed here since it was last
// called, by name; refresh(); refuse(text), which refused() returns until the next change; model; root, for keys that
// hold in the whole lab and for the focus; leaving(stop): what is to be called at the end.
// A lab is `wide` from so many px on; a side bar may leave it next to nothing, but it is drawn for `least` px.
// look: a class for its style; most: the px that it takes, where there are so many; aside: the px of a second column
// for what stands in aside(…), where there is room for both: then `inner` of the size is that of the first, and `aside`
// that of the second.
const BROAD = 1000; // px inside, from which on there is room
const COLUMN_GAP = 18;
const aside = (...children) => div("pgc-aside", ...children);

function makeLab(
  { name, label: text, look = "", wide = 560, least = 120, aside: second = 0, most = second ? 1080 : 720 }, view,
) {
  return ({ model, el }) => {
    const named = { "data-lab": name, role: "group", "aria-label": text };
    const style = `--pgc-most: ${most}px; --second: ${second}px`;
    const root = htmlNode(el, "div", { class: `pgc-lab ${look}`, ...named, style });
    const live = makeLiveRegion(root);
    const save = makeSaver(model, root);
    keepPlainKeys(root);
    const get = (trait) => model.get(trait);
    let [width, refusal] = [null, ""];
    let isChanging = false; // several traits, one picture
    let unasked = {}; // what was changed here since changes() was last asked
    const refresh = () => {
      if (isChanging) return;
      width = root.clientWidth;
      const all = Math.max(least, (width || UNSEEN_WIDTH) - SIDES);
      const isBroad = second > 0 && all >= BROAD;
      const column = isBroad ? Math.round(second * Math.max(1, all / most)) : 0; // a wall has room for a wider one
      if (isBroad) root.style.setProperty("--second", `${column}px`);
      const inner = isBroad ? all - column - COLUMN_GAP : all;
      root.classList.toggle("pgc-broad", isBroad);
      const isWide = isBroad || inner >= wide;
      root.classList.toggle("pgc-narrow", !isWide);
      root.classList.toggle("pgc-slim", inner < SLIM);
      const { seen, said } = see({ inner, isWide, half: halfOf(inner, isWide), aside: column || inner }) ?? {};
      if (seen === undefined) return;
      paint(root, seen);
      if (said) live.say(said);
    };
    const change = (values) => {
      isChanging = true;
      for (const [trait, value] of Object.entries(values)) model.set(trait, value);
      Object.assign(unasked, values);
      isChanging = false;
      refusal = "";
      refresh();
      save();
    };
    change.to = (trait) => (value) => change({ [trait]: value });
    change.entry = (trait, i) => (value) => change({ [trait]: replaced(get(trait), i, value) });
    const refuse = (why) => {
      refusal = why;
      refresh();
    };
    const changes = () => {
      const all = unasked;
      unasked = {};
      return all;
    };
    const stops = [];
    const leaving = (stop) => stops.push(stop);
    const state = (...traits) => Object.fromEntries(traits.map((trait) => [trait, get(trait)]));
    const see = view({ model, root, get, state, change, changes, refresh, refuse, refused: () => refusal, leaving });
    const observer = new ResizeObserver(() => root.clientWidth === width || refresh());
    model.on("change", refresh);
    observer.observe(root);
    refresh();
    return () => {
      observer.disconnect();
      live.stop();
      model.off("change", refresh);
      for (const stop of stops) stop();
    };
  };
}

const halfOf = (inner, isWide) => Math.floor(isWide ? (inner - 16) / 2 : inner);

// Keep what `make` returned as long as the key is the same.
function remember() {
  let [key, kept] = [null, null];
  return (newKey, make) => {
    if (newKey !== key) [key, kept] = [newKey, make()];
    return kept;
  };
}

// What stands still while something is dragged, such as the ends of a scale. Spread `hand` into sliders, `dial` into
// what dials have more.
function holdStill(refresh) {
  let [isHeld, kept] = [false, null];
  const hold = (wanted) => {
    isHeld = wanted;
    refresh();
  };
  return {
    isHeld: () => isHeld,
    keep: (find) => (isHeld ? kept : (kept = find())),
    hand: { onStart: () => hold(true), onEnd: () => hold(false) },
    dial: { onpointerdown: () => hold(true), onpointerup: () => hold(false), onpointercancel: () => hold(false) },
  };
}

// What the mouse points at, shown while it is there; a finger points at nothing.
function pointing(refresh) {
  let pointed = null;
  const pointAt = (one) => {
    pointed = one;
    refresh();
  };
  return {
    at: () => pointed,
    enter: (one) => ({ onpointerenter: ({ pointerType }) => pointerType === "mouse" && pointAt(one) }),
    leave: { onpointerleave: () => pointAt(null) },
    forget: () => pointAt(null),
  };
}

const replaced = (list, index, value) => list.map((old, i) => (i === index ? value : old));

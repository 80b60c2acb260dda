// What every lab shares: node builders, numbers as text, sliders, a live region, seeded random numbers.
// lab.py joins this file, picture.js and one lab's own file into a single ES module.

const SVG_NS = "http://www.w3.org/2000/svg";
const UNSEEN_WIDTH = 720; // a lab that the page does not show yet is drawn for this width, so that its parts have names

function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else {
      const text = value === true ? "" : String(value);
      if (node.getAttribute(name) !== text) node.setAttribute(name, text); // what stays costs no layout
    }
  }
  return node;
}

function htmlNode(parent, tag, attributes = {}, text = null) {
  const node = setAttributes(document.createElement(tag), attributes);
  if (text !== null) node.textContent = text;
  parent.append(node);
  return node;
}

// A colour by its role; lab.css says which it is in a light and a dark page and under forced colours.
const colour = (role) => `var(--pgc-${role})`;
const [INK, PAPER, AXIS, NEUTRAL] = [colour("ink"), colour("paper"), colour("axis"), colour("neutral")];
const [POLICY, EXACT] = [colour("policy"), colour("exact")];
const [SAMPLED, RIM] = [colour("sampled"), colour("sampled-ink")]; // a sample, and the line around it

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// --- numbers as text: at most three significant digits, a real minus sign -------------------------

function minusSign(text) {
  return text.replace(/-/g, "−");
}

function short(x) {
  const size = Math.abs(x);
  if (size < 1e-9) return "0"; // what rounding leaves of an exact 0
  if (size < 1e-3 || size >= 1e5) return minusSign(x.toExponential(1));
  const decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return minusSign(String(Number(x.toFixed(decimals))));
}

function signed(x) {
  const text = short(x);
  return x > 0 && text !== "0" ? `+${text}` : text;
}

const grouped = (count) => String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");

function probabilityText(p) {
  return p.toFixed(2).replace(/^0/, "").replace("1.00", "1.0");
}

// The same where a small one must not look like none.
const chanceText = (p) => (p < 0.005 ? "≈0" : probabilityText(p));

// A decimal typed by a person: a comma and a real minus sign are understood. NaN when it is no number.
function parseDecimal(text) {
  const plain = text.trim().replaceAll("−", "-").replace(",", ".");
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
}

// --- seeded random numbers, the same in Python (lab.py, uniform) ----------------------------------

function mixBits(x) {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad) >>> 0;
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97) >>> 0;
  return (h ^ (h >>> 15)) >>> 0;
}

function uniform(...key) {
  let h = 0x9e3779b9;
  for (const part of key) h = mixBits((h ^ part) + 0x9e3779b9);
  return h / 4294967296;
}

// --- mathematics that several labs need, equal to course_utils.policy ------------------------------

function softmax(z) {
  const top = Math.max(...z);
  const e = z.map((v) => Math.exp(v - top));
  const total = e.reduce((s, v) => s + v, 0);
  return e.map((v) => v / total);
}

function logSoftmax(z) {
  const top = Math.max(...z);
  const logTotal = Math.log(z.reduce((s, v) => s + Math.exp(v - top), 0));
  return z.map((v) => v - top - logTotal);
}

function dot(x, y) {
  return x.reduce((s, v, i) => s + v * y[i], 0);
}

// Solve matrix · x = right by elimination with row exchanges. The systems here are small and well behaved.
function solve(matrix, right) {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  const n = rows.length;
  for (let k = 0; k < n; k += 1) {
    let pivot = k;
    for (let i = k + 1; i < n; i += 1) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = k + 1; i < n; i += 1) {
      const factor = rows[i][k] / rows[k][k];
      if (factor !== 0) for (let j = k; j <= n; j += 1) rows[i][j] -= factor * rows[k][j];
    }
  }
  const x = Array(n).fill(0);
  for (let k = n - 1; k >= 0; k -= 1) {
    let rest = rows[k][n];
    for (let j = k + 1; j < n; j += 1) rest -= rows[k][j] * x[j];
    x[k] = rest / rows[k][k];
  }
  return x;
}

function totalVariation(p, q) {
  return p.reduce((s, v, a) => s + Math.abs(v - q[a]), 0) / 2;
}

const furthest = (p, q) => {
  const apart = p.map((v, a) => Math.abs(v - q[a]));
  return apart.indexOf(Math.max(...apart));
};

// Half axes and angle (anticlockwise, in radians) of the ellipse of one standard deviation, from the covariance.
function ellipseOf([xx, xy, yy]) {
  const [middle, half] = [(xx + yy) / 2, Math.hypot((xx - yy) / 2, xy)];
  const [long, across] = [middle + half, middle - half].map((variance) => Math.sqrt(Math.max(variance, 0)));
  return { long, across, angle: Math.atan2(2 * xy, xx - yy) / 2 };
}

function drawAction(probabilities, u) {
  let below = 0;
  for (let a = 0; a < probabilities.length - 1; a += 1) {
    below += probabilities[a];
    if (u < below) return a;
  }
  return probabilities.length - 1;
}

// --- keys: plain ones are the lab's, those with a modifier JupyterLab's -------------------------------------

const isPlain = (event) => !event.ctrlKey && !event.metaKey && !event.altKey;
const SCROLLING = /^(Arrow.+|Home|End|Page.+| )$/;

// Whether the browser has a meaning of its own for a key that scrolls, in this control.
function takesItself(node, key) {
  if (node.matches('input[type="range"]')) return key !== " ";
  if (node.matches('input[type="radio"]')) return key === " " || key.startsWith("Arrow");
  if (node.matches('input[type="checkbox"], button, summary')) return key === " ";
  return node.matches("input, textarea") ? !key.startsWith("Page") : node.matches("select");
}

// Undo, copy and the like inside a typed field: JupyterLab would do them to its cells.
function editsText({ key, target, shiftKey, altKey }) {
  if (altKey || !target.matches('input[type="text"], textarea')) return false;
  return /^(z|y|Arrow.+|Home|End|Backspace|Delete)$/i.test(key) || (!shiftKey && /^[acvx]$/i.test(key));
}

// JupyterLab would take arrows and letters for commands to its cells, and the page would scroll. What has a modifier,
// Shift+Enter (but where one writes several lines), Tab, Escape and F1 to F12 goes on to it. A click beside the
// controls keeps the focus in the lab; Escape gives it to the cell.
function keepPlainKeys(root) {
  setAttributes(root, { tabindex: -1 });
  root.addEventListener("keydown", (event) => {
    const { key, target, shiftKey } = event;
    if (key === "Escape" && isPlain(event)) root.parentElement?.closest("[tabindex]")?.focus({ preventScroll: true });
    if (/^(Tab|Escape|F\d+)$/.test(key) || (shiftKey && key === "Enter" && !target.matches("textarea"))) return;
    if (isPlain(event) || editsText(event)) event.stopPropagation();
    if (isPlain(event) && SCROLLING.test(key) && !takesItself(target, key)) event.preventDefault();
  });
}

// --- a live region that speaks once the hand has come to rest --------------------------------------

function makeLiveRegion(parent, delay = 400) {
  const node = htmlNode(parent, "div", { class: "pgc-hidden", "aria-live": "polite", "data-role": "live" });
  let timer = null;
  return {
    say(text) {
      clearTimeout(timer);
      timer = setTimeout(() => setText(node, text), delay);
    },
    stop: () => clearTimeout(timer),
  };
}

// Changes go to the model at once. They go to the kernel at once too, but during a drag only every `pause` ms and at
// its end: a picture that follows the hand must not wait for messages.
function makeSaver(model, root, pause = 80) {
  let resting = null;
  let more = false;
  const send = () => {
    more = false;
    model.save_changes();
  };
  const save = () => {
    if (root.querySelector(".pgc-dragging") === null) return send();
    more = true;
    if (resting !== null) return;
    send();
    resting = setTimeout(() => {
      resting = null;
      if (more) save();
    }, pause);
  };
  root.addEventListener("lostpointercapture", () => more && send());
  return save;
}

// The kit without a browser: test_javascript.py puts lab.js and picture.js before this file and runs it in Node.

import assert from "node:assert/strict";
import test from "node:test";

// --- as much of a page as the kit asks for -----------------------------------------------------------

class FakeNode {
  constructor(tag) {
    Object.assign(this, { tag, childNodes: [], attributes: {}, dataset: {}, listeners: {}, parent: null, moves: 0 });
    const names = new Set();
    this.classList = {
      add: (...more) => more.forEach((name) => names.add(name)),
      remove: (...less) => less.forEach((name) => names.delete(name)),
      all: () => [...names],
    };
  }
  get firstChild() { return this.childNodes[0] ?? null; }
  get nextSibling() { return this.parent.childNodes[this.parent.childNodes.indexOf(this) + 1] ?? null; }
  get ownerSVGElement() {
    return { getBoundingClientRect: () => ({ left: 100, top: 50, width: 80 }), width: { baseVal: { value: 80 } } };
  }
  remove() { this.parent.childNodes.splice(this.parent.childNodes.indexOf(this), 1); }
  insertBefore(node, next) {
    if (node.parent === this && this.childNodes.includes(node)) node.remove();
    node.parent = this;
    node.moves += 1;
    this.childNodes.splice(next === null ? this.childNodes.length : this.childNodes.indexOf(next), 0, node);
  }
  append(node) { this.insertBefore(node, null); }
  getAttribute(name) { return this.attributes[name] ?? null; }
  setAttribute(name, value) { this.attributes[name] = value; }
  removeAttribute(name) { delete this.attributes[name]; }
  addEventListener(name, listener) { this.listeners[name] = listener; }
  setPointerCapture() {}
  focus() { document.activeElement = this; }
  get text() { return this.tag === "#text" ? this.data : this.childNodes.map(({ text }) => text).join(""); }
}

globalThis.document = {
  activeElement: null,
  createTextNode: (data) => Object.assign(new FakeNode("#text"), { data }),
  createElement: (tag) => new FakeNode(tag),
  createElementNS: (_, tag) => new FakeNode(tag),
};

const tags = (node) => node.childNodes.map(({ tag }) => tag).join(" ");

// --- paint -------------------------------------------------------------------------------------------

test("what stays is the same node, and is not moved, whatever comes and goes before it", () => {
  const root = new FakeNode("div");
  const described = (list, extra) => [list.map((v) => [h("line"), h("text", {}, v)]), extra && h("p"), h("g", {}, "kept")];
  paint(root, described([1, 2], false));
  const kept = root.childNodes.at(-1);
  const second = root.childNodes[3];
  paint(root, described([7, 8, 9], false));
  assert.equal(root.childNodes[3], second);
  assert.equal(second.text, "8");
  for (const [list, extra, wanted] of [
    [[1, 2, 3], true, "line text line text line text p g"],
    [[], true, "p g"],
    [[4], null, "line text g"],
    [[4], undefined, "line text g"],
  ]) {
    paint(root, described(list, extra));
    assert.equal(tags(root), wanted);
    assert.equal(root.childNodes.at(-1), kept);
  }
  assert.equal(kept.moves, 1);
  assert.equal(root.text, "4kept");
});

test("whatever takes a place takes it from whatever stood there", () => {
  const root = new FakeNode("div");
  for (const [child, wanted] of [
    ["text", "#text"], [[h("b"), h("i")], "b i"], ["text", "#text"], [h("b"), "b"], [h("i"), "i"], [[], ""], [0, "#text"],
  ]) {
    paint(root, [child, h("p")]);
    assert.equal(tags(root), `${wanted} p`.trim());
  }
});

test("nodes that were not painted come last and stay", () => {
  const root = new FakeNode("div");
  const live = new FakeNode("aside");
  root.append(live);
  paint(root, [h("p"), h("b")]);
  paint(root, [h("p"), null]);
  assert.equal(tags(root), "p aside");
  assert.equal(live.moves, 1);
});

test("attributes, properties, handlers and classes follow the description", () => {
  const root = new FakeNode("div");
  const first = () => 1;
  paint(root, [h("rect", { x: 1, class: "a b", ".estimates": [1], onclick: first, hidden: true })]);
  const [node] = root.childNodes;
  node.classList.add("pgc-dragging"); // a hand's
  assert.deepEqual(node.attributes, { x: "1", hidden: "" });
  assert.equal(node.onclick, first);
  paint(root, [h("rect", { class: "b c" })]);
  assert.deepEqual(node.attributes, {});
  assert.deepEqual(node.classList.all().sort(), ["b", "c", "pgc-dragging"]);
  assert.equal(node.onclick, null);
  assert.equal(node.estimates, undefined);
});

test("a control shows the state again, but not to somebody who is typing in it", () => {
  const root = new FakeNode("div");
  const control = (value) => [h("input", { ".value": value, ".checked": value > 1 })];
  paint(root, control(1));
  const [input] = root.childNodes;
  input.value = "1.5";
  paint(root, control(1));
  assert.equal(input.value, 1);
  Object.assign(input, { value: "1.", checked: true, dataset: { editing: "yes" } });
  input.focus();
  paint(root, control(2));
  assert.equal(input.value, "1.");
  document.activeElement = null;
  paint(root, control(2));
  assert.deepEqual([input.value, input.checked], [2, true]);
});

// --- sliders -----------------------------------------------------------------------------------------

function makeTestSlider(more = {}) {
  const root = new FakeNode("svg");
  const seen = { value: 5 };
  const axis = scale([0, 10], [0, 100]);
  const show = () => {
    const common = { label: "x", text: "five", limits: [0, 10], steps: [0.5, 2], axis, across: true };
    const slider = { ...common, value: seen.value, set: (value) => { seen.value = value; show(); }, ...more };
    paint(root, [h("g", { slider })]);
  };
  show();
  const [node] = root.childNodes;
  const hand = (name, clientX) =>
    node.listeners[name]({ button: 0, pointerId: 1, clientX, clientY: 0, preventDefault() {}, stopPropagation() {} });
  const press = (key, shiftKey = false) => node.listeners.keydown({ key, shiftKey });
  return { seen, node, hand, press };
}

test("a slider follows the hand in small steps within its limits; a rail takes the handle to the pointer", () => {
  const calls = [];
  const held = { within: [4, 6], onStart: () => calls.push("start"), onEnd: () => calls.push("end") };
  held.round = (value) => Math.round(value * 4) / 4;
  const free = [["move", 190, 5], ["down", 150, 5], ["move", 173, 7.5], ["move", 900, 10], ["up", 900, 10]];
  for (const [options, path] of [ // what a hand does where, and the value then
    [{}, [...free, ["move", 110, 10]]],
    [{ grip: 24 }, [["down", 160, 5], ["move", 170, 6]]], // taken where it was touched
    [{ jump: true }, [["down", 130, 3]]],
    [held, [["down", 150, 5], ["move", 157, 5.75], ["move", 190, 6], ["up", 190, 6]]],
  ]) {
    const { seen, node, hand } = makeTestSlider(options);
    const values = path.map(([does, x]) => (hand(`pointer${does}`, x), seen.value));
    assert.deepEqual(values, path.map(([, , value]) => value));
    assert.equal(node.attributes["aria-valuenow"], String(seen.value));
    assert.equal(node.attributes["aria-orientation"], "horizontal");
  }
  assert.deepEqual(calls, ["start", "end"]);
});

test("keys take small and large steps and lead to the ends", () => {
  const { seen, press } = makeTestSlider();
  const path = ["ArrowUp", "ArrowLeft", "PageDown", "End", "Home", "a"].map((key) => (press(key), seen.value));
  assert.deepEqual(path, [5.5, 5, 3, 10, 0, 0]);
  press("ArrowRight", true);
  assert.equal(seen.value, 2);
});

// --- scales, and what is kept ------------------------------------------------------------------------

test("a scale leads there and back, and no step makes −0", () => {
  const y = scale([-4, 4], [200, 0]);
  assert.deepEqual([y(-4), y(0), y(4), y.back(50)], [200, 100, 0, 2]);
  assert.equal(scale([3, 3], [7, 90])(3), 7);
  assert.ok(Object.is(roundTo(0.05, -0.01), 0));
  assert.equal(roundTo(0.1, 0.29999), 0.3);
});

test("remember keeps by its key, holdStill keeps while something is held", () => {
  const keep = remember();
  assert.deepEqual(["a", "a", "b"].map((key, i) => keep(key, () => i)), [0, 0, 2]);
  let refreshed = 0;
  const still = holdStill(() => (refreshed += 1));
  let now = 1;
  const look = () => still.keep(() => now);
  assert.equal(look(), 1);
  still.hand.onStart();
  now = 2;
  assert.equal(look(), 1);
  still.hand.onEnd();
  assert.equal(look(), 2);
  assert.equal(refreshed, 2);
});

test("columns share their room, names fit theirs, and a hand finds 0", () => {
  const x = columnsOf(3, [30, 90]);
  assert.deepEqual([x.band, x(0), x(2)], [20, 40, 80]);
  const names = [60, 50, 43, 0].map((room) => nameAt(0, 0, "apologise", room));
  assert.deepEqual(names.map(({ children: [text] }) => text), ["apologise", "apologise", "apologi…", "ap…"]);
  assert.deepEqual(names.map(({ attributes: { style } }) => style.match(/[\d.]+/)[0]), ["12.0", "10.3", "9.0", "9.0"]);
  assert.deepEqual([0.029, -0.031, 1.23456].map(snapTo(3)), [0, -0.03, 1.23]);
});

// --- predictions -------------------------------------------------------------------------------------

test("bars are compared as drawn, and refused when none stands", () => {
  const refused = [];
  const { predicted, total_variation: gap } = compare([0.3, 0.1], [0.5, 0.5], (why) => refused.push(why));
  assert.deepEqual(predicted, [0.3, 0.1]);
  assert.equal(gap.toFixed(4), "0.3000");
  assert.deepEqual(refused, []);
  compare([0, 0], [0.5, 0.5], (why) => refused.push(why));
  assert.match(refused[0], /all at 0/);
  assert.match(aboutTheSum([0.3, 0.1]), /sum to 0.4; probabilities sum to 1/);
});

// --- typed numbers -----------------------------------------------------------------------------------

test("a typed number is set or refused with the reason", () => {
  const [set, refused] = [[], []];
  const { attributes } = typed("b", "baseline b", [-20, 20], -1.5, (v) => set.push(v), (why) => refused.push(why));
  assert.equal(attributes[".value"], "−1.5");
  const commit = (value) => attributes.onchange({ target: { value, dataset: {} } });
  ["−2,5", " 20 ", "20.1", "abc", "", "NaN", "Infinity", "1e999", "1,2,3", "0x10"].forEach(commit);
  assert.deepEqual(set, [-2.5, 20]);
  const reasons = ["“20.1", "“abc”", "nothi", "“NaN”", "“Infi", "“1e99", "“1,2,", "“0x10"];
  assert.deepEqual(refused.map((why) => why.slice(0, 21)), reasons.map((why) => `baseline b: got ${why}`));
  assert.ok(refused[0].endsWith("wanted a number from −20 to 20. Kept −1.5."));
});

// --- keys --------------------------------------------------------------------------------------------

test("a sign in a key has the colours of its mark, and the words stay as they are", () => {
  const root = new FakeNode("p");
  paint(root, [key("◆ exact  ● mean", tinted("─", POLICY), " run")]);
  assert.equal(root.text, "◆ exact  ● mean─ run");
  const styles = root.firstChild.childNodes.filter(({ tag }) => tag === "span").map((span) => span.attributes.style);
  const wanted = [[EXACT, EXACT], [SAMPLED, RIM], [POLICY, POLICY]];
  assert.deepEqual(styles, wanted.map(([fill, rim]) => `color: ${fill}; -webkit-text-stroke: 1px ${rim}`));
});

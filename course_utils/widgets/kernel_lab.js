// What labs share that train in the kernel (kernel_lab.py): Python learns, the page asks and draws.

const POINTS = 50; // budget and stride equal those in kernel_lab.py
const NO_KERNEL = "Run this cell first: training needs Python.";
const PATIENCE = 1000; // ms for Python to answer
const SPEAK_EVERY = 5000; // ms between two sentences of the live region while training goes on

function budget(updates, first = POINTS) {
  let end = first;
  while (end < updates) end *= 2;
  return end;
}

const stride = (updates, first = POINTS) => budget(updates, first) / POINTS;
const grouped = (x) => String(Math.round(x)).replace(/\B(?=(\d{3})+$)/g, ",");

// Python on the other side: it answers each wish at once, and acts when it can. `refresh` draws what there is.
function makeKernel(model, refresh) {
  let alive = false;
  let note = ""; // what the page itself has to say
  let waiting = null;
  let queued = null;
  const send = (wish) => {
    try {
      model.send?.({ wish });
    } catch {
      // a connection that is gone does not answer either
    }
  };
  const hear = (content) => {
    if (typeof content?.heard !== "string") return;
    clearTimeout(waiting);
    alive = true;
    note = "";
    refresh();
  };
  const nobody = () => {
    alive = false;
    note = NO_KERNEL;
    refresh();
  };
  const soon = () => (queued ??= requestAnimationFrame(() => ((queued = null), refresh()))); // many traits, one picture
  return {
    running: () => alive && model.get("running"),
    message: () => note || model.get("message"),
    ask(wish) {
      send(wish);
      clearTimeout(waiting);
      if (typeof model.send === "function") waiting = setTimeout(nobody, PATIENCE);
      else nobody();
    },
    start() {
      model.on("change", soon);
      model.on("msg:custom", hear);
      send("hear");
    },
    stop() {
      clearTimeout(waiting);
      cancelAnimationFrame(queued);
      model.off("change", soon);
      model.off("msg:custom", hear);
    },
  };
}

// The buttons that every such lab has, `more` after the first two: their row, and what brings them up to date.
function makeButtons(parent, kernel, name, more = []) {
  const row = htmlNode(parent, "div", { class: "pgc-row pgc-buttons" });
  const button = (role, words, act, attributes = {}) => {
    const node = htmlNode(row, "button", { type: "button", "data-role": role, ...attributes }, words);
    node.addEventListener("click", act);
    return node;
  };
  const train = button("train", name, () => kernel.ask(kernel.running() ? "pause" : "train"), { class: "pgc-primary" });
  const one = button("one-update", "one update", () => kernel.ask("update"));
  for (const [role, words, wish] of more) button(role, words, () => kernel.ask(wish));
  button("reset", "Reset", () => kernel.ask("reset"));
  button("new-seed", "New seed", () => kernel.ask("new seed"));
  const show = () => {
    setText(train, kernel.running() ? "Pause" : name);
    one.disabled = kernel.running();
  };
  return { row, show };
}

// What a control reads a trait with, by name, and sets it.
function makeTraits(model, root) {
  const save = makeSaver(model, root);
  return (name) => ({
    get: () => model.get(name),
    set(value) {
      model.set(name, value);
      save();
    },
  });
}

// A range with its value beside it, and what brings it up to date. toValue and fromValue lead from the range's
// number to the trait's value and back; say writes the value.
function makeRange(parent, words, role, { min, max, step, toValue = (x) => x, fromValue = (x) => x, say }, { get, set }) {
  const label = htmlNode(parent, "label", {}, words);
  const input = htmlNode(label, "input", { type: "range", min, max, step, "data-role": role });
  const shown = htmlNode(label, "span", { class: "pgc-shown" });
  input.addEventListener("input", () => set(toValue(Number(input.value))));
  return () => {
    const value = fromValue(get());
    if (Math.abs(Number(input.value) - value) > step / 2) input.value = value;
    setText(shown, say(get()));
    setAttributes(input, { "aria-valuetext": say(get()) });
  };
}

// A range for a step size: by powers of ten, two digits.
function makeStepSizeRange(parent, words, role, lowest, access) {
  const toValue = (x) => Math.max(lowest, Number((10 ** x).toPrecision(2)));
  const scale = { min: Math.log10(lowest), max: 0, step: 0.05, toValue, fromValue: Math.log10, say: short };
  return makeRange(parent, words, role, scale, access);
}

// A live region that speaks of a change, and while training goes on only now and then.
function makeReporter(root, kernel) {
  const live = makeLiveRegion(root);
  let spokenAt = 0;
  let spoken = null; // what was there at first needs no voice
  return {
    say(words) {
      const whole = `${kernel.running() ? "Training" : "At rest"}: ${words}`;
      spoken ??= whole;
      if (whole === spoken || (kernel.running() && Date.now() - spokenAt < SPEAK_EVERY)) return;
      [spoken, spokenAt] = [whole, Date.now()];
      live.say(whole);
    },
    stop: live.stop,
  };
}

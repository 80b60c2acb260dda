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

// Python on the other side: it answers each wish at once, and acts when it can. A wish brings what was changed on the
// page before it: while Python is busy, Jupyter keeps changes back, and lets messages pass.
function makeKernel({ model, refresh, changes, leaving }) {
  let [isAlive, note, waiting] = [false, "", null]; // note: what the page itself has to say
  const settle = (answered) => {
    clearTimeout(waiting);
    [isAlive, note] = [answered, answered ? "" : NO_KERNEL];
    refresh();
  };
  const hear = (content) => typeof content?.heard === "string" && settle(true);
  const send = (wish) => {
    try {
      model.send?.({ wish, changes: changes() });
    } catch {
      // a connection that is gone does not answer either
    }
  };
  leaving(() => {
    clearTimeout(waiting);
    model.off("msg:custom", hear);
  });
  model.on("msg:custom", hear);
  send("hear");
  return {
    running: () => isAlive && model.get("running"),
    message: () => note || model.get("message"),
    ask(wish) {
      send(wish);
      clearTimeout(waiting);
      if (typeof model.send === "function") waiting = setTimeout(() => settle(false), PATIENCE);
      else settle(false);
    },
  };
}

// What the live region says of a change; while training goes on only now and then.
function makeReport(kernel) {
  let [spokenAt, spoken] = [0, null]; // what was there at first needs no voice
  return (words) => {
    const whole = `${kernel.running() ? "Training" : "At rest"}: ${words}`;
    spoken ??= whole;
    if (whole === spoken || (kernel.running() && Date.now() - spokenAt < SPEAK_EVERY)) return "";
    [spoken, spokenAt] = [whole, Date.now()];
    return whole;
  };
}

// makeLab for such a lab: its view has `kernel` and `report` too.
const makeKernelLab = (about, view) =>
  makeLab({ ...about, look: "pgc-kernel", least: 150 }, (lab) => {
    const kernel = makeKernel(lab);
    return view({ ...lab, kernel, report: makeReport(kernel) });
  });

// The buttons that every such lab has, `more` after the first two, and what stands beside them.
function kernelButtons(kernel, name, more = [], ...beside) {
  const [isRunning, wishes] = [kernel.running(), (wish) => () => kernel.ask(wish)];
  return row("pgc-buttons",
    button("train", isRunning ? "Pause" : name, wishes(isRunning ? "pause" : "train"), primary),
    button("one-update", "one update", wishes("update"), { disabled: isRunning }),
    more.map(([role, text, wish]) => button(role, text, wishes(wish))),
    button("reset", "Reset", wishes("reset")),
    button("new-seed", "New seed", wishes("new seed")),
    beside);
}

const kernelMessage = (kernel) =>
  h("p", { class: "pgc-message", role: "status", "data-role": "message" }, kernel.message());

// A choice that is Python's to make.
const wishAmong = (kernel, role, text, names, value) =>
  h("label", {}, text,
    h("select", {
      "data-role": role, ".value": value,
      onchange({ target }) {
        const wish = target.value;
        target.value = value; // until Python has changed it
        if (wish !== value) kernel.ask(wish);
      },
    }, names.map((name) => h("option", { value: name }, name))));

// A range for a step size: by powers of ten, two digits.
const stepSizeRange = (role, text, lowest, value, set) =>
  range(role, text, [Math.log10(lowest), 0, 0.05], roundTo(0.05, Math.log10(value)), short(value),
    (x) => set(Math.max(lowest, Number((10 ** x).toPrecision(2)))));

// Three significant digits, as in rlhf_lab.py.
function digits(x) {
  const size = Math.abs(x);
  if (size < 1e-9) return "0";
  return minusSign(size < 1e-4 || size >= 1e5 ? x.toExponential(1) : String(Number(x.toPrecision(3))));
}

const code = (text) => h("code", {}, text);
const legend = (...children) => h("p", { class: "pgc-key" }, ...children);

function chart(role, ...described) {
  const drawn = image(...described);
  drawn.attributes["data-role"] = role;
  return drawn;
}

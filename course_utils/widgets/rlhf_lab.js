// The RLHF lab: Python trains a tiny language model by PPO with a KL penalty, this file draws its log and its replies.

const FIRST_RUN = 100; // updates; then it is 200, 400, …
const BETAS = [0, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 3, 10];
const LOWEST_RATE = 0.001;
const INK = colour("ink");
const PANEL = { height: 112, left: 40, right: 10, top: 10, bottom: 22 };
const MARKS = { circle: "M-3 0 a3 3 0 1 0 6 0 a3 3 0 1 0 -6 0 z", square: "M-2.7 -2.7 h5.4 v5.4 h-5.4 z", triangle: "M0 -3.6 L3.4 2.6 H-3.4 z" };
// For each panel the trait with its numbers, its mark and its colour.
const CURVES = [
  ["scores", "circle", colour("sampled")],
  ["lengths", "circle", colour("sampled")],
  ["kl", "square", colour("reference")],
  ["approxkl", "triangle", colour("after")],
];

// Three significant digits, as in rlhf_lab.py.
function digits(x) {
  const size = Math.abs(x);
  if (size < 1e-9) return "0";
  return minusSign(size < 1e-4 || size >= 1e5 ? x.toExponential(1) : String(Number(x.toPrecision(3))));
}

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab pgc-kernel",
    "data-lab": "rlhf",
    role: "group",
    "aria-label": "RLHF lab",
  });
  const trait = makeTraits(model, root);
  keepPlainKeys(root);
  const get = (name) => model.get(name);
  const { prompts, cap, kinds, panels: titles, line: lineNames } = get("world");
  const kernel = makeKernel(model, () => refresh());

  // --- controls
  const settings = htmlNode(root, "div", { class: "pgc-row pgc-settings" });
  const nearest = (beta) => BETAS.reduce((best, b, i) => (Math.abs(b - beta) < Math.abs(BETAS[best] - beta) ? i : best), 0);
  const beta = { min: 0, max: BETAS.length - 1, step: 1, toValue: (i) => BETAS[i], fromValue: nearest, say: short };
  const ranges = [
    makeRange(settings, "KL penalty β", "kl-coef", beta, trait("kl_coef")),
    makeStepSizeRange(settings, "learning rate", "learning-rate", LOWEST_RATE, trait("learning_rate")),
    makeRange(settings, "epochs", "epochs", { min: 1, max: 16, step: 1, say: String }, trait("num_ppo_epochs")),
  ];
  const box = (words, role, name) => {
    const label = htmlNode(settings, "label", {});
    const input = htmlNode(label, "input", { type: "checkbox", "data-role": role });
    label.append(words);
    input.addEventListener("change", () => trait(name).set(input.checked));
    return { label, show: () => (input.checked = get(name)) };
  };
  const clip = box("clip, ε = 0.2", "clip", "clip");
  const kindLabel = htmlNode(settings, "label", {}, "reward model’s features");
  const kind = htmlNode(kindLabel, "select", { "data-role": "features" });
  for (const name of kinds) htmlNode(kind, "option", { value: name }, name);
  kind.addEventListener("change", () => {
    const wish = kind.value;
    kind.value = get("feature_kind"); // until Python has changed it
    if (wish !== get("feature_kind")) kernel.ask(wish);
  });
  const gold = box("show the gold reward", "show-gold", "show_gold");
  htmlNode(gold.label, "span", { class: "pgc-key" }, "(no real run has it)");
  const own = htmlNode(settings, "span", { class: "pgc-key", "data-role": "own-pairs" });

  const buttons = makeButtons(root, kernel, "Run");
  const progress = htmlNode(buttons.row, "div", { class: "pgc-progress" });
  const count = htmlNode(progress, "span", { "data-role": "count" });
  const bar = htmlNode(progress, "progress", { "data-role": "bar", "aria-label": "updates of this run" });
  const message = htmlNode(root, "p", { class: "pgc-message", role: "status", "data-role": "message" });

  // --- the four panels
  const grid = htmlNode(root, "div", { class: "pgc-panels" });
  const panels = Object.entries(titles).map(([name, words], i) => {
    const [values, mark, tint] = CURVES[i];
    const panel = htmlNode(grid, "div", { class: "pgc-panel", "data-role": "panel" });
    const title = htmlNode(panel, "p", { class: "pgc-title" });
    htmlNode(title, "code", {}, name);
    const now = htmlNode(title, "span", { class: "pgc-now", "data-role": "now" });
    htmlNode(panel, "p", { class: "pgc-key" }, words);
    const svg = svgNode(panel, "svg", { role: "img", "data-role": values });
    const rules = [0, 1, 2].map(() => ({
      line: svgNode(svg, "line", {}),
      label: svgNode(svg, "text", { "text-anchor": "end", x: PANEL.left - 6 }),
    }));
    const ends = [0, 1].map((k) => svgNode(svg, "text", { "text-anchor": k === 0 ? "start" : "end", y: PANEL.height - 5 }));
    const dots = Array.from({ length: POINTS + 1 }, () =>
      svgNode(svg, "path", { d: MARKS[mark], fill: tint, stroke: INK, "stroke-width": 0.6 }),
    );
    const goldLine = svgNode(svg, "path", { fill: "none", stroke: colour("exact"), "stroke-width": 2.2 });
    const goldWord = svgNode(svg, "text", { "font-weight": 600 }, "gold");
    return { name, values, now, svg, rules, ends, dots, goldLine, goldWord };
  });

  const line = htmlNode(root, "p", { class: "pgc-numbers", "data-role": "line" });
  const values = lineNames.map((name) => {
    const part = htmlNode(line, "span", {});
    htmlNode(part, "code", {}, name);
    part.append(" ");
    return htmlNode(part, "b", {});
  });

  // --- the replies
  htmlNode(root, "p", { class: "pgc-title" }, "What it replies");
  htmlNode(root, "p", { class: "pgc-key" }, "SFT: the model before PPO. The random numbers stay the same, so a reply changes only when the policy does.");
  const talks = prompts.map(({ text, mood }) => {
    const talk = htmlNode(root, "div", { class: "pgc-talk" });
    const customer = htmlNode(talk, "p", {}, `“${text}” `);
    htmlNode(customer, "span", { class: "pgc-key" }, mood);
    const row = (words, role) => {
      const part = htmlNode(talk, "div", { class: `pgc-said pgc-${role}` });
      htmlNode(part, "span", {}, words);
      const said = htmlNode(part, "span", { "data-role": role });
      const worth = htmlNode(part, "span", { class: "pgc-worth", "data-role": `${role}-worth` });
      return { said, score: htmlNode(worth, "span", {}), gold: htmlNode(worth, "span", {}) };
    };
    return { first: row("SFT", "first"), now: row("now", "reply") };
  });
  const reporter = makeReporter(root, kernel);

  // --- drawing
  let width = null;
  function layout() {
    const inner = Math.max(150, (root.clientWidth || UNSEEN_WIDTH) - 24);
    const wide = inner >= 560;
    root.classList.toggle("pgc-narrow", !wide);
    width = wide ? Math.floor((inner - 18) / 2) : inner;
    for (const { svg } of panels) setAttributes(svg, { width, height: PANEL.height, viewBox: `0 0 ${width} ${PANEL.height}` });
    refresh();
  }

  // low and high of a panel's axis, and the numbers that are written at it
  function axis(values) {
    if (values === "lengths") return [0, 1.15 * cap, [0, cap]];
    const at = { scores: get("show_gold") ? 2 : 0, kl: 4, approxkl: 6 }[values];
    const [low, high] = get("axes").length === 8 ? get("axes").slice(at, at + 2) : [0, 1];
    return [low, high, low < 0 ? [low, 0, high] : [0, high]];
  }

  function drawPanel({ name, values, now, svg, rules, ends, dots, goldLine, goldWord }) {
    const [updates, numbers, [low, high, marked]] = [get("updates"), get(values), axis(values)];
    const [x0, x1, y0, y1] = [PANEL.left, width - PANEL.right, PANEL.height - PANEL.bottom, PANEL.top];
    const end = budget(updates, FIRST_RUN);
    const every = stride(updates, FIRST_RUN);
    const x = (i, n) => x0 + ((x1 - x0) * (i === n - 1 ? updates : 1 + i * every)) / end;
    const y = (value) => Math.min(y0 + 8, y0 - ((y0 - y1) * (Math.min(value, high) - low)) / (high - low || 1));
    rules.forEach(({ line: rule, label }, k) => {
      setAttributes(rule, { visibility: k < marked.length ? null : "hidden" });
      setText(label, k < marked.length ? short(marked[k]) : "");
      if (k >= marked.length) return;
      const capped = marked[k] === cap && values === "lengths";
      setAttributes(rule, {
        x1: x0,
        x2: x1,
        y1: y(marked[k]),
        y2: y(marked[k]),
        stroke: capped ? INK : marked[k] === 0 ? colour("axis") : colour("rule"),
        "stroke-dasharray": capped ? "2 3" : null,
      });
      setAttributes(label, { y: y(marked[k]) + 4 });
    });
    ends.forEach((label, k) => {
      setAttributes(label, { x: k === 0 ? x0 - 3 : x1 });
      setText(label, k === 0 ? "0" : `${grouped(end)} updates`);
    });
    const place = (list, i) => `${x(i, list.length).toFixed(1)} ${y(list[i]).toFixed(1)}`;
    dots.forEach((dot, i) => {
      const there = i < numbers.length;
      setAttributes(dot, { visibility: there ? null : "hidden", "data-role": there ? "dot" : null });
      if (there) setAttributes(dot, { transform: `translate(${place(numbers, i)})`, "data-value": numbers[i] });
    });
    const golden = values === "scores" && get("show_gold") ? get("gold") : [];
    setAttributes(goldLine, {
      d: golden.map((_, i) => `${i === 0 ? "M" : "L"}${place(golden, i)}`).join(" "),
      "data-role": golden.length > 0 ? "gold" : null,
      "data-value": golden.at(-1) ?? null,
    });
    setAttributes(goldWord, { visibility: golden.length > 0 ? null : "hidden" });
    let said = numbers.length > 0 ? digits(numbers.at(-1)) : "–";
    if (golden.length > 0) {
      const [right, bottom] = [x(golden.length - 1, golden.length), y(golden.at(-1))];
      const below = bottom < 24 || (golden.at(-1) < (numbers.at(-1) ?? 0) && bottom < y0 - 20);
      const beside = right < x1 - 36; // where the line has not yet come to the right end
      setAttributes(goldWord, {
        x: beside ? right + 7 : right,
        y: bottom + (beside ? 4 : below ? 16 : -7),
        "text-anchor": beside ? "start" : "end",
      });
      said += `, gold ${digits(golden.at(-1))}`;
    }
    setText(now, said);
    setAttributes(svg, { "aria-label": `${name} by update, now ${said}` });
  }

  function drawTalks() {
    const points = (x) => minusSign(x.toFixed(2));
    const fill = ({ said, score, gold: worth }, i, texts, scores, golds) => {
      setText(said, get(texts)[i] ?? "");
      setText(score, i < get(scores).length ? `score ${points(get(scores)[i])}` : "");
      setText(worth, i < get(golds).length && get("show_gold") ? `gold ${points(get(golds)[i])}` : "");
    };
    talks.forEach(({ first, now }, i) => {
      fill(first, i, "first_replies", "first_scores", "first_gold");
      fill(now, i, "replies", "reply_scores", "reply_gold");
    });
  }

  function refresh() {
    if (width === null) return;
    for (const show of ranges) show();
    for (const { show } of [clip, gold]) show();
    kind.value = get("feature_kind");
    setText(own, get("own_pairs") > 0 ? `The reward model learned from ${grouped(get("own_pairs"))} pairs of your own.` : "");
    buttons.show();
    setText(message, kernel.message());
    const updates = get("updates");
    const end = budget(updates, FIRST_RUN);
    setAttributes(bar, { max: end, value: updates });
    setText(count, `update ${grouped(updates)} of ${grouped(end)}`);
    for (const panel of panels) drawPanel(panel);
    const found = get("line_numbers");
    values.forEach((value, i) => setText(value, i < found.length ? digits(found[i]) : "–"));
    drawTalks();
    const [score, kl] = [get("scores").at(-1), get("kl").at(-1)];
    const now = score === undefined ? "" : `, score ${digits(score)}, KL to the reference ${digits(kl ?? 0)}`;
    reporter.say(`update ${grouped(updates)} of ${grouped(end)}${now}`);
  }

  const observer = new ResizeObserver(layout);
  observer.observe(root);
  layout();
  kernel.start();
  return () => {
    observer.disconnect();
    reporter.stop();
    kernel.stop();
  };
}

export default { render };

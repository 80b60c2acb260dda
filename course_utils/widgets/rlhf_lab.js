// The RLHF lab: Python trains a tiny language model by PPO with a KL penalty, this file draws its log and its replies.

const FIRST_RUN = 100; // updates; then it is 200, 400, …
const BETAS = [0, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 3, 10];
const BROAD = 900; // px
const LOWEST_RATE = 0.001;
const PANEL = { height: 112, left: 40, right: 10, top: 10, bottom: 22 };
const CIRCLE = "M-3 0 a3 3 0 1 0 6 0 a3 3 0 1 0 -6 0 z";
const SQUARE = "M-2.7 -2.7 h5.4 v5.4 h-5.4 z";
const TRIANGLE = "M0 -3.6 L3.4 2.6 H-3.4 z";
// For each panel the trait with its numbers, their mark and its colour.
const CURVES = [
  ["scores", CIRCLE, SAMPLED],
  ["lengths", CIRCLE, SAMPLED],
  ["kl", SQUARE, colour("reference")],
  ["approxkl", TRIANGLE, colour("after")],
];
const ABOUT_REPLIES =
  "SFT: the model before PPO. The random numbers stay the same, so a reply changes only when the policy does.";

const nearest = (beta) =>
  BETAS.reduce((best, b, i) => (Math.abs(b - beta) < Math.abs(BETAS[best] - beta) ? i : best), 0);

function drawSettings(get, change, kernel, kinds) {
  const [beta, epochs, pairs] = ["kl_coef", "num_ppo_epochs", "own_pairs"].map(get);
  return row("pgc-settings",
    range("kl-coef", "KL penalty β", [0, BETAS.length - 1, 1], nearest(beta), short(beta),
      (i) => change({ kl_coef: BETAS[i] })),
    stepSizeRange("learning-rate", "learning rate", LOWEST_RATE, get("learning_rate"), change.to("learning_rate")),
    range("epochs", "epochs", [1, 16, 1], epochs, String(epochs), change.to("num_ppo_epochs")),
    check("clip", "clip, ε = 0.2", get("clip"), change.to("clip")),
    wishAmong(kernel, "features", "reward model’s features", kinds, get("feature_kind")),
    check("show-gold", ["show the gold reward", key("(no real run has it)")], get("show_gold"), change.to("show_gold")),
    h("span", { class: "pgc-key", "data-role": "own-pairs" },
      pairs > 0 ? `The reward model learned from ${grouped(pairs)} pairs of your own.` : ""));
}

const drawProgress = (seed, updates, end) =>
  div("pgc-progress",
    h("span", { "data-role": "seed" }, `seed ${seed}`),
    h("span", { "data-role": "count" }, `update ${grouped(updates)} of ${grouped(end)}`),
    h("progress", { "data-role": "bar", "aria-label": "updates of this run", max: end, value: updates }));

// --- one number of the log, by update

// low and high of a panel's axis, and the numbers that are written at it
function axisOf(get, trait, cap) {
  if (trait === "lengths") return [0, 1.15 * cap, [0]];
  const at = { scores: get("show_gold") ? 2 : 0, kl: 4, approxkl: 6 }[trait];
  const [low, high] = get("axes").length === 8 ? get("axes").slice(at, at + 2) : [0, 1];
  return [low, high, low < 0 ? [low, 0, high] : [0, high]];
}

// The line of the gold reward, with its name where there is room for it.
function drawGold(gold, points, score, right, base) {
  if (gold.length === 0) return null;
  const [x, y] = points.at(-1);
  const isBelow = y < 24 || (gold.at(-1) < score && y < base - 20);
  const look = { "font-weight": 600 };
  return [
    curve(points, EXACT, 2.2, { "data-role": "gold", "data-value": gold.at(-1) }),
    x < right - 36 // the line has not yet come to the right end
      ? label(x + 7, y + 4, "gold", "start", look)
      : label(x, y + (isBelow ? 16 : -7), "gold", "end", look),
  ];
}

function drawPanel(get, [trait, mark, tint], name, words, cap, width) {
  const [updates, numbers, [low, high, marked]] = [get("updates"), get(trait), axisOf(get, trait, cap)];
  const gold = trait === "scores" && get("show_gold") ? get("gold") : [];
  const [end, every] = [budget(updates, FIRST_RUN), stride(updates, FIRST_RUN)];
  const [right, base] = [width - PANEL.right, PANEL.height - PANEL.bottom];
  const x = scale([0, end], [PANEL.left, right]);
  const height = scale([low, high], [base, PANEL.top]);
  const y = (value) => Math.min(base + 8, height(Math.min(value, high)));
  const places = (list, n = updates) => list.map((v, i) => [x(i === list.length - 1 ? n : 1 + i * every), y(v)]);
  const said = (numbers.length > 0 ? digits(numbers.at(-1)) : "–") +
    (gold.length > 0 ? `, gold ${digits(gold.at(-1))}` : "");
  return h("div", { class: "pgc-panel", "data-role": "panel" },
    title(code(name), h("span", { class: "pgc-now", "data-role": "now" }, said)),
    legend(words),
    chart(trait, `${name} by update, now ${said}`, [width, PANEL.height],
      rules(marked, y, [PANEL.left, right], short, 6),
      trait === "lengths" && [
        line(PANEL.left, y(cap), right, y(cap), INK, { "stroke-dasharray": "2 3" }),
        label(PANEL.left - 6, y(cap) + 4, short(cap), "end"),
      ],
      label(PANEL.left - 3, PANEL.height - 5, "0", "start"),
      label(right, PANEL.height - 5, `${grouped(end)} updates`, "end"),
      get("changed_at").map((at, i) =>
        line(x(at), PANEL.top, x(at), base, AXIS, { "stroke-dasharray": "1 3", ...about("change", i, at) })),
      curve(places(get(`before_${trait}`), get("before_updates")), NEUTRAL, 1.5,
        { "stroke-dasharray": "5 3", "data-role": "before", "data-value": get(`before_${trait}`).at(-1) }),
      places(numbers).map((place, i) =>
        path(mark, {
          fill: tint, stroke: INK, "stroke-width": 0.6, transform: `translate(${place.join(" ")})`,
          "data-role": "dot", "data-value": numbers[i],
        })),
      drawGold(gold, places(gold), numbers.at(-1) ?? 0, right, base)));
}

// What the dashed and the dotted lines are.
const drawLines = (get) => {
  const changes = get("changes").map((text, i) => `after update ${grouped(get("changed_at")[i])} ${text}`);
  return legend(
    get("before") && h("span", { "data-role": "run-before" }, `Dashed: the run before (${get("before")}). `),
    changes.length > 0 && h("span", { "data-role": "changes" }, `Dotted: ${changes.slice(-3).join("; ")}.`));
};

// --- the replies

function drawTalk(get, { text, mood }, i) {
  const points = (x) => minusSign(x.toFixed(2));
  const worth = (word, list, isShown = true) =>
    h("span", {}, isShown && i < list.length ? `${word} ${points(list[i])}` : "");
  const said = (name, role, [texts, scores, golds]) =>
    div(`pgc-said pgc-${role}`,
      h("span", {}, name),
      h("span", { "data-role": role }, texts[i] ?? ""),
      h("span", { class: "pgc-worth", "data-role": `${role}-worth` },
        worth("score", scores),
        worth("gold", golds, get("show_gold"))));
  return div("pgc-talk",
    h("p", {}, `“${text}” `, key(mood)),
    said("SFT", "first", ["first_replies", "first_scores", "first_gold"].map(get)),
    said("now", "reply", ["replies", "reply_scores", "reply_gold"].map(get)));
}

const render = makeKernelLab({ name: "rlhf", label: "RLHF lab" }, ({ get, change, kernel, report }) => {
  const { prompts, cap, kinds, panels, line: names } = get("world");
  return ({ inner, isWide }) => {
    const [updates, found] = [get("updates"), get("line_numbers")];
    const [end, score, kl] = [budget(updates, FIRST_RUN), get("scores").at(-1), get("kl").at(-1)];
    const isBroad = inner >= BROAD; // then the replies stand beside the curves
    const room = isBroad ? Math.floor((inner - COLUMN_GAP) * 0.58) : inner;
    const width = isWide ? Math.floor((room - COLUMN_GAP) / 2) : inner;
    const now = score === undefined ? "" : `, score ${digits(score)}, KL to the reference ${digits(kl ?? 0)}`;
    return {
      seen: [
        drawSettings(get, change, kernel, kinds),
        kernelButtons(kernel, "Run", [], drawProgress(get("seed"), updates, end)),
        kernelMessage(kernel),
        div(isBroad ? "pgc-beside" : "",
          h("div", { style: `width: ${room}px` },
            div("pgc-panels",
              Object.entries(panels).map(([name, words], i) => drawPanel(get, CURVES[i], name, words, cap, width))),
            h("p", { class: "pgc-numbers", "data-role": "line" }, names.map((name, i) =>
              h("span", {}, code(name), " ", h("b", {}, i < found.length ? digits(found[i]) : "–")))),
            drawLines(get)),
          div("pgc-talks",
            title("What it replies"),
            legend(ABOUT_REPLIES),
            prompts.map((prompt, i) => drawTalk(get, prompt, i)))),
      ],
      said: report(`update ${grouped(updates)} of ${grouped(end)}${now}`),
    };
  };
});

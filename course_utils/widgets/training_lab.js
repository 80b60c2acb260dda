// The training lab: Python trains an actor-critic in the kernel, this file draws what it has learned so far.

const FRAMES = 100; // frameStride equals that in training_lab.py
const STEPS_PER_SECOND = 50; // CartPole's own time
const LOWEST_STEP_SIZE = 0.001;
const INK = colour("ink");
const BLUE = colour("policy");
const ORANGE = colour("sampled");
const CURVE = { height: 250, left: 40, right: 12, top: 12, bottom: 34 };
const CART = { height: 212, ground: 176, pole: 118, limit: 2.4 };
const MOVES = [[-1, 0], [0, 1], [1, 0], [0, -1]]; // left, down, right, up
const MOVE_NAMES = ["left", "down", "right", "up"];
const CELL_NAMES = { S: "start", F: "ice", H: "hole", G: "present" };

const frameStride = (length) => Math.max(1, Math.ceil(length / (FRAMES - 1)));

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab pgc-kernel",
    "data-lab": "training",
    role: "group",
    "aria-label": "Training lab",
  });
  const trait = makeTraits(model, root);
  keepPlainKeys(root);
  const get = (name) => model.get(name);
  const { map, highest: limits } = get("world");
  const lake = () => get("environment") === "FrozenLake";
  const number = (x) => minusSign(x.toFixed(lake() ? 2 : 0));

  const kernel = makeKernel(model, () => refresh());

  // --- controls
  const settings = htmlNode(root, "div", { class: "pgc-row pgc-settings" });
  const environmentLabel = htmlNode(settings, "label", {}, "environment");
  const environment = htmlNode(environmentLabel, "select", { "data-role": "environment" });
  for (const name of Object.keys(limits)) htmlNode(environment, "option", { value: name }, name);
  environment.addEventListener("change", () => {
    const wish = environment.value;
    environment.value = get("environment"); // until Python has changed it
    if (wish !== get("environment")) kernel.ask(wish);
  });
  const criticLabel = htmlNode(settings, "label", {});
  const critic = htmlNode(criticLabel, "input", { type: "checkbox", "data-role": "critic" });
  criticLabel.append("critic");
  critic.addEventListener("change", () => trait("critic").set(critic.checked));
  const ranges = [
    makeRange(settings, "entropy cost", "entropy-cost", { min: 0, max: 0.2, step: 0.005, say: short }, trait("entropy_cost")),
    makeRange(settings, "λ", "lambda", { min: 0, max: 1, step: 0.01, say: (x) => x.toFixed(2) }, trait("lambda_")),
    makeStepSizeRange(settings, "step size", "step-size", LOWEST_STEP_SIZE, trait("step_size")),
  ];
  const buttons = makeButtons(root, kernel, "Train", [["evaluate", "Evaluate on fresh episodes", "evaluate"]]);

  const message = htmlNode(root, "p", { class: "pgc-message", role: "status", "data-role": "message" });

  // --- the learning curve
  const panels = htmlNode(root, "div", { class: "pgc-panels" });
  const text = (parent, anchor = "middle", more = {}) => svgNode(parent, "text", { "text-anchor": anchor, ...more });
  const curvePanel = htmlNode(panels, "div", { class: "pgc-panel" });
  const curveTitle = htmlNode(curvePanel, "p", { class: "pgc-title" }, "return by update");
  const key = htmlNode(curvePanel, "p", { class: "pgc-key" });
  const keyPart = (mark, tint, words) => {
    const part = htmlNode(key, "span", {});
    htmlNode(part, "span", { class: "pgc-fill", style: `color: ${tint}`, "aria-hidden": "true" }, `${mark} `);
    part.append(words);
    return part;
  };
  keyPart("●", colour("sampled-ink"), "training batch");
  const exactKey = keyPart("━", colour("exact"), "exact J");
  keyPart("◆", BLUE, "fresh episodes, 95 %");
  const curve = svgNode(curvePanel, "svg", { role: "img", "data-role": "curve" });
  const rules = [0, 0.5, 1].map(() => ({ line: svgNode(curve, "line", {}), label: text(curve, "end") }));
  const ticks = [0, 0.5, 1].map((share) => text(curve, share === 1 ? "end" : share === 0 ? "start" : "middle"));
  const dots = Array.from({ length: POINTS + 1 }, () => svgNode(curve, "circle", { r: 3.2, fill: ORANGE, stroke: INK, "stroke-width": 0.6 }));
  const exactLine = svgNode(curve, "path", { fill: "none", stroke: colour("exact"), "stroke-width": 2.2, "data-role": "exact" });
  const fresh = svgNode(curve, "g", { "data-role": "fresh" });

  // --- the policy on the lake
  const right = htmlNode(panels, "div", { class: "pgc-panel" });
  const rightTitle = htmlNode(right, "p", { class: "pgc-title" });
  const rightKey = htmlNode(right, "p", { class: "pgc-key" });
  const grid = svgNode(right, "svg", { role: "img", "data-role": "lake" });
  const cells = [...map].map((letter, s) => {
    const group = svgNode(grid, "g", { "data-role": "cell", "data-index": s });
    const frame = svgNode(group, "rect", { stroke: colour("axis"), fill: letter === "H" ? colour("block") : colour("paper") });
    const mark = svgNode(group, "path", { fill: letter === "H" ? colour("neutral") : colour("above"), stroke: INK, "stroke-width": 1.2 });
    const word = text(group, letter === "S" ? "start" : "middle", { "font-weight": letter === "S" ? 600 : 400 });
    if (letter !== "F") setText(word, CELL_NAMES[letter]);
    const arrows = letter === "S" || letter === "F" ? MOVES.map(() => svgNode(group, "path", { fill: BLUE, "data-role": "arrow" })) : [];
    const value = text(group, "end");
    return { letter, frame, mark, word, arrows, value };
  });

  // --- the pole on the cart
  const stage = svgNode(right, "svg", { role: "img", "data-role": "cart" });
  const track = svgNode(stage, "line", { stroke: colour("axis"), "stroke-width": 2 });
  const ends = [-1, 1].map((side) => ({ side, line: svgNode(stage, "line", { stroke: colour("axis"), "stroke-dasharray": "3 3" }), label: text(stage) }));
  const upright = svgNode(stage, "line", { stroke: colour("line"), "stroke-dasharray": "3 4" });
  const body = svgNode(stage, "rect", { width: 54, height: 26, rx: 4, fill: colour("paper"), stroke: INK, "stroke-width": 2 });
  const wheels = [-1, 1].map(() => svgNode(stage, "circle", { r: 6, fill: colour("neutral") }));
  const pole = svgNode(stage, "line", { stroke: BLUE, "stroke-width": 7, "stroke-linecap": "round", "data-role": "pole" });
  const axle = svgNode(stage, "circle", { r: 4, fill: INK });
  const replay = htmlNode(right, "div", { class: "pgc-row pgc-replay" });
  const play = htmlNode(replay, "button", { type: "button", "data-role": "play" }, "Play");
  const timeLabel = htmlNode(replay, "label", {}, "step");
  const time = htmlNode(timeLabel, "input", { type: "range", min: 0, max: 1, step: 1, value: 0, "data-role": "time" });
  const timeShown = htmlNode(timeLabel, "span", { class: "pgc-shown" });

  const line = htmlNode(root, "p", { class: "pgc-sentence", "data-role": "line" });
  const reporter = makeReporter(root, kernel);

  // --- replaying an episode: it plays only when it is asked to
  let now = 0; // step of the episode
  let playing = null; // what stops it
  const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  function stopPlaying() {
    playing?.();
    playing = null;
    setText(play, "Play");
  }
  function goTo(step) {
    now = Math.max(0, Math.min(get("replay_length"), step));
    drawCart();
  }
  function startPlaying() {
    const length = get("replay_length");
    if (length === 0) return;
    if (now >= length) now = 0;
    const ahead = (step) => {
      goTo(step);
      if (now >= length) stopPlaying();
    };
    setText(play, "Pause");
    if (calm()) {
      const timer = setInterval(() => ahead(now + 25), 500); // stills, one after the other
      playing = () => clearInterval(timer);
      return;
    }
    let before = null;
    let frame = null;
    const tick = (ms) => {
      frame = requestAnimationFrame(tick); // first: `ahead` may stop it
      const passed = before === null ? 0 : Math.min(100, ms - before);
      before = ms;
      ahead(now + (passed * STEPS_PER_SECOND) / 1000);
    };
    frame = requestAnimationFrame(tick);
    playing = () => cancelAnimationFrame(frame);
  }
  play.addEventListener("click", () => (playing === null ? startPlaying() : stopPlaying()));
  time.addEventListener("input", () => {
    stopPlaying();
    goTo(Number(time.value));
  });

  // --- drawing
  let geometry = null;
  function layout() {
    const inner = Math.max(150, (root.clientWidth || UNSEEN_WIDTH) - 24);
    const wide = inner >= 560;
    root.classList.toggle("pgc-narrow", !wide);
    const left = wide ? Math.floor((inner - 18) * 0.56) : inner;
    const side = wide ? inner - 18 - left : Math.min(inner, 320);
    geometry = { left, side };
    const size = (svg, width, height) => setAttributes(svg, { width, height, viewBox: `0 0 ${width} ${height}` });
    size(curve, left, CURVE.height);
    size(grid, side, side);
    size(stage, side, CART.height);
    const cell = (side - 2) / 4;
    cells.forEach(({ letter, frame, mark, word, value }, s) => {
      const [x, y] = [1 + (s % 4) * cell, 1 + Math.floor(s / 4) * cell];
      setAttributes(frame, { x, y, width: cell, height: cell });
      const [cx, cy, r] = [x + cell / 2, y + cell * 0.4, cell * 0.19];
      if (letter === "H") setAttributes(mark, { d: `M${cx - 1.5 * r} ${cy} a${1.5 * r} ${r} 0 1 0 ${3 * r} 0 a${1.5 * r} ${r} 0 1 0 ${-3 * r} 0 z` });
      if (letter === "G") {
        const ribbon = `M${cx} ${cy - r} v${2 * r} M${cx} ${cy - r} l${-r * 0.7} ${-r * 0.7} M${cx} ${cy - r} l${r * 0.7} ${-r * 0.7}`;
        setAttributes(mark, { d: `M${cx - 1.2 * r} ${cy - r} h${2.4 * r} v${2 * r} h${-2.4 * r} z ${ribbon}` });
      }
      if (letter === "S") setAttributes(word, { x: x + 4, y: y + 14 });
      else setAttributes(word, { x: cx, y: y + cell * 0.86 });
      setAttributes(value, { x: x + cell - 4, y: y + cell - 5 });
    });
    refresh();
  }

  function drawCurve() {
    const n = get("updates");
    const [end, every, limit] = [budget(n), stride(n), limits[get("environment")]];
    const [x0, x1, y0, y1] = [CURVE.left, geometry.left - CURVE.right, CURVE.height - CURVE.bottom, CURVE.top];
    const x = (update) => x0 + ((x1 - x0) * update) / end;
    const y = (value) => y0 - ((y0 - y1) * Math.max(0, Math.min(limit, value))) / limit;
    rules.forEach(({ line: rule, label }, k) => {
      const value = (limit * k) / 2;
      setAttributes(rule, { x1: x0, x2: x1, y1: y(value), y2: y(value), stroke: k === 0 ? colour("axis") : colour("rule") });
      setAttributes(label, { x: x0 - 6, y: y(value) + 4 });
      setText(label, short(value));
    });
    ticks.forEach((label, k) => {
      setAttributes(label, { x: x((end * k) / 2) + (k === 0 ? -4 : 0), y: y0 + 17 });
      setText(label, k === 1 ? `${grouped(end / 2)} updates` : grouped((end * k) / 2));
    });
    const returns = get("batch_returns");
    dots.forEach((dot, i) => {
      const there = i < returns.length;
      setAttributes(dot, { visibility: there ? null : "hidden", "data-role": there ? "batch" : null });
      if (there) setAttributes(dot, { cx: x(i * every).toFixed(1), cy: y(returns[i]).toFixed(1), "data-value": returns[i] });
    });
    const exact = get("exact");
    exactKey.hidden = exact.length === 0;
    const at = (i) => (i === exact.length - 1 ? n : i * every);
    setAttributes(exactLine, { d: exact.map((J, i) => `${i === 0 ? "M" : "L"}${x(at(i)).toFixed(1)} ${y(J).toFixed(1)}`).join(" "), "data-value": exact.at(-1) ?? null });
    fresh.replaceChildren();
    const [means, lows, highs] = ["mean", "low", "high"].map((part) => get(`evaluated_${part}`));
    get("evaluated_at").forEach((update, i) => {
      const cx = x(update);
      svgNode(fresh, "path", { d: `M${cx} ${y(lows[i])} V${y(highs[i])} M${cx - 5} ${y(lows[i])} h10 M${cx - 5} ${y(highs[i])} h10`, stroke: BLUE, "stroke-width": 2 });
      const top = y(means[i]);
      svgNode(fresh, "path", { d: `M${cx} ${top - 6} l6 6 l-6 6 l-6 -6 z`, fill: BLUE, stroke: colour("paper"), "data-role": "evaluation", "data-value": means[i] });
    });
    setText(curveTitle.firstChild, lake() ? "probability of the present, by update" : "return, by update");
    setAttributes(curve, { "aria-label": `Learning curve. ${words()}` });
  }

  // An arrow from the middle of a cell: longer and thicker with its probability.
  function arrow([dx, dy], x, y, reach, p) {
    const [length, half] = [reach * (0.15 + 0.85 * p), 1 + 2.2 * p];
    const head = Math.min(length * 0.6, 4 + 5 * p);
    const point = (along, across) => `${(x + dx * along - dy * across).toFixed(1)} ${(y + dy * along + dx * across).toFixed(1)}`;
    const neck = length - head;
    return `M${point(0, half)} L${point(neck, half)} L${point(neck, half + head * 0.55)} L${point(length, 0)} L${point(neck, -half - head * 0.55)} L${point(neck, -half)} L${point(0, -half)} z`;
  }

  function drawLake() {
    const [pi, values] = [get("policy"), get("values")];
    const cell = (geometry.side - 2) / 4;
    cells.forEach(({ arrows, value }, s) => {
      const [x, y] = [1 + (s % 4 + 0.44) * cell, 1 + (Math.floor(s / 4) + 0.47) * cell];
      arrows.forEach((node, a) => {
        const p = pi[4 * s + a] ?? 0;
        setAttributes(node, { d: arrow(MOVES[a], x, y, cell * 0.38, p), "data-value": p, visibility: p < 0.03 ? "hidden" : null });
      });
      setText(value, arrows.length > 0 && get("critic") && s < values.length ? minusSign(values[s].toFixed(2)).replace("0.", ".") : "");
    });
    const likely = cells.flatMap(({ arrows }, s) => {
      const row = pi.slice(4 * s, 4 * s + 4);
      return arrows.length > 0 && row.length === 4 ? [`${s + 1} ${MOVE_NAMES[row.indexOf(Math.max(...row))]}`] : [];
    });
    setAttributes(grid, { "aria-label": `The lake, cells 1 to 16. Most probable moves: ${likely.join(", ")}.` });
  }

  function drawCart() {
    const [carts, poles, length] = [get("cart"), get("pole"), get("replay_length")];
    const { side } = geometry;
    const scale = (side / 2 - 30) / CART.limit;
    const x = (position) => side / 2 + position * scale;
    const last = Math.min(carts.length, poles.length) - 1;
    const place = Math.min(now / frameStride(length), last);
    const frame = Math.max(0, Math.min(Math.floor(place), last - 1));
    const [from, to] = [frame * frameStride(length), Math.min(length, (frame + 1) * frameStride(length))];
    const share = to > from ? Math.max(0, Math.min(1, (now - from) / (to - from))) : 0;
    const between = (list) => (last < 0 ? 0 : list[frame] + ((list[frame + 1] ?? list[frame]) - list[frame]) * share);
    const [cx, angle] = [x(Math.max(-CART.limit, Math.min(CART.limit, between(carts)))), between(poles)];
    const top = CART.ground - 38;
    setAttributes(track, { x1: 4, x2: side - 4, y1: CART.ground, y2: CART.ground });
    ends.forEach(({ side: sign, line: end, label }) => {
      setAttributes(end, { x1: x(sign * CART.limit), x2: x(sign * CART.limit), y1: 8, y2: CART.ground });
      setAttributes(label, { x: x(sign * CART.limit), y: CART.ground + 18 });
      setText(label, signed(sign * CART.limit));
    });
    setAttributes(upright, { x1: cx, x2: cx, y1: top - CART.pole, y2: top });
    setAttributes(body, { x: cx - 27, y: top });
    wheels.forEach((wheel, k) => setAttributes(wheel, { cx: cx + (k === 0 ? -15 : 15), cy: CART.ground - 6 }));
    setAttributes(pole, { x1: cx, y1: top, x2: cx + CART.pole * Math.sin(angle), y2: top - CART.pole * Math.cos(angle), "data-value": angle });
    setAttributes(axle, { cx, cy: top });
    setAttributes(time, { max: Math.max(1, length), disabled: length === 0, "aria-valuetext": `${Math.round(now)} of ${length}` });
    play.disabled = length === 0;
    time.value = Math.round(now);
    setText(timeShown, `${Math.round(now)} of ${length}`);
    const degrees = signed((angle * 180) / Math.PI);
    setAttributes(stage, { "aria-label": `Cart and pole at step ${Math.round(now)} of ${length}: cart at ${signed(between(carts))}, pole at ${degrees} degrees.` });
  }

  function words() {
    const n = get("updates");
    let said = `update ${grouped(n)}, ${grouped(get("steps"))} steps`;
    if (n > 0) said += `, batch return ${number(get("batch_return"))}, entropy ${get("entropy").toFixed(2)}`;
    const at = get("evaluated_at").length - 1;
    if (at >= 0) {
      const [mean, low, high, over] = ["mean", "low", "high", "over"].map((part) => get(`evaluated_${part}`)[at] ?? 0);
      const limit = limits[get("environment")];
      said += `, fresh: ${number(mean)} [${number(Math.max(0, low))}, ${number(Math.min(limit, high))}] over ${grouped(over)} episodes`;
      if (get("evaluated_at")[at] !== n) said += ` after update ${grouped(get("evaluated_at")[at])}`;
    }
    return said;
  }

  let drawnEpisode = "";
  function refresh() {
    if (geometry === null) return;
    environment.value = get("environment");
    critic.checked = get("critic");
    for (const show of ranges) show();
    buttons.show();
    setText(message, kernel.message());
    drawCurve();
    setText(rightTitle, lake() ? "the policy, cell by cell" : "one fresh episode");
    setText(rightKey, lake() ? `➔ as probable as it is long${get("critic") ? "; number: the critic’s V" : ""}` : "It ends at ±2.4, at a slant of 12°, or after 500 steps.");
    for (const [node, shown] of [[grid, lake()], [stage, !lake()], [replay, !lake()]]) node.toggleAttribute("hidden", !shown);
    if (lake()) {
      stopPlaying();
      drawLake();
    } else {
      const episode = JSON.stringify([get("cart"), get("pole")]);
      if (episode !== drawnEpisode) {
        stopPlaying();
        now = 0;
      }
      drawnEpisode = episode;
      drawCart();
    }
    const said = words();
    setText(line, said);
    reporter.say(said);
  }

  const observer = new ResizeObserver(layout);
  observer.observe(root);
  layout();
  kernel.start();
  return () => {
    observer.disconnect();
    reporter.stop();
    stopPlaying();
    kernel.stop();
  };
}

export default { render };

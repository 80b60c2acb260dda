// The clinic lab: Python trains a case that goes wrong and says what answers are worth, this file draws and asks.

const CURVE_POINTS = 60; // as in clinic_lab.py
const STEPS = {
  replies: "Replies",
  diagnosis: "Diagnosis",
  change: "One change",
  verdict: "Verdict",
  blueprint: "Blueprint",
  debrief: "Debrief",
};
const SIDES_OF = ["before training", "as it is", "with the change"];
const PANEL = { height: 48, left: 38, right: 4, top: 7, bottom: 41 };
const PREPARING = "the model to start from and the reward model are trained first …";
const GOLD = "ours/gold";
const shareOf = (x) => `${Math.round(100 * x)}\u00a0%`;
// The measures of fresh replies, in the order of Python's rows: words, and how a value is written.
const MEASURES = {
  score: ["reward model’s score", short],
  spread: ["spread (sd) of the scores", short], // of all topics together
  kl: ["KL to the reference", short],
  length: ["tokens", short],
  helpful: ["right thing and action", shareOf],
  unsafe: ["with a promise", shareOf],
  wrong_object: ["about another thing", shareOf],
  repeat: ["with a repeated word", shareOf],
  odd: ["with odd word pairs", shareOf],
  gold: ["people’s rating", short],
};
const CITED = Object.keys(MEASURES).filter((name) => !["spread", "gold"].includes(name)); // of the reference and now
const AGREEMENT = {
  "agreement/second panel": "before training, from its own raters to a second panel",
  "agreement/policy": "a second panel’s, from pairs before training to the policy’s",
};
// Beside a limit a share needs a digit more.
const writtenAs = (measure) => (MEASURES[measure][1] === shareOf ? (x) => `${short(100 * x)}\u00a0%` : short);
const ACCURACIES = [
  "its own raters, on pairs before training",
  "a second panel, on pairs before training",
  "a second panel, on pairs of the policy",
];
const DIRECTIONS = ["rises", "falls", "stays", "high", "low"];
const COSTS = {
  score: ["score", signed],
  kl: ["KL", signed],
  length: ["tokens", signed],
  unsafe: ["replies with a promise", (x) => `${signed(Math.round(100 * x))} in a hundred`],
};
const CHAIN = ["The reward model, a ranking", "The update, weighted by advantages", "The KL term"];
const EXAMPLES = [["full", "Full"], ["partial", "Partial"]];

const twoDigits = (x) => digits(Number(x.toPrecision(2)));
const quoted = (text) => `“${text.replace(/\.$/, "")}”`;
const mean = (list) => sum(list) / list.length;
const mark = (isGood, text) => h("b", { class: isGood ? "pgc-good" : "pgc-bad" }, `${isGood ? "✓" : "✗"} ${text}`);
const primaryUnless = (disabled) => (disabled ? { disabled } : primary);
const remark = (...children) => h("p", { class: "pgc-note" }, ...children);
const toggled = (list, one) => (list.includes(one) ? list.filter((other) => other !== one) : [...list, one]);
const fold = (role, name, ...children) => h("details", { "data-role": role }, h("summary", {}, name), ...children);
const settingText = (value) => (value === null ? "none" : typeof value === "number" ? minusSign(String(value)) : value);
const explained = (list) => h("dl", {}, list.map(([name, words]) => [h("dt", {}, name), h("dd", {}, words)]));

// --- the dashboard

function shownUpdates(done) {
  const every = Math.max(1, Math.ceil(done / CURVE_POINTS));
  const found = Array.from({ length: Math.ceil(done / every) }, (_, k) => 1 + k * every);
  return found.length === 0 || found.at(-1) === done ? found : [...found, done];
}

// Round ends of an axis that holds these numbers, and 0 where it is near.
function endsOf(numbers) {
  let [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const isFlat = high - low <= 0.02 * Math.max(Math.abs(low), Math.abs(high));
  if (low >= 0 && (low <= high - low || isFlat)) low = 0;
  if (high <= 0 && (-high <= high - low || isFlat)) high = 0;
  if (low === high) return [0, 1];
  const least = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * [1, 2, 5, 10].find((round) => power * round >= least * (1 - 1e-9));
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}

// curves: of the case as it is, and with the change, each [numbers, updates done]; the newest of them is solid.
function drawPanel(name, meaning, curves, end, width) {
  const numbers = curves.flatMap(([list]) => list);
  const words = curves.map(([list]) => twoDigits(list.at(-1))).join("→") || "–";
  const [low, high] = numbers.length === 0 ? [0, 1] : endsOf(numbers);
  const x = scale([0, end], [PANEL.left, width - PANEL.right]);
  const y = scale([low, high], [PANEL.bottom, PANEL.top]);
  return h("div", { class: `pgc-panel ${name === GOLD ? "pgc-gold" : ""}`, "data-role": "panel", title: meaning },
    title(code(name), h("span", { class: "pgc-now", "data-role": "now" }, words)),
    chart("curves", `${name}, ${meaning}: now ${words}`, [width, PANEL.height],
      rules(numbers.length === 0 ? [] : [low, high], y, [PANEL.left, width - PANEL.right], digits, 4),
      curves.map(([list, done], side) => {
        const isNew = side === curves.length - 1;
        const look = isNew ? {} : { "stroke-dasharray": "5 3" };
        const points = shownUpdates(done).slice(0, list.length).map((update, k) => [x(update), y(list[k])]);
        const tint = isNew ? (name === GOLD ? EXACT : POLICY) : colour("reference");
        return curve(points, tint, isNew ? 2 : 1.6, { ...about("curve", side, list.at(-1)), ...look });
      })));
}

function drawDashboard(get, metrics, names, inner, isWide) {
  const [updates, planned, both] = [get("updates"), get("planned"), [get("first"), get("second")]];
  const end = Math.max(1, ...planned);
  const columns = inner > 900 ? 4 : isWide ? 3 : inner > 300 ? 2 : 1;
  const width = Math.floor((inner - COLUMN_GAP * (columns - 1)) / columns);
  const isTall = updates.length > 1 || width < 212; // the numbers have a line of their own, so that none makes one
  const curvesOf = (n) => updates.map((done, side) => [both[side][n] ?? [], done]).filter(([list]) => list.length > 0);
  const lines = updates.length > 1 ? `┄ as it is, → ━ ${quoted(get("changed"))}` : "━ as it is";
  return [
    legend(`${lines}; across: updates 0 to ${grouped(end)}`),
    h("div", { class: `pgc-dashboard ${isTall ? "pgc-tall" : ""}`, style: `--columns: ${columns}` },
      names.map((name, n) => drawPanel(name, metrics[name], curvesOf(n), end, width))),
    fold("meanings", "What the curves mean",
      remark("Beside each name stands the newest number."),
      explained(names.map((name) => [code(name), metrics[name]]))),
  ];
}

const drawRunSettings = ({ settings }) =>
  fold("settings", "The run’s settings",
    remark("Of the case as it is, as far as one who runs the training sees and can turn them."),
    explained(settings.map(([name, value, , words]) => [code(`${name} = ${settingText(value)}`), words])));

// --- running

// Words, and how much of how much: nothing of it where that is not known.
function progressOf(get, isRunning) {
  const [[nth, seeds, side, done, of], updates, planned] = [get("standing"), get("updates"), get("planned")];
  if (get("job") === "verdict") {
    if (nth === undefined) return [PREPARING, null, 1];
    const where = `seed ${nth} of ${seeds}, ${SIDES_OF[1 + side]}`;
    return [`${where}: update ${done} of ${of}`, 2 * (nth - 1) + side + done / of, 2 * seeds];
  }
  if (isRunning && updates.length < { run: 1, change: 2 }[get("job")]) return [PREPARING, null, 1];
  if (updates.length === 0) return ["no update yet", 0, 1];
  return [`update ${updates.at(-1)} of ${grouped(planned.at(-1))}`, updates.at(-1), planned.at(-1)];
}

function drawRunning(get, kernel) {
  const [isRunning, job, hasRun] = [kernel.running(), get("job"), get("updates").length > 0];
  const start = [hasRun ? "Run again" : "Run", "run"];
  const [name, wish] = isRunning ? ["Pause", "pause"] : job ? ["Go on", "train"] : start;
  const [words, value, max] = progressOf(get, isRunning);
  return row("pgc-buttons",
    button("train", name, () => kernel.ask(wish), isRunning || job || !hasRun ? primary : {}),
    job && !isRunning && button("stop", "Stop here", () => kernel.ask("stop")),
    button("new-seed", "Another seed", () => kernel.ask("new seed"), { disabled: isRunning }),
    h("span", { class: "pgc-key" }, `seed ${get("seed")}`),
    div("pgc-progress",
      h("span", { "data-role": "count" }, words),
      h("progress", { "data-role": "bar", "aria-label": words, max, value })));
}

// --- the steps, one of which is open

function availableSteps(get, facts) {
  const [updates, told] = [get("updates"), get("told")];
  const makesSense = {
    replies: updates.length > 0,
    diagnosis: updates.length > 0,
    change: updates.length > 0,
    verdict: updates.length > 1 || told.tries !== undefined,
    blueprint: updates.length > 0 && facts.blueprint.length > 0,
    debrief: true,
  };
  return Object.keys(STEPS).filter((step) => makesSense[step]);
}

function drawSteps(steps, step, id, choose) {
  const next = (k) => (key) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[key];
    return { Home: 0, End: steps.length - 1 }[key] ?? (by && (k + by + steps.length) % steps.length);
  };
  return h("div", { class: "pgc-steps", role: "tablist", "aria-label": "steps" }, steps.map((one, k) => {
    const isOpen = one === step;
    const { "aria-checked": selected, ...more } =
      radioMark("step", k, isOpen, STEPS[one], (to) => choose(steps[to]), next(k));
    return h("button", {
      ...more, type: "button", role: "tab", id: `${id}-${one}`, "aria-selected": selected,
      tabindex: isOpen || (k === 0 && !steps.includes(step)) ? 0 : -1, "aria-controls": isOpen ? `${id}-panel` : null,
    }, STEPS[one]);
  }));
}

// One of several to choose from: a radio button, or a check box.
const pick = (type, role, group, index, checked, set, ...children) =>
  h("label", { class: "pgc-pick" },
    h("input", { type, name: group, "data-role": role, "data-index": index, ".checked": checked, onchange: set }),
    h("span", {}, children));

// 1. replies, and measures of fresh ones

function drawTalk(get, [text, mood], i, count) {
  const [replies, scores] = [get("replies"), get("scores")];
  return div("pgc-talk",
    h("p", {}, `“${text}” `, key(mood)),
    SIDES_OF.filter((_, side) => replies.length > side * count).map((side, n) =>
      div("pgc-said",
        h("span", { class: "pgc-key" }, side),
        h("span", { "data-role": "reply" }, replies[n * count + i] || "(nothing)"),
        h("span", { class: "pgc-worth" }, `score ${short(scores[n * count + i] ?? 0)}`))));
}

function drawFresh(get, { topics, moods }, chosen, choose) {
  const groups = ["all topics", ...topics, ...moods.map((mood) => `${mood} customers`)];
  const [fresh, accuracy] = [get("fresh"), get("accuracy")];
  if (fresh.length < groups.length) return remark("Fresh replies are measured when the run is at rest.");
  const sides = Array.from({ length: Math.floor(fresh.length / groups.length) }, (_, side) => side);
  const names = Object.keys(MEASURES).slice(0, fresh[0].length);
  const ofTopics = names.filter((name) => name !== "spread");
  const measure = ofTopics.includes(chosen) ? chosen : ofTopics[0];
  const cells = (name, group) => sides.map((side) => {
    const value = fresh[side * groups.length + group][names.indexOf(name)];
    return [value, value === undefined ? "–" : MEASURES[name][1](value)];
  });
  const columns = sides.map((side) => ["before", "as it is", "changed"][side]);
  const both = (n) => [n, n + ACCURACIES.length];
  const agree = (n) => accuracy.flatMap((shares) => both(n).map((k) => [shares[k], shareOf(shares[k])]));
  return [
    div("pgc-panels",
      panel(
        title("Fresh replies to all topics"),
        table("fresh replies to all topics", columns,
          names.map((name) => [name, MEASURES[name][0], cells(name, 0)]), "", [], "pgc-whole")),
      panel(
        title("By topic ",
          select("measure", "", ofTopics.map((name) => [name, MEASURES[name][0]]), measure, choose,
            { "aria-label": "measure by topic" })),
        table("fresh replies by topic", columns,
          groups.slice(1).map((group, n) => [group, group, cells(measure, n + 1)]), "", [], "pgc-whole"))),
    title("How often the reward model agrees with"),
    table("agreement with the reward model", columns.slice(1).flatMap((side) => [side, "ceiling"]),
      ACCURACIES.map((of, n) => [of, of, agree(n)]), "", [], "pgc-whole pgc-agreement"),
    remark("Raters choose with some noise. The ceiling is how often they chose, on the same pairs, what they would ",
      "choose without it: no reward model can be expected to agree with them more often."),
  ];
}

function drawReplies({ get, facts, page }) {
  return [
    facts.prompts.map((prompt, i) => drawTalk(get, prompt, i, facts.prompts.length)),
    remark("The random numbers stay the same, so that a reply changes only when the policy does."),
    drawFresh(get, facts, page.measure, (measure) => page.set({ measure })),
  ];
}

// 2. the cause, and two curves that tell

function drawCurveChoice({ get, change, facts }, n) {
  const chosen = Array.from({ length: 4 }, (_, k) => get("evidence")[k] ?? "");
  const set = (k) => ({ target }) => change({ evidence: replaced(chosen, k, target.value) });
  const options = (names, words = (name) => name) =>
    names.map((value) => h("option", { value }, words(value)));
  return row("pgc-curve",
    h("select", { "data-role": "metric", "data-index": n, "aria-label": `curve ${n + 1}`, ".value": chosen[2 * n],
      onchange: set(2 * n) },
      h("option", { value: "" }, `curve ${n + 1} …`),
      h("optgroup", { label: "the log" }, options(facts.dashboard)),
      h("optgroup", { label: "fresh replies" },
        options(CITED.map((name) => `fresh/${name}`), (value) => `${value}: ${MEASURES[value.slice(6)][0]}`)),
      facts.topics.map((topic) =>
        h("optgroup", { label: `fresh replies about ${topic}` },
          options(CITED.map((name) => `fresh/${name}/${topic}`)))),
      h("optgroup", { label: "the reward model’s agreement with raters" },
        options(Object.keys(AGREEMENT), (value) => AGREEMENT[value]))),
    h("select", { "data-role": "direction", "data-index": n, "aria-label": `what curve ${n + 1} does`,
      ".value": chosen[2 * n + 1], onchange: set(2 * n + 1) },
      h("option", { value: "" }, "does what?"),
      options(DIRECTIONS)));
}

function drawDiagnosis(view) {
  const { get, change, facts, page, group, ask } = view;
  const [cause, isQuick] = [get("cause"), facts.kind === "quick"];
  const found = !page.hasRefused && get("told").diagnosis;
  const refuse = (why) => {
    page.hasRefused = true; // what was answered before is no answer to this
    return view.refuse(why);
  };
  const cited = get("evidence").filter(Boolean);
  const answer = () => {
    if (cause === "") return refuse("Choose a cause first.");
    if (isQuick) change({ evidence: [] });
    else if (cited.length < 4) return refuse("Choose two curves, and for each what it does.");
    page.hasRefused = false;
    return ask("diagnose");
  };
  return [
    h("fieldset", {}, h("legend", {}, "What is behind it?"),
      facts.causes.map(([id, text], k) =>
        pick("radio", "cause", `${group}-cause`, k, cause === id, () => change({ cause: id }), text))),
    !isQuick && h("fieldset", {}, h("legend", {}, "Which two curves tell it from its neighbours?"),
      remark("From the first updates to the last, or from before training to now; high and low: at any time."),
      [0, 1].map((n) => drawCurveChoice(view, n))),
    view.refusal,
    row("pgc-send", button("diagnose", "Answer", answer, primary)),
    found && h("div", { class: `pgc-result ${found.right && found.supported ? "pgc-is-right" : ""}`,
      "data-role": "diagnosis" },
      h("p", {}, mark(found.right, found.right ? "This is the cause." : "This is not the cause."),
        ` ${quoted(facts.causes.find(([id]) => id === found.cause)?.[1] ?? "")}: `, found.reason),
      found.citations.length > 0 && h("ul", {}, found.citations.map(({ metric, direction, supports, said }) =>
        h("li", { "data-role": "citation" }, mark(supports, supports ? "It tells." : "It does not tell."), " ",
          code(metric), ` ${direction}`, supports && !found.right ? "" : `: ${said}`)))), // a reason names the cause
  ];
}

// 3. one change at a time; in a design several settings at once

const drawGoals = ({ goals }) => h("ul", {}, goals.map(({ text }) => h("li", {}, text)));

// What is no number stays in its box, where it is seen, and nothing trains until it is one.
const noNumber = (name, text) => `${name}: got “${text.slice(0, 20)}”, wanted a number.`;

function drawSetting([name, usual, choices], written, set, { page, refuse }) {
  const [value, wrong] = [valueOf(written), page.wrong[name]];
  const put = (to) => set(`${name}=${JSON.stringify(to)}`);
  const named = { "data-role": "setting", "data-name": name, "aria-label": name };
  if (typeof usual === "boolean")
    return h("input", { ...named, type: "checkbox", ".checked": value === true,
      onchange: ({ target }) => put(target.checked) });
  if (choices.length > 0)
    return h("select", { ...named, ".value": value, onchange: ({ target }) => put(target.value) },
      choices.map((choice) => h("option", { value: choice }, choice)));
  return h("input", { ...named, type: "text", class: "pgc-number", autocomplete: "off",
    ".value": wrong ?? settingText(value), "aria-invalid": wrong !== undefined && "true",
    oninput: ({ target }) => (target.dataset.editing = "yes"),
    onchange({ target }) {
      delete target.dataset.editing;
      const [text, number] = [target.value.trim(), parseDecimal(target.value)];
      delete page.wrong[name];
      if (text === "none") return put(null);
      if (Number.isFinite(number)) return put(number);
      page.wrong[name] = target.value;
      return refuse(noNumber(name, text));
    } });
}

const nameOf = (turned) => turned.split("=", 1)[0];
function valueOf(turned) {
  try {
    return JSON.parse(turned.slice(turned.indexOf("=") + 1));
  } catch {
    return "";
  }
}

function drawSettings({ get, change, facts, page, refuse }) {
  const turned = get("turned").filter((one) => facts.settings.some(([name]) => name === nameOf(one)));
  const others = facts.settings.filter(([name]) => !turned.some((one) => nameOf(one) === name));
  const turn = change.to("turned");
  const add = ({ target }) => {
    const found = others.find(([name]) => name === target.value);
    target.value = "";
    if (found) turn([...turned, `${found[0]}=${JSON.stringify(found[1])}`]);
  };
  return h("fieldset", {}, h("legend", {}, "Settings of your own, as many as you like"),
    turned.map((one, k) => {
      const setting = facts.settings.find(([name]) => name === nameOf(one));
      return [row("pgc-setting",
        h("label", {}, code(setting[0]),
          drawSetting(setting, one, (to) => turn(replaced(turned, k, to)), { page, refuse })),
        key(`was ${settingText(setting[1])}`),
        button("as-it-was", "as it was", () => {
          delete page.wrong[setting[0]];
          turn(turned.filter((_, other) => other !== k));
        }, { "aria-label": `${setting[0]} as it was` })), remark(setting[3])];
    }),
    remark("What each of them means stands in “The run’s settings”, above."),
    h("label", {}, "turn",
      h("select", { "data-role": "turn", ".value": "", onchange: add },
        h("option", { value: "" }, "a setting …"),
        others.map(([name, value]) => h("option", { value: name }, `${name} (${settingText(value)})`)))));
}

function drawChange(view) {
  const { get, change, facts, page, group, ask, refuse, isRunning, showDashboard } = view;
  const [chosen, isDesign] = [get("change"), facts.kind === "design"];
  const train = () => {
    if (chosen === "" && (!isDesign || get("turned").length === 0)) return refuse("Choose a change first.");
    const wrong = Object.entries(page.wrong).find(([name]) => get("turned").some((one) => nameOf(one) === name));
    if (wrong) return refuse(noNumber(...wrong));
    ask("change");
    return showDashboard();
  };
  const options = isDesign ? [...facts.changes, ["", "None of these: only the settings below.", ""]] : facts.changes;
  return [
    isDesign && [remark("What is asked for:"), drawGoals(facts)],
    h("fieldset", {}, h("legend", {}, isDesign ? "What do you change?" : "What do you change? One thing at a time."),
      options.map(([id, text, cost], k) =>
        pick("radio", "change", `${group}-change`, k, chosen === id, () => change({ change: id }), text, " ",
          key(cost)))),
    isDesign && drawSettings(view),
    view.refusal,
    row("pgc-send",
      button("intervene", "Train again with this change", train, primaryUnless(isRunning)),
      remark("The case as it is stays in the dashboard, dashed.")),
  ];
}

// 4. fresh replies over several seeds

const metBy = ({ goals }) => goals.filter(([, , isMet]) => isMet).length;
const goalsMet = (one) => `${metBy(one)} of ${one.goals.length}`;

// Who turned nothing has cured nothing. A verdict that lacks some of the case's own seeds is none: it may have been
// interrupted.
function outcome({ cured, turned, seeds, ran_away: ranAway, ...one }, own) {
  if (cured) return turned ? "Cured." : "All goals met.";
  const isShort = metBy(one) === one.goals.length && ranAway.length === 0 && !own.every((s) => seeds.includes(s));
  if (isShort) return `Not known yet: all of the seeds ${own.join(", ")} count.`;
  return turned ? "Not cured." : "Not all goals met.";
}

function drawTry({ goals, seeds: own }, one) {
  const { what, seeds, goals: reached, cured, costs, ran_away: ranAway } = one;
  const list = (values, { measure }) => values.map(writtenAs(measure)).join(", ");
  return h("div", { class: `pgc-result ${cured ? "pgc-is-right" : ""}`, "data-role": "verdict" },
    h("p", {}, mark(cured, outcome(one, own)),
      ` ${quoted(what)}: goals met over ${seeds.length} seed${seeds.length === 1 ? "" : "s"} (${seeds.join(", ")}): `,
      `${goalsMet(one)}.`),
    h("ul", {}, goals.map((goal, n) =>
      h("li", { "data-role": "goal" }, mark(reached[n][2], reached[n][2] ? "met" : "not met"), ` ${goal.text}: `,
        `${list(reached[n][0], goal)} → `, h("b", {}, list(reached[n][1], goal))))),
    h("p", {}, "Cost and gain on the mean, after less before: ",
      Object.entries(COSTS).map(([name, [words, text]]) => `${words} ${text(costs[name])}`).join(", "), "."),
    ranAway.map((text) => h("p", {}, `Ran away: ${text}`)));
}

// Moves points that would cover an earlier one to its side, towards the middle.
function apart(points, middle) {
  const found = [];
  for (const [x, y] of points) {
    let to = x;
    while (found.some(([px, py]) => Math.hypot(px - to, py - y) < 14)) to += x < middle ? 14 : -14;
    found.push([to, y]);
  }
  return found;
}

// Two goals as axes: each try by its number, those that no other outdoes filled, and the limits as lines.
function drawPareto({ facts, page, inner }, tries) {
  const { goals } = facts;
  const first = (measure, other) => (goals.some((goal) => goal.measure === measure)
    ? goals.findIndex((goal) => goal.measure === measure)
    : other);
  const [across, up] = [page.across ?? first("kl", 0), page.up ?? first("helpful", 1)];
  const valueOfTry = ({ goals: reached }, n) => mean(reached[n][1]);
  const before = [across, up].map((n) => mean(tries[0].goals[n][0]));
  const limits = [across, up].map((n) => goals[n].least ?? goals[n].most);
  const ends = (n, k) => endsOf([...tries.map((one) => valueOfTry(one, n)), before[k], limits[k]]);
  const [width, height] = [Math.min(inner, 460), 260];
  const [[xLow, xHigh], [yLow, yHigh]] = [ends(across, 0), ends(up, 1)];
  const x = scale([xLow, xHigh], [52, width - 26]);
  const y = scale([yLow, yHigh], [height - 30, 16]);
  const better = (n) => (goals[n].least === null ? "less is better" : "more is better");
  const options = goals.map(({ text }, n) => [n, text]);
  const axis = (role, words, n, set) =>
    select(role, words, options, n, (value) => set(Number(value)));
  const pointOf = (one) => [across, up].map((n) => writtenAs(goals[n].measure)(valueOfTry(one, n))).join(" and ");
  const words = tries.map((one, n) =>
    `${n + 1}: ${pointOf(one)}, ${goalsMet(one)} goals met${one.best ? ", outdone by none" : ""}`).join("; ");
  const places = apart(tries.map((one) => [x(valueOfTry(one, across)), y(valueOfTry(one, up))]), width / 2);
  return [
    title("Your tries as points"),
    axis("across", "across", across, (n) => page.set({ across: n })),
    axis("up", "up", up, (n) => page.set({ up: n })),
    chart("pareto", `${goals[across].text}, against ${goals[up].text}. ${words}.`, [width, height],
      rules([yLow, yHigh], y, [52, width - 26], writtenAs(goals[up].measure)),
      ticks([xLow, xHigh], x, [16, height - 30], 18, writtenAs(goals[across].measure)),
      line(x(limits[0]), 16, x(limits[0]), height - 30, INK, { "stroke-dasharray": "5 4" }),
      line(52, y(limits[1]), width - 26, y(limits[1]), INK, { "stroke-dasharray": "5 4" }),
      rect(x(before[0]) - 5, y(before[1]) - 5, 10, 10, "none", { stroke: colour("reference"), "stroke-width": 2 }),
      tries.map((one, n) => {
        const [px, py] = places[n];
        return [
          circle(px, py, 6, one.best ? POLICY : PAPER,
            { stroke: POLICY, "stroke-width": 2, ...about("try", n, valueOfTry(one, across)) }),
          label(px, py - 10, String(n + 1), "middle", { "font-weight": 600 }),
        ];
      })),
    remark(`Across: ${better(across)}; up: ${better(up)}; dashed: what is asked for. Square: the case as it is. `,
      "Filled: outdone by none, as no other try is as good in every goal and better in one; whether it meets the ",
      "goals is another matter. Tries in one place stand side by side. Goals met: ",
      tries.map((one, n) => `${n + 1}: ${goalsMet(one)}`).join("; "), "."),
  ];
}

function drawVerdict(view) {
  const { get, facts, ask, isRunning } = view;
  const [tries, what] = [get("told").tries ?? [], get("changed")];
  const seeds = `${facts.seeds.length} seeds`;
  return [
    remark("One run is one draw. Here the case and the change are trained anew for each seed, and fresh replies are ",
      "measured against what is asked for: each goal in at least nine of ten seeds."),
    tries.length === 0 && drawGoals(facts),
    row("pgc-send",
      button("measure", `Measure over ${seeds}`, () => ask("verdict"), primaryUnless(isRunning || what === "")),
      what && remark(quoted(what), get("job") === "verdict" ? `: ${progressOf(get, isRunning)[0]}` : "")),
    tries.length > 0 && get("job") !== "verdict" && [title("Measured last"), drawTry(facts, tries.at(-1))],
    tries.length > 1 && [
      title("All your tries"),
      h("ol", { "data-role": "tries" }, tries.map((one) =>
        h("li", {}, `${one.what} `, mark(one.cured, outcome(one, facts.seeds)),
          ` ${goalsMet(one)} goals met`, facts.kind === "design" && one.best ? ", outdone by none" : ""))),
    ],
    facts.kind === "design" && tries.length > 0 && drawPareto(view, tries),
  ];
}

// 5. a plan, checked for what is missing and what contradicts itself

function drawBlueprint({ get, change, facts, ask }) {
  const [plan, found] = [get("plan"), get("told").blueprint];
  const words = Object.fromEntries(facts.blueprint.flatMap(([field, name, parts]) =>
    parts.map(([part, text]) => [`${field}.${part}`, `${name}: ${text}`])));
  return [
    div("pgc-plan", facts.blueprint.map(([field, name, parts]) =>
      h("fieldset", {}, h("legend", {}, name), parts.map(([part, text]) => {
        const place = `${field}.${part}`;
        return pick("checkbox", "part", null, place, plan.includes(place), () => change({ plan: toggled(plan, place) }),
          text);
      })))),
    row("pgc-send", button("blueprint", "Check the blueprint", () => ask("blueprint"), primary)),
    found && h("div", { class: `pgc-result ${found.faults.length === 0 ? "pgc-is-right" : ""}`, "data-role": "faults" },
      h("p", {}, mark(found.faults.length === 0, found.faults.length === 0
        ? "Nothing is missing, and nothing contradicts itself."
        : `${found.faults.length} fault${found.faults.length === 1 ? "" : "s"}.`)),
      h("ul", {}, found.faults.map(({ kind, parts, reason }) =>
        h("li", {}, h("b", {}, kind === "missing" ? "Missing. " : "A contradiction. "), reason,
          kind === "together" && key(` ${parts.map((place) => words[place.join(".")]).join(" ↔ ")}`))))),
  ];
}

// 6. what was behind it, and the written answer

function drawAnswer({ get, change, facts, ask }) {
  const [written, met, rubric] = [get("answer"), get("criteria"), get("told").rubric];
  return h("fieldset", {}, h("legend", {}, "Your answer, in writing"),
    h("textarea", {
      "data-role": "answer", "aria-label": "your answer", rows: 5, maxlength: 4000, ".value": written,
      placeholder: "What is behind it, link by link? Which numbers tell? What would you change, and what does it cost?",
      oninput: ({ target }) => change({ answer: target.value }),
    }),
    remark("In the lesson, the questions stand below this lab."),
    row("pgc-send",
      button("keep", "Keep it in my record", () => ask("keep"), { disabled: written.trim() === "" }),
      written !== "" && get("told").kept === written && remark("Kept."),
      button("rubric", written.trim() === "" ? "Show the criteria without an answer" : "Compare with the criteria",
        () => ask("rubric")),
      !rubric && remark("Their examples tell the cause.")),
    rubric && [
      remark("Which of these does your answer meet?"),
      rubric.map((one, k) => div("pgc-criterion",
        pick("checkbox", "criterion", null, k, met.includes(one.id),
          () => {
            change({ criteria: toggled(met, one.id) });
            ask("keep");
          }, h("b", {}, one.text)),
        EXAMPLES.map(([which, name]) => one[which].map((text) => remark(h("b", {}, `${name}: `), `“${text}”`))))),
      h("p", { "data-role": "met" }, `${met.length} of ${rubric.length} met, by your own reading.`),
    ]);
}

function drawDebrief(view) {
  const { get, facts, ask } = view;
  const found = get("told").debrief;
  if (!found)
    return [
      facts.rubric > 0 && drawAnswer(view),
      row("pgc-send", button("debrief", "Open the debrief", () => ask("debrief"), primary)),
      remark("It tells the cause, and ends the hiding: from then on the gold reward is shown in this case."),
    ];
  return [
    h("p", { "data-role": "told" }, h("b", {}, "The cause: "), found.cause),
    h("ol", { class: "pgc-chain" }, found.chain.map((text, n) => h("li", {}, h("b", {}, `${CHAIN[n]}. `), text))),
    found.evidence.length > 0 && [
      title("The curves that tell"),
      h("ul", {}, found.evidence.map(({ metric, direction, said }) =>
        h("li", {}, code(metric), ` ${direction}: ${said}`))),
    ],
    title("The changes"),
    h("ul", {}, found.changes.map(([text, works, reason]) =>
      h("li", {}, mark(works, works ? "works:" : "does not work:"), ` ${text} `, reason))),
    h("p", {}, h("b", {}, "What the fix costs: "), found.cost),
    remark("The gold reward, ", code(GOLD), ", is the last panel of the dashboard now."),
    facts.rubric > 0 && drawAnswer(view),
  ];
}

const DRAW = {
  replies: drawReplies,
  diagnosis: drawDiagnosis,
  change: drawChange,
  verdict: drawVerdict,
  blueprint: drawBlueprint,
  debrief: drawDebrief,
};

// What the live region says of the newest answer.
function newsOf(get, step, own) {
  const { diagnosis, tries = [], blueprint, debrief } = get("told");
  if (step === "diagnosis" && diagnosis) return ` ${diagnosis.right ? "Right." : "Not right."} ${diagnosis.reason}`;
  if (step === "verdict" && tries.length > 0)
    return ` ${tries.length} tried. ${outcome(tries.at(-1), own)} ${tries.at(-1).what}`;
  if (step === "blueprint" && blueprint) return ` ${blueprint.faults.length} faults in the blueprint.`;
  return step === "debrief" && debrief ? ` The cause: ${debrief.cause}` : "";
}

const ABOUT = { name: "clinic", label: "Clinic lab", most: 1080 };
const render = makeKernelLab(ABOUT, ({ get, change, kernel, report, ...lab }) => {
  const { metrics, settings, cases } = get("library");
  const own = cases[get("case_name")];
  const facts = {
    ...own,
    settings: Object.entries(settings).map(([name, [usual, words, choices]]) =>
      [name, name in own.settings ? own.settings[name] : usual, choices, words]),
  };
  const id = newId("clinic"); // views share no group of choices
  const page = {
    wrong: {}, // setting → what was typed for it and is no number
    set(values) {
      Object.assign(page, values);
      lab.refresh();
    },
  };
  // The dashboard, with the progress and what Python says of it.
  const showDashboard = () => lab.root.querySelector(".pgc-buttons")?.scrollIntoView({ block: "nearest" });
  const ask = (wish) => {
    lab.refuse("");
    kernel.ask(wish);
  };
  return ({ inner, isWide }) => {
    const [steps, step] = [availableSteps(get, facts), get("step")];
    const names = [...facts.dashboard, ...(get("opened") ? [GOLD] : [])];
    const view = { get, change, facts, page, ask, inner, group: id, showDashboard, refuse: lab.refuse };
    const hasRefused = ["diagnosis", "change"].includes(step) && steps.includes(step) && lab.refused();
    const message = kernelMessage({ message: () => lab.refused() || kernel.message() });
    view.refusal = hasRefused && message; // above the button, which may be far below
    view.isRunning = kernel.running();
    const [count] = progressOf(get, kernel.running());
    return {
      seen: [
        h("p", { class: "pgc-title", "data-role": "title" }, `${get("case_name")}: ${facts.title}`),
        h("p", { "data-role": "brief" }, facts.brief),
        drawRunning(get, kernel),
        !hasRefused && message,
        get("updates").length > 0 && drawDashboard(get, metrics, names, inner, isWide),
        drawRunSettings(facts),
        drawSteps(steps, step, id, change.to("step")),
        steps.includes(step) && h("div", {
          class: "pgc-step", role: "tabpanel", id: `${id}-panel`, "aria-labelledby": `${id}-${step}`, "data-step": step,
        }, DRAW[step](view)),
      ],
      said: report(`${count}.${newsOf(get, step, facts.seeds)}`),
    };
  };
});

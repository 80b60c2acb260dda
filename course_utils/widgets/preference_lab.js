// The preference lab: the learner's choices train a reward model, here as in rlhf/reward_model.py (fit, kind "log").

// --- the mathematics -------------------------------------------------------------------------------

const EQUAL = 1e-9; // weights, margins and scores that differ by less are equal: only rounding parts them

// The least Σ −log σ(d_i · w) + ½ ‖w‖² has w = Σ α_i d_i with α_i = σ(−d_i · w). With the Gram matrix K of the d_i this
// is α = σ(−K α), as many equations as there are preferences; Newton's method solves them.
function dualWeights(K) {
  let alpha = K.map(() => 0);
  for (let round = 0; round < 50; round += 1) {
    const wrong = K.map((row) => 1 / (1 + Math.exp(dot(row, alpha))));
    const slopes = wrong.map((p) => p * (1 - p));
    const jacobian = K.map((row, i) => row.map((k, j) => (i === j ? 1 : 0) + slopes[i] * k));
    const step = solve(jacobian, alpha.map((a, i) => a - wrong[i]));
    alpha = alpha.map((a, i) => a - step[i]);
    if (Math.max(...step.map(Math.abs)) < 1e-13) break;
  }
  return alpha;
}

// train(choices) -> { words: weight of each word, score(prompt, tokens), margins: those of the trained pairs }
function makeTrainer({ words, polite, prompts, pairs }) {
  const isPolite = words.map((_, v) => (polite.includes(v) ? 1 : 0));
  const said = (tokens) => {
    const counts = words.map(() => 0);
    for (const v of tokens) counts[v] += 1;
    return counts.map((c) => Math.log2(1 + c));
  };
  const differences = pairs.map(({ left, right }) => {
    const other = said(right);
    return said(left).map((x, v) => x - other[v]);
  });
  const kinds = pairs.map(({ prompt }) => prompts[prompt]);
  const gram = differences.map((one, i) =>
    differences.map((other, j) => {
      const shared = 1 + (kinds[i].topic === kinds[j].topic ? 1 : 0);
      const sharedIfPolite = kinds[i].mood === kinds[j].mood ? 1 : 0;
      return one.reduce((sum, x, v) => sum + x * other[v] * (shared + sharedIfPolite * isPolite[v]), 0);
    }),
  );

  return function (choices) {
    const rows = choices.flatMap((choice, i) => (choice === 0 ? [] : [i]));
    const alpha = dualWeights(rows.map((i) => rows.map((j) => choices[i] * choices[j] * gram[i][j])));
    const pull = rows.map((i, k) => choices[i] * alpha[k]);
    const sumOf = (v, counts) =>
      rows.reduce((sum, i, k) => sum + (counts(kinds[i]) ? pull[k] * differences[i][v] : 0), 0);
    const ofWord = words.map((_, v) => sumOf(v, () => true));
    const known = new Map(); // topic and mood -> weight of each word in such a prompt
    const weightsFor = ({ topic, mood }) => {
      const shared = (v) => sumOf(v, (kind) => kind.topic === topic);
      const sharedIfPolite = (v) => isPolite[v] * sumOf(v, (kind) => kind.mood === mood);
      const kind = `${topic} ${mood}`;
      if (!known.has(kind)) known.set(kind, ofWord.map((weight, v) => weight + shared(v) + sharedIfPolite(v)));
      return known.get(kind);
    };
    const score = (prompt, tokens) => dot(said(tokens), weightsFor(prompts[prompt]));
    const margin = ({ prompt, left, right }) => score(prompt, left) - score(prompt, right);
    return { words: ofWord, score, margins: rows.map((i) => choices[i] * margin(pairs[i])) };
  };
}

// How many margins are above 0; equal scores count half.
const countRight = (margins) => margins.reduce((sum, m) => sum + (Math.abs(m) < EQUAL ? 0.5 : m > 0 ? 1 : 0), 0);

const withSign = (x, digits) => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(digits)}`;

const byRounded = (value) => (one, other) => Math.round(value(other) / EQUAL) - Math.round(value(one) / EQUAL);

// --- the page ----------------------------------------------------------------------------------------

const SHOWN = 6; // words liked, and words disliked
const FAVOURITES = 2; // best and worst replies
const KEYS = { ArrowLeft: 1, ArrowRight: -1, ArrowDown: 0 };
const SPOKEN = { "1": "left", "-1": "right", "0": "no preference" };
const KEYS_IN_WORDS = "Keys: ← left, → right, ↓ no preference, Backspace back.";
const NOTHING_YET =
  "After your first preference, the words that your choices reward appear on the right, " +
  "and those that they punish on the left.";
const NEXT = "Below is what your reward model has learned. Then run the next cell: Python reads your choices.";
const STILL = "You can still change your mind: take a choice back, or start over.";

const isSame = (one, other) => one.length === other.length && one.every((choice, i) => choice === other[i]);
const section = (words, about, ...children) => div("pgc-section", title(`${words} `, key(about)), ...children);

// A text in a place as high as the highest of those that it will hold: nothing moves when it changes.
const roomFor = (texts, role, shown) =>
  h("span", { class: "pgc-stack" },
    texts.map((text) => h("span", { class: "pgc-ghost", "aria-hidden": "true" }, text)),
    h("span", { "data-role": role }, shown));

// What the lab reads off its material once.
function makeCards({ words, topics, moods, prompts, pairs, held_out: others }) {
  const kindOf = (prompt) => `${topics[prompts[prompt].topic]}, ${moods[prompts[prompt].mood]}`;
  const inWords = (tokens) => tokens.map((v) => words[v]).join(" ");
  const kinds = topics.flatMap((topic) => moods.map((mood) => `${topic}, ${mood}`));
  const replies = new Map(kinds.map((kind) => [kind, new Map()])); // kind -> text -> reply
  for (const { prompt, chosen, rejected } of others)
    for (const tokens of [chosen, rejected]) replies.get(kindOf(prompt)).set(inWords(tokens), { prompt, tokens });
  const longest = [...replies.values()].flatMap((texts) => [...texts.keys()]).sort((a, b) => b.length - a.length);
  return {
    words,
    others,
    kinds,
    replies,
    firstKind: kindOf(others[0].prompt),
    longest: longest.slice(0, 10),
    cards: pairs.map(({ prompt, left, right }) =>
      ({ kind: kindOf(prompt), customer: prompts[prompt].text, left: inWords(left), right: inWords(right) })),
  };
}

// How often the reward model, the learner and the raters agree: [right, of how many].
function countAgreement(choices, raters, others, { margins, score }) {
  const agreed = choices.filter((choice, i) => choice !== 0 && choice === raters[i]).length;
  const ofOthers = others.map(({ prompt, chosen, rejected }) => score(prompt, chosen) - score(prompt, rejected));
  return {
    training: [countRight(margins), margins.length],
    agreement: [agreed, margins.length],
    "held-out": [countRight(ofOthers), margins.length === 0 ? 0 : others.length],
  };
}

const countText = ([right, of]) =>
  of === 0 ? "–" : `${minusSign(String(right))} of ${of} (${Math.round((100 * right) / of)} %)`;
const placeText = (judged, all) =>
  judged === all ? `${judged} of ${judged} pairs judged` : `Pair ${judged + 1} of ${all}`;
const doneText = ({ agreement: [agreed, preferences] }) =>
  `You had a preference in ${preferences} of them. In ${agreed} you chose what the rater chose.`;

function drawCard(choices, { cards }, facts, canUndo, { judge, back, startOver, finish }) {
  const [judged, all] = [choices.length, cards.length];
  const isDone = judged === all;
  const card = cards[Math.min(judged, all - 1)]; // behind the end stands the last one, out of sight
  const progress = { role: "progressbar", "aria-label": "pairs judged", "aria-valuemin": 0, "aria-valuemax": all };
  const reply = (side, name, choice) =>
    button(side, [
      key(name),
      roomFor(cards.map((one) => one[side]), `${side}-text`, card[side]),
      h("span", { class: "pgc-better" }, "This one is better"),
    ], () => judge(choice), { class: "pgc-reply" });
  const possible = (is) => ({ "aria-disabled": is ? null : "true" });
  return h("div", { class: "pgc-card", role: "group", "aria-label": "judging" },
    div("pgc-head",
      h("p", { class: "pgc-title", "data-role": "place" }, placeText(judged, all)),
      h("div", { class: "pgc-progress", ...progress, "aria-valuenow": judged },
        h("div", { class: "pgc-filled pgc-fill", style: `width: ${(100 * judged) / all}%` }))),
    div("pgc-stack",
      h("div", { "data-role": "question", class: isDone && "pgc-away" },
        h("p", { class: "pgc-key", "data-role": "kind" }, `The customer writes (${card.kind})`),
        h("p", { class: "pgc-customer" }, roomFor(cards.map(({ customer }) => customer), "customer", card.customer)),
        div("pgc-replies", reply("left", "← Left reply", 1), reply("right", "Right reply →", -1))),
      h("div", { class: `pgc-done ${isDone ? "" : "pgc-away"}`, "data-role": "done", tabindex: -1 },
        title(`All ${all} pairs are judged.`),
        [doneText(facts), NEXT, STILL].map((text) => h("p", {}, text)))),
    div("pgc-controls",
      row("",
        button("skip", "No preference", () => judge(0), possible(!isDone)),
        button("back", canUndo ? "Undo" : "Back", back, possible(judged > 0 || canUndo))),
      row("",
        button("start-over", "Start over", startOver, possible(judged > 0)),
        button("rater", "Let a rater finish", finish, possible(!isDone)))),
    h("p", { class: "pgc-key pgc-keys" }, KEYS_IN_WORDS));
}

// The words that the reward model likes and dislikes most, and how far it agrees with whom.
function drawLearned({ words, others }, { words: weights, margins }, facts) {
  const size = ({ weight }) => Math.abs(weight);
  const ranked = weights.map((weight, v) => ({ word: words[v], weight })).sort(byRounded(size));
  const side = (sign) => ranked.filter((one) => size(one) >= EQUAL && sign * one.weight > 0).slice(0, SHOWN);
  const list = (name, text, shown) =>
    div(`pgc-side pgc-${name}`,
      h("p", { class: "pgc-key" }, text),
      h("div", { role: "list", "aria-label": `words your reward model has ${name}` },
        Array.from({ length: SHOWN }, (_, k) => {
          const { word = "", weight = null } = shown[k] ?? {};
          const width = weight === null ? "0" : `${(100 * size(shown[k])) / size(ranked[0])}%`;
          const place = { class: `pgc-weight ${word ? "" : "pgc-away"}`, role: "listitem" };
          return h("div", { ...place, ...about(name, null, weight) },
            h("span", { class: "pgc-word" }, word),
            h("span", { class: "pgc-value" }, weight === null ? "" : withSign(weight, 3)),
            h("span", { class: "pgc-track", "aria-hidden": "true" },
              h("span", { class: "pgc-bar pgc-fill", style: `width: ${width}` })));
        })));
  const fact = (name, text) => {
    const [right, of] = facts[name];
    return h("div", {}, h("dt", {}, text),
      h("dd", about(name, null, of === 0 ? null : right / of), countText(facts[name])));
  };
  const hasNone = margins.length === 0;
  return section("What your reward model has learned:", "what a word adds to a reply’s score, whatever the topic",
    div("pgc-stack",
      h("div", { class: `pgc-weights ${hasNone ? "pgc-away" : ""}`, "data-role": "weights" },
        list("disliked", "disliked −", side(-1)),
        list("liked", "+ liked", side(1))),
      h("p", { class: `pgc-nothing ${hasNone ? "" : "pgc-away"}`, "data-role": "nothing" }, NOTHING_YET)),
    h("dl", { class: "pgc-facts" },
      fact("training", "Your model agrees with your own choices, on which it was trained"),
      fact("agreement", "You agree with the raters of the same pairs"),
      fact("held-out", `Your model agrees with the raters on ${others.length} other pairs`)));
}

function drawPushed({ kinds, replies, longest }, { score, margins }, kind, choose) {
  const rated = [...replies.get(kind)].map(([text, { prompt, tokens }]) => ({ text, value: score(prompt, tokens) }));
  const favourites = (role, name, sign) => {
    const order = [...rated].sort(byRounded(({ value }) => sign * value));
    return h("div", {},
      h("p", { class: "pgc-key" }, name),
      h("div", { role: "list", "aria-label": name.toLowerCase() },
        Array.from({ length: FAVOURITES }, (_, k) => {
          const { text = "", value = null } = (margins.length > 0 && order[k]) || {};
          const shown = value === null ? "–" : withSign(value, 2);
          return h("div", { class: "pgc-favourite", role: "listitem" },
            h("span", { class: "pgc-value", ...about(role, null, value) }, shown),
            roomFor(longest, `${role}-text`, text));
        })));
  };
  return section("What it would push a policy towards:", "replies from the other pairs, by your model’s score",
    select("select", "Customers: ", kinds.map((one) => [one, one]), kind, choose),
    div("pgc-favourites", favourites("best", "Highest scores", 1), favourites("worst", "Lowest scores", -1)));
}

function whatHappened(choices, before, { cards }, facts) {
  const [judged, all] = [choices.length, cards.length];
  const judgment = judged > before.length && `Pair ${judged}: ${SPOKEN[choices.at(-1)]}.`;
  const share = countText(facts["held-out"]);
  const agrees = facts.training[1] > 0 && `Your model agrees with the raters on ${share} other pairs.`;
  const { customer, left, right } = cards[Math.min(judged, all - 1)];
  const end = `All ${all} pairs are judged. ${doneText(facts)}`;
  const next = judged === all ? end : `${placeText(judged, all)}. ${customer} Left: ${left}. Right: ${right}.`;
  return [judgment, agrees, next].filter(Boolean).join(" ");
}

// What a hand can do. One step back takes back a choice, or "Start over" and "Let a rater finish" as a whole.
function makeHand({ get, change }, raters) {
  let whole = null; // what one of these did: { before, after }
  const choices = () => get("choices").map(Math.sign);
  const isComplete = () => choices().length === raters.length;
  const set = change.to("choices");
  const replace = (after) => {
    whole = { before: choices(), after };
    set(after);
  };
  const canUndo = () => whole !== null && isSame(choices(), whole.after);
  return {
    choices,
    canUndo,
    judge: (choice) => isComplete() || set([...choices(), choice]),
    back: () => (canUndo() ? set(whole.before) : choices().length > 0 && set(choices().slice(0, -1))),
    startOver: () => choices().length > 0 && replace([]),
    finish: () => isComplete() || replace([...choices(), ...raters.slice(choices().length)]),
  };
}

const onKey = ({ judge, back }) => (event) => {
  if (!isPlain(event) || event.shiftKey || event.key === "Tab" || event.target.matches("select")) return;
  const isKnown = Object.hasOwn(KEYS, event.key);
  if (isKnown || event.key === "Backspace" || event.repeat) event.preventDefault(); // held down, it judges one pair
  if (event.repeat) return;
  if (isKnown) judge(KEYS[event.key]);
  else if (event.key === "Backspace") back();
};

// The focus goes where the next thing can be done, once that is to be seen.
function keepFocus(root, isDone) {
  const part = (role) => root.querySelector(`[data-role="${role}"]`);
  const isIn = (role) => part(role)?.contains(root.getRootNode().activeElement);
  const next = isDone && isIn("question") ? "done" : !isDone && isIn("done") ? "left" : null;
  if (next !== null) queueMicrotask(() => part(next).focus({ preventScroll: true }));
}

const render = makeLab({ name: "preference", label: "preference lab", aside: 480 }, (lab) => {
  const material = lab.get("material");
  const raters = material.pairs.map(({ rater }) => rater);
  const [all, train, keepTrained] = [makeCards(material), makeTrainer(material), remember()];
  const hand = makeHand(lab, raters);
  let [kind, before] = [all.firstKind, hand.choices()];
  const choose = (chosen) => {
    kind = chosen;
    lab.refresh();
  };
  lab.root.addEventListener("keydown", onKey(hand));
  return () => {
    const choices = hand.choices();
    const trained = keepTrained(String(choices), () => train(choices));
    const facts = countAgreement(choices, raters, all.others, trained);
    const said = isSame(choices, before) ? null : whatHappened(choices, before, all, facts);
    before = choices;
    keepFocus(lab.root, choices.length === raters.length);
    return {
      seen: [
        drawCard(choices, all, facts, hand.canUndo(), hand),
        aside(drawLearned(all, trained, facts), drawPushed(all, trained, kind, choose)),
      ],
      said,
    };
  };
});

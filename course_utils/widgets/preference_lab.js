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
    const sumOf = (v, counts) => rows.reduce((sum, i, k) => sum + (counts(kinds[i]) ? pull[k] * differences[i][v] : 0), 0);
    const table = new Map(); // topic and mood -> weight of each word in such a prompt
    const weightsFor = ({ topic, mood }) => {
      const key = `${topic} ${mood}`;
      if (!table.has(key))
        table.set(
          key,
          words.map(
            (_, v) => sumOf(v, () => true) + sumOf(v, (kind) => kind.topic === topic) + isPolite[v] * sumOf(v, (kind) => kind.mood === mood),
          ),
        );
      return table.get(key);
    };
    const score = (prompt, tokens) => dot(said(tokens), weightsFor(prompts[prompt]));
    return {
      words: words.map((_, v) => sumOf(v, () => true)),
      score,
      margins: rows.map((i) => choices[i] * (score(pairs[i].prompt, pairs[i].left) - score(pairs[i].prompt, pairs[i].right))),
    };
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

function render({ model, el }) {
  const root = htmlNode(el, "div", {
    class: "pgc-lab",
    "data-lab": "preference",
    role: "group",
    "aria-label": "preference lab",
  });
  const save = makeSaver(model, root);
  keepPlainKeys(root);
  const material = model.get("material");
  const { words, topics, moods, prompts, pairs } = material;
  const train = makeTrainer(material);
  const raters = pairs.map(({ rater }) => rater);
  const kindOf = (prompt) => `${topics[prompts[prompt].topic]}, ${moods[prompts[prompt].mood]}`;
  const inWords = (tokens) => tokens.map((v) => words[v]).join(" ");

  const choices = () => model.get("choices").map(Math.sign);
  const change = (values) => {
    model.set("choices", values);
    save();
  };
  const same = (one, other) => one.length === other.length && one.every((choice, i) => choice === other[i]);
  let replaced = null; // what "Start over" or "Let a rater finish" did: { before, after }
  const replace = (after) => {
    replaced = { before: choices(), after };
    change(after);
  };
  const canUndo = () => replaced !== null && same(choices(), replaced.after);
  const judge = (choice) => choices().length < pairs.length && change([...choices(), choice]);
  const back = () => (canUndo() ? change(replaced.before) : choices().length > 0 && change(choices().slice(0, -1)));

  // --- builders
  const button = (parent, role, label, onClick) => {
    const node = htmlNode(parent, "button", { type: "button", "data-role": role }, label);
    node.addEventListener("click", onClick);
    return node;
  };
  // A place as high as the highest of the texts that it will hold, whatever its width: nothing moves when they change.
  const roomFor = (parent, texts, attributes) => {
    const room = htmlNode(parent, "span", { class: "pgc-stack" });
    for (const text of texts) htmlNode(room, "span", { class: "pgc-ghost", "aria-hidden": "true" }, text);
    return htmlNode(room, "span", attributes);
  };
  const titled = (parent, title, key) => htmlNode(htmlNode(parent, "p", { class: "pgc-title" }, `${title} `), "span", { class: "pgc-key" }, key);

  // --- the labelling card
  const card = htmlNode(root, "div", { class: "pgc-card", role: "group", "aria-label": "judging" });
  const head = htmlNode(card, "div", { class: "pgc-head" });
  const place = htmlNode(head, "p", { class: "pgc-title", "data-role": "place" });
  const progress = htmlNode(head, "div", {
    class: "pgc-progress",
    role: "progressbar",
    "aria-label": "pairs judged",
    "aria-valuemin": 0,
    "aria-valuemax": pairs.length,
  });
  const filled = htmlNode(progress, "div", { class: "pgc-filled pgc-fill" });

  const views = htmlNode(card, "div", { class: "pgc-stack" });
  const question = htmlNode(views, "div", { "data-role": "question" });
  const about = htmlNode(question, "p", { class: "pgc-key", "data-role": "kind" });
  const customer = roomFor(
    htmlNode(question, "p", { class: "pgc-customer" }),
    pairs.map(({ prompt }) => prompts[prompt].text),
    { "data-role": "customer" },
  );
  const replies = htmlNode(question, "div", { class: "pgc-replies" });
  const sides = [
    ["left", "← Left reply", 1],
    ["right", "Right reply →", -1],
  ].map(([side, name, choice]) => {
    const node = button(replies, side, "", () => judge(choice));
    node.className = "pgc-reply";
    htmlNode(node, "span", { class: "pgc-key" }, name);
    const text = roomFor(node, pairs.map((pair) => inWords(pair[side])), { "data-role": `${side}-text` });
    htmlNode(node, "span", { class: "pgc-better" }, "This one is better");
    return { side, node, text };
  });
  const done = htmlNode(views, "div", { class: "pgc-done", "data-role": "done", tabindex: -1 });
  htmlNode(done, "p", { class: "pgc-title" }, `All ${pairs.length} pairs are judged.`);
  const doneNumbers = htmlNode(done, "p", {});
  htmlNode(done, "p", {}, "Below is what your reward model has learned. Then run the next cell: Python reads your choices.");
  htmlNode(done, "p", {}, "You can still change your mind: take a choice back, or start over.");

  const controls = htmlNode(card, "div", { class: "pgc-controls" });
  const one = htmlNode(controls, "div", { class: "pgc-row" });
  const all = htmlNode(controls, "div", { class: "pgc-row" });
  const skipButton = button(one, "skip", "No preference", () => judge(0));
  const backButton = button(one, "back", "Back", back);
  const startButton = button(all, "start-over", "Start over", () => choices().length > 0 && replace([]));
  const raterButton = button(all, "rater", "Let a rater finish", () => {
    if (choices().length < pairs.length) replace([...choices(), ...raters.slice(choices().length)]);
  });
  htmlNode(card, "p", { class: "pgc-key pgc-keys" }, "Keys: ← left, → right, ↓ no preference, Backspace back.");
  root.addEventListener("keydown", (event) => {
    if (!isPlain(event) || event.shiftKey || event.key === "Tab" || event.target.matches("select")) return;
    const known = Object.hasOwn(KEYS, event.key);
    if (known || event.key === "Backspace" || event.repeat) event.preventDefault(); // a key held down judges one pair
    if (event.repeat) return;
    if (known) judge(KEYS[event.key]);
    else if (event.key === "Backspace") back();
  });

  // --- what the model has learned
  const learned = htmlNode(root, "div", { class: "pgc-section" });
  titled(learned, "What your reward model has learned:", "what a word adds to a reply’s score, whatever the topic");
  const chart = htmlNode(learned, "div", { class: "pgc-stack" });
  const weightLists = htmlNode(chart, "div", { class: "pgc-weights", "data-role": "weights" });
  const lists = [
    ["disliked", "disliked −"],
    ["liked", "+ liked"],
  ].map(([name, label]) => {
    const box = htmlNode(weightLists, "div", { class: `pgc-side pgc-${name}` });
    htmlNode(box, "p", { class: "pgc-key" }, label);
    const list = htmlNode(box, "div", { role: "list", "aria-label": `words your reward model has ${name}` });
    return Array.from({ length: SHOWN }, () => {
      const row = htmlNode(list, "div", { class: "pgc-weight", role: "listitem", "data-role": name });
      return {
        row,
        word: htmlNode(row, "span", { class: "pgc-word" }),
        value: htmlNode(row, "span", { class: "pgc-value" }),
        bar: htmlNode(htmlNode(row, "span", { class: "pgc-track", "aria-hidden": "true" }), "span", { class: "pgc-bar pgc-fill" }),
      };
    });
  });
  const nothingYet = htmlNode(
    chart,
    "p",
    { class: "pgc-nothing", "data-role": "nothing" },
    "After your first preference, the words that your choices reward appear on the right, and those that they punish on the left.",
  );
  const factList = htmlNode(learned, "dl", { class: "pgc-facts" });
  const facts = Object.fromEntries(
    [
      ["training", "Your model agrees with your own choices, on which it was trained"],
      ["agreement", "You agree with the raters of the same pairs"],
      ["held-out", `Your model agrees with the raters on ${material.held_out.length} other pairs`],
    ].map(([name, label]) => {
      const row = htmlNode(factList, "div", {});
      htmlNode(row, "dt", {}, label);
      return [name, htmlNode(row, "dd", { "data-role": name })];
    }),
  );

  // --- what a policy would be pushed towards
  const pushed = htmlNode(root, "div", { class: "pgc-section" });
  titled(pushed, "What it would push a policy towards:", "replies from the other pairs, by your model’s score");
  const kindLabel = htmlNode(pushed, "label", {}, "Customers: ");
  const kindSelect = htmlNode(kindLabel, "select", { "data-role": "select" });
  for (const topic of topics) for (const mood of moods) htmlNode(kindSelect, "option", { value: `${topic}, ${mood}` }, `${topic}, ${mood}`);
  kindSelect.value = kindOf(material.held_out[0].prompt);
  const known = new Map([...kindSelect.options].map(({ value }) => [value, new Map()])); // kind -> text -> reply
  for (const { prompt, chosen, rejected } of material.held_out)
    for (const tokens of [chosen, rejected]) known.get(kindOf(prompt)).set(inWords(tokens), { prompt, tokens });
  const longest = [...known.values()].flatMap((texts) => [...texts.keys()]).sort((a, b) => b.length - a.length).slice(0, 10);
  const favouriteBox = htmlNode(pushed, "div", { class: "pgc-favourites" });
  const favourites = [
    ["best", "Highest scores"],
    ["worst", "Lowest scores"],
  ].map(([name, label]) => {
    const box = htmlNode(favouriteBox, "div", {});
    htmlNode(box, "p", { class: "pgc-key" }, label);
    const list = htmlNode(box, "div", { role: "list", "aria-label": label.toLowerCase() });
    return Array.from({ length: FAVOURITES }, () => {
      const row = htmlNode(list, "div", { class: "pgc-favourite", role: "listitem" });
      return { value: htmlNode(row, "span", { class: "pgc-value", "data-role": name }), text: roomFor(row, longest, { "data-role": `${name}-text` }) };
    });
  });
  const live = makeLiveRegion(root);

  // --- drawing
  const enable = (node, on) => setAttributes(node, { "aria-disabled": on ? null : "true" });

  function drawCard(now) {
    const judged = now.length;
    const complete = judged === pairs.length;
    const active = root.getRootNode().activeElement;
    setText(place, complete ? `${judged} of ${judged} pairs judged` : `Pair ${judged + 1} of ${pairs.length}`);
    setAttributes(progress, { "aria-valuenow": judged });
    filled.style.width = `${(100 * judged) / pairs.length}%`;
    const pair = pairs[Math.min(judged, pairs.length - 1)]; // behind the end stands the last one, out of sight
    setText(about, `The customer writes (${kindOf(pair.prompt)})`);
    setText(customer, prompts[pair.prompt].text);
    for (const { side, text } of sides) setText(text, inWords(pair[side]));
    question.classList.toggle("pgc-away", complete);
    done.classList.toggle("pgc-away", !complete);
    if (complete && question.contains(active)) done.focus({ preventScroll: true });
    if (!complete && active === done) sides[0].node.focus({ preventScroll: true });
    enable(skipButton, !complete);
    enable(backButton, judged > 0 || canUndo());
    enable(startButton, judged > 0);
    enable(raterButton, !complete);
    setText(backButton, canUndo() ? "Undo" : "Back");
  }

  function drawWeights({ words: weights }) {
    const ranked = weights.map((weight, v) => ({ word: words[v], weight })).sort(byRounded(({ weight }) => Math.abs(weight)));
    const largest = Math.abs(ranked[0].weight);
    lists.forEach((rows, i) => {
      const side = ranked.filter(({ weight }) => Math.abs(weight) >= EQUAL && weight > 0 === (i === 1));
      rows.forEach(({ row, word, value, bar }, k) => {
        row.classList.toggle("pgc-away", k >= side.length);
        setAttributes(row, { "data-value": side[k]?.weight });
        setText(word, side[k]?.word ?? "");
        setText(value, side[k] === undefined ? "" : withSign(side[k].weight, 3));
        bar.style.width = side[k] === undefined ? "0" : `${(100 * Math.abs(side[k].weight)) / largest}%`;
      });
    });
  }

  function writeShare(name, right, of) {
    setAttributes(facts[name], { "data-value": of === 0 ? null : right / of });
    setText(facts[name], of === 0 ? "–" : `${minusSign(String(right))} of ${of} (${Math.round((100 * right) / of)} %)`);
  }

  function drawFavourites(trained) {
    const { score } = trained;
    const rated = [...known.get(kindSelect.value)].map(([text, { prompt, tokens }]) => ({ text, score: score(prompt, tokens) }));
    const best = [...rated].sort(byRounded((reply) => reply.score));
    const worst = [...rated].sort(byRounded((reply) => -reply.score));
    [best, worst].forEach((order, i) =>
      favourites[i].forEach(({ value, text }, k) => {
        const reply = trained.margins.length === 0 ? undefined : order[k];
        setAttributes(value, { "data-value": reply?.score });
        setText(value, reply === undefined ? "–" : withSign(reply.score, 2));
        setText(text, reply?.text ?? "");
      }),
    );
  }

  let trained = null;
  let spokenFor = choices();
  function refresh() {
    const now = choices();
    trained = train(now);
    const agreed = now.filter((choice, i) => choice !== 0 && choice === raters[i]).length;
    const preferences = trained.margins.length;
    const rightOnOthers = countRight(
      material.held_out.map(({ prompt, chosen, rejected }) => trained.score(prompt, chosen) - trained.score(prompt, rejected)),
    );
    drawCard(now);
    weightLists.classList.toggle("pgc-away", preferences === 0);
    nothingYet.classList.toggle("pgc-away", preferences > 0);
    drawWeights(trained);
    writeShare("training", countRight(trained.margins), preferences);
    writeShare("agreement", agreed, preferences);
    writeShare("held-out", rightOnOthers, preferences === 0 ? 0 : material.held_out.length);
    drawFavourites(trained);
    setText(doneNumbers, `You had a preference in ${preferences} of them. In ${agreed} you chose what the rater chose.`);
    if (!same(now, spokenFor)) speak(now);
    spokenFor = now;
  }

  function speak(now) {
    const told = [];
    if (now.length > spokenFor.length) told.push(`Pair ${now.length}: ${SPOKEN[now.at(-1)]}.`);
    if (trained.margins.length > 0) told.push(`Your model agrees with the raters on ${facts["held-out"].textContent} other pairs.`);
    if (now.length === pairs.length) told.push(`All ${pairs.length} pairs are judged. ${doneNumbers.textContent}`);
    else told.push(`${place.textContent}. ${customer.textContent} Left: ${sides[0].text.textContent}. Right: ${sides[1].text.textContent}.`);
    live.say(told.join(" "));
  }

  kindSelect.addEventListener("change", () => drawFavourites(trained));
  model.on("change", refresh);
  refresh();
  return () => {
    live.stop();
    model.off("change", refresh);
  };
}

export default { render };

// The quiz: one choice, several choices, a number, an order. All texts arrive as plain text with formulas between
// dollar signs and become text nodes; a formula's drawing is rebuilt from the few SVG elements that it may have.

const RECORD_WAIT = 2000; // ms until an answer that no kernel took is called unrecorded
const ROUNDING = 1e-12; // as in quiz.py
const FORMULA_TAGS = new Set(["svg", "g", "path", "rect", "line"]);
const SVG_ATTRIBUTES = ["width", "height", "viewBox", "d", "x", "y", "x1", "y1", "x2", "y2", "fill", "stroke", "stroke-width", "transform"];

// --- text with formulas ----------------------------------------------------------------------------

function copyDrawing(parent, drawing) {
  if (!FORMULA_TAGS.has(drawing.localName)) return null;
  const attributes = SVG_ATTRIBUTES.map((name) => [name, drawing.getAttribute(name)]).filter(([, value]) => value !== null);
  const copy = svgNode(parent, drawing.localName, Object.fromEntries(attributes));
  for (const child of drawing.children) copyDrawing(copy, child);
  return copy;
}

function addFormula(parent, { svg, spoken }) {
  const span = htmlNode(parent, "span", { class: "pgc-formula" });
  const drawing = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const copy = copyDrawing(span, drawing);
  if (copy === null) return setText(span, spoken);
  setAttributes(copy, { role: "img", "aria-label": spoken });
  const [, top, , height] = (copy.getAttribute("viewBox") ?? "0 0 0 0").split(/\s+/).map(Number);
  copy.style.verticalAlign = `${-(top + height)}px`; // the drawing's 0 is the base line
}

function addWords(parent, text, formulas) {
  text.split("$").forEach((part, n) => {
    if (n % 2 === 0) parent.append(part);
    else if (Object.hasOwn(formulas, part)) addFormula(parent, formulas[part]);
  });
}

function spokenWords(text, formulas) {
  return text
    .split("$")
    .map((part, n) => (n % 2 === 0 ? part : (formulas[part]?.spoken ?? "")))
    .join("");
}

// --- what an answer is worth, as is_right in quiz.py -------------------------------------------------

function isRight(question, given) {
  if (question.kind === "numeric")
    return Math.abs(given - question.answer) <= question.tolerance * (1 + ROUNDING) + ROUNDING;
  if (question.kind === "order") return given.every((item, place) => item === place);
  if (question.kind === "single") return question.options[given]?.right === true;
  return question.options.every((option, n) => option.right === given.includes(n));
}

// The reasons of a question: [{ mark, text, reason, chosen }], those of the answer given first.
function reasonsFor(question, given) {
  if (question.kind === "order")
    return question.items.map(({ text, reason }) => ({ mark: "", text, reason, chosen: false }));
  if (question.kind === "numeric") {
    const number = (value) => minusSign(String(value));
    const right = isRight(question, given);
    const met = right ? null : question.wrong.find(({ value }) => Math.abs(given - value) <= question.tolerance * (1 + ROUNDING) + ROUNDING);
    const all = [{ mark: "right", text: number(question.answer), reason: question.reason, chosen: right }];
    for (const wrong of question.wrong)
      all.push({ mark: "not right", text: number(wrong.value), reason: wrong.reason, chosen: wrong === met });
    if (!right && met === undefined) all.push({ mark: "not right", text: number(given), reason: question.otherwise, chosen: true });
    return all.sort((one, other) => other.chosen - one.chosen);
  }
  const chosen = [given].flat();
  return question.options
    .map(({ text, right, reason }, n) => ({ mark: right ? "right" : "not right", text, reason, chosen: chosen.includes(n) }))
    .sort((one, other) => other.chosen - one.chosen);
}

function verdict(question, given) {
  if (isRight(question, given)) return "Right.";
  if (question.kind === "several") {
    const right = question.options.flatMap((option, n) => (option.right ? [n] : []));
    const hits = given.filter((n) => right.includes(n)).length;
    const slips = given.length - hits;
    const slipped = slips === 0 ? "" : `, and ${slips} that ${slips === 1 ? "is" : "are"} not`;
    return `Not yet: you chose ${hits} of the ${right.length} that are right${slipped}.`;
  }
  if (question.kind === "order") {
    const placed = given.filter((item, place) => item === place).length;
    return `Not yet: ${placed} of ${given.length} stand${placed === 1 ? "s" : ""} in the right place.`;
  }
  return "Not yet.";
}

const HINTS = {
  single: "Choose one.",
  several: "Choose all that are right.",
  numeric: "Type a number.",
  order: "Put them in order: drag a line, or use its arrows.",
};
const ORDINALS = ["first", "second", "third", "fourth", "fifth"];

// --- the four kinds of input: each { given(), show(given), lock(flag), clear(), first } -------------------

function choiceInput(parent, question, formulas, name) {
  const type = question.kind === "single" ? "radio" : "checkbox";
  const rows = question.options.map((option, n) => {
    const label = htmlNode(parent, "label", { class: "pgc-option" });
    const input = htmlNode(label, "input", { type, name, value: n, "data-role": "option", "data-index": n });
    const words = htmlNode(label, "span", { class: "pgc-words" });
    addWords(words, option.text, formulas);
    return { input, mark: htmlNode(label, "span", { class: "pgc-mark" }), right: option.right };
  });
  const chosen = () => rows.flatMap(({ input }, n) => (input.checked ? [n] : []));
  return {
    given: () => (chosen().length === 0 ? null : type === "radio" ? chosen()[0] : chosen()),
    missing: type === "radio" ? "Choose an answer first." : "Choose at least one answer first.",
    show: (given) => rows.forEach(({ input }, n) => (input.checked = [given].flat().includes(n))),
    lock(locked, known) {
      for (const { input, mark, right } of rows) {
        input.disabled = locked;
        const marked = locked && (input.checked || (known && right));
        setText(mark, !marked ? "" : right ? "✓ right" : "✗ not right");
        mark.className = `pgc-mark ${right ? "pgc-good" : "pgc-bad"}`;
      }
    },
    clear: () => rows.forEach(({ input }) => (input.checked = false)),
    focus: () => (rows.find(({ input }) => input.checked) ?? rows[0]).input.focus({ preventScroll: true }),
  };
}

function numericInput(parent, question, formulas, name, send) {
  const label = htmlNode(parent, "label", { class: "pgc-typed" }, "Your answer ");
  const input = htmlNode(label, "input", { type: "text", inputmode: "decimal", autocomplete: "off", class: "pgc-number", "data-role": "number" });
  const mark = htmlNode(label, "span", { class: "pgc-mark" });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && isPlain(event) && !event.shiftKey && !input.readOnly && !event.repeat) {
      event.preventDefault();
      send();
    }
  });
  return {
    given: () => (Number.isFinite(parseDecimal(input.value)) ? parseDecimal(input.value) : null),
    get missing() {
      const typed = input.value.trim().slice(0, 20);
      return typed === "" ? "Type a number first." : `“${typed}” is no number. Type one such as −0.25.`;
    },
    show: (given) => (input.value = minusSign(String(given))),
    lock(locked, known, right) {
      input.readOnly = locked;
      setText(mark, !locked ? "" : right ? "✓ right" : "✗ not right");
      mark.className = `pgc-mark ${right ? "pgc-good" : "pgc-bad"}`;
    },
    clear: () => (input.value = ""),
    focus: () => input.focus({ preventScroll: true }),
  };
}

function orderInput(parent, question, formulas, name, send, say) {
  const list = htmlNode(parent, "ol", { class: "pgc-items" });
  let locked = false;
  const rows = question.items.map(({ text }, item) => {
    const row = htmlNode(list, "li", { "data-role": "item", "data-index": item });
    const grip = htmlNode(row, "span", { class: "pgc-grip", "aria-hidden": "true" }, "⠿");
    const words = htmlNode(row, "span", { class: "pgc-words" });
    addWords(words, text, formulas);
    const mark = htmlNode(row, "span", { class: "pgc-mark" });
    const buttons = htmlNode(row, "span", { class: "pgc-move" });
    const up = htmlNode(buttons, "button", { type: "button", "data-role": "up", "aria-label": `Move up: ${spokenWords(text, formulas)}` }, "↑");
    const down = htmlNode(buttons, "button", { type: "button", "data-role": "down", "aria-label": `Move down: ${spokenWords(text, formulas)}` }, "↓");
    return { row, grip, mark, buttons, up, down, item };
  });
  const nodes = () => [...list.children];
  const placeOf = (row) => nodes().indexOf(row);

  function refreshEnds() {
    for (const { row, up, down } of rows) {
      setAttributes(up, { "aria-disabled": placeOf(row) === 0 ? "true" : null });
      setAttributes(down, { "aria-disabled": placeOf(row) === rows.length - 1 ? "true" : null });
    }
  }

  // The row itself stays in the document, its neighbours go past it: it keeps the focus and the pointer.
  function move(row, to) {
    const from = placeOf(row);
    const target = Math.min(rows.length - 1, Math.max(0, to));
    if (locked) return;
    for (let place = from; place < target; place += 1) row.before(row.nextElementSibling);
    for (let place = from; place > target; place -= 1) row.after(row.previousElementSibling);
    refreshEnds();
    say(from === target ? `Place ${target + 1} of ${rows.length} already.` : `Now at place ${target + 1} of ${rows.length}.`);
  }

  for (const { row, grip, up, down } of rows) {
    up.addEventListener("click", () => move(row, placeOf(row) - 1));
    down.addEventListener("click", () => move(row, placeOf(row) + 1));
    row.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (isPlain(event) && by !== undefined) move(row, placeOf(row) + by);
    });
    let pointer = null;
    row.addEventListener("pointerdown", (event) => {
      const onGrip = grip.contains(event.target);
      if (locked || event.button !== 0 || event.target.closest("button") || (event.pointerType === "touch" && !onGrip)) return;
      event.preventDefault();
      pointer = event.pointerId;
      row.setPointerCapture(pointer);
      row.classList.add("pgc-dragging");
    });
    row.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      const others = nodes().filter((node) => node !== row);
      const above = others.filter((node) => {
        const box = node.getBoundingClientRect();
        return event.clientY > box.top + box.height / 2;
      }).length;
      if (above !== placeOf(row)) move(row, above);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
      row.addEventListener(end, () => {
        pointer = null;
        row.classList.remove("pgc-dragging");
      });
  }

  const arrange = (order) => {
    order.forEach((item) => list.append(rows[item].row));
    refreshEnds();
  };
  arrange(question.start);
  return {
    given: () => nodes().map((node) => Number(node.dataset.index)),
    missing: "",
    show: arrange,
    lock(flag) {
      locked = flag;
      for (const { row, mark, buttons, grip, item } of rows) {
        buttons.hidden = grip.hidden = flag;
        const inPlace = placeOf(row) === item;
        setText(mark, !flag ? "" : inPlace ? "✓ in place" : "✗ elsewhere");
        mark.className = `pgc-mark ${inPlace ? "pgc-good" : "pgc-bad"}`;
      }
    },
    clear() {}, // the next try goes on from the last order
    focus: () => rows.find(({ row }) => placeOf(row) === 0).down.focus({ preventScroll: true }),
  };
}

const INPUTS = { single: choiceInput, several: choiceInput, numeric: numericInput, order: orderInput };

// --- the quiz ----------------------------------------------------------------------------------------

function render({ model, el }) {
  const root = htmlNode(el, "div", { class: "pgc-lab pgc-quiz", "data-lab": "quiz" });
  const library = model.get("library");
  const quiz = Object.hasOwn(library, model.get("quiz")) ? library[model.get("quiz")] : null;
  if (quiz === null) {
    htmlNode(root, "p", {}, "This quiz is not in the course.");
    return undefined;
  }
  const { title, formulas, questions } = quiz;
  const unique = Math.random().toString(36).slice(2);
  const save = makeSaver(model, root);
  const triesOf = (question) => {
    const tries = model.get("answers")[question.id];
    return Array.isArray(tries) ? tries : [];
  };

  setAttributes(root, { role: "group", "aria-label": `Quiz: ${title}` });
  htmlNode(root, "p", { class: "pgc-title" }, `Quiz: ${title}`);
  const live = makeLiveRegion(root, 150);
  keepPlainKeys(root);

  const cards = questions.map((question, index) => {
    const card = htmlNode(root, "fieldset", { "data-role": "question", "data-question": question.id, "data-kind": question.kind });
    const legend = htmlNode(card, "legend");
    htmlNode(legend, "span", { class: "pgc-count" }, `${index + 1} of ${questions.length}. `);
    addWords(legend, question.text, formulas);
    const hint = htmlNode(card, "p", { class: "pgc-hint" }, HINTS[question.kind]);
    const box = htmlNode(card, "div");
    const input = INPUTS[question.kind](box, question, formulas, `${unique}-${index}`, () => send(), (text) => live.say(text));
    const row = htmlNode(card, "div", { class: "pgc-row pgc-send" });
    const button = htmlNode(row, "button", { type: "button", class: "pgc-primary", "data-role": "send" });
    const tried = htmlNode(row, "span", { class: "pgc-tries", "data-role": "tries" });
    const message = htmlNode(card, "p", { class: "pgc-message", "data-role": "message" });
    const result = htmlNode(card, "div", { class: "pgc-result", "data-role": "result" });
    let shown = null; // the number of tries that is on show
    let again = false;

    function send() {
      const given = input.given();
      if (given === null) {
        setText(message, input.missing);
        live.say(input.missing);
        return input.focus();
      }
      model.set("answers", { ...model.get("answers"), [question.id]: [...triesOf(question), given] });
      save();
      expectRecord();
      button.focus({ preventScroll: true });
      const told = question.kind === "order" ? [] : reasonsFor(question, given).filter(({ chosen }) => chosen);
      live.say([verdict(question, given), ...told.map(({ reason }) => spokenWords(reason, formulas))].join(" "));
    }

    button.addEventListener("click", () => {
      if (triesOf(question).length === 0 || again) return send();
      again = true;
      input.clear();
      refresh();
      input.focus();
      live.say("Try again.");
    });

    function addReason(list, { mark, text, reason }) {
      const item = htmlNode(list, "li");
      if (mark !== "") htmlNode(item, "span", { class: `pgc-mark ${mark === "right" ? "pgc-good" : "pgc-bad"}` }, mark === "right" ? "✓ right: " : "✗ not right: ");
      const quote = htmlNode(item, "span", { class: "pgc-quote" });
      addWords(quote, text, formulas);
      htmlNode(item, "br");
      addWords(item, reason, formulas);
    }

    function showResult(given) {
      const right = isRight(question, given);
      result.replaceChildren();
      result.classList.toggle("pgc-is-right", right);
      const reasons = reasonsFor(question, given);
      const chosen = reasons.filter((reason) => reason.chosen);
      const others = reasons.filter((reason) => !reason.chosen);
      const line = htmlNode(result, "p");
      htmlNode(line, "span", { class: `pgc-mark ${right ? "pgc-good" : "pgc-bad"}`, "data-role": "verdict" }, `${right ? "✓" : "✗"} ${verdict(question, given)}`);
      if (chosen.length === 1) {
        line.append(" ");
        addWords(line, chosen[0].reason, formulas);
      } else if (chosen.length > 1) {
        const list = htmlNode(result, "ul", { "data-role": "chosen" });
        chosen.forEach((reason) => addReason(list, reason));
      }
      if (others.length === 0) return;
      const fold = htmlNode(result, "details", { "data-role": "others", open: right });
      const rest = question.kind === "order" ? "The order, with reasons" : question.kind === "numeric" ? "Other answers, with reasons" : "The other options, with reasons";
      htmlNode(fold, "summary", {}, right ? rest : `${rest} (this shows the answer)`);
      const list = htmlNode(fold, question.kind === "order" ? "ol" : "ul");
      others.forEach((reason) => addReason(list, reason));
    }

    function refresh() {
      const tries = triesOf(question);
      if (tries.length !== shown) {
        again = false;
        setText(message, "");
        if (tries.length > 0) {
          input.show(tries[tries.length - 1]);
          showResult(tries[tries.length - 1]);
        }
        shown = tries.length;
      }
      const answered = tries.length > 0 && !again;
      const right = answered && isRight(question, tries[tries.length - 1]);
      card.classList.toggle("pgc-answered", answered);
      input.lock(answered, right, right);
      hint.hidden = answered;
      result.hidden = !answered;
      button.classList.toggle("pgc-primary", !answered);
      setText(button, answered ? "Try again" : "Answer");
      setAttributes(button, { "aria-label": `${answered ? "Try again" : "Answer"}: question ${index + 1}` });
      const first = tries.length === 0 ? "" : isRight(question, tries[0]) ? "First answer: right." : "First answer: not right.";
      const nth = ORDINALS[tries.length - 1];
      setText(tried, tries.length < 2 ? "" : `${first} ${nth === undefined ? `${tries.length} tries so far.` : `This was the ${nth} try.`}`);
    }

    return { refresh };
  });

  const overall = htmlNode(root, "p", { class: "pgc-overall", "data-role": "overall" });
  const note = htmlNode(root, "p", { class: "pgc-note", "data-role": "note" });
  let timer = null;

  // Answers reach the learner's record through the kernel. Where there is none, say so.
  function expectRecord() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const recorded = model.get("recorded");
      const given = questions.reduce((sum, question) => sum + triesOf(question).length, 0);
      const kept = recorded === -1 || recorded >= given;
      setText(note, kept ? "" : "Not recorded: to keep your answers on your map of the course, run the cell and answer again.");
    }, RECORD_WAIT);
  }

  function refresh() {
    cards.forEach((card) => card.refresh());
    const answered = questions.filter((question) => triesOf(question).length > 0);
    const atOnce = answered.filter((question) => isRight(question, triesOf(question)[0])).length;
    const done = answered.length === questions.length;
    const before = Object.values(model.get("before") ?? {});
    const last = `Before: ${before.length} of ${questions.length} answered, ${before.filter(Boolean).length} right at the first try. Answer again as you like.`;
    setText(
      overall,
      answered.length === 0 && before.length > 0
        ? last
        : done
        ? `${atOnce} of ${questions.length} right at the first try.`
        : `${answered.length} of ${questions.length} answered${answered.length > 0 ? `, ${atOnce} right at the first try` : ""}.`,
    );
  }

  model.on("change", refresh);
  refresh();
  const observer = new ResizeObserver(() => root.classList.toggle("pgc-narrow", root.clientWidth < 480));
  observer.observe(root);
  return () => {
    observer.disconnect();
    clearTimeout(timer);
    live.stop();
    model.off("change", refresh);
  };
}

export default { render };

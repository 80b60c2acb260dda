// The quiz: one choice, several choices, a number, an order. All texts arrive as plain text with formulas between
// dollar signs and become text nodes; a formula's drawing is rebuilt from the few SVG elements that it may have.

const RECORD_WAIT = 2000; // ms until an answer that no kernel took is called unrecorded
const ROUNDING = 1e-12; // as in quiz.py
const FORMULA_TAGS = new Set(["svg", "g", "path", "rect", "line"]);
const SVG_ATTRIBUTES = "width height viewBox d x y x1 y1 x2 y2 fill stroke stroke-width transform".split(" ");
const UNRECORDED = "Not recorded: to keep your answers on your map of the course, run the cell and answer again.";
const HINTS = {
  single: "Choose one.",
  several: "Choose all that are right.",
  numeric: "Type a number or a fraction.",
  order: "Put them in order: drag a line, or use its arrows.",
};
const MISSING = { single: "Choose an answer first.", several: "Choose at least one answer first." };
const OTHERS = {
  single: "The other options, with reasons",
  several: "The other options, with reasons",
  numeric: "Other answers, with reasons",
  order: "The order, with reasons",
};
const ORDINALS = ["first", "second", "third", "fourth", "fifth"];

// --- text with formulas ----------------------------------------------------------------------------

function copyDrawing(drawing, more = {}) {
  if (!FORMULA_TAGS.has(drawing.localName)) return null;
  const attributes = SVG_ATTRIBUTES.map((name) => [name, drawing.getAttribute(name)]);
  const children = [...drawing.children].map((child) => copyDrawing(child));
  return h(drawing.localName, { ...Object.fromEntries(attributes), ...more }, ...children);
}

function drawFormula({ svg, spoken }) {
  const drawing = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const [, top, , height] = (drawing.getAttribute("viewBox") ?? "0 0 0 0").split(/\s+/).map(Number);
  const onTheLine = `vertical-align: ${-(top + height)}px`; // the drawing's 0 is the base line
  const copy = copyDrawing(drawing, { role: "img", "aria-label": spoken, style: onTheLine });
  return h("span", { class: "pgc-formula" }, copy ?? spoken);
}

const [OPENING, CLOSING] = [/[(“]*$/, /^[.,;:!?)”’]*/];

// How the texts of a quiz are shown and said. No line ends between a formula and a bracket or a point at it.
function makeWords(formulas) {
  const drawn = new Map(Object.entries(formulas).map(([name, formula]) => [name, drawFormula(formula)]));
  const shown = (part, n, all) => {
    const signs = [(all[n - 1] ?? "").match(OPENING), (all[n + 1] ?? "").match(CLOSING)];
    if (n % 2 === 1) return h("span", { class: "pgc-held" }, signs[0], drawn.get(part), signs[1]);
    return (n > 0 ? part.replace(CLOSING, "") : part).replace(n + 1 < all.length ? OPENING : "", "");
  };
  return {
    shown: (text) => text.split("$").map(shown),
    spoken: (text) => text.split("$").map((part, n) => (n % 2 === 0 ? part : formulas[part]?.spoken ?? "")).join(""),
  };
}

// --- what an answer is worth, as is_right in quiz.py -------------------------------------------------

const isNear = (given, value, tolerance) => Math.abs(given - value) <= tolerance * (1 + ROUNDING) + ROUNDING;

function isRight({ kind, answer, tolerance, options }, given) {
  if (kind === "numeric") return isNear(given, answer, tolerance);
  if (kind === "order") return given.every((item, place) => item === place);
  if (kind === "single") return options[given]?.right === true;
  return options.every((option, n) => option.right === given.includes(n));
}

// The order in which a learner sees the options, as `shuffled` in quiz.py. An answer names an option by its index.
const shuffled = (seed, { id, ordered, options = [] }) => {
  if (ordered) return [...options.keys()];
  const letters = [...id].map((letter) => letter.codePointAt(0));
  const keys = options.map((_, n) => uniform(seed, ...letters, n));
  return [...keys.keys()].sort((m, n) => keys[m] - keys[n]);
};

// The reasons of a question: { isRight, text, reason, isChosen } of each.
function reasonsFor(question, given) {
  if (question.kind === "order") return question.items.map((item) => ({ ...item, isRight: null, isChosen: false }));
  if (question.kind !== "numeric") {
    const chosen = [given].flat();
    const { options, order } = question;
    return order.map((n) => ({ ...options[n], isRight: options[n].right, isChosen: chosen.includes(n) }));
  }
  const { answer, reason, wrong, tolerance, otherwise } = question;
  const right = isRight(question, given);
  const met = right ? null : wrong.find(({ value }) => isNear(given, value, tolerance));
  const all = [{ isRight: true, value: answer, reason, isChosen: right }];
  for (const one of wrong) all.push({ isRight: false, ...one, isChosen: one === met });
  if (met === undefined) all.push({ isRight: false, value: given, reason: otherwise, isChosen: true });
  return all.map((one) => ({ ...one, text: numberText(one.value) }));
}

const firstWrong = (given) => given.findIndex((item, place) => item !== place);

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
    const stand = `${placed} of ${given.length} stand${placed === 1 ? "s" : ""} in the right place`;
    return `Not yet: ${stand}, and line ${firstWrong(given) + 1} is the first that does not.`;
  }
  return "Not yet.";
}

// --- a draft: the chosen options, the typed text or the order, as long as it is no answer --------------

const numberText = (x) => minusSign(String(Number(x.toPrecision(6)))); // what a fraction gives has no end
const draftOf = ({ kind }, given) =>
  kind === "numeric" ? numberText(given) : kind === "order" ? given : [given].flat();
const emptied = ({ kind }, draft) => (kind === "numeric" ? "" : kind === "order" ? draft : []);

// The answer that a draft is; null where it is none yet.
function answerOf({ kind }, draft) {
  if (kind === "order") return draft;
  if (kind !== "numeric") return draft.length === 0 ? null : kind === "single" ? draft[0] : draft;
  const parts = draft.split("/").map(parseDecimal);
  const number = parts.length > 2 ? NaN : parts[0] / (parts[1] ?? 1);
  return Number.isFinite(number) ? number : null;
}

function missing({ kind }, draft) {
  if (kind !== "numeric") return MISSING[kind];
  const typed = draft.trim().slice(0, 20);
  return typed === "" ? "Type a number first." : `“${typed}” is no number. Type one such as −0.25 or 2/3.`;
}

function moved(list, from, to) {
  const others = list.filter((_, place) => place !== from);
  return [...others.slice(0, to), list[from], ...others.slice(to)];
}

// --- what is seen of a question ----------------------------------------------------------------------

const mark = (isGood, text, more = {}) =>
  h("span", { class: `pgc-mark ${isGood ? "pgc-good" : "pgc-bad"}`, ...more }, text);
const rightOrNot = (isGood) => (isGood ? "✓ right" : "✗ not right");

// card: { draft, again, … }, which `set` changes; locked: it is answered; solved: rightly, or its answer is told;
// judged: right and wrong are marked; marked(isGood, isChosen): what stands beside an option then.
function drawOptions({ kind, options, order }, { draft }, { locked, solved, group, words, set, marked }) {
  const choose = (changed, isChosen) => {
    const before = kind === "single" ? [] : draft;
    set({ draft: options.flatMap((_, n) => ((n === changed ? isChosen : before.includes(n)) ? [n] : [])) });
  };
  return order.map((n) => {
    const { text, right } = options[n];
    const isMarked = locked && (draft.includes(n) || (solved && right));
    return h("label", { class: "pgc-option" },
      h("input", {
        type: kind === "single" ? "radio" : "checkbox", name: group, value: n, disabled: locked,
        "data-role": "option", "data-index": n,
        ".checked": draft.includes(n), onchange: ({ target }) => choose(n, target.checked),
      }),
      h("span", { class: "pgc-words" }, words.shown(text)),
      mark(right, isMarked ? marked(right, draft.includes(n)) : ""));
  });
}

function drawNumber(question, { draft }, { locked, solved, judged, set, send }) {
  const onkeydown = (event) => {
    if (event.key !== "Enter" || !isPlain(event) || event.shiftKey || locked || event.repeat) return;
    event.preventDefault();
    send(event);
  };
  return h("label", { class: "pgc-typed" },
    "Your answer ",
    h("input", {
      type: "text", autocomplete: "off", class: "pgc-number", "data-role": "number",
      readonly: locked, ".value": draft, oninput: ({ target }) => set({ draft: target.value }), onkeydown,
    }),
    mark(solved, judged ? rightOrNot(solved) : ""));
}

// hand: { held(), take(item, event), drag(event), drop() }; a line is dragged by its item, whatever place it has.
function drawOrder({ items }, { draft }, { locked, judged, words, hand, move }) {
  const last = draft.length - 1;
  return h("ol", { class: "pgc-items" }, draft.map((item, place) => {
    const { text } = items[item];
    const step = (role, arrow, by, end) =>
      button(role, arrow, (event) => move(place, place + by, event), {
        "aria-label": `Move ${role}: ${words.spoken(text)}`, "aria-disabled": place === end ? "true" : null,
      });
    const onkeydown = (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (isPlain(event) && by !== undefined) move(place, place + by, event);
    };
    const onpointerdown = (event) => {
      const isScrolling = event.pointerType === "touch" && !event.target.closest(".pgc-grip");
      if (!locked && event.button === 0 && !event.target.closest("button") && !isScrolling) hand.take(item, event);
    };
    const [onpointermove, onpointerup] = [hand.drag, hand.drop];
    const look = hand.held() === item ? "pgc-dragging" : "";
    return h("li", {
      class: look, "data-role": "item", "data-index": item, onkeydown, onpointerdown, onpointermove, onpointerup,
      onpointercancel: hand.drop, onlostpointercapture: hand.drop,
    },
      h("span", { class: "pgc-grip", "aria-hidden": "true", hidden: locked }, "⠿"),
      h("span", { class: "pgc-words" }, words.shown(text)),
      mark(item === place, !judged ? "" : item === place ? "✓ in place" : "✗ elsewhere"),
      h("span", { class: "pgc-move", hidden: locked }, step("up", "↑", -1, 0), step("down", "↓", 1, last)));
  }));
}

const INPUTS = { single: drawOptions, several: drawOptions, numeric: drawNumber, order: drawOrder };

const listReasons = (tag, some, words, marked, more = {}) =>
  h(tag, more, some.map(({ isRight: isGood, text, reason }) =>
    h("li", {},
      isGood !== null && mark(isGood, `${marked(isGood)}: `),
      h("span", { class: "pgc-quote" }, words.shown(text)),
      h("br"),
      words.shown(reason))));

function drawResult(question, given, words) {
  const right = isRight(question, given);
  const reasons = reasonsFor(question, given);
  const [chosen, others] = [true, false].map((is) => reasons.filter(({ isChosen }) => isChosen === is));
  const list = (tag, some, more) => listReasons(tag, some, words, rightOrNot, more);
  const rest = OTHERS[question.kind];
  return h("div", { class: `pgc-result ${right ? "pgc-is-right" : ""}`, "data-role": "result" },
    h("p", {},
      mark(right, `${right ? "✓" : "✗"} ${verdict(question, given)}`, { "data-role": "verdict" }),
      chosen.length === 1 && [" ", words.shown(chosen[0].reason)]),
    chosen.length > 1 && list("ul", chosen, { "data-role": "chosen" }),
    others.length > 0 && h("details", { "data-role": "others", open: right },
      h("summary", {}, right ? rest : `${rest} (this shows the answer)`),
      list(question.kind === "order" ? "ol" : "ul", others)));
}

function sayResult(question, given, words) {
  const told = question.kind === "order" ? [] : reasonsFor(question, given).filter(({ isChosen }) => isChosen);
  return [verdict(question, given), ...told.map(({ reason }) => words.spoken(reason))].join(" ");
}

function triesText(question, tries) {
  if (tries.length < 2) return "";
  const first = isRight(question, tries[0]) ? "right" : "not right";
  const nth = ORDINALS[tries.length - 1];
  return `First answer: ${first}. ${nth ? `This was the ${nth} try.` : `${tries.length} tries so far.`}`;
}

function overallText(questions, triesOf, before) {
  const all = questions.length;
  const answered = questions.filter((question) => triesOf(question).length > 0);
  const atOnce = answered.filter((question) => isRight(question, triesOf(question)[0])).length;
  const byNow = answered.filter((question) => triesOf(question).some((given) => isRight(question, given))).length;
  const later = byNow > atOnce ? `, ${byNow} by now` : "";
  if (answered.length === all) return `${atOnce} of ${all} right at the first try${later}.`;
  if (answered.length > 0) return `${answered.length} of ${all} answered, ${atOnce} right at the first try.`;
  if (before.length === 0) return `0 of ${all} answered.`;
  const right = before.filter(Boolean).length;
  return `Before: ${before.length} of ${all} answered, ${right} right at the first try. Answer again as you like.`;
}

const linkToSection = (notebook, section, words = section) =>
  linkTo(`${notebook}#${section.replaceAll(" ", "-")}`, words);

// What was not right at the first try, and where the lesson tells it.
function drawMissed(questions, triesOf) {
  const missed = questions.filter((asked) => triesOf(asked).length > 0 && !isRight(asked, triesOf(asked)[0]));
  return missed.length > 0 && div("pgc-missed", "To read again:", h("ul", { "data-role": "missed" },
    missed.map((question) => h("li", {},
      question.title, isRight(question, triesOf(question).at(-1)) && " (right by now)",
      question.section && [": ", linkToSection(question.notebook ?? "", question.section)]))));
}

// --- the quiz ----------------------------------------------------------------------------------------

// How a quiz asks and answers; a prediction does otherwise (prediction.js).
const QUIZ = {
  wishes: ["Answer", "Try again"],
  judges: true, // whether it marks right and wrong, and keeps the answer until it is found
  unrecorded: UNRECORDED,
  marked: rightOrNot,
  result: drawResult,
  said: sayResult,
  beside: triesText,
  count: (index, count) => `${index + 1} of ${count}. `,
  named: (question, index) => `question ${index + 1}`,
  head: (of) => title(`Quiz: ${of}`),
  foot: (questions, triesOf, before) => [
    h("p", { class: "pgc-overall", "data-role": "overall" },
      overallText(questions, triesOf, Object.values(before ?? {}))),
    drawMissed(questions, triesOf),
  ],
};

const once = (event) => { // a held key answers once
  if (event.repeat && event.key === "Enter") event.preventDefault();
};
const cardOf = ({ currentTarget }) => currentTarget.closest("fieldset");
const focus = (node) => node.focus({ preventScroll: true });
const focusInput = (card) =>
  focus(card.querySelector("input:checked") ?? card.querySelector("input, [data-role=down]"));

function viewOf(manner, { title: of, formulas, questions: asked, ...more }, { get, change, refresh, leaving, root }) {
  const words = { ...makeWords(formulas), ...more };
  const questions = asked.map((question) => ({ ...question, order: shuffled(get("seed"), question) }));
  const unique = newId("quiz"); // views of a quiz share no group of choices
  let [toSay, isLate, timer] = ["", false, null];
  const say = (text) => {
    toSay = text;
    refresh();
  };
  const triesOf = ({ id }) => (Array.isArray(get("answers")[id]) ? get("answers")[id] : []);

  // Answers reach the learner's record through the kernel. Where there is none, say so.
  function expectRecord() {
    clearTimeout(timer);
    isLate = false;
    timer = setTimeout(() => {
      isLate = true;
      refresh();
    }, RECORD_WAIT);
  }
  // A kernel that was busy may take them yet.
  const isRecorded = () => {
    const given = questions.reduce((sum, question) => sum + triesOf(question).length, 0);
    return get("recorded") === -1 || get("recorded") >= given;
  };
  leaving(() => clearTimeout(timer));

  function makeCard(question, index) {
    const card = { draft: question.start ?? emptied(question), tries: 0, again: false, message: "", held: null };
    const set = (values) => {
      Object.assign(card, values);
      refresh();
    };

    function send(event) {
      const [place, given] = [cardOf(event), answerOf(question, card.draft)];
      if (given === null) {
        card.message = missing(question, card.draft);
        say(card.message);
        return focusInput(place);
      }
      commit(given, place);
    }

    function commit(given, place) {
      toSay = manner.said(question, given, words);
      change({ answers: { ...get("answers"), [question.id]: [...triesOf(question), given] } });
      expectRecord();
      focus(place.querySelector("[data-role=send]"));
    }

    function tryAgain(event) {
      if (event.detail > 1) return; // the second click of two, of which the first answered
      Object.assign(card, { again: true, draft: emptied(question, card.draft) });
      say(`${manner.wishes[1]}.`);
      focusInput(cardOf(event));
    }

    function moveTo(from, wanted) {
      const [to, count] = [clamp(wanted, [0, card.draft.length - 1]), card.draft.length];
      card.draft = moved(card.draft, from, to);
      say(from === to ? `Place ${to + 1} of ${count} already.` : `Now at place ${to + 1} of ${count}.`);
      return to;
    }

    // The focus goes with the line.
    function move(from, wanted, { target, currentTarget }) {
      const [list, role] = [currentTarget.closest("ol"), target.dataset.role];
      focus(list.children[moveTo(from, wanted)].querySelector(`[data-role=${role}]`));
    }

    let pointer = null;
    const hand = {
      held: () => card.held,
      take(item, event) {
        event.preventDefault();
        pointer = event.pointerId;
        event.currentTarget.setPointerCapture(pointer);
        set({ held: item });
      },
      drag({ pointerId, clientY, currentTarget }) {
        if (card.held === null || pointerId !== pointer) return;
        const from = card.draft.indexOf(card.held);
        const others = [...currentTarget.parentNode.children].filter((_, place) => place !== from);
        const boxes = others.map((node) => node.getBoundingClientRect());
        const to = boxes.filter(({ top, height }) => clientY > top + height / 2).length;
        if (to !== from) moveTo(from, to);
      },
      drop: () => card.held !== null && set({ held: null }),
    };

    return () => {
      const tries = triesOf(question);
      const last = tries.at(-1);
      if (tries.length !== card.tries) {
        Object.assign(card, { tries: tries.length, again: false, message: "" });
        if (tries.length > 0) card.draft = last === null ? emptied(question, card.draft) : draftOf(question, last);
      }
      const locked = tries.length > 0 && !card.again;
      const solved = locked && (!manner.judges || isRight(question, last));
      const [judged, { marked }] = [locked && manner.judges, manner];
      const about = { locked, solved, judged, marked, group: `${unique}-${index}`, words, set, send, hand, move };
      const [wish, act, look] = locked ? [manner.wishes[1], tryAgain, ""] : [manner.wishes[0], send, "pgc-primary"];
      if (locked && root.isConnected) manner.answered?.(root, question, card);
      return h("fieldset", {
        class: locked ? "pgc-answered" : "",
        "data-role": "question", "data-question": question.id, "data-kind": question.kind,
      },
        h("legend", {},
          h("span", { class: "pgc-count" }, manner.count(index, questions.length)),
          words.shown(question.text)),
        h("p", { class: "pgc-hint", hidden: locked }, HINTS[question.kind]),
        div("", INPUTS[question.kind](question, card, about)),
        row("pgc-send",
          button("send", wish, act,
            { class: look, "aria-label": `${wish}: ${manner.named(question, index)}`, onkeydown: once }),
          manner.show && !locked && button("show", manner.show, (event) => commit(null, cardOf(event))),
          h("span", { class: "pgc-tries", "data-role": "tries" }, manner.beside(question, tries))),
        h("p", { class: "pgc-message", "data-role": "message" }, card.message),
        locked && manner.result(question, last, words));
    };
  }

  const cards = questions.map(makeCard);
  return () => {
    const said = toSay;
    toSay = "";
    return {
      seen: [
        manner.head(of),
        cards.map((draw) => draw()),
        manner.foot(questions, triesOf, get("before")),
        h("p", { class: "pgc-note", "data-role": "note" }, isLate && !isRecorded() ? manner.unrecorded : ""),
      ],
      said,
    };
  };
}

// What renders the questions of a widget in a manner; `name` is what they are together, in words.
const asker = (manner, name, look = "") => ({ model, el }) => {
  const [library, key] = [model.get("library"), model.get("quiz")];
  const quiz = Object.hasOwn(library, key) ? library[key] : null;
  const nothing = () => () => ({ seen: [h("p", {}, `This ${name} is not in the course.`)] });
  const called = name[0].toUpperCase() + name.slice(1);
  const label = quiz === null ? called : `${called}: ${quiz.title}`;
  const view = quiz === null ? nothing : (lab) => viewOf(manner, quiz, lab);
  return makeLab({ name, label, look: `pgc-quiz ${look}`, wide: 480 - SIDES }, view)({ model, el });
};

let render = asker(QUIZ, "quiz");

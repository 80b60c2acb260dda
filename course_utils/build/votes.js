// The room's votes on a question: the instructor counts hands, by a click or a key. Kept in the browser under
// "votes/<lab>/<quiz>/<question>", { answer: count }. Beside them stands what came, once the card above has told it.
//
//     const tally = makeTally(question, key, storage, card); // tally.node, tally.vote(place, by), tally.tell()

globalThis.makeTally = (question, key, storage, card) => {
  const make = (tag, more = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), more);
    node.append(...children);
    return node;
  };
  const words = (text) => text.replaceAll("-", "−");
  const isNumeric = question.kind === "numeric";
  let counts = storage.get(key) ?? {};
  const shown = () => (isNumeric ? Object.keys(counts).sort((a, b) => a - b) : placesOf(card, question));
  const isTold = () => card.querySelector(".pgc-answered") !== null;
  const came = (answer) => {
    if (question.kind === "order") return answer === "0"; // the line that stands first
    if (!isNumeric) return question.options[answer].right;
    return Math.abs(answer - question.answer) <= question.tolerance + 1e-12;
  };

  function count(answer, by) {
    const now = Math.max(0, (counts[answer] ?? 0) + by);
    counts = { ...counts, [answer]: now };
    if (now === 0 && isNumeric) delete counts[answer];
    storage.set(key, counts);
    draw();
  }

  const list = make("ol");
  const total = make("span", { role: "status" });
  const what = { order: "What comes first?", numeric: "The room says", several: "The room chooses" };
  const node = make("div", { role: "group", className: "pgs-votes" }, make("h4", { textContent: what[question.kind] ?? "The room" }), list);
  node.setAttribute("aria-label", "Votes of the room");
  if (isNumeric) {
    const input = make("input", { type: "text", inputMode: "decimal", autocomplete: "off" });
    input.setAttribute("aria-label", "a number that somebody says");
    const form = make("form", {}, input, make("button", { textContent: "Count it" }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const parts = input.value.replaceAll("−", "-").replace(",", ".").split("/").map(Number);
      const number = parts[0] / (parts[1] ?? 1);
      if (input.value.trim() !== "" && parts.length < 3 && Number.isFinite(number)) count(String(Number(number.toPrecision(6))), 1);
      input.value = "";
    });
    node.append(form);
  }
  const clear = make("button", { type: "button", textContent: "Clear" });
  clear.setAttribute("aria-label", "Clear the votes");
  clear.addEventListener("click", () => {
    counts = {};
    storage.set(key, counts);
    draw();
  });
  node.append(make("p", { className: "pgs-sum" }, total, clear));

  function row(answer, place, all) {
    const votes = counts[answer] ?? 0;
    const name = isNumeric ? words(answer) : String(place + 1);
    const share = all === 0 ? 0 : Math.round((100 * votes) / all);
    const step = (by, text, does) => {
      const button = make("button", { type: "button", textContent: text, onclick: () => count(answer, by) });
      button.setAttribute("aria-label", `${does} for ${name}`);
      button.dataset.step = `${answer} ${by}`;
      return button;
    };
    const fill = make("i");
    fill.style.width = `${share}%`;
    const bar = make("span", { className: "pgs-bar" }, fill, make("b", { textContent: votes === 0 ? "0" : `${votes} (${share} %)` }));
    const isIt = isTold() && came(answer);
    const lead = make("span", { textContent: isIt ? `${name} ✓` : name });
    return make("li", { className: isIt ? "pgs-came" : "" }, lead, step(-1, "−", "one vote less"), bar, step(1, "+", "one vote"));
  }

  function draw() {
    const answers = shown();
    const all = answers.reduce((sum, answer) => sum + (counts[answer] ?? 0), 0);
    const held = node.contains(document.activeElement) ? document.activeElement.dataset.step : undefined;
    list.replaceChildren(...answers.map((answer, place) => row(answer, place, all)));
    if (held !== undefined) list.querySelector(`[data-step="${held}"]`)?.focus({ preventScroll: true });
    const told = isTold() && isNumeric ? ` What came: ${words(String(question.answer))}.` : "";
    total.textContent = `${all} ${all === 1 ? "vote" : "votes"}.${told}`;
    clear.hidden = all === 0;
  }

  draw();
  return {
    node,
    tell: draw,
    vote: (place, by) => !isNumeric && shown()[place] !== undefined && count(shown()[place], by),
  };

  // The answers as the card shows them: indices, as texts.
  function placesOf(root, { kind, start = [] }) {
    if (kind === "order") return start.map(String);
    return [...root.querySelectorAll("label.pgc-option input")].map((input) => input.value);
  }
};

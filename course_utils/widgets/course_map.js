// The course map: one stop for each lesson, with what was done there.

const STATE_WORDS = { preparation: "in preparation", new: "", begun: "begun", done: "done", here: "you are here" };

// A stop's sign: a ring to go to, half filled when begun, filled with a tick when done, dashed in preparation.
function drawStop(state) {
  const tint = colour(state === "preparation" ? "edge" : "mark");
  const ring = { stroke: tint, "stroke-width": 2, "stroke-dasharray": state === "preparation" ? "3 3" : null };
  const tick = { fill: "none", stroke: PAPER, "stroke-width": 2.5 };
  return h("svg", { class: "pgc-stop", width: 22, height: 22, viewBox: "0 0 22 22", "aria-hidden": "true" },
    circle(11, 11, 9, state === "done" ? tint : PAPER, ring),
    state === "begun" && path("M 11 2 A 9 9 0 0 0 11 20 Z", { fill: tint }),
    state === "done" && path("M 6.5 11.5 L 10 15 L 16 8", tick),
    state === "here" && circle(11, 11, 4, tint));
}

// Only the names of notebooks in this folder become links, whatever the stored state says.
function linked(text, notebook) {
  if (typeof notebook !== "string" || !/^[\w-]+\.ipynb$/.test(notebook)) return text;
  return linkTo(notebook, text);
}

function drawLesson({ number, title, question, notebook, state, facts, hard }) {
  return h("li", { "data-role": "lesson", "data-number": number, "data-state": state, class: `pgc-${state}` },
    drawStop(state),
    div("pgc-head",
      h("span", { class: "pgc-name" }, linked(`${number} · ${title}`, state === "here" ? null : notebook)),
      h("span", { class: "pgc-state" }, STATE_WORDS[state] ?? "")),
    div("pgc-ask", question),
    facts.length > 0 && h("div", { class: "pgc-facts", "data-role": "facts" }, facts.join(" · ")),
    hard.length > 0 && h("div", { class: "pgc-hard", "data-role": "hard" }, `Hard: ${hard.join("; ")}`));
}

const render = makeLab({ name: "map", label: "Course map", look: "pgc-map" }, ({ get }) => () => {
  const { text, detail, notebook } = get("suggestion");
  return {
    seen: [
      title("The map"),
      h("p", { class: "pgc-next", "data-role": "next" }, linked(text ?? "", notebook), detail ?? ""),
      h("ol", {}, get("lessons").map(drawLesson)),
    ],
  };
});

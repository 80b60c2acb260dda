// The course map: one stop for each lesson, with what was done there.

const STATE_WORDS = { preparation: "in preparation", new: "", begun: "begun", done: "done", here: "you are here" };

// A stop's sign: a ring to go to, half filled when begun, filled with a tick when done, dashed in preparation.
function drawStop(parent, state) {
  const svg = svgNode(parent, "svg", { class: "pgc-stop", width: 22, height: 22, viewBox: "0 0 22 22", "aria-hidden": "true" });
  const tint = state === "preparation" ? colour("edge") : colour("mark");
  const dashes = state === "preparation" ? "3 3" : null;
  svgNode(svg, "circle", { cx: 11, cy: 11, r: 9, fill: state === "done" ? tint : colour("paper"), stroke: tint, "stroke-width": 2, "stroke-dasharray": dashes });
  if (state === "begun") svgNode(svg, "path", { d: "M 11 2 A 9 9 0 0 0 11 20 Z", fill: tint });
  if (state === "done") svgNode(svg, "path", { d: "M 6.5 11.5 L 10 15 L 16 8", fill: "none", stroke: colour("paper"), "stroke-width": 2.5 });
  if (state === "here") svgNode(svg, "circle", { cx: 11, cy: 11, r: 4, fill: tint });
}

// JupyterLab opens a notebook by its path from the server's folder, which its address shows. Its own command then
// opens a tab; anywhere else the relative link does.
function pathFromAddress(notebook) {
  const shown = location.pathname.match(/\/(?:lab|doc)(?:\/workspaces\/[^/]+)?\/tree\/(.*)$/);
  if (shown === null) return null;
  return [...decodeURIComponent(shown[1]).split("/").slice(0, -1), notebook].join("/");
}

function addLink(parent, text, notebook) {
  const link = htmlNode(parent, "a", { href: encodeURI(notebook), "data-role": "link" }, text);
  link.addEventListener("click", () => {
    const path = parent.closest(".jp-Notebook") === null ? null : pathFromAddress(notebook);
    if (path === null) return;
    setAttributes(link, {
      "data-commandlinker-command": "docmanager:open",
      "data-commandlinker-args": JSON.stringify({ path }),
    });
  });
}

// Only the names of notebooks in this folder become links, whatever the stored state says.
function isNotebook(name) {
  return typeof name === "string" && /^[\w-]+\.ipynb$/.test(name);
}

function render({ model, el }) {
  const root = htmlNode(el, "div", { class: "pgc-lab pgc-map", "data-lab": "map", role: "group", "aria-label": "Course map" });
  keepPlainKeys(root);
  htmlNode(root, "p", { class: "pgc-title" }, "The map");
  const next = htmlNode(root, "p", { class: "pgc-next", "data-role": "next" });
  const list = htmlNode(root, "ol");

  function refresh() {
    const { text, detail, notebook } = model.get("suggestion");
    next.replaceChildren();
    if (isNotebook(notebook)) addLink(next, text, notebook);
    else setText(next, text ?? "");
    next.append(detail ?? "");
    list.replaceChildren();
    for (const lesson of model.get("lessons")) {
      const item = htmlNode(list, "li", { "data-role": "lesson", "data-number": lesson.number, "data-state": lesson.state, class: `pgc-${lesson.state}` });
      drawStop(item, lesson.state);
      const head = htmlNode(item, "div", { class: "pgc-head" });
      const name = htmlNode(head, "span", { class: "pgc-name" });
      const title = `${lesson.number} · ${lesson.title}`;
      if (isNotebook(lesson.notebook) && lesson.state !== "here") addLink(name, title, lesson.notebook);
      else setText(name, title);
      htmlNode(head, "span", { class: "pgc-state" }, STATE_WORDS[lesson.state] ?? "");
      htmlNode(item, "div", { class: "pgc-ask" }, lesson.question);
      if (lesson.facts.length > 0) htmlNode(item, "div", { class: "pgc-facts", "data-role": "facts" }, lesson.facts.join(" · "));
      if (lesson.hard.length > 0) htmlNode(item, "div", { class: "pgc-hard", "data-role": "hard" }, `Hard: ${lesson.hard.join("; ")}`);
    }
  }

  model.on("change", refresh);
  refresh();
  return () => model.off("change", refresh);
}

export default { render };

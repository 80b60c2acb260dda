// What the pages add to their labs, quizzes and predictions (live_page.js, which is loaded after this): folds that open
// when what they answer was predicted, links of labs that lead to pages, the map and the file of one's progress.
// build/site.py writes ASKED above it: of each lesson the ids of its questions and of its predictions.

(() => {
  const [FORMAT, VERSION] = ["policy-gradient-course progress", 1]; // as in progress.py
  const HOW = "python -m course_utils.progress import FILE";
  const read = (place) => JSON.parse(place.firstElementChild.textContent);
  const counted = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

  // A search result tells a line of its page, which no browser reads from a folder.
  if (typeof DOCUMENTATION_OPTIONS !== "undefined" && location.protocol === "file:") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  // --- folds --------------------------------------------------------------------------------------------

  document.addEventListener("pgc-predicted", ({ detail: name }) => {
    for (const fold of document.querySelectorAll(`.tag_answers-${name} details`)) fold.open = true;
    for (const fold of document.querySelectorAll("details.pgc-answer")) {
      const waits = fold.dataset.answers.split(" ").filter((other) => other !== name && other !== "");
      fold.dataset.answers = waits.join(" ");
      if (waits.length === 0) fold.open = true;
    }
  });

  // Paper cannot be unfolded.
  const opened = new Set();
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("article details:not([open])")) {
      fold.open = true;
      opened.add(fold);
    }
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
    opened.clear();
  });

  // --- code that is too wide --------------------------------------------------------------------------------

  // What scrolls sideways has to be within reach of the keyboard.
  const widths = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }));
  document.querySelectorAll("article :is(pre, .table-wrapper, .cell_output)").forEach((wide) => widths.observe(wide));

  // --- links --------------------------------------------------------------------------------------------

  // A heading's place, as docutils names it (make_id).
  const placeOf = (heading) => heading.normalize("NFKD").replace(/[^\x20-\x7e]/g, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^[-0-9]+|-+$/g, "");

  for (const event of ["pointerover", "focusin", "click"]) {
    document.addEventListener(event, ({ target }) => {
      const link = target.closest?.('.pgc-lab a[data-role="link"]') ?? null;
      const [, notebook, heading] = /^(?:([\w-]+)\.ipynb)?(?:#(.+))?$/.exec(link?.getAttribute("href") ?? "?") ?? [];
      if (link === null || link.dataset.page || (notebook ?? heading) === undefined) return;
      link.dataset.page = "yes";
      link.setAttribute("href",
        (notebook ? `${notebook}.html` : "") + (heading ? `#${placeOf(decodeURIComponent(heading))}` : ""));
    }, true);
  }

  // From a folder a browser saves no file: it would show the text of one.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[download]");
    if (!link?.href.startsWith("file:")) return;
    event.preventDefault();
    if (link.nextElementSibling?.matches(".pgc-where")) return;
    const path = decodeURIComponent(link.pathname).replace(/^\/(?=[A-Za-z]:)/, "");
    const where = Object.assign(document.createElement("span"), { className: "pgc-where", role: "status" });
    link.after(where);
    where.textContent = `It lies in the folder that this page comes from: ${path}`;
  });

  // --- the map ------------------------------------------------------------------------------------------

  const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const isTime = (text) => typeof text === "string" && !Number.isNaN(Date.parse(text));
  const are = (list, isOne) => list === undefined || (Array.isArray(list) && list.every(isOne));

  // [id, answer] of what is kept of a quiz or a prediction; what is no answer, by whatever hand, is left out.
  const answersIn = (kept) => Object.entries(isRecord(kept) ? kept : {}).filter(([, one]) => isRecord(one) &&
    one.tries !== undefined && are(one.tries, () => true) && one.tries.length > 0 && are(one.at, isTime) &&
    are(one.right, (is) => is === null || typeof is === "boolean"));

  // What is kept of a lesson: the answers to its quiz, and its predictions that were made.
  function doneIn(storage, number, questions, predictions) {
    const of = (key, ids) => answersIn(storage.get(key)).filter(([id]) => ids.includes(id)).map(([, one]) => one);
    const quiz = of(`answers/quiz/${number}`, questions);
    const shown = predictions.flatMap((id) => of(`answers/prediction/${number}-${id}`, [id]));
    return {
      answered: quiz.length,
      right: quiz.filter(({ right = [] }) => right.includes(true)).length,
      atOnce: quiz.filter(({ right = [] }) => right[0] === true).length,
      said: shown.filter(({ tries }) => tries.some((given) => given !== null)).length,
      shown: shown.length,
    };
  }

  function mapped(storage, state) {
    const lessons = state.lessons.map((lesson) => {
      const asked = ASKED[lesson.number] ?? [[], []];
      const [questions, predictions] = asked.map((ids) => ids.length);
      const { answered, right, atOnce, said, shown } = doneIn(storage, lesson.number, ...asked);
      const begun = answered + shown > 0;
      const done = begun && right === questions && shown === predictions;
      const facts = begun
        ? [`quiz: ${right} of ${questions} right, ${atOnce} at the first try`, `${said} of ${counted(predictions, "prediction")}`]
        : [counted(questions, "quiz question"), counted(predictions, "prediction")];
      const some = [questions > 0 && facts[0], predictions > 0 && facts[1]].filter(Boolean);
      return { ...lesson, state: done ? "done" : begun ? "begun" : "new", facts: some, hard: [] };
    });
    const last = lessons.findLastIndex(({ state: now }) => now === "done");
    const begun = lessons.find(({ state: now }) => now === "begun");
    const fresh = lessons.find(({ state: now }, n) => n > last && now === "new") ?? lessons.find(({ state: now }) => now === "new");
    const next = begun ?? fresh;
    const how = begun ? "finish" : last < 0 ? "begin with" : "go on with";
    const suggestion = next === undefined
      ? { text: "You have done all that can be done on these pages.", detail: "", notebook: "" }
      : { text: `Next: ${how} ${next.number} · ${next.title}.`, detail: "", notebook: next.notebook };
    return { ...state, lessons, suggestion };
  }

  function drawMaps({ storage, mount }) {
    for (const place of document.querySelectorAll(".pgc-live")) {
      const stored = read(place);
      if (stored.lab !== "course_map") continue;
      place.firstElementChild.textContent = JSON.stringify({ ...stored, state: mapped(storage, stored.state) });
      if (place.classList.contains("pgc-mounted")) place.children[1].remove();
      place.classList.remove("pgc-mounted");
      mount(place.parentNode);
    }
  }

  // --- the file -----------------------------------------------------------------------------------------

  // An answer as the notebooks' record has it (progress.py).
  function eventsOf(key, kept) {
    const [, lab, name] = key.split("/");
    return answersIn(kept).flatMap(([id, { tries, right = [], at = [] }]) => tries.map((said, n) => {
      const time = new Date(at[n] ?? Date.now()).toISOString();
      const about = { correct: right[n] === true, first_try: n === 0 };
      const [quiz, question] = lab === "review" ? [id.slice(0, 2), id.slice(3)] : [name, id];
      const event = lab === "prediction"
        ? { kind: "prediction", lab: "Predict", record: { lesson: name.slice(0, 2), prediction: id, said, came_so: right[n] ?? null } }
        : { kind: "quiz", quiz, question, ...about, ...(lab === "final_test" ? { said } : {}) };
      return { ...event, time: `${time.slice(0, 19)}+00:00` };
    }));
  }

  function exported(storage) {
    const answers = Object.fromEntries(
      storage.keys().filter((key) => key.startsWith("answers/")).map((key) => [key, storage.get(key) ?? {}]));
    const events = Object.entries(answers).flatMap(([key, kept]) => eventsOf(key, kept));
    events.sort((one, two) => one.time.localeCompare(two.time));
    return { format: FORMAT, version: VERSION, exported: new Date().toISOString(), events, answers };
  }

  // Keep what a file holds, of each question whichever has more tries; say how many questions that were.
  function takeIn(storage, file) {
    if (!isRecord(file) || file.format !== FORMAT) throw new Error("it is no file of this course's progress");
    if (file.version !== VERSION) throw new Error("it is of another version of the course");
    if (!isRecord(file.answers)) throw new Error("it was written by the notebooks, whose record these pages cannot show");
    let [count, held] = [0, 0];
    for (const [key, given] of Object.entries(file.answers)) {
      if (!/^answers\/[a-z_]+\/[\w-]+$/.test(key)) continue;
      const kept = new Map(answersIn(storage.get(key)));
      const [answers, before] = [answersIn(given), count];
      held += answers.length;
      for (const [id, { of, tries, right, at }] of answers) {
        if (tries.length <= (kept.get(id)?.tries.length ?? 0)) continue;
        kept.set(id, { of, tries, right, at });
        count += 1;
      }
      if (count > before) storage.set(key, Object.fromEntries(kept));
    }
    if (held === 0) return "There are no answers in this file.";
    if (count === 0) return "All of it was here already.";
    return `${counted(count, "question")} taken from the file.${storage.isKept ? "" : ` ${storage.note}`}`;
  }

  function drawPanel(panel, page) {
    const { storage } = page;
    const say = (text) => {
      panel.querySelector("[role=status]").textContent = text;
    };
    const act = {
      save() {
        const file = exported(storage);
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }));
        link.download = `progress-${file.exported.slice(0, 10)}.json`;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
        say(`${counted(file.events.length, "answer")} saved. To take them into the notebooks' record: ${HOW}`);
      },
      take: () => panel.querySelector("input").click(),
      forget() {
        if (!confirm("This empties your map, and every answer on these pages. Save a file first if you want to keep them.")) return;
        for (const key of storage.keys().filter((name) => name.startsWith("answers/"))) storage.set(key, {});
        drawMaps(page);
        say("Your progress starts over.");
      },
    };
    for (const button of panel.querySelectorAll("button")) button.addEventListener("click", act[button.dataset.role]);
    panel.querySelector("input").addEventListener("change", async ({ target }) => {
      try {
        const said = takeIn(storage, JSON.parse(await target.files[0].text()));
        drawMaps(page);
        say(said);
      } catch (error) {
        say(`This file was not taken: ${error instanceof SyntaxError ? "it is no JSON" : error.message}.`);
      }
      target.value = "";
    });
    panel.hidden = false;
    if (!storage.isKept) say(storage.note);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const page = globalThis.policyGradientPage;
    if (page === undefined) return;
    drawMaps(page);
    const panel = document.querySelector(".pgc-record");
    if (panel !== null) drawPanel(panel, page);
    addEventListener("storage", () => drawMaps(page)); // answered in another tab
    addEventListener("pageshow", ({ persisted }) => persisted && drawMaps(page)); // gone on, and back
  });

  globalThis.policyGradientRecord = { exported, mapped, takeIn }; // for tests
})();

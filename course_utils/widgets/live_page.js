// A page with labs, quizzes and predictions, and no Python (build/live_pages.py): each mounts itself over its picture,
// with what this browser has kept of it.
//
//     policyGradientPage.mount(element); // all that wait in it; the page's own come by themselves
//     policyGradientPage.storage;        // get(key), set(key, value), keys(), isKept, and note, which says so
//
// Kept are the answers to a quiz, a review or a prediction: under "answers/<lab>/<quiz>", for each question, { of: what
// it asked, as a number, tries: [answer, …] as Python's `answers` has them, and of each whether it was right, and when
// it came, at }. A question that has changed is new.

globalThis.policyGradientPage = (() => {
  const PREFIX = "policy-gradient-course/";
  const KEPT = "Your answers are kept in this browser.";
  const NOT_KEPT = "This browser keeps nothing for this page: your answers last until you close it.";
  const FULL = "This browser has no room left: new answers last until you close this page.";

  // localStorage, and over it in the page's own memory what a browser refuses to keep: it forbids it, or is full.
  const storage = (() => {
    const held = new Map();
    let [box, note] = [null, KEPT];
    const write = (name, text) => {
      held.set(name, text);
      try {
        box.setItem(name, text);
        held.delete(name);
        note = KEPT;
      } catch {
        note = box === null ? NOT_KEPT : FULL;
      }
    };
    try {
      box = globalThis.localStorage ?? null;
    } catch {
      // forbidden
    }
    write(`${PREFIX}?`, "1");
    box?.removeItem(`${PREFIX}?`);
    held.clear();
    return {
      get note() {
        return note;
      },
      get isKept() {
        return note === KEPT;
      },
      get(key) {
        try {
          return JSON.parse(held.get(PREFIX + key) ?? box?.getItem(PREFIX + key) ?? null);
        } catch {
          return null;
        }
      },
      set: (key, value) => write(PREFIX + key, JSON.stringify(value)),
      keys() {
        const names = new Set([...Object.keys(box ?? {}), ...held.keys()]);
        return [...names].filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length));
      },
    };
  })();

  const numberOf = (value) =>
    [...JSON.stringify(value)].reduce((h, letter) => (Math.imul(h, 31) + letter.codePointAt(0)) >>> 0, 7);

  // What was answered to these questions, as they are asked now.
  function answersTo(questions, key) {
    const kept = storage.get(key) ?? {};
    const still = questions.filter((one) => kept[one.id]?.of === numberOf(one) && Array.isArray(kept[one.id].tries));
    return Object.fromEntries(still.map(({ id }) => [id, kept[id].tries]));
  }

  function keep(isRight, questions, key, answers) {
    const kept = storage.get(key) ?? {};
    const given = questions.filter(({ id }) => answers[id]?.length > 0);
    const said = given.map((one) => {
      const [of, tries, now] = [numberOf(one), answers[one.id], new Date().toISOString()];
      const before = kept[one.id]?.of === of ? kept[one.id].at ?? [] : [];
      const right = tries.map((answer) => (answer === null ? null : isRight(one, answer)));
      return [one.id, { of, tries, right, at: tries.map((_, n) => before[n] ?? now) }];
    });
    storage.set(key, { ...kept, ...Object.fromEntries(said) });
  }

  function mountOne(place) {
    const [script, still] = place.children;
    const { lab, state, constants } = JSON.parse(script.textContent);
    const { mount, isRight } = globalThis.policyGradientLabs?.[lab] ?? {};
    const el = document.createElement("div");
    still.before(el);
    const questions = Object.values(constants.library ?? {})[0]?.questions;
    const key = `answers/${lab}/${state.quiz}`;
    const told = Object.assign(document.createElement("p"), { className: "pgc-page-note" });
    const tell = () => {
      told.textContent = storage.note;
    };
    let unmount = null;
    try {
      unmount = !mount ? null : questions === undefined
        ? mount(el, state, { constants })
        : mount(el, { ...state, recorded: -1 }, {
          constants: { ...constants, answers: answersTo(questions, key) },
          save({ answers }) {
            keep(isRight, questions, key, answers);
            tell();
          },
        });
    } catch (error) {
      console.error(error);
    }
    if (unmount === null) return el.remove(); // what stood there stays
    still.hidden = true;
    place.classList.add("pgc-mounted");
    if (questions === undefined) return;
    tell();
    el.append(told);
  }

  const mount = (root) => root.querySelectorAll(".pgc-live:not(.pgc-mounted)").forEach(mountOne);
  const start = () => mount(document);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  return { mount, storage };
})();

// A lab without Python: in JupyterLab where no kernel has its model, on static pages, in slides.
// build/labextension.py joins the shared files, one lab's own (which defines `render`) and this one into one ES module,
// and calls the function below with OFFLINE: the lab's style, the rules of its state, the values that only the
// package sets, and the sentence that stands under it (offline.py).
//
//     import { mount, note } from "./advantage_lab.<hash>.js";
//     const unmount = mount(element, state); // null where the state breaks a rule
//
// A page of the course itself (live_page.js) may give, as a third argument, more constants, and save(values), called
// with all of them whenever the lab would send them to Python.
//
// The state may come from a stranger's notebook. It holds data only, and nothing of it is used before all of it
// is known to keep the rules.

export const { mount, note } = (function (OFFLINE) {
  const LONGEST_TEXT = 160; // a reply of the RLHF lab: 16 words
  const LONGEST_LIST = 100;

  const isNumber = (value, { low, high }) => Number.isFinite(value) && value >= low && value <= high;
  const isList = (value, isEntry) =>
    Array.isArray(value) && value.length <= LONGEST_LIST && Array.from(value).every(isEntry);

  const KINDS = {
    flag: (value) => typeof value === "boolean",
    number: (value, rule) => isNumber(value, rule) && (!rule.whole || Number.isInteger(value)),
    numbers: (value, rule) =>
      isList(value, (entry) => isNumber(entry, rule)) &&
      (rule.lengths.length === 0 || rule.lengths.includes(value.length)),
    choice: (value, rule) => rule.values.includes(value),
    text: (value, { longest = LONGEST_TEXT }) => typeof value === "string" && value.length <= longest,
    list: (value, rule) => isList(value, (entry) => keeps(entry, rule.of)),
    record: (value, rule) => hasAll(value, rule.fields),
    initial: (value) => hasSome(value, OFFLINE.rules) && !Object.hasOwn(value, "initial"),
  };
  const keeps = (value, rule) => KINDS[rule.kind](value, rule);

  // Whether it is an object with these fields alone, each of which keeps its rule; with some of them, or with all.
  const hasSome = (value, fields) =>
    typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.entries(value).every(([name, entry]) => Object.hasOwn(fields, name) && keeps(entry, fields[name]));
  const hasAll = (value, fields) =>
    hasSome(value, fields) && Object.keys(value).length === Object.keys(fields).length;

  function keepsTheRules(state) {
    if (!hasAll(state, OFFLINE.rules)) return false;
    const lengths = [state, state.initial ?? {}].flatMap((values) =>
      OFFLINE.sameLength.filter((name) => Object.hasOwn(values, name)).map((name) => values[name].length));
    return new Set(lengths).size <= 1;
  }

  // What a lab asks of a widget's model, kept in the page. Like the real one it tells of a change only when the
  // value is another one.
  function makeModel(values, save) {
    const handlers = new Map(); // event -> functions
    const fire = (event, ...details) => [...(handlers.get(event) ?? [])].forEach((handler) => handler(...details));
    const model = {
      get: (name) => values[name],
      set(name, value) {
        if (JSON.stringify(values[name]) === JSON.stringify(value)) return;
        values[name] = value;
        fire(`change:${name}`, model, value);
        fire("change", model);
      },
      save_changes: () => save?.(values),
      on(event, handler) {
        if (!handlers.has(event)) handlers.set(event, new Set());
        handlers.get(event).add(handler);
      },
      off: (event, handler) => void handlers.get(event)?.delete(handler),
    };
    return model;
  }

  function mountLab(el, state, { constants = {}, save } = {}) {
    if (!keepsTheRules(state)) return null;
    const model = makeModel(structuredClone({ ...OFFLINE.constants, ...constants, ...state }), save);
    htmlNode(el, "style", {}, OFFLINE.style);
    const stop = render({ model, el });
    return () => {
      stop?.();
      el.replaceChildren();
    };
  }

  return { mount: mountLab, note: OFFLINE.note };
})

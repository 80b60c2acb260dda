// A prediction: the quiz's questions (quiz.js), one at a time, asked before the lesson answers. It is no test: after the
// reader has committed, or asked to be shown, the card tells what came, what was said, and why.

const PREDICTED = "pgc-predicted"; // told to the page, with the question's id: what answers it may unfold

const isAsSaid = (question, given) => given !== null && isRight(question, given);

// What was said, in words; nothing where it was just shown, and of an order, which stands above.
function saidText({ kind, options }, given) {
  if (given === null || kind === "order") return "";
  return kind === "numeric" ? draftOf({ kind }, given) : [given].flat().map((n) => options[n].text).join(" · ");
}

// The reasons of what was said, of what came beside it, and the others; of an order each is what came.
function sorted(question, given) {
  const all = reasonsFor(question, given ?? NaN).filter(({ isChosen }) => given !== null || !isChosen);
  const came = all.filter(({ isRight: isGood, isChosen }) => isGood !== false && !isChosen);
  return {
    chosen: all.filter(({ isChosen }) => isChosen),
    came,
    others: all.filter(({ isChosen, isRight: isGood }) => !isChosen && isGood === false),
  };
}

function drawOutcome(question, given, words) {
  const { chosen, came, others } = sorted(question, given);
  const said = saidText(question, given);
  const paragraph = (lead, ...texts) => h("p", {}, h("b", {}, lead), " ", ...texts);
  const believed = ({ misconception: id }) => {
    const { title: named, sentence: told } = words.misconceptions[id] ?? {};
    return told && h("p", { class: "pgc-believed", "data-role": "misconception" }, `Often met (${id}, ${named}): ${told}`);
  };
  const cameSo = isAsSaid(question, given);
  return h("div", { class: `pgc-result ${cameSo ? "pgc-is-right" : ""}`, "data-role": "result" },
    cameSo && h("p", {}, mark(true, "✓ It came as you said.", { "data-role": "verdict" })),
    paragraph("What came:", words.shown(question.came)),
    said !== "" && paragraph("You said:", words.shown(said)),
    chosen.map((one) => [h("p", {}, words.shown(one.reason)), believed(one)]),
    came.length === 1 && paragraph("Why:", words.shown(came[0].reason)),
    came.length > 1 && listReasons(question.kind === "order" ? "ol" : "ul", came, words, () => "came"),
    others.length > 0 && h("details", { "data-role": "others" },
      h("summary", {}, OTHERS[question.kind]), listReasons("ul", others, words, () => "not what came")));
}

function sayOutcome(question, given, words) {
  const said = isAsSaid(question, given) ? "It came as you said. " : "";
  const why = sorted(question, given).chosen.map(({ reason }) => ` ${words.spoken(reason)}`).join("");
  return `${said}What came: ${words.spoken(question.came)}${why}`;
}

// Once for each commitment: what the reader folds again stays folded.
function tellThePage(root, { id }, card) {
  if (card.told === card.tries) return;
  card.told = card.tries;
  root.dispatchEvent(new CustomEvent(PREDICTED, { bubbles: true, detail: id }));
}

const PREDICTION = {
  wishes: ["Commit", "Predict again"],
  show: "Just show me",
  judges: false,
  unrecorded: "Not recorded: to keep your predictions on your map of the course, run the cell first.",
  marked: (isGood, isChosen) => (isGood ? `✓ ${isChosen ? "as you said" : "what came"}` : "you said"),
  result: drawOutcome,
  said: sayOutcome,
  beside: () => "",
  count: () => "Predict: ",
  named: (question) => question.title,
  head: () => null,
  foot: () => null,
  answered: tellThePage,
};

render = asker(PREDICTION, "prediction", "pgc-prediction");

// The final test: asked as a quiz asks, with a result by topic and the ways back to the lessons.

const wayBack = ({ lesson, section, notebook }) => {
  const words = `${lesson} · ${section}`;
  return notebook === "" ? words : linkToSection(notebook, section, words);
};

function drawTopic(topic, questions, triesOf) {
  const answered = questions.filter((asked) => triesOf(asked).length > 0);
  const missed = answered.filter((asked) => !isRight(asked, triesOf(asked)[0]));
  const open = questions.length - answered.length;
  return h("li", { "data-role": "topic" },
    h("span", { class: "pgc-quote" }, topic),
    `: ${answered.length - missed.length} of ${questions.length} at the first try`, open > 0 && `, ${open} open`,
    missed.length > 0 && h("ul", { "data-role": "missed" }, missed.map((asked) =>
      h("li", {}, asked.title, isRight(asked, triesOf(asked).at(-1)) && " (right by now)", ": ", wayBack(asked)))));
}

function drawTopics(questions, triesOf) {
  const topics = [...new Set(questions.map(({ topic }) => topic))];
  const of = (topic) => questions.filter((asked) => asked.topic === topic);
  return questions.some((asked) => triesOf(asked).length > 0) && div("pgc-missed",
    "By topic, and what to read again:",
    h("ul", { "data-role": "topics" }, topics.map((topic) => drawTopic(topic, of(topic), triesOf))));
}

const FINAL_TEST = {
  ...QUIZ,
  head: (of) => title(`Final test: ${of}`),
  foot: (questions, triesOf) => [
    h("p", { class: "pgc-overall", "data-role": "overall" }, overallText(questions, triesOf, [])),
    drawTopics(questions, triesOf),
  ],
};

render = asker(FINAL_TEST, "final test");

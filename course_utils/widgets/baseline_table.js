// The baseline table: may a baseline depend on this? Answered line by line, then proved by numbers.

const [UNBIASED, BIASED, SHOWN] = [1, 2, 3]; // what `answers` holds of a line; 0 where it is not answered
const VERDICTS = ["not biased", "biased"];
const LIMITS = [0.5, 1, 2, 3, 5];
const FRAME = { height: 240, left: 30, right: 6, top: 34, low: 190 };

// --- what the lab says in words ----------------------------------------------------------------------

const truth = ({ biased }) => (biased ? BIASED : UNBIASED);

function howMany(answers, lines) {
  const right = lines.filter((line, k) => answers[k] === truth(line)).length;
  const done = answers.filter((said) => said !== 0).length;
  if (done === 0) return "Answer a line: its proof by numbers opens.";
  return `${right} of ${done} answered right${done < lines.length ? "" : ": all lines are done"}.`;
}

function verdict(said, line) {
  const lead = said === SHOWN ? "It is" : said === truth(line) ? "Right: it is" : "No: it is";
  return `${lead} ${VERDICTS[Number(line.biased)]}. ${line.why}`;
}

// --- the picture -------------------------------------------------------------------------------------

function drawLine(line, k, said, isOpen, { state, change }) {
  const open = { selected: k };
  const answer = (value) => () =>
    change(said === 0 ? { answers: replaced(state("answers").answers, k, value), ...open } : open);
  const choose = (value) => {
    const [isRight, isMine] = [said !== 0 && truth(line) === value, said === value];
    const mark = isRight ? "✓ " : isMine ? "✗ " : "";
    return button(VERDICTS[value - 1].replace(" ", "-"), mark + VERDICTS[value - 1], answer(value), {
      "data-index": k, class: isRight ? "pgc-right" : isMine ? "pgc-wrong" : "", "aria-pressed": String(isMine),
      "aria-label": `${line.words} ${mark}${VERDICTS[value - 1]}`,
    });
  };
  return h("li", { class: isOpen ? "pgc-open" : "" },
    h("span", {}, line.words),
    div("pgc-choices",
      choose(UNBIASED), choose(BIASED),
      button("show", said === 0 ? "show" : "proof", answer(SHOWN),
        { "data-index": k, "aria-label": `${line.words} ${said === 0 ? "just show me" : "the proof"}` })));
}

// The mean of b after each reply, in each state: equal bars take nothing away.
function drawMeans({ means }, { states, replies }, half) {
  const x = columnsIn(half, FRAME, states.length);
  const limit = niceLimit(Math.max(...means.flat().map(Math.abs)), LIMITS);
  const y = scale([-limit, limit], [FRAME.low, FRAME.top]);
  const width = Math.min(40, x.band * 0.3);
  const [isTight, lower] = [x.band < 110, x.band < 90 ? 13 : 0]; // then names stand on two lines
  const value = { stroke: colour("value"), "stroke-width": 2 };
  return image("the mean of b after each reply, in each state", [half, FRAME.height + lower],
    rules([limit, 0, -limit], y, x.ends, signed),
    states.map((name, s) => {
      const isEqual = Math.abs(means[s][0] - means[s][1]) < 1e-12;
      const at = [x(s) - x.band / 4, x(s) + x.band / 4];
      const tint = colour(isEqual ? "good" : "bad");
      return [
        means[s].map((v, a) => [
          bar(at[a], width, y(v), y(0), a === 0 ? colour("value") : PAPER,
            { ...value, ...about("mean", 2 * s + a, v) }),
          (a === 0 || !isEqual || !isTight) && label(isEqual && isTight ? x(s) : at[a], v < 0 ? y(v) + 14 : y(v) - 5,
            signed(v), "middle", { class: isTight ? "pgc-small" : "" }),
          nameAt(lower ? (x(s) + at[a]) / 2 : at[a], FRAME.low + 32 + a * lower, replies[a], x.band / (lower ? 1 : 2),
            "middle", { class: "pgc-small" }),
        ]),
        line(at[0], y(means[s][0]), at[1], y(means[s][1]), tint, { "stroke-width": 2, "stroke-dasharray": "4 3" }),
        label(x(s), 15, isEqual ? "=" : "≠", "middle", { class: "pgc-sign", style: `fill: ${tint}` }),
        label(x(s), FRAME.height + lower - 4, name, "middle", { "font-weight": 600 }),
      ];
    }));
}

function drawProof(line, said, world, half, { lemma }) {
  const { states, pi, exact, variance } = world;
  const cells = (values, text = signed) => values.map((v) => [v, text(v)]);
  return panel(
    title(line.tried),
    sentence(verdict(said, line)),
    h("p", { class: "pgc-key" }, "Bars: the mean of b, given the state and the reply."),
    drawMeans(line, world, half),
    h("p", {}, typeset(lemma)),
    table("the proof by numbers", states, [
      ["pi", "π(refund)", cells(pi, probabilityText)],
      ["exact", "exact gradient", cells(exact)],
      ["taken", "taken away by b", cells(line.taken), { class: "pgc-taken" }],
      ["gradient", "mean with b", cells(line.gradient)],
    ], "logit of refund", [], "pgc-whole"),
    div("pgc-totals",
      h("span", {}, "variance of the estimate: without b ", h("strong", {}, short(variance))),
      h("span", {}, "with b ", h("strong", about("variance", null, line.variance), short(line.variance)))));
}

// What the table speaks of, until a line is answered.
const drawOpening = ({ lemma }) =>
  panel(
    title("The estimate, and what b takes away"),
    h("p", {}, "The support assistant replies twice: to the first message, then to a calm or an angry customer. An ",
      "estimate comes from two conversations. Each score has the weight Gₜ − bₜ."),
    h("p", {}, "It is biased if its mean is not the exact gradient, so if this is not 0:"),
    h("p", {}, typeset(lemma)),
    h("p", {}, "Could b come out differently because of the reply aₜ?"));

const render = makeLab({ name: "baseline-table", label: "Baseline table", most: 1080 }, (lab) => {
  const { get, state, change } = lab;
  return ({ half }) => {
    const { answers, selected } = state("answers", "selected");
    const world = get("world");
    const [line, said] = [world.lines[selected], answers[selected]];
    const count = howMany(answers, world.lines);
    return {
      seen: [
        div("pgc-panels",
          panel(
            title("May the baseline of step t depend on …"),
            h("ul", { class: "pgc-lines" }, world.lines.map((one, k) =>
              drawLine(one, k, answers[k], k === selected && said !== 0, lab))),
            row("",
              h("span", { "data-role": "count" }, count),
              button("reset", "reset", () => change(get("initial"))))),
          said === 0 ? drawOpening(get("formulas")) : drawProof(line, said, world, half, get("formulas"))),
      ],
      said: said === 0 ? count : `${line.words} ${verdict(said, line)}`,
    };
  };
});

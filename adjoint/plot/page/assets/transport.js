// The controls of the play: strategy, buttons, slider, speed, counts and the equation.

const PLAY = "M4 2.5v11l9-5.5z";
const PAUSE = "M3.5 3h3.2v10H3.5zM9.3 3h3.2v10H9.3z";

const LEAST = 90; // milliseconds between two changes of the words while playing

function makeTransport(model, play, announce) {
  const get = (id) => document.getElementById(id);
  const strategy = get("strategy"), step = get("step"), speed = get("speed"), button = get("play");
  for (const { id, title: name } of play.strategies) strategy.append(new Option(name, id));
  let drawnFor = "", drawnAt = 0;

  strategy.addEventListener("change", () => {
    play.isStepped = false;
    play.choose(play.strategies.find(({ id }) => id === strategy.value));
  });
  const stepBy = (difference) => {
    play.pause();
    play.isStepped = true;
    play.go(play.step + difference);
    announce(get("equation").textContent);
  };
  const jump = (to) => () => { play.pause(); play.isStepped = false; play.go(to()); };
  get("back").addEventListener("click", () => stepBy(-1));
  get("forward").addEventListener("click", () => stepBy(1));
  get("rewind").addEventListener("click", jump(() => 0));
  get("end").addEventListener("click", jump(() => play.strategy.steps));
  const toggle = () => {
    play.isStepped = false;
    if (play.isPlaying) play.pause(); else play.start();
  };
  button.addEventListener("click", toggle);
  step.addEventListener("input", () => { play.pause(); play.isStepped = true; play.go(Number(step.value)); });
  // from one step in two seconds to the whole in two seconds
  const slowest = 0.5;
  speed.addEventListener("input", () => { play.rate = slowest * (play.fastest() / slowest) ** (speed.value / 100); });

  function draw() {
    if (strategy.value !== play.strategy.id) strategy.value = play.strategy.id;
    speed.value = (100 * Math.log(play.rate / slowest)) / Math.log(play.fastest() / slowest);
    const key = [play.strategy.id, play.step, play.isPlaying, play.isStepped].join();
    if (key === drawnFor) return;
    const now = performance.now();
    if (play.isPlaying && now - drawnAt < LEAST) return; // words that change faster are not read
    drawnFor = key;
    drawnAt = now;
    step.max = play.strategy.steps;
    step.value = play.step;
    step.setAttribute("aria-valuetext", `${play.step} of ${play.strategy.steps}`);
    button.firstElementChild.firstElementChild.setAttribute("d", play.isPlaying ? PAUSE : PLAY);
    button.setAttribute("aria-label", play.isPlaying ? "Pause" : "Play");
    get("equation").innerHTML = equationOf(model, play);
    get("counts").innerHTML = counts();
  }

  function counts() {
    const { steps, work, multiplications, at, sequence, begin } = play.strategy;
    const of = (done, all) => `${count(done)}${done === all ? "" : ` / ${count(all)}`}`;
    const parts = play.isElimination()
      ? [["eliminated", of(play.step, steps)], ["blocks created", of(play.fillCount(), at.length)]]
      : [[play.symbolName() === "tangent" ? "tangents known" : "multipliers known", of(begin[play.step], sequence.length)]];
    parts.push(["multiplications", of(work[play.step], multiplications)]);
    return parts.map(([name, text]) => `<div><dt>${name}</dt><dd>${text}</dd></div>`).join("");
  }

  return { draw, toggle, stepBy };
}

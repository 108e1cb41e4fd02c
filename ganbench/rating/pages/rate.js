// The page asks for a question, shows it, sends the answer, and asks for the next. What it knows of the rater is one
// random identifier, kept in this browser so that a closed page can be opened again.
"use strict";

const at = id => document.getElementById(id);
const token = decodeURIComponent(location.hash.slice(1));
const WORDS = { fake: "Fake", real: "Real", first: "Left", second: "Right" };
const QUESTIONS = {
  "real-or-fake": "Is this picture real or fake?",
  "which-is-better": "Which of the two looks more like the real ones?",
};
let shown = null; // the question that waits for an answer

async function call(path, body) {
  const headers = { "X-Study": token, "X-Rater": localStorage.getItem("rater") || "" };
  const options = { headers, cache: "no-store" };
  if (body !== undefined) Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  for (let wait = 500; ; wait = Math.min(2 * wait, 8000)) {
    try {
      const response = await fetch(path, options);
      return { status: response.status, ...await response.json() };
    } catch { // the server is away: it will come back, and has lost nothing
      at("status").textContent = "No connection. Trying again …";
      await new Promise(after => setTimeout(after, wait));
    }
  }
}

function show(section) {
  for (const name of ["welcome", "trial", "done"]) at(name).hidden = name !== section;
}

function picture(source, name) {
  const image = new Image();
  image.src = source;
  image.alt = name;
  return image;
}

async function next() {
  const question = await call("api/question");
  if (question.status === 409) { // this browser's rater belongs to another study
    localStorage.removeItem("rater");
    return show("welcome");
  }
  if (question.error) return void (at("status").textContent = question.error);
  if (question.done) {
    show("done");
    return at("done-title").focus();
  }
  draw(question);
}

function draw(question) {
  show("trial");
  at("progress").textContent = `${question.practice ? "Practice, " : ""}${question.number} of ${question.of}`;
  at("bar").value = (question.number - 1) / question.of;
  at("question").textContent = QUESTIONS[question.kind];
  at("strip").hidden = !question.strip.length;
  at("strip").className = question.points ? "points" : "";
  at("strip").querySelector("div").replaceChildren(...question.strip.map((source, i) => picture(source, `Real ${i + 1}`)));
  const names = question.pictures.length > 1 ? ["Left picture", "Right picture"] : ["Picture"];
  const pictures = question.pictures.map((source, i) => picture(source, names[i]));
  at("pictures").className = pictures.length > 1 ? "two" : "one";
  at("pictures").replaceChildren(...pictures);
  at("choices").replaceChildren(...question.answers.map(answer => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = WORDS[answer];
    button.addEventListener("click", () => send(answer));
    return button;
  }));
  shown = question;
  at("question").focus({ preventScroll: true });
  if (question.limit) {
    setTimeout(() => { if (shown === question) pictures.forEach(image => image.classList.add("gone")); }, 1000 * question.limit);
  }
}

async function send(answer) {
  if (!shown) return;
  const question = shown;
  shown = null; // one answer to each question
  for (const button of at("choices").children) button.disabled = true;
  const told = await call("api/answers", { trial: question.trial, answer });
  at("status").textContent = told.status === 429 ? told.error : "";
  if (told.status === 429) await new Promise(after => setTimeout(after, 5000));
  if (question.practice && "right" in told) at("status").textContent = told.right ? "Right." : "No, it was the other one.";
  await next(); // an answer that was kept already, or refused, changes nothing: the server knows which is next
}

document.addEventListener("keydown", event => {
  if (!shown || event.repeat || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowLeft") send(shown.answers[0]);
  if (event.key === "ArrowRight") send(shown.answers[1]);
});

at("begin").addEventListener("submit", async event => {
  event.preventDefault();
  const begun = await call("api/raters", { nickname: at("nickname").value });
  if (begun.error) return void (at("status").textContent = begun.error);
  localStorage.setItem("rater", begun.rater);
  at("status").textContent = "";
  await next();
});

at("again").addEventListener("click", () => {
  localStorage.removeItem("rater");
  at("nickname").value = "";
  show("welcome");
});

async function open() {
  const study = await call("api/study");
  if (study.error) return void (at("status").textContent = study.error);
  for (const kind of Object.keys(QUESTIONS)) document.querySelector(`.for-${kind}`).hidden = !study.kinds.includes(kind);
  at("how-many").textContent = `${study.trials} questions that count, about ${study.trials > 15 ? `${Math.ceil(study.trials / 15)} minutes` : "a minute"}.`
    + (study.limit ? ` Each picture is seen for ${study.limit} s.` : " Take your time.");
  at("status").textContent = "";
  if (localStorage.getItem("rater")) await next();
}

open();

// Draws the next code before the one on the page expires, when the device wakes up, and when it is online again.
// Without a connection the code is greyed out once its time is over: nobody holds up one that no longer works.
const RENEW_AFTER = 0.8; // of a code's life
const STALE_MS = 60_000; // a device that was put away shows a fresh one at once
const over = document.querySelector("[data-over]");
let card = document.querySelector("[data-card]");
let shownAt = Date.now();
let timer = 0;

const age = () => Date.now() - shownAt;
const life = () => Number(card.dataset.seconds) * 1000;

const tell = () => {
  const isOver = age() >= life();
  card.classList.toggle("over", isOver);
  over.hidden = !isOver;
};

const plan = (wait) => {
  window.clearTimeout(timer);
  timer = window.setTimeout(renew, wait);
};

async function renew() {
  try {
    const asked = Date.now();
    const answer = await fetch(window.location.href, { redirect: "error", cache: "no-store" });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("[data-card]");
    card.replaceWith(next);
    card = next;
    shownAt = asked;
    plan(life() * RENEW_AFTER);
  } catch {
    plan(5_000);
  }
  tell();
}

const wake = () => {
  if (document.visibilityState === "visible" && age() > STALE_MS) renew();
};

document.addEventListener("visibilitychange", wake);
window.addEventListener("pageshow", wake);
window.addEventListener("online", renew);
plan(life() * RENEW_AFTER);

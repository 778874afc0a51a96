// Forms that record are sent from here, so that one that gets no answer is not lost: the page stays, says so, and the very same
// form (with the same reference, so recorded once) can be sent again. Without this file the browser sends them, as safely.
const WAIT_MS = 15_000;

const show = (form, what) => {
  for (const name of ["unsent", "busy", "signed-out"]) {
    const note = form.parentElement.querySelector(`[data-${name}]`);
    if (note) note.hidden = name !== what;
  }
};

async function send(form) {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    signal: AbortSignal.timeout(WAIT_MS),
  });
  if (answer.redirected && new URL(answer.url).pathname.startsWith("/staff/")) return "signed-out";
  if (answer.redirected && answer.ok) {
    window.location.assign(answer.url);
    return "done";
  }
  if (answer.status >= 500) return "busy";
  form.submit(); // refused: the browser shows the page that says why; sent twice, it is the same
  return "done";
}

for (const form of document.querySelectorAll("form[data-once]")) {
  const button = form.querySelector("button:not([type=button])");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    show(form, "");
    const outcome = await send(form).catch(() => "unsent");
    if (outcome === "done") return;
    button.removeAttribute("aria-busy");
    show(form, outcome);
    button.focus();
  });
}

// A page that the browser kept (Back) is ready to send again.
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-once] button").forEach((one) => one.removeAttribute("aria-busy"));
});

// What waits for the customer or for the register is looked at again every two seconds; when it has changed, so does the page.
const LOOK_MS = 2_000;

async function look() {
  const waiting = document.querySelector("[data-waiting]");
  if (!waiting?.dataset.waiting) return;
  try {
    const answer = await fetch(window.location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("[data-waiting]");
    if (answer.redirected) window.location.assign(answer.url);
    else if (answer.ok && next && next.dataset.waiting !== waiting.dataset.waiting) waiting.replaceChildren(...next.childNodes);
    if (answer.ok && next) waiting.dataset.waiting = next.dataset.waiting;
  } catch {
    // no network now: the next look tells
  }
  window.setTimeout(look, LOOK_MS);
}

window.setTimeout(look, LOOK_MS);

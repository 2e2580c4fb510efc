// Tells how good a new password is while it is typed. The server says it; it is asked when one pauses. Without
// this script, or when the server is busy, the password is judged when the form is sent, as it is in any case.
"use strict";
(() => {
  const PAUSE_MS = 400;
  const box = document.querySelector("[data-strength]");
  const field = document.getElementById("password");
  if (!box || !field) return;
  const meter = box.querySelector("meter");
  const words = box.querySelector("p");
  const form = field.form;
  let timer = 0;
  let asked = null;

  const value = (name) => (form.elements.namedItem(name) ? form.elements.namedItem(name).value : "");

  function show(score, text) {
    box.hidden = false;
    meter.value = score;
    if (words.textContent !== text) words.textContent = text;
  }

  async function ask() {
    asked = new AbortController();
    const { signal } = asked;
    try {
      const answer = await fetch("/door/strength", {
        method: "POST",
        body: new URLSearchParams({
          purpose: box.dataset.strength,
          token: value("token"),
          name: value("name"),
          password: field.value,
        }),
        redirect: "error",
        cache: "no-store",
        signal,
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const told = await answer.json();
      if (!signal.aborted) show(told.score, told.text);
    } catch {
      if (!signal.aborted) show(0, "How good it is can't be told just now. It is judged when you go on.");
    }
  }

  function typed() {
    clearTimeout(timer);
    if (asked) asked.abort();
    if (field.value === "") {
      meter.value = 0;
      words.textContent = "";
      box.hidden = true;
      return;
    }
    timer = setTimeout(ask, PAUSE_MS);
  }

  field.addEventListener("input", typed);
  const name = form.elements.namedItem("name");
  if (name) name.addEventListener("input", typed);
})();

// The lab: copy a link or a program, and the projector (one step at a time, by arrow keys).
(() => {
  let now = 0;
  const steps = () => [...document.querySelectorAll("#lab-out .lab-step, #lab-out .outcome")];
  const show = (to) => {
    const every = steps();
    if (!every.length) return;
    now = Math.max(0, Math.min(every.length - 1, to));
    every.forEach((step, at) => step.classList.toggle("now", at === now));
    const out = document.getElementById("lab-out");
    out.dataset.at = `${now + 1} of ${every.length}`;
    out.scrollTop = 0;
    every[now].setAttribute("tabindex", "-1");
    every[now].focus({ preventScroll: true });
  };
  const name = (text) => document.querySelectorAll(".lab-project").forEach((one) => { one.textContent = text; });
  const leave = () => {
    document.body.classList.remove("projecting");
    name("Projector: one step at a time");
    steps().forEach((step) => step.classList.remove("now"));
    document.querySelector(".lab-project")?.focus();
  };
  const copy = (button) => {
    const text =
      button.dataset.copy === "code"
        ? button.closest("#lab-code").querySelector("pre").textContent
        : button.parentElement.querySelector(".lab-link").href;
    const before = button.textContent;
    navigator.clipboard.writeText(text).then(
      () => { button.textContent = "Copied"; },
      () => { button.textContent = "Select it and copy by hand"; },
    ).finally(() => setTimeout(() => { button.textContent = before; }, 2000));
  };
  // While the form of another run is on its way, its button waits for it.
  const shown = (place) => document.querySelector(place)?.dataset.run;
  const settle = (tries) => {
    if (shown(".lab-link") === shown(".lab-about")) document.querySelector(".lab-run")?.click();
    else if (tries) setTimeout(settle, 50, tries - 1);
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.(".lab-run") || shown(".lab-link") === shown(".lab-about")) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    setTimeout(settle, 50, 200);
  }, true);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".lab-copy, .lab-project");
    if (!button) return;
    if (button.classList.contains("lab-copy")) copy(button);
    else if (document.body.classList.contains("projecting")) leave();
    else {
      document.body.classList.add("projecting");
      name("Leave the projector");
      show(0);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (!document.body.classList.contains("projecting")) return;
    const move = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1 }[event.key];
    if (move) { event.preventDefault(); show(now + move); }
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(steps().length - 1);
    else if (event.key === "Escape") leave();
  });
})();

// The thread of turns. The server sends {turns: [{id, html}], empty, note}; only what changed is drawn,
// so that a long conversation streams smoothly, an opened source stays open, and a reader keeps the place.
const thread = element.querySelector(".thread");
const dialog = element.querySelector("dialog");
const live = element.querySelector(".live");
const drawn = new Map();
let announced = "";

const nearBottom = () => {
  const page = document.scrollingElement;
  return page.scrollHeight - page.scrollTop - window.innerHeight < 180;
};

const openStates = (node) => [...node.querySelectorAll("details")].map((item) => item.open);

const draw = () => {
  const value = props.value || { turns: [], empty: "" };
  const stick = nearBottom();
  const ids = new Set(value.turns.map((turn) => turn.id));
  for (const [id, entry] of drawn) {
    if (!ids.has(id)) {
      entry.node.remove();
      drawn.delete(id);
    }
  }
  let added = false;
  for (const turn of value.turns) {
    const entry = drawn.get(turn.id);
    if (!entry) {
      const node = document.createElement("div");
      node.innerHTML = turn.html;
      thread.append(node);
      drawn.set(turn.id, { node, html: turn.html });
      added = true;
    } else if (entry.html !== turn.html) {
      const open = openStates(entry.node);
      entry.node.innerHTML = turn.html;
      [...entry.node.querySelectorAll("details")].forEach((item, index) => {
        if (index < open.length) item.open = open[index];
      });
      entry.html = turn.html;
    }
  }
  const notice = element.querySelector(".notice");
  notice.textContent = value.notice || "";
  notice.hidden = !value.notice;
  const empty = element.querySelector(".empty");
  if (empty.dataset.html !== value.empty) {
    empty.innerHTML = value.empty || "";
    empty.dataset.html = value.empty || "";
  }
  empty.hidden = value.turns.length > 0;
  // One polite announcement at the end of an answer, instead of one for each word of it.
  const last = value.turns[value.turns.length - 1];
  if (last && last.finished && announced !== last.id + last.finished) {
    announced = last.id + last.finished;
    live.textContent = drawn.get(last.id).node.querySelector(".said, .error")?.textContent || "";
  }
  if (added || (stick && last && !last.finished)) {
    document.scrollingElement.scrollTo({ top: document.scrollingElement.scrollHeight });
  }
};

const showSource = (turn, number) => {
  const source = turn.querySelector(`[data-source="${number}"]`);
  if (!source) return;
  dialog.querySelector(".dialog-body").innerHTML = source.innerHTML;
  dialog.showModal();
};

const plain = (turn) => {
  const said = turn.querySelector(".said")?.cloneNode(true);
  if (!said) return "";
  said.querySelectorAll(".chip").forEach((chip) => (chip.textContent = ` [${chip.dataset.passage}]`));
  said.querySelectorAll(".from-text").forEach((tag) => tag.remove());
  said.querySelectorAll(".unsupported-tag").forEach((tag) => (tag.textContent = " [unsupported]"));
  const sources = [...turn.querySelectorAll(".sources li")].map(
    (item) => `[${item.dataset.source}] ${item.querySelector("h4").firstChild.textContent.trim()} (${item.querySelector(".origin").textContent})`,
  );
  return [said.textContent.trim(), ...sources].join("\n");
};

const copy = async (button, text) => {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copying was refused";
  }
  setTimeout(() => (button.textContent = "Copy"), 1600);
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const turn = button.closest(".turn");
  if (button.dataset.passage) showSource(turn, button.dataset.passage);
  else if (button.dataset.example) trigger("example", { index: Number(button.dataset.example) });
  else if (button.dataset.act === "copy") copy(button, plain(turn));
  else if (button.dataset.act === "retry") trigger("retry", { turn: turn.dataset.turn });
  else if (button.dataset.act === "edit") trigger("edit", { turn: turn.dataset.turn });
  else if (button.dataset.act === "close") dialog.close();
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

watch("value", draw);
draw();

"use strict";
// Every address is relative, so that a token in the page's own is a part of them all.

const STATE_MS = 1000; // between two looks at the figures
const RETRY_MS = 1000; // between two tries where nobody answers, at first
const MOST_RETRY_MS = 10000; // and after a while

const WORDS = {
  blurred: "Blurred: a face is not found for sure, so that none may show. Face the camera, in good light.",
  held: "A face was lost: the last picture stands for a moment.",
  still: "Nobody is found: a still stands in until a face is found again.",
  paused: "Paused: everybody sees this picture until you go on.",
  waiting: "No picture comes from the camera; everybody sees the last one.",
  changing: "Another source is being opened; everybody sees the last picture.",
  idle: "Nobody watches, so the engine rests.",
};
const BARE_WORDS = "The effect is off: everybody sees your real face. Who is not found for sure is still blurred.";
const SPLIT_WORDS = "Before and after: only you see this. All others see the right half's picture alone.";
const GONE_WORDS = "toonstream live does not answer. Where it has ended, start it again; this page goes on by itself.";

const byId = (id) => document.getElementById(id);
const canvas = byId("picture");
const context = canvas.getContext("2d", { alpha: false });
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

let state = null;
let styles = [];
let retry = () => {};

// The picture: each is asked for once the one before is shown, so none queues up, however slow this browser is. In a
// tab that nobody sees none is asked for, so that the engine can rest.

async function watch() {
  let after = "";
  for (;;) {
    if (document.hidden) await shown();
    if (!state) {
      await sleep(RETRY_MS / 4);
      continue;
    }
    const leave = new AbortController();
    const hide = () => document.hidden && leave.abort();
    document.addEventListener("visibilitychange", hide);
    try {
      const answer = await fetch(`preview.jpg?after=${after}`, { signal: leave.signal });
      if (answer.status === 200) {
        const bitmap = await createImageBitmap(await answer.blob());
        after = answer.headers.get("X-Number");
        draw(bitmap);
      } else if (answer.status !== 204) {
        await sleep(RETRY_MS);
      }
    } catch {
      if (!document.hidden) await sleep(RETRY_MS);
    } finally {
      document.removeEventListener("visibilitychange", hide);
    }
  }
}

function shown() {
  return new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
}

function draw(bitmap) {
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  byId("veil").hidden = true;
}

// Controls and figures

async function follow() {
  let wait = RETRY_MS;
  for (;;) {
    if (document.hidden) await shown();
    try {
      if (!styles.length) list(await ask("styles"));
      if (!state) await listSources();
      tell(await ask("state"));
      wait = RETRY_MS;
    } catch (error) {
      const words = error instanceof TypeError ? GONE_WORDS : error.message; // where the token is a former one
      state = null;
      status("offline", "not running: start toonstream live again");
      byId("stage").className = "offline";
      byId("controls").disabled = true;
      byId("veil").textContent = words;
      byId("veil").hidden = byId("reconnect").hidden = false;
      explain(words);
      await Promise.race([sleep(wait), new Promise((done) => (retry = done))]);
      wait = Math.min(2 * wait, MOST_RETRY_MS);
      continue;
    }
    await sleep(STATE_MS);
  }
}

byId("reconnect").addEventListener("click", () => {
  status("connecting", "connecting");
  retry();
});

async function ask(path, options = {}) {
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

async function change(changes) {
  if (!state) return;
  const headers = { "Content-Type": "application/json" };
  try {
    tell(await ask("state", { method: "POST", headers, body: JSON.stringify(changes) }));
  } catch (error) {
    show("message", error instanceof TypeError ? "Not done: toonstream live does not answer." : error.message);
  }
}

function list(all) {
  styles = all;
  byId("styles").replaceChildren(
    ...all.map(({ style, name, about }, index) => {
      const button = document.createElement("button");
      const picture = document.createElement("img");
      const words = document.createElement("span");
      const title = document.createElement("b");
      const text = document.createElement("small");
      button.type = "button";
      button.dataset.style = style;
      button.addEventListener("click", () => change({ style }));
      picture.src = `styles/${index}.png`;
      picture.alt = "";
      picture.addEventListener("error", () => picture.remove());
      title.textContent = name;
      text.textContent = about;
      words.append(title, text);
      button.append(picture, words);
      return button;
    }),
  );
}

async function listSources() {
  const all = await ask("sources");
  const select = byId("source");
  select.parentElement.hidden = !all.length;
  if (select.dataset.all === JSON.stringify(all)) return; // it may be open
  select.dataset.all = JSON.stringify(all);
  select.replaceChildren(...all.map(({ source, name }) => new Option(name, source)));
  if (state?.source) choose(select, state.source.wanted ?? state.source.name);
}

function choose(select, value) {
  if (select.value === value) return;
  if (![...select.options].some((option) => option.value === value)) select.add(new Option(value.replace(/^(\/|[A-Z]:).*[\\/]/, ""), value));
  select.value = value;
}

function tell(now) {
  state = now;
  const { figures, source } = now;
  const ms = (value) => (value == null ? "–" : `${Math.round(value)} ms`);
  const seen = figures.state === "running" && figures.picture !== "live" ? figures.picture : figures.state;
  status(seen, seen === "bare" ? "real face" : seen);
  byId("stage").className = [!now.effect && "bare", now.split && "split"].filter(Boolean).join(" ");
  byId("controls").disabled = false;
  byId("reconnect").hidden = true;
  explain([!now.effect && BARE_WORDS, WORDS[source?.wanted ? "changing" : seen], now.split && SPLIT_WORDS].filter(Boolean).join(" "));
  document.title = now.effect ? "ToonStream" : "Real face – ToonStream";
  for (const button of document.querySelectorAll("[data-effect]")) {
    button.setAttribute("aria-pressed", button.dataset.effect === String(now.effect));
  }
  for (const button of document.querySelectorAll("[data-switch]")) {
    button.setAttribute("aria-pressed", now[button.dataset.switch]);
  }
  for (const button of document.querySelectorAll("[data-style]")) {
    button.setAttribute("aria-pressed", button.dataset.style === now.style);
    button.setAttribute("aria-busy", button.dataset.style === figures.loading);
  }
  byId("fps").textContent = Number(figures.fps ?? 0).toFixed(1);
  byId("p50").textContent = ms(figures.delay_ms?.p50);
  byId("p95").textContent = ms(figures.delay_ms?.p95);
  byId("dropped").textContent = figures.dropped ?? "–";
  byId("faces").textContent = figures.faces ?? "–";
  byId("size").textContent = figures.size?.join(" x ") ?? "–";
  byId("stages").textContent = Object.entries(figures.stages_ms ?? {})
    .map(([name, value]) => `${name} ${ms(value)}`)
    .join(", ");
  byId("backend").textContent = figures.backend ?? "–";
  byId("record").setAttribute("aria-pressed", now.recording);
  if (source) choose(byId("source"), source.wanted ?? source.name);
  choose(byId("most"), String(now.faces ?? ""));
  show("recorded", now.recorded);
  show("message", figures.message ?? source?.failure);
}

function status(kind, text) {
  byId("state").dataset.state = kind;
  byId("state").textContent = text;
}

function explain(text) {
  if (byId("explained").textContent !== text) byId("explained").textContent = text; // said aloud where it changes
}

function show(id, text) {
  byId(id).hidden = !text;
  if (byId(id).textContent !== (text ?? "")) byId(id).textContent = text ?? "";
}

for (const button of document.querySelectorAll("[data-switch]")) {
  button.addEventListener("click", () => flip(button.dataset.switch));
}

// Two buttons, so that none pressed once too often shows the real face.
for (const button of document.querySelectorAll("[data-effect]")) {
  button.addEventListener("click", () => change({ effect: button.dataset.effect === "true" }));
}

byId("source").addEventListener("focus", () => listSources().catch(() => {}));
byId("source").addEventListener("change", (event) => change({ source: event.target.value }));
byId("most").addEventListener("change", (event) => change({ faces: Number(event.target.value) || null }));
byId("record").addEventListener("click", () => state && change({ recording: !state.recording }));
byId("snapshot").addEventListener("click", () => {
  Object.assign(document.createElement("a"), { href: "snapshot.png", download: "" }).click();
});

function flip(name) {
  if (state) change({ [name]: !state[name] });
}

document.addEventListener("keydown", (event) => {
  if (event.target.closest("select")) return; // it has keys of its own
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase(); // with caps lock, too
  if (key === "c") change({ effect: true });
  else if (key === "s") flip("split");
  else if (key === "m") flip("mirror");
  else if (event.key === " " && !event.target.closest("button")) flip("paused");
  else if (key === "n" && state && styles.length) {
    const index = styles.findIndex(({ style }) => style === (state.figures.loading ?? state.style));
    change({ style: styles[(index + 1) % styles.length].style });
  } else return;
  event.preventDefault();
});

// The default address of the command need not be written.
byId("address").textContent = location.href === "http://127.0.0.1:8080/" ? "" : ` ${location.href}`;
watch();
follow();

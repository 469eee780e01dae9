// The issue's page on the editors' desk: what is done is posted at once, one act after the other, and the answer takes
// the place of what it changed. Without this script the same forms post and come back.
"use strict";

const SECONDS = 40; // for an answer: a paper may be fetched from arXiv first
const desk = () => document.getElementById("desk");
const TYPED = "#desk textarea.desk-input, #desk input.desk-input[id]:not([name=q], [name=place])";
const typedFields = () => document.querySelectorAll(TYPED);
const isTyped = (field) => field.value.trim() !== field.defaultValue.replaceAll("\r\n", "\n").trim();

let line = Promise.resolve(); // the acts, each waiting for the one before
let waiting = 0;
let unsaved = []; // acts that no answer came to
let hand = Promise.resolve(); // done when no button of the mouse is down: what is pressed must not be swapped away
let letGo = () => {};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id === "issue_form" && waiting) return finishFirst(event);
  if (!form.matches("[data-acts]")) return;
  event.preventDefault();
  const pressed = event.submitter;
  if (pressed?.dataset.asks && !confirm(pressed.dataset.asks)) return;
  const url = pressed?.hasAttribute("formaction") ? pressed.formAction : form.action;
  act(url, new FormData(form, pressed), form);
});

// What is typed is saved when it is left.
document.addEventListener("change", (event) => {
  const button = document.getElementById(event.target.dataset?.saves);
  if (button) event.target.form.requestSubmit(button);
});

// The list's cards come to rest where they were dragged.
document.addEventListener("end", (event) => {
  const card = event.item;
  if (!card?.matches(".desk-card")) return;
  const place = [...card.parentElement.children].indexOf(card) + 1;
  if (place === Number(card.dataset.place)) return;
  const form = card.querySelector("form");
  const values = new FormData(form);
  values.set("place", place);
  act(form.action, values, form);
});

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key !== "Enter" || !field.dataset?.saves) return;
  if (field.matches("textarea") && !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  field.form.requestSubmit(document.getElementById(field.dataset.saves));
});

document.addEventListener("click", (event) => {
  const pressed = event.target.closest?.("button");
  if (!pressed) return;
  if (pressed.matches("[data-again]")) again();
  else if (pressed.matches("[data-reload]")) reload();
  else if (pressed.dataset.copies) copy(pressed);
});

document.addEventListener("input", (event) => {
  const field = event.target;
  const count = document.getElementById(field.dataset?.counts);
  if (count) count.textContent = `${field.value.length} of ${field.maxLength}`;
  if (!field.dataset?.phone) return;
  const short = document.querySelector("[data-short]");
  const shown = field.value.slice(0, field.dataset.phone);
  short.hidden = false;
  short.textContent = field.value.length > field.dataset.phone ? `${shown}…` : shown;
});

for (const down of ["pointerdown", "dragstart"]) {
  document.addEventListener(down, () => {
    letGo();
    hand = new Promise((done) => (letGo = done));
  }, true);
}
for (const up of ["pointerup", "dragend"]) document.addEventListener(up, () => setTimeout(letGo), true);
document.addEventListener("pointercancel", () => document.body.matches(".sorting") || letGo(), true);

addEventListener("beforeunload", (event) => {
  if (waiting || unsaved.length || [...typedFields()].some(isTyped)) event.preventDefault();
});

// Also the answers of a fragment that asks again by itself.
document.addEventListener("htmx:load", (event) => {
  if (event.target.closest?.("#desk-reach")) spread();
});
document.addEventListener("DOMContentLoaded", prepare);

function act(url, values, form) {
  waiting += 1;
  say("Saving…");
  line = line.then(() => post(url, values, form)).finally(() => (waiting -= 1));
}

async function post(url, values, form) {
  values.set("seen", desk().dataset.revision);
  const token = document.cookie.match(/(?:^|; )csrftoken=(\w+)/)?.[1];
  if (token) values.set("csrfmiddlewaretoken", token);
  const options = { method: "POST", body: values, headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(SECONDS * 1000) };
  try {
    const answer = await fetch(url, options);
    const text = await answer.text();
    if (answer.redirected) throw new Error("You are logged out. Log in again in another tab, then come back here.");
    if (answer.status === 409) trouble(text, "reload");
    else if (answer.status === 422) trouble(text);
    else if (answer.status === 403) throw new Error("You may not do this, or your login has run out.");
    else if (!answer.ok) throw new Error(`The server could not do it (it answered ${answer.status}).`);
    else return await take(text, form);
  } catch (error) {
    unsaved.push([url, values, form]);
    const words = /^(You|The server)/.test(error.message) ? error.message : "The connection is lost.";
    trouble(`${words} This was not saved: what you typed is still here.`, "again");
  }
  await hand;
  putBack();
}

async function take(html, form) {
  await hand;
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const answer = fresh.content.getElementById("desk-answer");
  if (form.matches("[data-clears]")) form.reset();
  swap(fresh.content);
  desk().dataset.revision = answer.dataset.revision;
  document.getElementById("desk-said").textContent = answer.dataset.said;
  if (!unsaved.length) document.getElementById("desk-trouble").hidden = true;
  const time = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  say(`Saved ${time}`);
  htmx.trigger(document.body, "desk-changed");
}

// What is typed, unfolded and focused stays so in the parts that come anew.
function swap(parts) {
  const typed = [...typedFields()].filter(isTyped).map((field) => [field.id, field.value]);
  const unfolded = [...desk().querySelectorAll("details[open]")].map((fold) => fold.id);
  const { id, selectionStart, selectionEnd } = document.activeElement ?? {};
  for (const part of [...parts.children]) {
    const old = part.id && document.getElementById(part.id);
    if (!old) continue;
    old.replaceWith(part);
    htmx.process(part);
  }
  for (const fold of unfolded) document.getElementById(fold)?.setAttribute("open", "");
  for (const [name, value] of typed) {
    const field = document.getElementById(name);
    if (field && field.value !== value) field.value = value;
  }
  focus(id, selectionStart, selectionEnd);
  prepare();
}

function focus(id, start, end) {
  const old = id && document.getElementById(id);
  // A card at the first place goes no further up: the focus stays on it.
  const target = old?.disabled ? old.parentElement.querySelector("button:enabled") : old;
  if (!target || target === document.activeElement) return;
  target.focus({ preventScroll: true });
  if (typeof start === "number" && target.setSelectionRange && /^(text|textarea|search|url)$/.test(target.type))
    target.setSelectionRange(start, end);
}

function prepare() {
  for (const button of document.querySelectorAll("[data-copies]")) button.hidden = false;
  for (const button of document.querySelectorAll(".desk-under .desk-small[type=submit]")) button.hidden = !isOpenField(button);
  spread();
}

// A button beside a field that saves itself is for whoever has no script.
function isOpenField(button) {
  return !document.querySelector(`[data-saves="${button.id}"]`);
}

// How many readers each entry reaches comes in one piece, and is shown beside each.
function spread() {
  for (const figure of document.querySelectorAll("#desk-reach [data-reach-of]")) {
    const place = document.querySelector(`.desk-reaches[data-entry="${figure.dataset.reachOf}"]`);
    if (place) place.textContent = ` · ${figure.textContent.trim()}`;
  }
}

function putBack() {
  const list = document.querySelector("#desk-front .desk-list");
  if (list) list.append(...[...list.children].sort((one, other) => one.dataset.place - other.dataset.place));
}

function trouble(words, way = "") {
  const box = document.getElementById("desk-trouble");
  box.hidden = false;
  box.querySelector("p").textContent = words;
  box.querySelector("[data-again]").hidden = way !== "again";
  box.querySelector("[data-reload]").hidden = way !== "reload";
  say("Not saved");
}

function again() {
  const acts = unsaved;
  unsaved = [];
  for (const [url, values, form] of acts) act(url, values, form);
}

async function reload() {
  try {
    const answer = await fetch(location.pathname);
    if (!answer.ok || answer.redirected) throw new Error();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("desk");
    const parts = document.createDocumentFragment();
    for (const id of ["desk-bar", "desk-heading", "desk-front", "desk-dropped"]) parts.append(fresh.querySelector(`#${id}`));
    swap(parts);
    desk().dataset.revision = fresh.dataset.revision;
    document.getElementById("desk-trouble").hidden = true;
    say("As it is now");
  } catch {
    trouble("The issue cannot be read at this moment. Nothing is lost: try again.", "reload");
  }
}

function copy(button) {
  const field = document.getElementById(button.dataset.copies);
  if (!field.value) field.value = button.parentElement.querySelector("template").content.textContent;
  field.focus();
}

async function finishFirst(event) {
  event.preventDefault();
  await line;
  if (document.getElementById("desk-trouble").hidden) event.target.requestSubmit(event.submitter);
}

function say(words) {
  const saved = document.getElementById("desk-saved");
  if (saved) saved.textContent = words;
}

// Narrows the topics to those searched for, counts the chosen ones, and clears the choice.
"use strict";

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

function search(field, typed) {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  for (const group of field.querySelectorAll(".group")) {
    for (const chip of group.querySelectorAll(".chip")) {
      const text = plain(`${chip.textContent} ${chip.title}`);
      chip.hidden = !words.every((word) => text.includes(word));
    }
    group.hidden = !group.querySelector(".chip:not([hidden])");
  }
  field.querySelector("[data-nothing]").hidden = field.querySelector(".group:not([hidden])") !== null;
}

function count(field) {
  const chosen = field.querySelectorAll(".chip input:checked").length;
  const words = chosen ? `${chosen} chosen` : "None chosen";
  const output = field.querySelector("[data-chosen]");
  if (output.textContent !== words) output.textContent = words;
  field.querySelector("[data-clear]").hidden = !chosen;
}

function clear(field) {
  for (const box of field.querySelectorAll(".chip input:checked")) box.checked = false;
  for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
  field.querySelector("[data-search]").focus();
}

for (const field of document.querySelectorAll("[data-topics]")) {
  const box = field.querySelector("[data-search]");
  box.addEventListener("input", (event) => {
    event.stopPropagation(); // what is searched for is no answer of the form
    search(field, box.value);
  });
  box.addEventListener("change", (event) => event.stopPropagation());
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would send the form
  });
  field.addEventListener("input", () => count(field));
  field.querySelector("[data-clear]").addEventListener("click", () => clear(field));
  field.querySelector(".find").hidden = false;
  count(field);
}

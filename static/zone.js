// Finds the reader's time zone, keeps the promise in step with the form, and shows moments in local time.
"use strict";

const found = Intl.DateTimeFormat().resolvedOptions().timeZone;

function choose(select, zone) {
  if (!zone || select.value !== "UTC") return;
  if (![...select.options].some((option) => option.value === zone)) {
    select.add(new Option(zone.split("/").pop().replaceAll("_", " "), zone));
  }
  select.value = zone;
}

function zoneWords(zone) {
  const parts = zone.split("/");
  const city = parts.pop().replaceAll("_", " ");
  return parts.length && parts[0] !== "Etc" ? `${city} time` : city;
}

function days(form) {
  if (form.frequency.value === "weekly") return `${form.weekday.selectedOptions[0].text}s`;
  return form.frequency.selectedOptions[0].text;
}

function keepPromise(form) {
  const output = form.querySelector("[data-rhythm]");
  if (!output || !form.send_time.value) return;
  const words = `${days(form)} at ${form.send_time.value.slice(0, 5)} ${zoneWords(form.timezone.value)}.`;
  if (output.textContent !== words) output.textContent = words;
}

for (const form of document.querySelectorAll("form[data-schedule]")) {
  if (!form.matches("[data-kept]")) choose(form.timezone, found);
  keepPromise(form);
  form.addEventListener("input", () => keepPromise(form));
}

for (const time of document.querySelectorAll("time[data-local]")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.valueOf())) {
    time.textContent = moment.toLocaleString("en-GB", {
      weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
    });
  }
}

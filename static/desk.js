// The theme numbers dragged rows from 0; an editor reads, and types, places from 1.
"use strict";

document.addEventListener("end", (event) => {
  // The theme's own listener comes after this event.
  setTimeout(() => {
    const places = event.target.querySelectorAll("td.field-position input");
    for (const [index, input] of places.entries()) input.value = index + 1;
  });
});

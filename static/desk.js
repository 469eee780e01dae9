// What the admin theme leaves open on an issue's page.
"use strict";

// The theme numbers dragged rows from 0; an editor reads, and types, places from 1.
document.addEventListener("end", (event) => {
  // The theme's own listener comes after this event.
  setTimeout(() => {
    const places = event.target.querySelectorAll("td.field-position input");
    for (const [index, input] of places.entries()) input.value = index + 1;
  });
});

// The one button that cannot be taken back.
document.addEventListener("click", (event) => {
  const isWithdrawal = event.target.closest?.('button[name$="withdraw"]');
  if (isWithdrawal && !confirm("Withdraw this issue for good? Who has not got it yet will not get it.")) {
    event.preventDefault();
  }
});

// Small helpers; every page works without them.
(() => {
  "use strict";

  // htmx posts carry the token that forms carry in a hidden field.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf-token"]');
    if (token) event.detail.headers["X-CSRFToken"] = token.content;
  });

  // Elements that only make sense without scripts (the Refresh link beside live progress, Apply buttons).
  const tidy = (root) => root.querySelectorAll("[data-no-js]").forEach((element) => { element.hidden = true; });

  // A choice in such a form applies at once.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-apply]");
    if (form && event.target.matches("select, input[type=radio], input[type=checkbox]")) form.requestSubmit();
  });

  // "/" jumps to the search box.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const box = document.querySelector("input[type=search]");
    if (box) { event.preventDefault(); box.focus(); box.select(); }
  });

  // A question before what cannot be taken back.
  document.addEventListener("submit", (event) => {
    const question = event.target.getAttribute("data-ask");
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // On a phone the tabs scroll: the present one is brought into view.
  document.querySelectorAll(".tabs .active, .panel-nav .active").forEach((tab) => {
    const row = tab.closest("ul");
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  });

  document.addEventListener("htmx:load", (event) => tidy(event.detail.elt));
  tidy(document);
})();

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

  // Where the values of a row come from, in a small window; without it the link leads to the profile, which says the same.
  const valuesOf = async (link) => {
    const answer = await fetch(link.dataset.values, { headers: { "X-Requested-With": "fetch" } });
    const shown = document.getElementById("values-window");
    if (!answer.ok || answer.redirected || !shown) { window.location.assign(link.href); return; }
    shown.querySelector("[data-name]").textContent = link.dataset.name;
    shown.querySelector("[data-content]").innerHTML = await answer.text();
    shown.showPopover();
    shown.focus();
  };
  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || !("showPopover" in HTMLElement.prototype)) return;
    let link = event.target.closest("a[data-values]");
    const value = event.target.closest("td .said, td .live-badge");
    if (!link && value && !event.target.closest("a, button")) link = value.closest("tr").querySelector("a[data-values]");
    if (!link) return;
    event.preventDefault();
    valuesOf(link).catch(() => window.location.assign(link.href));
  });

  // On a phone the tabs scroll: the present one is brought into view.
  document.querySelectorAll(".tabs .active, .panel-nav .active").forEach((tab) => {
    const row = tab.closest("ul");
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  });

  document.addEventListener("htmx:load", (event) => tidy(event.detail.elt));
  tidy(document);
})();

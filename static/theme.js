// Sets light or dark before the first paint: the person's choice, or else what the system says.
(() => {
  "use strict";
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => (document.cookie.match(/(?:^|; )theme=(light|dark)(?:;|$)/) || [])[1];
  const apply = () => root.setAttribute("data-bs-theme", chosen() || (system.matches ? "dark" : "light"));
  apply();
  root.classList.add("js");
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme-toggle");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
      const same = next === (system.matches ? "dark" : "light"); // back to the system's: follow it again
      document.cookie = `theme=${same ? "" : next}; path=/; SameSite=Lax; max-age=${same ? 0 : 31536000}`;
      apply();
    });
  });
})();

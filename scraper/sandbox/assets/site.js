// The adults-only notice: agreeing sets the cookie for a year and takes the notice away.
(function () {
  "use strict";
  const agree = document.getElementById("close_entrance_terms");
  if (!agree) return;
  agree.addEventListener("click", (event) => {
    event.preventDefault();
    document.cookie = "agreeterms=1; path=/; max-age=31536000; samesite=lax";
    document.getElementById("entrance_terms_overlay").style.display = "none";
  });
})();

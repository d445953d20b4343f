// Fills the list of followed rooms from the JSON, as the real page does, and turns pages without a new load
// where the page buttons have no address. Draws the same as cards.py.
(function () {
  "use strict";
  const settings = JSON.parse(document.getElementById("roomlist-settings").textContent);
  const container = document.querySelector('[data-testid="room-list-container"]');
  const genders = {m: "Male", f: "Female", c: "Couple", s: "Trans"};
  const countries = {PT: "Portugal", GB: "United Kingdom", JP: "Japan", VE: "Venezuela", US: "United States",
                     NO: "Norway", CA: "Canada"};

  const escape = (text) => String(text).replace(/[&<>"']/g, (c) => "&#" + c.charCodeAt(0) + ";");

  const shownName = (name) => [...name].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 4 ? name
    : name.split("_").map((part) => part.slice(0, 1).toUpperCase() + part.slice(1)).join("_");

  const label = (room) => room.current_show === "offline" ? "OFFLINE" : room.is_new ? "NEW"
    : room.current_show === "public" ? "" : room.current_show.toUpperCase();

  const timeOnline = (seconds) => {
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? minutes + " min" : Math.floor(minutes / 60) + "." + Math.floor(minutes % 60 * 10 / 60) + " hrs";
  };

  const thousands = (n) => n < 1000 ? String(n) : Math.floor(n / 1000) + "." + Math.floor(n % 1000 / 100) + "k";

  const star = (room) => '<div class="follow_star ' + (room.is_following ? "icon_following" : "icon_not_following") +
    '" data-slug="' + room.username + '" data-testid="follow-star" title="' + (room.is_following ? "Unfollow" : "Follow") + '"></div>';

  function cardB(room) {
    const name = room.username, text = label(room), gender = room.gender === "t" ? "s" : room.gender;
    const subject = document.createElement("div");
    subject.innerHTML = room.room_subject;
    subject.querySelectorAll("a").forEach((a) => a.remove());
    const words = escape(subject.textContent.trim());
    const tags = room.tags.map((tag) => ' <a class="camSubjectTagColor" href="/followed-cams/?tag=' + tag + '">#' + tag + "</a>").join("");
    const age = room.display_age === null ? "" : '<span class="age" data-testid="room-card-age">' + room.display_age + "</span>";
    const cams = room.current_show === "offline" ? "" : '<li class="cams"><span class="time">' + timeOnline(settings.now - room.start_timestamp) +
      '</span><span class="comma">, </span><span class="viewers">' + thousands(room.num_users) + " viewers</span></li>";
    return '<li class="roomCard camBgColor" data-testid="room-card">' +
      '<a class="room_thumbnail_container" data-room-nav="true" data-room="' + name + '" href="/' + name + '/">' +
      '<img class="room_thumbnail" data-testid="room-card-image" src="' + room.img + '" alt="' + name + '"></a>' +
      '<div class="labelContainer">' + (text ? '<div class="thumbnail_label" data-testid="thumbnail-label">' + text + "</div>" : "") + "</div>" +
      '<div class="details"><div class="cardTitle title"><a href="/' + name + '/" data-room="' + name + '" data-room-nav="true" data-testid="room-card-username">' +
      shownName(name) + "</a>" +
      '<div class="age_gender_container">' + age + '<span class="camAltTextColor gender' + gender + '" title="' + genders[gender] +
      '" data-testid="room-card-gender"></span><span class="thumbnail_flag" data-testid="room-card-thumbnail-flag"><span class="fi fi-' +
      (room.country.toLowerCase() || "xx") + '" title="' + (countries[room.country] || "") + '" data-testid="room-card-country"></span></span></div></div>' +
      '<ul class="subject camSubjectColor" title="' + words + room.tags.map((tag) => " #" + tag).join("") + '"><li>' + words + tags + "</li></ul>" +
      '<ul class="sub-info camAltTextColor"><li class="location" data-testid="room-card-location">' + escape(room.location) + "</li>" + cams + "</ul></div>" +
      star(room) + "</li>";
  }

  function cardC(room) {
    const name = room.username, subject = document.createElement("div");
    subject.innerHTML = room.room_subject;
    subject.querySelectorAll("a").forEach((a) => a.remove());
    return '<li class="RoomCard" data-testid="room-card">' +
      '<a class="RoomCardThumbnail" data-testid="room-card-image-anchor" data-room="' + name + '" href="/' + name + '/">' +
      '<img class="RoomCardThumbnail__image" data-testid="room-card-image" src="' + room.img + '" alt="' + name + '"></a>' +
      '<div class="RoomCardDetails"><a data-testid="room-card-username" data-room="' + name + '" href="/' + name + '/">' + shownName(name) +
      '</a><div class="RoomCardSubject">' + escape(subject.textContent.trim()) + '</div><ul class="sub-info"><li class="location" data-testid="room-card-location">' +
      escape(room.location) + "</li></ul></div>" + star(room) + "</li>";
  }

  function pageNumbers(active, last) {
    const wanted = new Set([1, last]);
    for (let n = Math.max(1, active - settings.window); n <= Math.min(last, active + settings.window); n++) wanted.add(n);
    const numbers = [];
    for (const n of [...wanted].sort((a, b) => a - b)) {
      if (numbers.length && n - numbers[numbers.length - 1] > 1) numbers.push(null);
      numbers.push(n);
    }
    return numbers;
  }

  const gap = (hidden) => '<span class="endless_separator" data-testid="endless-separator"' + (hidden ? ' style="display: none;"' : "") + ">...</span>";

  function pagingB(active, last) {
    const address = (n) => settings.path + "?page=" + n;
    return '<li><a class="prev ' + (active <= 1 ? "no-link " : "") + 'condensed" data-testid="prev-button" href="' + address(active - 1) + '"></a></li>' + gap(true) +
      pageNumbers(active, last).map((n) => n === null ? gap(false) : '<li class="page_number_container' + (n === active ? " active" : "") +
        '" data-paction-name="LastPage"><a data-testid="page-number-button" href="' + address(n) + '">' + n + "</a></li>").join("") + gap(true) +
      '<li><a class="next ' + (active >= last ? "no-link " : "") + 'condensed" data-testid="next-button" href="' + address(active + 1) + '"></a></li>';
  }

  function pagingC(active, last) {
    return '<li><button class="prev' + (active <= 1 ? " no-link" : "") + '" data-testid="prev-button"' + (active <= 1 ? " disabled" : "") + "></button></li>" +
      pageNumbers(active, last).map((n) => n === null ? gap(false) : '<li class="page_number_container' + (n === active ? " active" : "") +
        '"><button data-testid="page-number-button">' + n + "</button></li>").join("") +
      '<li><button class="next' + (active >= last ? " no-link" : "") + '" data-testid="next-button"' + (active >= last ? " disabled" : "") + "></button></li>";
  }

  async function getJson(address) {
    const answer = await fetch(address, {credentials: "same-origin", headers: {"X-Requested-With": "XMLHttpRequest"}});
    if (!answer.ok || !(answer.headers.get("content-type") || "").includes("json")) throw new Error("no JSON: " + answer.status);
    return answer.json();
  }

  function draw(page, list) {
    const rooms = list.rooms, last = Math.max(1, Math.ceil(list.total_count / settings.pageSize));
    const component = container.querySelector('[data-testid="room-list-pagination-component"]');
    const ul = component.querySelector("ul.paging");
    const active = list.shown_page || page;
    ul.innerHTML = settings.generation === "C" ? pagingC(active, last) : pagingB(active, last);
    for (const part of [component, ul]) part.style.display = last > 1 || settings.generation === "C" ? "" : "none";
    container.querySelector(".NoSearchResultsMessage").classList.toggle("NoSearchResultsMessage__hidden", rooms.length > 0 || list.no_message === true);
    container.querySelector("ul.list").innerHTML = rooms.map(settings.generation === "C" ? cardC : cardB).join("");
    const fallback = document.querySelector('[data-testid="fallback-room-list-container"]');
    if (settings.generation !== "C") fallback.style.display = list.total_count < settings.shortList ? "" : "none";
  }

  async function load(page) {
    const query = "?enable_recommendations=false&follow=true&limit=" + settings.pageSize + "&offset=" + (page - 1) * settings.pageSize +
      (settings.offline ? "&offline=true" : "");
    try {
      const list = await getJson("/api/ts/roomlist/room-list/" + query);
      if (settings.liveHeader) {
        const counts = await getJson("/follow/api/online_followed_rooms/");
        document.querySelector(".followed_counts").textContent = "(" + counts.online + "/" + counts.total + ")";
      }
      draw(page, list);
    } catch (error) {
      container.querySelector("ul.list").innerHTML = "";
      container.querySelector(".roomlist-reload-msg").style.display = "block";
    }
  }

  if (settings.generation === "C") {
    container.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button || button.disabled) return;
      const active = Number(container.querySelector(".page_number_container.active").textContent);
      const kind = button.dataset.testid;
      const page = kind === "next-button" ? active + 1 : kind === "prev-button" ? active - 1 : Number(button.textContent);
      history.pushState({page: page}, "", settings.path + "?page=" + page);
      container.querySelector("ul.list").innerHTML = "";
      load(page);
    });
    window.addEventListener("popstate", () => load(Number(new URLSearchParams(location.search).get("page")) || 1));
  }
  if (settings.fill) load(settings.page);
})();

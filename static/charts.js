// Draws the charts of a person: fetches a figure and its numbers, puts the one into the other, hands both to Bokeh.
(() => {
  "use strict";

  let clock = [[0, 0]]; // [second, the owner's offset from then on]: axes and hover speak of the owner's clock
  const offsetAt = (ms) => {
    let found = clock[0][1];
    for (const [since, offset] of clock) { if (since * 1000 > ms) break; found = offset; }
    return found * 1000;
  };

  // Bokeh knows UTC alone: its marks are looked for, and written, by the owner's clock.
  const speakLocally = () => {
    const models = window.Bokeh.Models;
    const ticker = models.get("DatetimeTicker").prototype;
    const findTicks = ticker.get_ticks_no_defaults;
    ticker.get_ticks_no_defaults = function (low, high, ...rest) {
      const middle = offsetAt((low + high) / 2);
      const back = (at) => at - offsetAt(at - middle);
      const found = findTicks.call(this, low + middle, high + middle, ...rest);
      return { major: found.major.map(back), minor: found.minor.map(back) };
    };
    const formatter = models.get("DatetimeTickFormatter").prototype;
    const write = formatter.doFormat;
    formatter.doFormat = function (ticks, ...rest) {
      return write.call(this, ticks.map((at) => at + offsetAt(at)), ...rest);
    };
  };

  const summed = (differences) => { let sum = 0; return differences.map((one) => (sum += one)); };

  // A line with a hole at each break, and a point for each stretch that is too short to be seen as a line.
  const columnsOf = ({ at, value, breaks }, span) => {
    const seconds = summed(at), values = summed(value), starts = new Set(breaks);
    const line = { x: [], y: [], wall: [] }, dots = { x: [], y: [], wall: [] };
    const put = (into, x, y, wall) => { into.x.push(x); into.y.push(y); into.wall.push(wall); };
    const high = Math.max(...values) - Math.min(...values);
    let first = 0;
    seconds.forEach((second, place) => {
      const x = second * 1000, wall = x + offsetAt(x);
      if (starts.has(place)) { put(line, NaN, NaN, NaN); first = place; }
      put(line, x, values[place], wall);
      if (place < seconds.length - 1 && !starts.has(place + 1)) return;
      const run = values.slice(first, place + 1);
      if (second - seconds[first] < span / 400 && Math.max(...run) - Math.min(...run) <= high / 50) put(dots, x, values[place], wall);
    });
    return { line, dots };
  };

  const fill = (node, columns, attributes) => {
    if (Array.isArray(node)) { node.forEach((one) => fill(one, columns, attributes)); return; }
    if (node === null || typeof node !== "object") return;
    const name = node.attributes && node.attributes.name;
    if (name && columns[name]) node.attributes.data = { type: "map", entries: Object.entries(columns[name]) };
    if (name && attributes[name]) Object.assign(node.attributes, attributes[name]);
    Object.values(node).forEach((one) => fill(one, columns, attributes));
  };

  const say = (place, text) => {
    const words = document.createElement("p");
    words.className = "text-body-secondary chart-empty";
    words.textContent = text;
    place.replaceChildren(words);
  };

  // Where Bokeh cannot be had, the picture stands in.
  const showPicture = (place) => {
    const picture = document.createElement("img");
    picture.className = "chart-picture";
    picture.alt = place.dataset.alt;
    picture.src = `${place.dataset.picture}&theme=${theme()}`;
    place.replaceChildren(picture);
  };

  const theme = () => (document.documentElement.dataset.bsTheme === "dark" ? "dark" : "light");

  const draw = async (place) => {
    place.setAttribute("aria-busy", "true");
    const round = (place.round = (place.round || 0) + 1);
    try {
      if (!window.Bokeh) { showPicture(place); return; }
      const answer = await fetch(`${place.dataset.chart}&theme=${theme()}`, { headers: { Accept: "application/json" } });
      if (answer.redirected || answer.status === 401) { window.location.reload(); return; }
      const told = await answer.json();
      if (round !== place.round) return; // the theme was changed meanwhile
      if (!answer.ok) { say(place, told.error.message); return; }
      if (told.empty) { say(place, told.empty); return; }
      if (told.clock.length) clock = told.clock;
      const columns = { ...told.columns };
      Object.entries(told.lines).forEach(([number, packed]) => {
        const { line, dots } = columnsOf(packed, (told.set.time.end - told.set.time.start) / 1000);
        columns[`line-${number}`] = line;
        columns[`dots-${number}`] = dots;
      });
      const narrow = place.clientWidth < 640 ? { legend: { orientation: "vertical", spacing: 2 }, "time-ticks": { desired_num_ticks: 4 } } : {};
      fill(told.item.doc, columns, { ...told.set, ...narrow });
      if (window.matchMedia("(pointer: coarse)").matches) leaveScrolling(told.item.doc);
      const canvas = document.createElement("div");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", told.words);
      const notes = document.createElement("p");
      notes.className = "small text-body-secondary mb-0";
      notes.textContent = told.notes.join(" ");
      if (place.views) place.views.clear();
      place.replaceChildren(canvas, ...(told.notes.length ? [notes] : []));
      place.views = await window.Bokeh.embed.embed_item(told.item, canvas);
      if (told.names.length) refineOnZoom(place, told, round);
      if (round === place.round) place.dataset.drawn = "yes";
    } catch (error) {
      say(place, "This chart could not be fetched. Reload the page to try again.");
      console.warn(error);
    } finally {
      place.removeAttribute("aria-busy");
    }
  };

  // Who looks closer gets the numbers of that time alone, thinned less; a part on either side is there to move into.
  const refineOnZoom = (place, whole, round) => {
    const chart = place.views.roots[0].model.document, time = chart.get_model_by_name("time");
    const { start, end } = whole.set.time;
    let timer = 0, newest = 0;
    const put = (told, span) => whole.names.forEach((name, number) => {
      const found = told.lines[told.names.indexOf(name)] || { at: [], value: [], breaks: [] };
      const { line, dots } = columnsOf(found, span);
      chart.get_model_by_name(`line-${number}`).data = line;
      chart.get_model_by_name(`dots-${number}`).data = dots;
    });
    const look = async () => {
      const mine = (newest += 1), wide = time.end - time.start;
      if (wide > 0.9 * (end - start)) { put(whole, (end - start) / 1000); place.dataset.drawn = "yes"; return; }
      const address = new URL(place.dataset.chart, window.location.href);
      address.searchParams.delete("range");
      address.searchParams.set("from", new Date(Math.max(start, time.start - wide / 4)).toISOString());
      address.searchParams.set("to", new Date(Math.min(end, time.end + wide / 4)).toISOString());
      const answer = await fetch(address);
      if (!answer.ok || answer.redirected) return; // what is there stays
      const told = await answer.json();
      if (mine !== newest || round !== place.round) return;
      put(told, wide / 1000);
      place.dataset.drawn = "closer";
    };
    time.change.connect(() => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => look().catch((error) => console.warn(error)), 300);
    });
  };

  // Two at a time, in the order of the page: the first one is there soon.
  const waiting = [];
  let busy = 0;
  const next = async () => {
    if (busy > 1 || !waiting.length) return;
    busy += 1;
    await draw(waiting.shift());
    busy -= 1;
    next();
  };
  const want = (place) => {
    place.dataset.drawn = "asked";
    if (!waiting.includes(place)) waiting.push(place);
    next();
  };

  // On a phone a finger on a chart scrolls the page; the tools can still be chosen.
  const leaveScrolling = (doc) => doc.roots.forEach((root) => {
    const bar = root.attributes.toolbar;
    if (bar && bar.attributes) { bar.attributes.active_drag = null; bar.attributes.active_inspect = "auto"; }
  });

  if (window.Bokeh) speakLocally();
  const watcher = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    watcher.unobserve(entry.target);
    want(entry.target);
  }), { rootMargin: "100px" });

  // Another period: the same page with other numbers. Without this the links lead to the page of that period.
  const ranged = (address, name) => {
    const changed = new URL(address, window.location.href);
    changed.searchParams.set("range", name);
    ["from", "to"].forEach((one) => changed.searchParams.delete(one));
    return changed.pathname + changed.search;
  };
  const choose = (name) => {
    document.querySelectorAll("[data-range]").forEach((link) => {
      if (link.dataset.range === name) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    });
    document.querySelectorAll("[data-chosen]").forEach((words) => words.remove());
    document.querySelectorAll("a[data-ranged]").forEach((link) => { link.href = ranged(link.href, name); });
    document.querySelectorAll(".chart-with").forEach((form) => {
      form.querySelectorAll("input[type=hidden]").forEach((field) => field.remove());
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "range", value: name });
      form.append(field);
    });
    document.querySelectorAll("[data-chart]").forEach((place) => {
      place.dataset.chart = ranged(place.dataset.chart, name);
      place.dataset.picture = ranged(place.dataset.picture, name);
      watcher.unobserve(place);
      watcher.observe(place);
    });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-range]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    window.history.pushState(null, "", ranged(window.location.href, link.dataset.range));
    choose(link.dataset.range);
  });
  window.addEventListener("popstate", () => window.location.reload());

  new MutationObserver(() => document.querySelectorAll("[data-drawn]").forEach(want))
    .observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
  document.querySelectorAll("[data-chart]").forEach((place) => watcher.observe(place));
})();

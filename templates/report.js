"use strict";
// Adds a read-out, a cursor, zoom and (with a linked recording) seeking to charts that are
// complete without it.
(() => {
  const data = JSON.parse(document.getElementById("read-out-data").textContent);
  const times = data.t.map((hundredths) => data.start + hundredths / 100);
  if (!times.length) return;

  const find = (id) => document.getElementById(id);
  const chart = find("chart");
  const slider = find("slider");
  const readOut = find("read-out");
  const player = find("player");
  const boxes = [...document.querySelectorAll(".plot-box")].filter((box) => !box.querySelector(".x-axis"));
  const cursors = boxes.map((box) => {
    const line = document.createElement("div");
    line.className = "cursor";
    line.hidden = true;
    box.append(line);
    return line;
  });
  const names = ["valence", "arousal", "dominance"];
  let from = data.start;
  let to = data.end;
  let row = 0;

  const pad = (n) => String(n).padStart(2, "0");
  function clock(seconds, tenths) {
    const ticks = Math.round(seconds * (tenths ? 10 : 1));
    const whole = tenths ? Math.floor(ticks / 10) : ticks;
    const hours = Math.floor(whole / 3600);
    const text = (hours ? hours + ":" : "") + pad(Math.floor(whole / 60) % 60) + ":" + pad(whole % 60);
    return tenths ? text + "." + (ticks % 10) : text;
  }
  const score = (n) => (n === null ? "–" : (n / 1000).toFixed(2));
  function away(n, baseline) {
    if (n === null || baseline === null || baseline === undefined) return "";
    const difference = (n / 1000 - baseline).toFixed(2);
    return " (" + (Number(difference) > 0 ? "+" : "") + difference.replace("-", "−") + ")";
  }

  function nearest(seconds) {
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < seconds) low = middle + 1;
      else high = middle;
    }
    return low > 0 && seconds - times[low - 1] < times[low] - seconds ? low - 1 : low;
  }

  function part(label, text) {
    const span = document.createElement("span");
    const bold = document.createElement("b");
    bold.textContent = text;
    span.append(label + " ", bold);
    return span;
  }

  function show(index) {
    row = Math.min(Math.max(index, 0), times.length - 1);
    const scores = names.map((name, k) => [name, score(data.vad[k][row]) + away(data.vad[k][row], data.baseline[k])]);
    const units = data.u[row] ? "AU " + data.u[row] : "none";
    const parts = [["at", clock(times[row], true)], ...scores, ["confidence", score(data.c[row])], ["active", units]];
    const state = data.states[data.s[row]];
    if (state !== "measured") parts.push(["", state]);
    readOut.replaceChildren(...parts.map(([label, text]) => part(label, text)));
    slider.value = row;
    slider.setAttribute("aria-valuetext", parts.map((pair) => pair.join(" ")).join(", "));
    place();
  }

  function place() {
    const share = (times[row] - from) / (to - from);
    for (const line of cursors) {
      line.hidden = share < 0 || share > 1;
      line.style.left = share * 100 + "%";
    }
  }

  const views = [...document.querySelectorAll("svg.view")];
  const placed = [...document.querySelectorAll(".lane [data-at]")];
  const spans = [...document.querySelectorAll("rect[data-from]")];
  const axes = [...document.querySelectorAll(".x-axis")];
  const steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
  const percent = (seconds) => ((seconds - from) / (to - from)) * 100;

  function ticks() {
    for (const axis of axes) {
      const most = Math.max(2, axis.getBoundingClientRect().width / 80);
      const step = steps.find((s) => (to - from) / s <= most) || steps[steps.length - 1];
      const marks = [];
      for (let k = Math.ceil(from / step - 1e-9); k * step <= to + 1e-9; k += 1) marks.push(k * step);
      const sample = axis.querySelector(".tick");
      if (!sample) continue;
      axis.replaceChildren(
        ...marks.map((at) => {
          const tick = sample.cloneNode(true);
          const x = percent(at);
          tick.setAttribute("x", x + "%");
          const text = tick.querySelector("text");
          text.textContent = clock(at, step < 1);
          text.setAttribute("text-anchor", x < 4 ? "start" : x > 96 ? "end" : "middle");
          return tick;
        }),
      );
    }
  }

  function thinNumbers() {
    const width = find("chart").querySelector(".lane").getBoundingClientRect().width;
    let right = -Infinity;
    for (const mark of placed) {
      const number = mark.querySelector("text");
      if (!number) continue;
      const x = (percent(Number(mark.dataset.at)) / 100) * width;
      const half = number.textContent.length * 4.5;
      number.classList.toggle("hidden", x - half < right);
      if (x - half >= right) right = x + half + 2;
    }
  }

  function zoom(start, end) {
    const whole = data.end - data.start;
    const length = Math.min(Math.max(end - start, Math.min(4, whole)), whole);
    from = Math.min(Math.max(start, data.start), data.end - length);
    to = from + length;
    const box = (from - data.start) * 100 + " 0 " + length * 100 + " 1000";
    for (const view of views) view.setAttribute("viewBox", box);
    for (const mark of placed) mark.setAttribute("x", percent(Number(mark.dataset.at)) + "%");
    for (const rect of spans) {
      rect.setAttribute("x", percent(Number(rect.dataset.from)) + "%");
      rect.setAttribute("width", ((rect.dataset.to - rect.dataset.from) / length) * 100 + "%");
    }
    ticks();
    thinNumbers();
    slider.min = nearest(from);
    slider.max = nearest(to);
    const all = length >= whole;
    find("shown").textContent = all ? "" : "Showing " + clock(from) + " to " + clock(to);
    show(Math.min(Math.max(row, Number(slider.min)), Number(slider.max)));
  }

  function seek(seconds, play) {
    if (seconds < from || seconds > to) zoom(seconds - (to - from) / 2, seconds + (to - from) / 2);
    show(nearest(seconds));
    if (player) {
      player.currentTime = seconds;
      if (play) player.play().catch(() => {});
    }
  }

  function listenToPlots() {
    for (const box of chart.querySelectorAll(".plot-box")) {
      let start = null;
      const brush = document.createElement("div");
      brush.className = "brush";
      const at = (event) => {
        const area = box.getBoundingClientRect();
        return from + Math.min(Math.max((event.clientX - area.left) / area.width, 0), 1) * (to - from);
      };
      box.addEventListener("pointermove", (event) => {
        show(nearest(at(event)));
        if (start === null) return;
        const edges = [percent(start), percent(at(event))].sort((a, b) => a - b);
        brush.style.left = edges[0] + "%";
        brush.style.width = edges[1] - edges[0] + "%";
        box.append(brush);
      });
      box.addEventListener("pointerdown", (event) => {
        if (event.pointerType === "touch" || event.button !== 0 || event.target.closest(".marker")) return;
        start = at(event);
        box.setPointerCapture(event.pointerId);
      });
      box.addEventListener("pointerup", (event) => {
        if (start === null) return;
        const edges = [start, at(event)].sort((a, b) => a - b);
        start = null;
        brush.remove();
        if (edges[1] - edges[0] > (to - from) / 100) zoom(edges[0], edges[1]);
        else seek(edges[0], false);
      });
      box.addEventListener("pointercancel", () => {
        start = null;
        brush.remove();
      });
    }
  }

  function unfold() {
    const target = find(decodeURIComponent(location.hash.slice(1)));
    const fold = target && target.closest("details:not([open])");
    if (!fold) return;
    fold.open = true;
    target.scrollIntoView();
  }

  function listenToPage() {
    slider.addEventListener("input", () => {
      show(Number(slider.value));
      if (player) player.currentTime = times[row];
    });
    find("tools").addEventListener("click", (event) => {
      const middle = times[row];
      const length = to - from;
      const how = event.target.dataset.zoom;
      if (how === "in") zoom(middle - length / 4, middle + length / 4);
      if (how === "out") zoom(middle - length, middle + length);
      if (how === "all") zoom(data.start, data.end);
    });
    document.addEventListener("click", (event) => {
      const time = event.target.closest("[data-seek]");
      const marker = event.target.closest(".marker");
      if (time) {
        seek(Number(time.dataset.seek), true);
        if (player) event.preventDefault();
        if (player) player.scrollIntoView({ block: "nearest" });
      } else if (marker) location.hash = marker.dataset.target;
    });
    addEventListener("hashchange", unfold);
    addEventListener("resize", () => {
      ticks();
      thinNumbers();
    });
    if (player) player.addEventListener("timeupdate", () => show(nearest(player.currentTime)));
    const folded = [];
    addEventListener("beforeprint", () => {
      zoom(data.start, data.end);
      for (const fold of document.querySelectorAll("details:not([open])")) {
        folded.push(fold);
        fold.open = true;
      }
    });
    addEventListener("afterprint", () => {
      for (const fold of folded.splice(0)) fold.open = false;
    });
  }

  for (const id of ["read-out", "slider-row", "tools"]) find(id).hidden = false;
  slider.min = 0;
  slider.max = times.length - 1;
  listenToPlots();
  listenToPage();
  zoom(data.start, data.end);
  unfold();
})();

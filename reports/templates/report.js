"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const bar = document.getElementById("filters");
  const items = all("[data-verdict]");
  const groups = all("[data-group]");
  const words = new Map();
  const fields = { q: bar.querySelector("[name=q]"), requirement: bar.querySelector("[name=requirement]"),
    level: bar.querySelector("[name=level]"), area: bar.querySelector("[name=area]") };
  const boxes = all("[name=verdict]", bar);
  const count = document.getElementById("count");

  function fill(details) {
    const held = details.querySelector(":scope > template");
    if (held && details.open) held.replaceWith(held.content.cloneNode(true));
  }
  function show(message) {
    const [block, mark] = [message.querySelector("pre"), message.querySelector("pre mark")];
    if (mark && message.open) block.scrollTop = mark.offsetTop - block.clientHeight / 3;
  }
  document.addEventListener("toggle", (event) => {
    fill(event.target);
    for (const each of [event.target, ...all("details.message[open]", event.target)]) if (each.matches("details.message")) show(each);
  }, true);

  function text(item) {
    if (!words.has(item)) words.set(item, item.textContent.toLowerCase());
    return words.get(item);
  }
  function state() {
    const found = new URLSearchParams();
    for (const [name, field] of Object.entries(fields)) if (field.value.trim()) found.set(name, field.value.trim());
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
    if (chosen.length) found.set("verdict", chosen.join(","));
    return found;
  }
  function apply() {
    const wanted = state();
    const terms = (wanted.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = wanted.has("verdict") ? wanted.get("verdict").split(",") : null;
    const requirement = (wanted.get("requirement") || "").toLowerCase();
    const seen = { requirement: 0, case: 0 };
    for (const item of items) {
      const data = item.dataset;
      const shown = (!verdicts || verdicts.includes(data.verdict))
        && (!wanted.has("level") || data.level.split(" ").includes(wanted.get("level")))
        && (!wanted.has("area") || data.area === wanted.get("area"))
        && (!requirement || data.requirement.split(" ").some((each) => each.includes(requirement)))
        && terms.every((term) => text(item).includes(term));
      item.hidden = !shown;
      if (shown) seen[data.kind] += 1;
    }
    const active = [...wanted.keys()].length > 0;
    for (const group of groups) {
      group.hidden = active && !group.querySelector("[data-verdict]:not([hidden])");
      if (group.tagName === "DETAILS" && active) group.open = !group.hidden;
    }
    count.textContent = `${seen.requirement} requirements, ${seen.case} cases`;
    bar.querySelector("[type=reset]").disabled = !active;
    return wanted;
  }
  function remember() {
    const said = apply().toString();
    history.replaceState(null, "", said ? `#${said}` : location.pathname + location.search);
  }
  function restore(said) {
    const wanted = new URLSearchParams(said);
    for (const [name, field] of Object.entries(fields)) field.value = wanted.get(name) || "";
    const chosen = (wanted.get("verdict") || "").split(",");
    for (const box of boxes) box.checked = chosen.includes(box.value);
    apply();
  }
  function find(id) {
    const there = document.getElementById(id);
    if (there) return there;
    for (const held of all("details > template")) {
      if (held.content.getElementById(id)) {
        held.parentElement.open = true;
        fill(held.parentElement);
        return document.getElementById(id);
      }
    }
    return null;
  }
  function reveal(id) {
    const target = find(id);
    if (!target) return;
    if (target.closest("[hidden]")) restore("");
    for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") { each.open = true; fill(each); }
    target.scrollIntoView();
  }
  function follow() {
    let said = location.hash.slice(1);
    if (said.includes("=")) {
      restore(said);
      bar.scrollIntoView();
      return;
    }
    try { said = decodeURIComponent(said); } catch { return; }
    if (said) reveal(said);
  }
  bar.hidden = false;
  bar.addEventListener("input", remember);
  bar.querySelector("[type=reset]").addEventListener("click", () => { restore(""); remember(); fields.q.focus(); });
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    // The same link a second time changes no fragment, but must still lead there.
    const link = event.target.closest && event.target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) follow();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, select") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      fields.q.focus();
    }
  });
  addEventListener("beforeprint", () => { for (const each of all("details.evidence[data-fail]")) { each.open = true; fill(each); } });
  for (const each of all("details[open]")) fill(each);
  all("details.message[open]").forEach(show);
  apply();
  follow();
  document.documentElement.dataset.ready = "yes";
})();

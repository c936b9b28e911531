"use strict";
(() => {
  const bar = document.getElementById("filters");
  const rows = [...document.querySelectorAll("#matrix tbody tr")];
  const [words, changed, kind] = ["q", "changed", "kind"].map((name) => bar.querySelector(`[name=${name}]`));
  const count = document.getElementById("count");
  function apply() {
    const terms = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      row.hidden = (changed.checked && row.dataset.changed !== "yes") || (kind.value && row.dataset.kind !== kind.value)
        || !terms.every((term) => row.dataset.id.toLowerCase().includes(term));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
  }
  function restore() {
    const wanted = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    words.value = wanted.get("q") || "";
    kind.value = wanted.get("kind") || "";
    changed.checked = wanted.has("q") || wanted.has("kind") ? wanted.has("changed") : true;
    apply();
  }
  bar.hidden = false;
  bar.addEventListener("input", () => {
    apply();
    const said = new URLSearchParams({ q: words.value, kind: kind.value });
    if (changed.checked) said.set("changed", "yes");
    history.replaceState(null, "", `#${said}`);
  });
  addEventListener("hashchange", () => { if (location.hash.includes("=")) restore(); });
  restore();
  document.documentElement.dataset.ready = "yes";
})();

// Filters of entries. Without scripts all entries are there, in their order, and open by a click or a link.
"use strict";
for (const list of document.querySelectorAll(".entries")) {
  const form = list.querySelector("form");
  const count = form.querySelector("output");
  const selects = Array.from(form.querySelectorAll("select"));
  const search = form.elements.namedItem("text");
  const entries = Array.from(list.querySelectorAll(".entry"), (element) => ({
    element, labels: JSON.parse(element.dataset.labels), text: null,
  }));

  const holds = (entry, words) => {
    entry.text ??= entry.element.textContent.toLowerCase();
    return words.every((word) => entry.text.includes(word));
  };

  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = selects.filter((select) => select.value);
    let shown = 0;
    for (const entry of entries) {
      const fits = chosen.every((select) => (entry.labels[select.name] ?? []).includes(select.value));
      entry.element.hidden = fits ? !holds(entry, words) : true;
      shown += entry.element.hidden ? 0 : 1;
    }
    const [some, all] = [shown, entries.length].map((number) => number.toLocaleString("en"));
    count.textContent = `${some} of ${all} ${list.dataset.noun} shown`;
  };

  // The choice is a part of the address, so that it can be sent to somebody.
  const keep = () => {
    const address = new URL(location.href);
    for (const field of [...selects, search]) {
      if (field.value) address.searchParams.set(field.name, field.value);
      else address.searchParams.delete(field.name);
    }
    try {
      history.replaceState(null, "", address);
    } catch {
      // A page within another one may not have an address of its own.
    }
  };

  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const entry = target?.closest(".entry");
    if (!entry || !list.contains(entry)) return;
    entry.hidden = false;
    entry.open = true;
    target.scrollIntoView();
  };

  for (const [name, value] of new URL(location.href).searchParams) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value;
  }
  // A value that the page does not have would hide all.
  for (const select of selects) if (select.selectedIndex === -1) select.value = "";
  form.addEventListener("input", () => { show(); keep(); });
  form.addEventListener("reset", () => setTimeout(() => { show(); keep(); }));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.namedItem("open").addEventListener("click", () => {
    for (const entry of entries) if (!entry.element.hidden) entry.element.open = true;
  });
  window.addEventListener("hashchange", reveal);
  form.hidden = false;
  show();
  reveal();
}

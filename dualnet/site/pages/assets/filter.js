// The box above a list of entries: shows those that have every word, and says how many there are.
for (const box of document.querySelectorAll("input.filter")) {
  const entries = [...document.querySelectorAll(".entry")].map((entry) => [entry, entry.textContent.toLowerCase()]);
  const parts = [...document.querySelectorAll(".part")];
  const count = document.querySelector("output.filter");
  const filter = () => {
    const words = box.value.toLowerCase().split(/\s+/);
    for (const [entry, text] of entries) entry.hidden = !words.every((word) => text.includes(word));
    for (const part of parts) part.hidden = !part.querySelector(".entry:not([hidden])");
    count.textContent = `${entries.filter(([entry]) => !entry.hidden).length} of ${entries.length}`;
  };
  box.addEventListener("input", filter);
  filter();
}

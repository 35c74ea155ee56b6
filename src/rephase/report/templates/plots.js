"use strict";

// Draw the plotly figures; colour names beginning with $ are CSS variables, so that they follow the theme.

function withThemeColours(value) {
  if (typeof value === "string" && value.startsWith("$"))
    return getComputedStyle(document.documentElement).getPropertyValue(`--${value.slice(1)}`).trim();
  if (Array.isArray(value)) return value.map(withThemeColours);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withThemeColours(item)]));
  return value;
}

const PAPER_WIDTH = 310; // px: two plots side by side on A4 or letter paper

async function drawPlots(width) {
  const figures = JSON.parse(document.getElementById("plot-data").textContent);
  for (const [name, figure] of Object.entries(figures)) {
    const element = document.getElementById(`plot-${name}`);
    const { data, layout } = withThemeColours(figure);
    const size = width ? { width } : { autosize: true };
    const drawn = Plotly.react(element, data, { ...layout, ...size }, { responsive: true, displayModeBar: false });
    if (!width) await drawn; // paper does not wait
  }
  document.body.dataset.plots = Object.keys(figures).length;
}

(function start() {
  drawPlots();
  const changed = (width) => {
    drawPlots(width);
    document.dispatchEvent(new Event("themechange"));
  };
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => changed());
  for (const [event, theme, width] of [["beforeprint", "light", PAPER_WIDTH], ["afterprint", "", undefined]]) {
    window.addEventListener(event, () => {
      document.documentElement.dataset.theme = theme;
      changed(width);
    });
  }
})();

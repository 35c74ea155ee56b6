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

async function drawPlots() {
  const figures = JSON.parse(document.getElementById("plot-data").textContent);
  for (const [name, figure] of Object.entries(figures)) {
    const element = document.getElementById(`plot-${name}`);
    const { data, layout } = withThemeColours(figure);
    await Plotly.react(element, data, layout, { responsive: true, displayModeBar: false });
  }
  document.body.dataset.plots = Object.keys(figures).length;
}

(function start() {
  drawPlots();
  const changed = () => {
    drawPlots();
    document.dispatchEvent(new Event("themechange"));
  };
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  for (const [event, theme] of [["beforeprint", "light"], ["afterprint", ""]]) {
    window.addEventListener(event, () => {
      document.documentElement.dataset.theme = theme;
      changed();
    });
  }
})();

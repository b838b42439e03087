"use strict";
// Draws each chart from the JSON beside it. `ast`: expressions are interpreted, so that the page needs no eval.
for (const place of document.querySelectorAll("[data-chart]")) {
  const spec = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  vegaEmbed(place, spec, { actions: false, ast: true, defaultStyle: false, renderer: "svg" }).catch((error) => {
    place.textContent = "This chart could not be drawn; its figures are in the table. " + error;
  });
}
